package reactor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// This file makes the sockets of ports from endpoints.

const listenBacklog = 4096 // the kernel lowers it to its own limit

// listener is a socket that listens.
type listener struct {
	fd     int
	addr   Addr
	unlock func() // gives the path of a UNIX socket back; nil for others
}

// openListener makes the socket that e describes.
func openListener(e Endpoint) (listener, error) {
	switch e.Kind {
	case EndpointTCP, EndpointTCP6:
		return listenTCP(e)
	case EndpointUNIX:
		return listenUNIX(e)
	case EndpointFD, EndpointSystemd:
		return adoptListener(e)
	}
	return listener{}, fmt.Errorf("reactor: %s: a port of this type can not be listened on", e)
}

// listenTCP listens on e.Interface, or on all: IPv6 and IPv4 in one socket where
// the system can, else IPv4.
func listenTCP(e Endpoint) (listener, error) {
	if e.Interface == "" {
		l, err := bindTCP(e, netip.IPv6Unspecified(), e.Kind == EndpointTCP6)
		if err == nil || e.Kind == EndpointTCP6 || !noIPv6(err) {
			return l, err
		}
		return bindTCP(e, netip.IPv4Unspecified(), false)
	}
	ip, err := interfaceIP(e.Interface, e.Kind == EndpointTCP6)
	if err != nil {
		return listener{}, fmt.Errorf("reactor: %s: %w", e, err)
	}
	return bindTCP(e, ip, true)
}

func noIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EPROTONOSUPPORT)
}

// interfaceIP is the address meant by an interface argument: an IP address, a
// host name such as localhost, or a network interface such as eth0.
func interfaceIP(s string, want6 bool) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip, nil
	}
	var candidates []net.IP
	if ifc, err := net.InterfaceByName(s); err == nil {
		addrs, _ := ifc.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				candidates = append(candidates, n.IP)
			}
		}
	} else if candidates, err = net.LookupIP(s); err != nil {
		return netip.Addr{}, fmt.Errorf("interface %q is no address, host name or network interface", s)
	}
	for _, c := range candidates {
		if ip, ok := netip.AddrFromSlice(c); ok && ip.Unmap().Is6() == want6 {
			return ip.Unmap(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("interface %q has no address of this family", s)
}

func bindTCP(e Endpoint, ip netip.Addr, only6 bool) (l listener, err error) {
	addr := Addr{IP: ip, Port: uint16(e.Port)}
	sa, family, err := addr.sockaddr()
	if err != nil {
		return l, err
	}
	fd, err := newSocket(family)
	if err != nil {
		return l, listenError(e, err)
	}
	if err := bindAndListen(fd, sa, e, family == unix.AF_INET6, only6); err != nil {
		_ = unix.Close(fd)
		return l, listenError(e, err)
	}
	return listener{fd: fd, addr: hostAddr(fd)}, nil
}

// bindAndListen sets what accepted connections inherit, too: TCP_NODELAY and
// keep-alive need no call for each.
func bindAndListen(fd int, sa unix.Sockaddr, e Endpoint, is6, only6 bool) error {
	set := func(level, opt, v int) error { return unix.SetsockoptInt(fd, level, opt, v) }
	if err := set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return errnoError("setsockopt", err)
	}
	if e.ReusePort {
		if err := set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return errnoError("setsockopt SO_REUSEPORT", err)
		}
	}
	if is6 {
		if err := set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, b2i(only6)); err != nil {
			return errnoError("setsockopt IPV6_V6ONLY", err)
		}
	}
	_ = set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = set(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	if err := unix.Bind(fd, sa); err != nil {
		return errnoError("bind", err)
	}
	return errnoError("listen", unix.Listen(fd, backlogOf(e)))
}

func backlogOf(e Endpoint) int {
	if e.Backlog > 0 {
		return e.Backlog
	}
	return listenBacklog
}

// ListenError is what a Listen returns when the system refuses: what was to be
// listened on, and why. It wraps the errno.
type ListenError struct {
	Endpoint Endpoint
	Err      error
}

// Error names the endpoint, the reason, and the mend where there is one.
func (e *ListenError) Error() string {
	text := fmt.Sprintf("reactor: can not listen on %s: %v", e.Endpoint, e.Err)
	switch {
	case errors.Is(e.Err, unix.EADDRINUSE):
		text += " (another process has it: end that one, or choose another)"
	case errors.Is(e.Err, unix.EACCES) && e.Endpoint.Kind != EndpointUNIX:
		text += " (ports below 1024 need a right: choose a higher one, or give the program CAP_NET_BIND_SERVICE)"
	case errors.Is(e.Err, unix.EADDRNOTAVAIL):
		text += " (this machine has no such address)"
	}
	return text
}

// Unwrap is the reason.
func (e *ListenError) Unwrap() error { return e.Err }

func listenError(e Endpoint, err error) error { return &ListenError{Endpoint: e, Err: err} }

