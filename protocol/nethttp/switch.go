package nethttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file gives a connection of HTTP/1 to another protocol: it is hijacked, and its
// socket becomes a connection of the loop's. Where there is no socket of its own (TLS
// stays with net/http), one end of a socketpair does, whose other end two goroutines join
// to the connection.

// adopter is a loop that can take a socket over: reactor.Reactor is one.
type adopter interface {
	AdoptConnection(file *os.File, f reactor.Factory) error
}

// Switch gives the connection to p, after a 101 or a 2xx to CONNECT. Over HTTP/2 the
// client is answered 501.
func (c *Channel) Switch(p reactor.Protocol) {
	switch c.answer {
	case answerNone:
		return
	case answerSwitch:
		c.handOver(p, appendSwitchHead(nil, c.head.Method, c.status, c.fields))
		return
	}
	c.complain("the protocol was switched without a 101 or a 2xx to CONNECT")
	c.Abort(nil)
}

// Hijack gives the connection to p without an answer. See protocol.Hijacker.
func (c *Channel) Hijack(p reactor.Protocol) bool {
	if c.answer == answerNone {
		return false
	}
	c.handOver(p, nil)
	return true
}

// handOver ends the exchange, and has the connection hijacked.
func (c *Channel) handOver(p reactor.Protocol, head []byte) {
	c.endExchange()
	c.out.add(0, func() error {
		c.begun = false // nothing is to be flushed any more
		return c.hijack(p, head)
	})
	c.out.finish(endDone)
}

// appendSwitchHead appends the head of the answer that goes before another protocol.
func appendSwitchHead(b []byte, method string, status int, fields protocol.Fields) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, protocol.StatusText(status)...)
	b = append(b, "\r\n"...)
	for _, f := range fields {
		if protocol.EqualFold(f.Name, "Connection") {
			continue
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	if method != "CONNECT" {
		b = append(b, "Connection: Upgrade\r\n"...)
	}
	return append(b, "\r\n"...)
}

// hijack takes the connection from net/http and gives it to the loop.
func (c *Channel) hijack(p reactor.Protocol, head []byte) error {
	c.stopReading()
	loop, ok := c.f.loop.(adopter)
	conn, brw, err := c.control.Hijack()
	if err != nil || !ok {
		if err == nil {
			_ = conn.Close()
		}
		http.Error(c.w, "This connection can not be switched to another protocol.", http.StatusNotImplemented)
		return nil
	}
	_ = conn.SetDeadline(time.Time{})
	unread := unreadOf(brw)
	if _, err := conn.Write(head); err != nil {
		_ = conn.Close()
		return nil // p has not begun
	}
	file, own, err := socketOf(conn)
	if err != nil {
		_ = conn.Close()
		c.f.set.Logger.Error("nethttp: a connection can not be handed over", "err", err)
		return nil
	}
	to := &arrival{p: p, unread: unread}
	if !own {
		to.as = &names{peer: peerOf(c.req), host: hostOf(c.req)}
	}
	c.f.loop.CallFromThread(func() {
		if err := loop.AdoptConnection(file, to); err != nil {
			c.f.set.Logger.Error("nethttp: a connection can not be handed over", "err", err)
		}
	})
	return nil
}

// unreadOf is what net/http has read and not used.
func unreadOf(brw *bufio.ReadWriter) []byte {
	unread, _ := brw.Reader.Peek(brw.Reader.Buffered())
	return append([]byte(nil), unread...)
}

// socketOf is the socket of conn, or else one that is joined to it; own tells which.
func socketOf(conn net.Conn) (file *os.File, own bool, err error) {
	if s, ok := conn.(interface{ File() (*os.File, error) }); ok {
		if file, err = s.File(); err == nil {
			return file, true, conn.Close()
		}
	}
	ours, theirs, err := reactor.SocketPair()
	if err != nil {
		return nil, false, err
	}
	end, err := net.FileConn(theirs)
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil, false, err
	}
	go join(conn, end.(*net.UnixConn))
	return ours, false, nil
}

// closePatience is how long a client may go on sending after our half was closed.
const closePatience = time.Minute

// join carries bytes both ways until both ways are at their end.
func join(conn net.Conn, end *net.UnixConn) {
	back := make(chan struct{})
	late := time.AfterFunc(closePatience, func() { _ = conn.Close() })
	late.Stop()
	go func() {
		defer close(back)
		_, _ = io.Copy(conn, end)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		late.Reset(closePatience)
	}()
	_, _ = io.Copy(end, conn)
	_ = end.CloseWrite()
	<-back
	late.Stop()
	_ = end.Close()
	_ = conn.Close()
}

// arrival builds the protocol of a connection that is handed over.
type arrival struct {
	p      reactor.Protocol
	unread []byte
	as     *names // nil when the connection has its own
}

// BuildProtocol makes what gives the connection on, with what was read of it.
func (a *arrival) BuildProtocol(reactor.Addr) reactor.Protocol { return (*arrived)(a) }

// arrived is the protocol of the connection until the next turn.
type arrived arrival

// ConnectionMade gives the connection to its protocol.
func (a *arrived) ConnectionMade(t reactor.Transport) {
	if a.as != nil {
		a.as.Transport = t
		a.as.Switch(a.p, a.unread)
		return
	}
	t.Switch(a.p, a.unread)
}

// DataReceived is not called.
func (a *arrived) DataReceived([]byte) {}

// ConnectionLost is not called.
func (a *arrived) ConnectionLost(error) {}
