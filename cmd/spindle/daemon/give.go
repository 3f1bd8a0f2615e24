package daemon

import (
	"io/fs"
	"os"
	"syscall"
)

// giveTree makes what is below dir and belongs to the user from that of id. A file with another
// name elsewhere is left: it may have been put there to be given away; and no symbolic link
// leads out of dir, whoever changes it meanwhile.
func giveTree(dir string, from int, id *Identity) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := root.Lstat(path)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || int(stat.Uid) != from || !info.IsDir() && (!info.Mode().IsRegular() || stat.Nlink != 1) {
			return nil
		}
		return root.Lchown(path, id.UID, id.GID)
	})
}
