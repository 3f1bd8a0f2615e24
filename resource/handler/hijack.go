package handler

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file gives a connection to a handler: as a net.Conn, whose bytes the loop pumps,
// since the connection, with its TLS if there is any, goes on living there.

// closePatience is how long a client may take for what was written before Close.
const closePatience = time.Minute

// hijack takes the connection from its exchange. What of the content of the request has
// come and was not read comes first.
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if w.wroteHeader && w.status != 101 {
		if err := w.flush(); err != nil {
			return nil, nil, err
		}
	}
	w.hijacked = true
	x := w.x
	c := newConn(x)
	x.out.post(func() {
		x.quiet()
		if err := w.give(c); err != nil {
			c.refuse(err)
		}
		if !x.freed { // it does not count any more
			x.freed = true
			x.h.ended()
		}
	})
	if err := c.out.await(func() bool { return c.made }); err != nil {
		return nil, nil, fmt.Errorf("handler: Hijack: %w", err)
	}
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// give gives the connection to c, behind a 101 if that was written. Loop only.
func (w *writer) give(c *conn) error {
	if w.x.r.Finished() {
		return errGone
	}
	c.in.buf = w.x.in.rest()
	if w.status == 101 {
		w.x.r.Switch(c, w.head.fields)
		return nil
	}
	return w.x.r.Hijack(c)
}

// conn is a hijacked connection: a reactor.Protocol for the loop, a net.Conn for the
// handler's goroutines.
type conn struct {
	in            inlet
	out           outlet
	made          bool              // under out.mu
	t             reactor.Transport // loop only
	loop          reactor.Loop
	lost          bool                 // loop only
	closing       *reactor.DelayedCall // loop only: of Close
	local, remote net.Addr
}

func newConn(x *exchange) *conn {
	c := &conn{loop: x.loop, local: netAddr(x.host), remote: netAddr(x.peer)}
	c.in.init(c.settle)
	c.in.post = x.loop.CallFromThread
	c.out.init(x.loop, func() { c.out.fail(errGone) })
	return c
}

// settle lets bytes come again, unless that was paused anew meanwhile.
func (c *conn) settle() {
	if !c.in.isPaused() {
		c.t.ResumeReading()
	}
}

// refuse tells Hijack that there is no connection. Loop only.
func (c *conn) refuse(err error) { c.out.fail(err) }

// ConnectionMade lets Hijack return. See reactor.Protocol.
func (c *conn) ConnectionMade(t reactor.Transport) {
	c.t = t
	c.in.pause = t.PauseReading
	t.RegisterProducer(&c.out)
	c.out.tell(func() { c.made = true })
}

// DataReceived brings bytes to be read.
func (c *conn) DataReceived(data []byte) { c.in.received(data) }

// ReadConnectionLost is the end of what can be read; writing goes on.
func (c *conn) ReadConnectionLost() { c.in.end(io.EOF) }

// WriteConnectionLost does nothing: it was CloseWrite that asked for it.
func (c *conn) WriteConnectionLost() {}

// ConnectionLost is the end.
func (c *conn) ConnectionLost(reason error) {
	if c.closing != nil {
		c.closing.Cancel()
	}
	c.lost = true
	if errors.Is(reason, reactor.ErrDone) {
		c.in.end(io.EOF)
	} else {
		c.in.end(&net.OpError{Op: "read", Net: c.remote.Network(), Addr: c.remote, Err: syscall.ECONNRESET})
	}
	c.out.fail(errGone)
}

// Read reads what has come, and waits for it until the deadline.
func (c *conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write writes a copy of p. It waits while too much is on its way already, until the
// deadline.
func (c *conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:min(len(p), n+largeBytes)]
		if err := c.send(piece); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return n, c.out.failed()
}

// send sends a copy of p, of largeBytes at most.
func (c *conn) send(p []byte) error {
	n := len(p)
	if n <= pieceBytes {
		own := buffers.Get().(*[pieceBytes]byte)
		copy(own[:], p)
		return c.out.send(n, func() {
			c.t.Write(own[:n])
			buffers.Put(own)
		})
	}
	own := larges.Get().(*[largeBytes]byte)
	copy(own[:], p)
	return c.out.send(n, func() {
		c.t.Write(own[:n])
		larges.Put(own)
	})
}

// Close delivers what was written, then closes. Reading and writing fail from now on.
func (c *conn) Close() error {
	if c.in.isClosed() {
		return net.ErrClosed
	}
	c.in.close(net.ErrClosed)
	c.out.post(func() {
		c.t.UnregisterProducer()
		c.t.LoseConnection()
		if !c.lost {
			c.closing = c.loop.CallLater(closePatience, c.t.AbortConnection)
		}
	})
	c.out.fail(net.ErrClosed)
	return nil
}

// CloseWrite delivers what was written, then closes the sending half, as that of a
// net.TCPConn does.
func (c *conn) CloseWrite() error {
	c.out.post(func() {
		c.t.UnregisterProducer()
		c.t.LoseWriteConnection()
	})
	c.out.fail(net.ErrClosed)
	return nil
}

// LocalAddr is the address of this end, RemoteAddr that of the other.
func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds the time that Read may wait.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// SetWriteDeadline bounds the time that Write may wait.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(t)
	return nil
}

var (
	_ net.Conn                  = (*conn)(nil)
	_ reactor.HalfCloseProtocol = (*conn)(nil)
)