// listenUNIX listens on a path. A lock beside it tells a stale socket from one in
// use: the lock of a process that is gone is free.
func listenUNIX(e Endpoint) (l listener, err error) {
	abstract := len(e.Path) > 0 && (e.Path[0] == '@' || e.Path[0] == 0)
	unlock := func() {}
	if !abstract {
		if unlock, err = claimPath(e); err != nil {
			return l, listenError(e, err)
		}
	}
	fd, err := newSocket(unix.AF_UNIX)
	if err == nil {
		if err = bindUNIX(fd, e, abstract); err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		unlock()
		return l, listenError(e, err)
	}
	var ours unix.Stat_t
	_ = unix.Lstat(e.Path, &ours)
	remove := func() {
		var now unix.Stat_t
		if !abstract && unix.Lstat(e.Path, &now) == nil && now.Dev == ours.Dev && now.Ino == ours.Ino {
			_ = os.Remove(e.Path)
		}
		unlock()
	}
	return listener{fd: fd, addr: Addr{Path: e.Path}, unlock: remove}, nil
}

func bindUNIX(fd int, e Endpoint, abstract bool) error {
	if most := len(unix.RawSockaddrUnix{}.Path) - 1; len(e.Path) > most {
		return fmt.Errorf("the path has %d bytes, and that of a UNIX socket at most %d", len(e.Path), most)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: e.Path}); err != nil {
		return errnoError("bind", err)
	}
	if !abstract {
		if err := os.Chmod(e.Path, socketMode(e)); err != nil {
			_ = os.Remove(e.Path)
			return err
		}
	}
	if err := unix.Listen(fd, backlogOf(e)); err != nil {
		_ = os.Remove(e.Path)
		return errnoError("listen", err)
	}
	return nil
}

func socketMode(e Endpoint) fs.FileMode {
	if e.Mode == 0 {
		return 0o666
	}
	return e.Mode
}

// claimPath takes the lock of a path, and removes a stale socket there.
func claimPath(e Endpoint) (unlock func(), err error) {
	unlock = func() {}
	if !e.NoLock {
		if unlock, err = lockFile(e.Path + ".lock"); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(e.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return unlock, nil
	case err == nil && info.Mode()&fs.ModeSocket == 0:
		err = fmt.Errorf("%s exists and is no socket", e.Path)
	case err == nil && socketAlive(e.Path):
		err = errnoError("bind", unix.EADDRINUSE)
	case err == nil:
		err = os.Remove(e.Path)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lockFile takes an exclusive lock that ends with the process.
func lockFile(path string) (unlock func(), err error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("the lock beside the socket: %w", &fs.PathError{Op: "open", Path: filepath.Clean(path), Err: err})
		}
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = unix.Close(fd)
			if err == unix.EWOULDBLOCK {
				err = unix.EADDRINUSE
			}
			return nil, errnoError("lock "+path, err)
		}
		if sameFile(fd, path) {
			return func() {
				_ = os.Remove(path)
				_ = unix.Close(fd)
			}, nil
		}
		_ = unix.Close(fd) // its holder has removed it meanwhile
	}
}

// sameFile tells whether path still names the open file.
func sameFile(fd int, path string) bool {
	var open, named unix.Stat_t
	return unix.Fstat(fd, &open) == nil && unix.Lstat(path, &named) == nil &&
		open.Dev == named.Dev && open.Ino == named.Ino
}

// socketAlive tells whether somebody listens on a UNIX socket.
func socketAlive(path string) bool {
	fd, err := newSocket(unix.AF_UNIX)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	return !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ENOENT)
}

// adoptListener takes a listening descriptor that the parent process opened. The
// caller's number stays open: the port has a copy.
func adoptListener(e Endpoint) (l listener, err error) {
	given, err := inheritedFD(e)
	if err != nil {
		return l, err
	}
	if on, err := unix.GetsockoptInt(given, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil {
		return l, listenError(e, fmt.Errorf("descriptor %d is no socket: %w", given, err))
	} else if on == 0 {
		return l, listenError(e, fmt.Errorf("descriptor %d is a socket that does not listen", given))
	}
	fd, err := unix.FcntlInt(uintptr(given), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return l, listenError(e, errnoError("dup", err))
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return l, listenError(e, errnoError("setnonblock", err))
	}
	if hostAddr(fd).IP.IsValid() {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return listener{fd: fd, addr: hostAddr(fd)}, nil
}

// inherited reads the sockets that systemd handed to this process, once, and
// takes them out of the environment so that no child believes they are its own.
var inherited = sync.OnceValues(func() ([]SystemdSocket, error) {
	sockets, _, err := SystemdSockets(os.Environ(), os.Getpid())
	for _, key := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(key)
	}
	for _, s := range sockets {
		unix.CloseOnExec(s.FD)
	}
	return sockets, err
})

// inheritedFD is the descriptor that an fd or systemd endpoint means.
func inheritedFD(e Endpoint) (int, error) {
	if e.Kind == EndpointFD {
		return e.FD, nil
	}
	sockets, err := inherited()
	if err != nil {
		return -1, err
	}
	return FindSystemdSocket(sockets, e)
}
