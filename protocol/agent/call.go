package agent

import (
	"slices"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is one request on its way through a Pool.

// Caller is told what becomes of a request.
type Caller interface {
	protocol.ClientReceiver
	// ChannelReady tells that the head of the request is on its way on ch: the content,
	// if there is any, may be written. It is called once, also from inside Pool.Ask,
	// again when the request had to be sent once more (then without content), and not at
	// all when there was no connection.
	ChannelReady(ch protocol.ClientChannel)
}

const (
	mostAttempts = 3 // connections that died before they answered, and the last
)

// Call is a request that a Pool was asked for.
type Call struct {
	caller   Caller
	head     *protocol.RequestHead
	g        *origin
	ch       protocol.ClientChannel // nil while it waits, and when it is over
	timer    *reactor.DelayedCall
	attempts int
	answered bool // something of an answer has come
	over     bool
}

// ask looks for a connection.
func (c *Call) ask(g *origin) {
	c.g = g
	if conn := g.take(); conn != nil && len(g.waiting) == 0 {
		c.begin(conn)
		return
	}
	g.wait(c)
}

// begin asks on a connection that has room.
func (c *Call) begin(conn *pooled) {
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	c.attempts++
	ch := conn.conn.Ask(c.head, c)
	if ch == nil {
		c.g.wait(c)
		return
	}
	c.ch = ch
	c.g.busy++
	c.caller.ChannelReady(ch)
}

// Abort gives the request up, wherever it is. The caller is told nothing more.
func (c *Call) Abort(err error) {
	if c.over {
		return
	}
	c.over = true
	if c.timer != nil {
		c.timer.Cancel()
	}
	if ch := c.ch; ch != nil {
		c.leave()
		ch.Abort(err)
		return
	}
	c.g.waiting = slices.DeleteFunc(c.g.waiting, func(w *Call) bool { return w == c })
	c.g.dropIfUnused()
}

// Switched tells that the caller has given the connection to another protocol.
func (c *Call) Switched() {
	c.over = true
	c.leave()
}

// leave notes that no connection works for this call any more.
func (c *Call) leave() {
	if c.ch != nil {
		c.ch = nil
		c.g.busy--
	}
}

func (c *Call) waitedTooLong() {
	c.timer = nil
	c.g.waiting = slices.DeleteFunc(c.g.waiting, func(w *Call) bool { return w == c })
	c.fail("no connection to "+c.g.o.String(), reactor.ErrTimeout)
	c.g.dropIfUnused()
}

// fail tells that there is no connection.
func (c *Call) fail(reason string, err error) {
	if c.over {
		return
	}
	c.over = true
	if c.timer != nil {
		c.timer.Cancel()
	}
	c.caller.ExchangeLost(&protocol.LostError{Reason: reason, Err: err, Unseen: true})
}

func (c *Call) failLater(reason string, err error) {
	c.g.p.loop.CallLater(0, func() { c.fail(reason, err) })
}

// InformationalReceived passes it on.
func (c *Call) InformationalReceived(h *protocol.ResponseHead) {
	c.answered = true
	c.caller.InformationalReceived(h)
}

// HeadReceived passes it on.
func (c *Call) HeadReceived(h *protocol.ResponseHead) {
	c.answered = true
	c.caller.HeadReceived(h)
}

// BodyReceived passes it on.
func (c *Call) BodyReceived(data []byte) { c.caller.BodyReceived(data) }

// BodyFinished passes it on.
func (c *Call) BodyFinished(trailers protocol.Fields) {
	c.over = true
	c.leave()
	c.caller.BodyFinished(trailers)
}

// WantsFaults tells whether the Caller does. See protocol.FaultReceiver.
func (c *Call) WantsFaults() bool {
	r, ok := c.caller.(faultCaller)
	return ok && r.WantsFaults()
}

// FaultFound passes it on.
func (c *Call) FaultFound(f protocol.Fault) {
	if r, ok := c.caller.(faultCaller); ok {
		r.FaultFound(f)
	}
}

// faultCaller is a Caller that hears of faults.
type faultCaller interface {
	WantsFaults() bool
	FaultFound(f protocol.Fault)
}

// ExchangeLost asks again where that is right, else passes it on.
func (c *Call) ExchangeLost(err error) {
	c.leave()
	if c.mayRepeat(err) {
		c.ask(c.g)
		return
	}
	c.over = true
	c.caller.ExchangeLost(err)
}

// mayRepeat tells whether the request may be sent again (RFC 9110 §9.2.2, RFC 9112
// §9.3.1).
func (c *Call) mayRepeat(err error) bool {
	lost, ok := err.(*protocol.LostError)
	if !ok || c.answered || c.head.ContentLength != 0 || c.attempts >= mostAttempts {
		return false
	}
	return lost.Unseen || lost.Stale && Idempotent(c.head.Method)
}

// Idempotent tells whether a request of that method may be repeated (RFC 9110 §9.2.2).
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND", "REPORT", "QUERY":
		return true
	}
	return false
}

var _ protocol.ClientReceiver = (*Call)(nil)
