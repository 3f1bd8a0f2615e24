package site

import "golang.org/x/sys/unix"

// maxConnections is how many connections the Site may have; 0 means no limit.
func (s *Site) maxConnections() int {
	if s.MaxConnections != 0 {
		return max(s.MaxConnections, 0)
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return limitShare(uint64(limit.Cur))
}

// limitShare is 90 % of the descriptors, so that files and outgoing connections have
// some left. No limit stays none.
func limitShare(descriptors uint64) int {
	if descriptors > 1<<31 {
		return 0
	}
	return int(descriptors / 10 * 9)
}
