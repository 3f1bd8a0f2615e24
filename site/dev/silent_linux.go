package dev

import "golang.org/x/sys/unix"

// silent tells whether changes in dir come without events when others make them: on
// shared and on network file systems.
func silent(dir string) bool {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return false
	}
	switch uint32(s.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, vboxMagic:
		return true
	}
	return false
}

const vboxMagic = 0x786f4256 // directories that VirtualBox shares
