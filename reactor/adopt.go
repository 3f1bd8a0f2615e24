package reactor

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file takes over connections that somebody else has made, such as one end of a
// socketpair whose other end a child process has, and the descriptors that come over
// them (unix(7), SCM_RIGHTS).

// FileReceiver is a Protocol that takes descriptors, too, which the peer passes over a
// UNIX socket. It is asked on connections of AdoptConnection only.
type FileReceiver interface {
	Protocol
	// FileReceived brings a file that the peer has passed, before the bytes that were
	// sent along with it. f is the protocol's, which closes it.
	FileReceived(f *os.File)
}

// AdoptConnection makes a connection of a connected stream socket, and has f build its
// protocol. file is closed in any case: the connection has a descriptor of its own.
// Loop only.
func (r *Reactor) AdoptConnection(file *os.File, f Factory) error {
	r.loop.check()
	fd, err := takeSocket(file)
	if err != nil {
		return err
	}
	if err := r.open(); err != nil {
		sysClose(fd)
		return err
	}
	peer := Addr{}
	if sa, err := unix.Getpeername(fd); err == nil {
		peer = sockaddrAddr(sa)
	}
	var p Protocol
	r.contain(func() { p = f.BuildProtocol(peer) })
	if p == nil {
		sysClose(fd)
		return errors.New("reactor: adopt a connection: the factory refused")
	}
	c, err := r.newConn(fd, peer, p)
	if err != nil {
		sysClose(fd)
		return err
	}
	if _, takes := p.(FileReceiver); takes {
		c.state |= takesFiles
	}
	c.made()
	r.again(c) // what came before had no event
	c.state |= readable
	return nil
}

// takeSocket is a non-blocking descriptor of the socket in file, which it closes.
func takeSocket(file *os.File) (int, error) {
	defer file.Close()
	syscall.ForkLock.RLock()
	fd, err := unix.Dup(int(file.Fd()))
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, errnoError("dup", err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && kind != unix.SOCK_STREAM {
		err = unix.EPROTOTYPE
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		sysClose(fd)
		return -1, errnoError("adopt", err)
	}
	return fd, nil
}

// controlSize is room for some fifty descriptors; what goes beyond is lost.
const controlSize = 256

// readBytes reads what is there, and hands the protocol the descriptors that came
// along with it. cut tells that there may be more, though there was room: a read ends
// with the message that has descriptors.
func (c *Conn) readBytes() (n int, cut bool, e syscall.Errno) {
	if c.state&takesFiles == 0 {
		n, e = sysRead(int(c.fd), c.r.in)
		return n, false, e
	}
	if c.r.control == nil {
		c.r.control = make([]byte, controlSize)
	}
	n, oob, e := sysRecvmsg(int(c.fd), c.r.in, c.r.control)
	if e == 0 && oob > 0 {
		c.takeFiles(c.r.control[:oob])
	}
	return n, oob > 0, e
}

func (c *Conn) takeFiles(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		c.r.logger().Error("reactor: a control message can not be read", "err", err)
		return
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // of another kind
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			c.giveFile(os.NewFile(uintptr(fd), "passed"))
		}
	}
}

// giveFile hands a file to the protocol, if it still takes any.
func (c *Conn) giveFile(f *os.File) {
	p, takes := c.proto.(FileReceiver)
	if !takes || c.state&(losing|failed|switching|lost) != 0 {
		_ = f.Close()
		return
	}
	p.FileReceived(f)
}

// SocketPair makes two stream sockets that are connected to each other, closed on
// exec: one for AdoptConnection, and one to be given to a child process. Any goroutine.
func SocketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, errnoError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socketpair"), os.NewFile(uintptr(fds[1]), "socketpair"), nil
}
