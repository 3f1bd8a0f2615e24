package reactor

import (
	"io"
	"os"
)

// ReadWarm reads from f at off what is in memory already, without waiting for a
// disk: cold says that nothing is, and that a thread has to read. At the end of the
// file n is 0. On systems that can not tell what is in memory it reads in any case.
// Loop only.
func ReadWarm(f *os.File, b []byte, off int64) (n int, cold bool, err error) {
	if len(b) == 0 {
		return 0, false, nil
	}
	if n, cold, ok := sysReadWarm(int(f.Fd()), b, off); ok {
		return n, cold, nil
	}
	n, err = f.ReadAt(b, off)
	if err == io.EOF {
		err = nil
	}
	return n, false, err
}
