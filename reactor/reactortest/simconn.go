package reactortest

import (
	"fmt"
	"syscall"
)

// simConn is one connection of a simRun: the client, and the network between it
// and the server's transport.
type simConn struct {
	run    *simRun
	id     int
	client SimClient
	tr     *Transport

	sending []byte // sent by the client, not yet arrived
	last    bool   // the client sends no more
	closed  bool   // the client's end has been sent
	full    bool   // the client closed both halves
	broken  bool   // by the simulation
	over    bool
}

func (c *simConn) note(format string, a ...any) {
	c.run.note("conn %d: %s", c.id, fmt.Sprintf(format, a...))
}

// act lets one thing happen to the connection.
func (c *simConn) act() {
	switch n := c.run.rand.IntN(1000); {
	case n < 250:
		c.send()
	case n < 550:
		c.arrive(c.run.part(len(c.sending)))
	case n < 850:
		c.receive(c.run.part(len(c.tr.wire)))
	case n < 900:
		c.resize()
	case n < 980:
		c.finish()
	case n < 984 && !c.run.NoLoss:
		c.breakOff()
	}
}

// part draws how many of n bytes move: mostly a few, now and then all.
func (r *simRun) part(n int) int {
	if n == 0 {
		return 0
	}
	return Cut(r.rand.Uint64())(n)
}

// send lets the client send, if it wants to. It tells whether it did.
func (c *simConn) send() bool {
	if c.last || c.closed {
		return false
	}
	data, last := c.client.Send()
	c.sending = append(c.sending, data...)
	c.last = last
	if len(data) > 0 {
		c.note("client sends %d bytes", len(data))
	}
	return len(data) > 0 || last
}

// arrive brings n bytes to the server.
func (c *simConn) arrive(n int) bool {
	if n == 0 {
		return false
	}
	c.note("%d bytes arrive at the server", n)
	data := c.sending[:n]
	c.sending = c.sending[n:]
	c.tr.Deliver(data)
	return true
}

// receive brings n bytes to the client, which makes room in the kernel.
func (c *simConn) receive(n int) bool {
	if n == 0 {
		return false
	}
	c.note("client receives %d bytes", n)
	data := c.tr.wire[:n]
	c.tr.wire = c.tr.wire[n:]
	if err := c.client.Received(data); err != nil {
		c.run.fail("connection %d: %w", c.id, err)
	}
	spoil(data)
	c.tr.Drain(n)
	return true
}

// resize changes how much the kernel takes.
func (c *simConn) resize() {
	room := []int{0, 1, 1 + c.run.rand.IntN(100), 1 + c.run.rand.IntN(100_000), -1}[c.run.rand.IntN(5)]
	c.note("the kernel takes %d bytes (-1: all)", room)
	c.tr.SetCapacity(room)
}

// finish closes the client's end, if it is time. It tells whether it did.
func (c *simConn) finish() bool {
	done := c.client.Done()
	if c.closed || len(c.sending) > 0 || !done && !(c.run.HalfClose && c.last) {
		return false
	}
	c.closed, c.full = true, done
	c.note("client closes, done %v", done)
	c.tr.DeliverEOF()
	return true
}

func (c *simConn) breakOff() {
	c.note("network breaks")
	c.broken = true
	c.tr.Lose(syscall.ECONNRESET)
}

// check looks for what must never be, and for the end.
func (c *simConn) check() {
	if most := c.run.MaxBuffered; most > 0 && c.tr.Buffered() > most {
		c.run.fail("connection %d: %d bytes queued, more than %d", c.id, c.tr.Buffered(), most)
	}
	if !c.tr.lost || c.over {
		return
	}
	switch {
	case c.broken:
		c.ended(NetworkBroke)
	case c.tr.aborted:
		c.ended(ServerAborted)
	case len(c.tr.wire) > 0: // the client has yet to receive the rest
	case c.full:
		c.ended(ClientClosed)
	default:
		c.ended(ServerClosed)
	}
}

func (c *simConn) ended(how SimEnd) {
	c.over = true
	c.note("over: %v", how)
	if err := c.client.Ended(how); err != nil {
		c.run.fail("connection %d: %w", c.id, err)
	}
}

// calm moves all that can be moved. It tells whether there was anything.
func (c *simConn) calm() (moved bool) {
	if c.tr.room >= 0 {
		c.tr.SetCapacity(-1)
	}
	moved = c.send()
	moved = c.arrive(len(c.sending)) || moved
	moved = c.receive(len(c.tr.wire)) || moved
	return c.finish() || moved
}

// stuck tells of a connection that does not come to its end.
func (c *simConn) stuck() {
	t := c.tr
	c.run.fail("connection %d: %w: client sent all %v, done %v, closed %v; server has %d bytes unread (paused %v), %d queued, producer %v, LoseConnection called %v",
		c.id, errStuck, c.last, c.client.Done(), c.closed, t.Unread(), t.readingPaused, t.Buffered(), t.producer != nil, t.disconnecting)
}
