package main

import "golang.org/x/sys/unix"

// rawKeys has keys come one by one and unseen. Signals and line ends of the output stay
// as they are.
func rawKeys(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	t.Lflag &^= unix.ICANON | unix.ECHO
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, setTermios, t)
}
