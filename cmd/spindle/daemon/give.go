package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// giveTree makes what is below dir and belongs to the user from that of id. A file with another
// name elsewhere is left: it may have been put there to be given away.
func giveTree(dir string, from int, id *Identity) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || int(stat.Uid) != from || !d.IsDir() && (!info.Mode().IsRegular() || stat.Nlink != 1) {
			return nil
		}
		return os.Lchown(path, id.UID, id.GID)
	})
}
