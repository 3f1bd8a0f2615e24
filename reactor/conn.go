package reactor

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is one stream connection, on a TCP or UNIX socket or a pipe: its
// state, what it reads, and how it ends. What it writes is in write.go.

// Conn is a connection. It is the Transport of its protocol.
type Conn struct {
	r     *Reactor
	proto Protocol
	out   *outQueue // nil when nothing waits
	port  *Port     // that accepted it; nil for others
	more  *connMore // what few connections need
	ip    netip.Addr
	fd    int32
	state connState
	rport uint16
}

// connMore is what only some connections have, kept apart so that an idle one
// stays small.
type connMore struct {
	producer Producer
	push     PushProducer // producer, if it is one
	paused   bool         // push: it was told to pause
	asked    bool         // pull: it was asked and has not written yet
	target   Protocol     // Switch
	unread   []byte
	reason   error
	path     string // of the peer's UNIX socket
	onLost   func()
}

// connState is a set of facts about a connection.
type connState uint32

const (
	inPending    connState = 1 << iota // is in r.pending
	inNext                             // is in r.next
	readable                           // an event came and the reads have not met EAGAIN
	readPaused                         // by PauseReading
	readResumed                        // ResumeReading asks for a look
	eofRead                            // the peer sends no more
	eofSeen                            // the poller said so; read until the end
	writeBlocked                       // the kernel takes no more; waits for the event
	writeEvent                         // the write event is asked for
	losing                             // LoseConnection
	losingWrite                        // LoseWriteConnection
	writeClosed                        // our half is closed
	failed                             // more.reason says why; to be lost
	switching                          // more.target comes next
	hasUnread                          // more.unread is to be read before the socket
	lost                               // ConnectionLost was told, or nobody is there to tell
	pipeEnd                            // not a socket
	takesFiles                         // the protocol takes descriptors, see adopt.go
	filtered                           // proto is TLS, and makes records of what was written
	holding                            // is in r.held
)

const readBudget = 16 // reads of 64 KiB in one turn

// newConn puts a connected descriptor under the loop.
func (r *Reactor) newConn(fd int, peer Addr, p Protocol) (*Conn, error) {
	c := &Conn{r: r, fd: int32(fd), proto: p, ip: peer.IP, rport: peer.Port}
	if peer.Path != "" {
		c.extra().path = peer.Path
	}
	if err := r.register(fd, c); err != nil {
		return nil, err
	}
	return c, nil
}

// filter is the TLS around the connection, nil without.
func (c *Conn) filter() *secure {
	if c.state&filtered == 0 {
		return nil
	}
	s, _ := c.proto.(*secure) // none when the connection is lost
	return s
}

func (c *Conn) extra() *connMore {
	if c.more == nil {
		c.more = new(connMore)
	}
	return c.more
}

// touch has settle called when the current callback ends.
func (c *Conn) touch() {
	if c.state&(inPending|lost) == 0 {
		c.state |= inPending
		c.r.pending = append(c.r.pending, c)
	}
}

// made tells the protocol that it is connected.
func (c *Conn) made() {
	defer c.contain()
	c.proto.ConnectionMade(c)
}

// contain keeps a panic of the protocol to this connection.
func (c *Conn) contain() {
	if p := recover(); p != nil {
		c.r.logger().Error("reactor: panic in a protocol; its connection is aborted",
			"peer", c.Peer().String(), "panic", p, "stack", string(debug.Stack()))
		c.fail(fmt.Errorf("%w: panic: %v", ErrAborted, p))
	}
}

// doReady is called for each event.
func (c *Conn) doReady(what ready) {
	if what&writeReady != 0 && c.state&writeBlocked != 0 {
		c.state &^= writeBlocked
		c.touch()
	}
	if what&endSeen != 0 {
		c.state |= eofSeen
	}
	if what&errorSeen != 0 && c.state&(readPaused|eofRead|losing) != 0 {
		c.checkError()
	}
	if what&(readReady|endSeen|errorSeen) != 0 {
		c.state |= readable
		c.read()
	}
}

