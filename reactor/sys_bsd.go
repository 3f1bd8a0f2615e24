//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds the system calls of the hot path for the BSDs and macOS, where
// calls must go through the C library or the package syscall.

func errnoOf(err error) syscall.Errno {
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	if err != nil {
		return unix.EIO
	}
	return 0
}

func sysSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return max(n, 0), errnoOf(err)
		}
	}
}

// sysRecvmsg is sysRead with the control messages that came along.
func sysRecvmsg(fd int, p, control []byte) (n, controls int, e syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for {
		n, controls, _, _, err := unix.Recvmsg(fd, p, control, 0)
		if err != unix.EINTR {
			return max(n, 0), controls, errnoOf(err)
		}
	}
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return max(n, 0), errnoOf(err)
		}
	}
}

func sysWriteMore(fd int, p []byte) (int, syscall.Errno) { return sysWrite(fd, p) }

func sysWritev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	// One piece at a time: x/sys has no writev for every BSD.
	total := 0
	for i := range iov {
		p := unsafe.Slice(iov[i].Base, iov[i].Len)
		n, e := sysWrite(fd, p)
		total += n
		if e != 0 || n < len(p) {
			if total > 0 {
				return total, 0
			}
			return 0, e
		}
	}
	return total, 0
}

func sysAccept(fd int) (nfd int, peer Addr, e syscall.Errno) {
	syscall.ForkLock.RLock()
	nfd, sa, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(nfd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, Addr{}, errnoOf(err)
	}
	if err := unix.SetNonblock(nfd, true); err != nil {
		_ = unix.Close(nfd)
		return -1, Addr{}, errnoOf(err)
	}
	return nfd, sockaddrAddr(sa), 0
}

func sysClose(fd int) { _ = unix.Close(fd) }

// sysSendfile copies through a buffer: the BSDs' sendfile(2) differ, and macOS'
// can not say how much was sent after EAGAIN through x/sys.
func sysSendfile(to, from int, off int64, n int, _ bool) (int, syscall.Errno) {
	buf := make([]byte, min(n, 64<<10))
	got, err := unix.Pread(from, buf, off)
	if err != nil {
		return 0, errnoOf(err)
	}
	if got == 0 {
		return 0, 0
	}
	return sysWrite(to, buf[:got])
}

func sysResident(int, int64) (warm, seen bool) { return true, false }

func sysReadWarm(int, []byte, int64) (n int, cold, ok bool) { return 0, false, false }

// endOfData tells from a raw event whether the peer has closed its half.
func endOfData(_, flags int64) bool { return flags&unix.EV_EOF != 0 }
