package gateway

import (
	"errors"
	"time"

	"spindle/reactor"
)

// conn is a connection to a backend, and the Sink of the content of the request on it.
type conn struct {
	pool    *pool
	backend *Backend
	t       reactor.Transport
	talk    Talk
	end     *End                 // of the request in done
	x       *exchange            // nil when none is under way
	done    *exchange            // ended in the callback that is under way
	served  int                  // requests ever
	idle    time.Time            // since when, while it is kept
	silence *reactor.DelayedCall // looks how long nothing was said; it outlives a request
	lost    bool
}

// ConnectionMade keeps the transport. See reactor.Protocol.
func (c *conn) ConnectionMade(t reactor.Transport) { c.t = t }

// run sends a request.
func (c *conn) run(x *exchange) {
	c.x = x
	x.begin(c)
	c.t.WriteShared(x.head)
	if c.served == 0 || x.repeatable() {
		x.content.Start(c)
		return
	}
	// If the backend has closed it meanwhile, the head is all that can fail to be written.
	x.headOnly = true
	c.t.Loop().CallLater(0, func() {
		if c.x == x {
			x.headOnly = false
			x.content.Start(c)
		}
	})
}

// Write sends a piece of content. See reactor.Consumer.
func (c *conn) Write(data []byte) {
	for len(data) > 0 {
		n := min(len(data), maxPiece)
		if before := c.talk.AppendBefore(c.t.AvailableBuffer(), n); len(before) > 0 {
			c.t.Write(before)
		}
		c.t.Write(data[:n])
		data = data[n:]
	}
}

// maxPiece is the most that is sent in one.
const maxPiece = 32 << 10

// End ends the content. See Sink.
func (c *conn) End() {
	if end := c.talk.AppendEnd(c.t.AvailableBuffer()); len(end) > 0 {
		c.t.Write(end)
	}
}

// RegisterProducer makes p the producer of the content. See reactor.Consumer.
func (c *conn) RegisterProducer(p reactor.Producer) { c.t.RegisterProducer(p) }

// UnregisterProducer ends it.
func (c *conn) UnregisterProducer() { c.t.UnregisterProducer() }

// errUnasked is about a backend that says something when it was asked nothing.
var errUnasked = errors.New("the backend sent something that it was not asked for")

// DataReceived reads what the backend says. See reactor.Protocol.
func (c *conn) DataReceived(data []byte) {
	if c.x != nil {
		c.x.heard()
	}
	for len(data) > 0 && !c.lost {
		n, said, err := c.talk.Read(data)
		if err == nil && c.x == nil && !said.Idle {
			err = errUnasked
		}
		if err != nil {
			c.broken(err)
			return
		}
		data = data[n:]
		c.said(&said)
	}
	if c.x != nil {
		c.x.answer.Flush()
	}
	if c.done != nil {
		c.ended()
	}
}

// said passes on what the backend says.
func (c *conn) said(s *Said) {
	switch {
	case len(s.Out) > 0:
		c.x.answer.Data(s.Out)
	case len(s.Err) > 0:
		c.x.errors.Write(s.Err)
	case s.End != nil:
		c.x, c.done, c.end = nil, c.x, s.End
	}
}

// ended is called when the backend has ended the request. The connection is free before
// the request gives its place to another one, which may want it.
func (c *conn) ended() {
	x := c.done
	c.done = nil
	c.served++
	c.t.UnregisterProducer()
	c.t.ResumeReading()
	if c.end.Err == nil && x.content.Whole() && c.t.Buffered() == 0 && c.talk.Between() {
		c.pool.keep(c)
	} else {
		c.close() // it may still wait for the rest of the content
	}
	x.ended(c.end)
}

// broken ends a connection that can not be understood.
func (c *conn) broken(err error) {
	x := c.x
	c.x = nil
	c.close()
	if x != nil {
		x.broken(err)
	} else {
		c.pool.app.log().Warn(err.Error(), "backend", c.backend.String())
	}
	if c.done != nil {
		c.ended() // what came before was whole
	}
}

// ConnectionLost ends what was under way. See reactor.Protocol.
func (c *conn) ConnectionLost(reason error) {
	if c.silence != nil {
		c.silence.Cancel()
		c.silence = nil
	}
	c.pool.forget(c)
	x, ours := c.x, c.lost
	c.x, c.lost = nil, true
	switch {
	case x == nil || ours:
	case reason == reactor.ErrDone && c.talk.EndsWithConnection():
		x.ended(&End{})
	default:
		x.lost(c, reason)
	}
}

// listen has it looked at after d, and as long as a request is under way, how long nothing
// was said. 0 means never.
func (c *conn) listen(d time.Duration) {
	if d > 0 && c.silence == nil {
		c.listenFor(d, d)
	}
}

func (c *conn) listenFor(left, most time.Duration) {
	c.silence = c.t.Loop().CallLater(left, func() {
		c.silence = nil
		if c.x == nil {
			return
		}
		if left := c.x.patience(most); left > 0 {
			c.listenFor(left, most)
		}
	})
}

// close ends the connection.
func (c *conn) close() {
	c.lost = true
	c.x = nil
	c.t.UnregisterProducer()
	c.t.LoseConnection()
	if c.t.Buffered() > 0 {
		c.t.AbortConnection() // it would not take it
	}
}

// abort tells the backend that nobody wants the answer, and ends the connection.
func (c *conn) abort() {
	abort := c.talk.AppendAbort(c.t.AvailableBuffer())
	if c.t.Buffered() > 0 || len(abort) == 0 {
		c.close()
		return
	}
	c.t.Write(abort)
	c.lost, c.x = true, nil
	c.t.UnregisterProducer()
	c.t.LoseConnection()
}

var (
	_ reactor.Protocol = (*conn)(nil)
	_ Sink             = (*conn)(nil)
)