// goOn continues what was cut off to let others have their turn.
func (c *Conn) goOn() {
	if c.state&lost != 0 {
		return
	}
	if c.state&hasUnread != 0 {
		c.readUnread()
	} else {
		c.read()
	}
	c.touch()
}

// checkError asks for the error of a socket that is not read.
func (c *Conn) checkError() {
	if e, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && e != 0 {
		c.fail(os.NewSyscallError("read", syscall.Errno(e)))
	}
}

// read hands the protocol what is there.
func (c *Conn) read() {
	defer c.contain()
	const stop = readPaused | eofRead | losing | failed | switching | hasUnread | lost
	c.r.count()
	for range readBudget {
		if c.state&(readable|stop) != readable {
			return
		}
		n, cut, e := c.readBytes()
		switch {
		case e == 0 && n > 0:
			if n < len(c.r.in) && !cut && c.state&eofSeen == 0 {
				c.state &^= readable
			}
			c.proto.DataReceived(c.r.in[:n])
			if c.state&readable != 0 { // the next read is another callback
				c.r.between()
			}
		case e == 0:
			c.readEOF()
			return
		case e == unix.EAGAIN:
			c.state &^= readable
			return
		default:
			c.fail(os.NewSyscallError("read", e))
			return
		}
	}
	c.r.again(c)
}

// readUnread hands the protocol what the one before it had left.
func (c *Conn) readUnread() {
	defer c.contain()
	if c.state&(readPaused|losing|failed|switching|lost) != 0 {
		return
	}
	data := c.more.unread
	c.more.unread = nil
	c.state &^= hasUnread
	c.r.again(c)
	c.proto.DataReceived(data)
}

// readEOF deals with the end of the peer's data.
func (c *Conn) readEOF() {
	c.state = c.state&^readable | eofRead
	c.touch()
	if h, ok := c.proto.(HalfCloseProtocol); ok {
		h.ReadConnectionLost()
		return
	}
	c.LoseConnection()
}

// fail has the connection lost for reason when the current callback ends.
func (c *Conn) fail(reason error) {
	if c.state&(failed|lost) != 0 {
		return
	}
	if c.state&holding != 0 { // what was written before does leave
		c.r.flushHeld()
	}
	if c.state&failed != 0 { // by that
		return
	}
	c.state |= failed
	c.extra().reason = reason
	c.touch()
}

// settle does what the callback asked for.
func (c *Conn) settle() {
	defer c.contain()
	if c.state&lost != 0 {
		return
	}
	if c.r.crowd.many && c.canHold() {
		c.r.hold(c)
		return
	}
	if c.state&switching != 0 {
		c.switchNow()
	}
	c.flushAll()
	c.r.tellFiles()
	if c.state&failed != 0 {
		c.end(c.more.reason)
		return
	}
	c.tellProducer()
	if c.idleOut() && c.state&failed == 0 {
		c.closeHalves()
	}
	if c.state&readResumed != 0 && c.state&lost == 0 {
		c.state &^= readResumed
		if c.state&(hasUnread|readable) != 0 {
			c.r.again(c)
		}
	}
}

// closeHalves closes what was asked to close once everything is delivered.
func (c *Conn) closeHalves() {
	switch {
	case c.more != nil && c.more.producer != nil:
	case c.state&losing != 0:
		c.drainInput()
		c.end(ErrDone)
	case c.state&writeClosed != 0:
		if c.state&eofRead != 0 { // both halves: nothing can happen any more
			c.end(ErrDone)
		}
	case c.state&losingWrite != 0:
		c.state |= writeClosed
		c.shutdownWrite()
		c.touch()
		if h, ok := c.proto.(HalfCloseProtocol); ok {
			h.WriteConnectionLost()
		}
	}
}

func (c *Conn) shutdownWrite() {
	if c.state&pipeEnd == 0 {
		_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
	}
}

// drainInput throws away what the peer has sent and nobody reads, since closing
// with it unread would reset the connection and could lose what was delivered.
func (c *Conn) drainInput() {
	if c.state&(readable|readPaused) == 0 || c.state&eofRead != 0 {
		return
	}
	for range readBudget {
		if n, e := sysRead(int(c.fd), c.r.in); n <= 0 || e != 0 {
			return
		}
	}
}

