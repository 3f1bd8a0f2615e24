package reactor

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// This file turns the kernel's addresses into ours and back.

func errnoError(call string, err error) error { return os.NewSyscallError(call, err) }

// zoned gives a link-local address its zone back.
func zoned(ip netip.Addr, scope uint32) netip.Addr {
	if scope == 0 || !ip.Is6() {
		return ip
	}
	if ifc, err := net.InterfaceByIndex(int(scope)); err == nil {
		return ip.WithZone(ifc.Name)
	}
	return ip.WithZone(strconv.Itoa(int(scope)))
}

func sockaddrAddr(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Addr{IP: netip.AddrFrom4(sa.Addr), Port: uint16(sa.Port)}
	case *unix.SockaddrInet6:
		return Addr{IP: zoned(netip.AddrFrom16(sa.Addr).Unmap(), sa.ZoneId), Port: uint16(sa.Port)}
	case *unix.SockaddrUnix:
		if sa.Name == "@" { // how an address without a name looks
			return Addr{}
		}
		return Addr{Path: sa.Name}
	}
	return Addr{}
}

// sockaddr is the kernel's form of a, and its family.
func (a Addr) sockaddr() (unix.Sockaddr, int, error) {
	switch {
	case !a.IP.IsValid():
		return &unix.SockaddrUnix{Name: a.Path}, unix.AF_UNIX, nil
	case a.IP.Is4():
		return &unix.SockaddrInet4{Port: int(a.Port), Addr: a.IP.As4()}, unix.AF_INET, nil
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port), Addr: a.IP.As16()}
	if z := a.IP.Zone(); z != "" {
		ifc, err := net.InterfaceByName(z)
		if err != nil {
			return nil, 0, fmt.Errorf("reactor: address %s: no interface %q", a, z)
		}
		sa.ZoneId = uint32(ifc.Index)
	}
	return sa, unix.AF_INET6, nil
}

// hostAddr asks the kernel for the near address of a socket.
func hostAddr(fd int) Addr {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Addr{}
	}
	return sockaddrAddr(sa)
}

// newSocket makes a stream socket, non-blocking and closed on exec.
func newSocket(family int) (int, error) {
	fd, err := sysSocket(family)
	if err != nil {
		return -1, errnoError("socket", err)
	}
	return fd, nil
}
