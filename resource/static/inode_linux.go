package static

import (
	"io/fs"
	"syscall"
)

// inode is what the file system says of a file beside size and time; zeros when
// fi is not from a disk.
func inode(fi fs.FileInfo) (changed int64, dev, ino uint64) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0
	}
	return st.Ctim.Nano(), uint64(st.Dev), st.Ino
}
