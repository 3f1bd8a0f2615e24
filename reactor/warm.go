package reactor

import (
	"os"
	"time"
)

// This file finds out whether a piece of a file is in memory, so that it can be sent without
// waiting for a disk. What was found is good for a moment: a file that is sent again and
// again is not asked for each time.

const (
	fileStride = 256 << 10              // from one look whether it is in memory to the next
	warmFor    = 100 * time.Millisecond // what was in memory is taken to be there still
)

// warmPieces are those found lately, by descriptor.
type warmPieces [8]struct {
	f        *os.File
	from, to int64
	until    time.Time
}

// has tells whether the bytes of f from off to end are in memory, and whether that was seen or
// is only supposed.
func (w *warmPieces) has(f *os.File, off, end int64, now time.Time) (warm, seen bool) {
	fd := int(f.Fd())
	s := &w[uint(fd)%uint(len(w))]
	known := s.f == f && now.Before(s.until)
	if known && s.from <= off && end <= s.to {
		return true, true
	}
	if warm, seen = resident(fd, off, end); !warm || !seen {
		return warm, seen
	}
	if known && s.to == off { // the next piece of it
		s.to = end
	} else {
		s.f, s.from, s.to, s.until = f, off, end, now.Add(warmFor)
	}
	return true, true
}

// resident looks at a byte of each stride, and at the last.
func resident(fd int, off, end int64) (warm, seen bool) {
	for ; off < end-1; off += fileStride {
		if warm, seen = sysResident(fd, off); !warm || !seen {
			return warm, seen
		}
	}
	return sysResident(fd, end-1)
}
