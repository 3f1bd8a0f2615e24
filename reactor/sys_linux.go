package reactor

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds the system calls of the hot path for Linux. They are raw: they
// do not tell the Go scheduler, which saves a quarter of the CPU of a busy loop.
// That is right only for calls that can not wait: on non-blocking sockets and
// pipes, with RWF_NOWAIT, and for a piece of a file that was found in memory. A call
// that may wait for a disk is never made here.

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

// sysRecvmsg is sysRead with the control messages that came along. Descriptors among
// them are closed on exec.
func sysRecvmsg(fd int, p, control []byte) (n, controls int, e syscall.Errno) {
	iov := unix.Iovec{Base: unsafe.SliceData(p)}
	iov.SetLen(len(p))
	msg := unix.Msghdr{Iov: &iov, Control: unsafe.SliceData(control)}
	msg.SetIovlen(1)
	for {
		msg.SetControllen(len(control))
		got, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_CMSG_CLOEXEC)
		if e != unix.EINTR {
			return int(got), int(msg.Controllen), e
		}
	}
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

// sysWriteMore is sysWrite with the promise that more follows at once, so that a
// head and the file behind it share their first packet.
func sysWriteMore(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			unix.MSG_MORE|unix.MSG_NOSIGNAL, 0, 0)
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

func sysWritev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	for {
		n, _, e := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

func sysSocket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// sysAccept takes one waiting connection, non-blocking and closed on exec.
func sysAccept(fd int) (nfd int, peer Addr, e syscall.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(sa))
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, Addr{}, e
	}
	return int(n), rawAddr(&sa, size), 0
}

func rawAddr(sa *unix.RawSockaddrAny, size uint32) Addr {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return Addr{IP: netip.AddrFrom4(in.Addr), Port: bigEndian16(in.Port)}
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return Addr{IP: zoned(netip.AddrFrom16(in.Addr).Unmap(), in.Scope_id), Port: bigEndian16(in.Port)}
	}
	return Addr{Path: unixPath(sa, size)}
}

func unixPath(sa *unix.RawSockaddrAny, size uint32) string {
	un := (*unix.RawSockaddrUnix)(unsafe.Pointer(sa))
	n := int(size) - int(unsafe.Offsetof(un.Path))
	if n <= 0 || un.Path[0] == 0 && n == 1 {
		return ""
	}
	path := make([]byte, 0, n)
	for i := range min(n, len(un.Path)) {
		c := byte(un.Path[i])
		if c == 0 && i > 0 {
			break
		}
		path = append(path, c)
	}
	if path[0] == 0 {
		path[0] = '@' // an abstract name
	}
	return string(path)
}

func bigEndian16(v uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&v))
	return uint16(b[0])<<8 | uint16(b[1])
}

func sysClose(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// sysSendfile sends a piece of a file. One that was seen in memory is sent by a raw call,
// since one of 1 MiB takes long enough for the scheduler to take the loop's place away, each
// time, which cost 8 % of the CPU. Should the kernel have dropped a page in the moment since,
// the collector may have to wait for the disk with the loop.
func sysSendfile(to, from int, off int64, n int, seen bool) (int, syscall.Errno) {
	call := unix.Syscall6
	if seen {
		call = unix.RawSyscall6
	}
	for {
		sent, _, e := call(unix.SYS_SENDFILE, uintptr(to), uintptr(from), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
		if e != unix.EINTR {
			return int(sent), e
		}
	}
}

// sysResident tells whether the byte at off can be read without waiting for a disk. Where the
// system, or the file system, can not say (seen is false), it is taken for granted.
func sysResident(fd int, off int64) (warm, seen bool) {
	var b byte
	iov := unix.Iovec{Base: &b, Len: 1}
	_, _, e := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(off), 0, unix.RWF_NOWAIT)
	return e != unix.EAGAIN, e == 0
}

// sysReadWarm reads what is in the page cache. ok is false where the system, or the
// file system, can not say what is.
func sysReadWarm(fd int, b []byte, off int64) (n int, cold, ok bool) {
	iov := unix.Iovec{Base: &b[0]}
	iov.SetLen(len(b))
	got, _, e := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(off), 0, unix.RWF_NOWAIT)
	switch e {
	case 0:
		return int(got), false, true
	case unix.EAGAIN:
		return 0, true, true
	}
	return 0, false, false
}

// endOfData tells from a raw event whether the peer has closed its half.
func endOfData(event, _ int64) bool { return event&unix.EPOLLRDHUP != 0 }