// end closes the descriptor and tells the protocol, once.
func (c *Conn) end(reason error) {
	r := c.r
	unsent := c.Buffered()
	if f := c.filter(); f != nil {
		unsent = f.Buffered()
	}
	defer func(u unsentBytes) { r.unsent = u }(r.unsent)
	r.unsent = unsentBytes{c, unsent}
	c.state |= lost
	if r.owner == c {
		r.owner, r.scratch = nil, r.scratch[:0]
	}
	r.unregister(int(c.fd))
	if errors.Is(reason, ErrAborted) {
		c.resetOnClose()
	}
	sysClose(int(c.fd))
	if c.out != nil {
		c.out.release(reason, r.tellFile)
		c.out = nil
	}
	if f := c.filter(); f != nil {
		f.dropOut(reason)
	}
	r.tellFiles()
	if c.port != nil {
		c.port.gone()
	}
	c.tellLost(reason)
}

// unsentBytes is how much of what was written to a connection the kernel had not taken when
// the connection was lost, while that is told.
type unsentBytes struct {
	of *Conn
	n  int
}

func (c *Conn) tellLost(reason error) {
	p, m := c.proto, c.more
	c.proto, c.more = nil, nil
	if m != nil && m.producer != nil {
		c.r.contain(m.producer.StopProducing)
	}
	c.r.contain(func() { p.ConnectionLost(reason) })
	if m != nil && m.onLost != nil {
		c.r.contain(m.onLost)
	}
}

func (c *Conn) resetOnClose() {
	if c.state&pipeEnd == 0 {
		_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
}

// Switch makes p the protocol. Loop only. Copies unread.
func (c *Conn) Switch(p Protocol, unread []byte) {
	c.r.loop.check()
	if c.state&lost != 0 {
		return
	}
	m := c.extra()
	m.target = p
	if len(unread) > 0 { // what is left of an earlier Switch comes behind it
		m.unread = append(append([]byte(nil), unread...), m.unread...)
		c.state |= hasUnread
	}
	c.state |= switching
	c.touch()
}

// switchNow makes the target the protocol. It reads from the next turn on, and
// is told of the end of the data itself.
func (c *Conn) switchNow() {
	m := c.more
	c.proto, m.target = m.target, nil
	c.state &^= switching
	if c.state&eofRead != 0 {
		c.state = c.state&^eofRead | readable
	}
	if c.state&(hasUnread|readable) != 0 {
		c.r.again(c)
	}
	c.proto.ConnectionMade(c)
}

// LoseConnection delivers what was written, then closes. Loop only.
func (c *Conn) LoseConnection() {
	c.r.loop.check()
	c.state |= losing
	c.touch()
}

// LoseWriteConnection delivers what was written, then closes the sending half.
// Loop only.
func (c *Conn) LoseWriteConnection() {
	c.r.loop.check()
	c.state |= losingWrite
	c.touch()
}

// AbortConnection drops what is queued and resets the connection. Loop only.
func (c *Conn) AbortConnection() {
	c.r.loop.check()
	c.fail(ErrAborted)
}

// PauseReading stops the reads. Loop only.
func (c *Conn) PauseReading() {
	c.r.loop.check()
	c.state = c.state&^readResumed | readPaused
}

// ResumeReading starts the reads again. Loop only.
func (c *Conn) ResumeReading() {
	c.r.loop.check()
	if c.state&readPaused != 0 {
		c.state = c.state&^readPaused | readResumed
		c.touch()
	}
}

// Peer is the address of the other end. Any goroutine.
func (c *Conn) Peer() Addr {
	if m := c.more; m != nil && m.path != "" {
		return Addr{Path: m.path}
	}
	return Addr{IP: c.ip, Port: c.rport}
}

// Host is the address of this end. Loop only.
func (c *Conn) Host() Addr {
	if c.state&lost != 0 {
		return Addr{}
	}
	return hostAddr(int(c.fd))
}

// Loop is the reactor.
func (c *Conn) Loop() Loop { return c.r }

var _ Transport = (*Conn)(nil)
