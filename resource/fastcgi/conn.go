package fastcgi

import (
	"errors"
	"time"

	"spindle/protocol/fastcgi"
	"spindle/reactor"
	"spindle/resource/gateway"
)

// conn is a connection to a backend, and the Sink of the content of the request on it.
type conn struct {
	pool    *pool
	backend *gateway.Backend
	t       reactor.Transport
	dec     fastcgi.Decoder
	end     []byte    // of the content of an EndRequest, what has come
	x       *exchange // nil when none is under way
	done    *exchange // ended in the callback that is under way
	served  int       // requests ever
	idle    *reactor.DelayedCall
	lost    bool
}

// id is that of the one request on a connection.
const id = 1

// ConnectionMade keeps the transport. See reactor.Protocol.
func (c *conn) ConnectionMade(t reactor.Transport) { c.t = t }

// run sends a request.
func (c *conn) run(x *exchange) {
	c.x, c.end = x, nil
	x.begin(c)
	c.t.WriteShared(x.head)
	x.content.Start(c)
}

// Write sends a piece of content, in records. See reactor.Consumer.
func (c *conn) Write(data []byte) {
	for len(data) > 0 {
		n := min(len(data), fastcgi.MaxContent)
		c.t.Write(fastcgi.AppendHeader(c.t.AvailableBuffer(), fastcgi.Stdin, id, n))
		c.t.Write(data[:n])
		data = data[n:]
	}
}

// End ends the content. See gateway.Sink.
func (c *conn) End() {
	c.t.Write(fastcgi.AppendHeader(c.t.AvailableBuffer(), fastcgi.Stdin, id, 0))
}

// RegisterProducer makes p the producer of the content. See reactor.Consumer.
func (c *conn) RegisterProducer(p reactor.Producer) { c.t.RegisterProducer(p) }

// UnregisterProducer ends it.
func (c *conn) UnregisterProducer() { c.t.UnregisterProducer() }

// errUnasked is about a backend that says something when it was asked nothing.
var errUnasked = errors.New("fastcgi: the backend sent something that it was not asked for")

// DataReceived reads records. See reactor.Protocol.
func (c *conn) DataReceived(data []byte) {
	if c.x != nil {
		c.x.heard()
	}
	for len(data) > 0 && !c.lost {
		n, p, ok, err := c.dec.Read(data)
		if err == nil && c.x == nil && ok && p.Type != fastcgi.UnknownType {
			err = errUnasked
		}
		if err != nil {
			c.broken(err)
			return
		}
		data = data[n:]
		if ok {
			c.piece(p)
		}
	}
	if c.x != nil {
		c.x.answer.Flush()
	}
	if c.done != nil {
		c.ended()
	}
}

func (c *conn) piece(p fastcgi.Piece) {
	if p.ID != id {
		return // management, or a request that is none
	}
	switch p.Type {
	case fastcgi.Stdout:
		c.x.answer.Data(p.Data)
	case fastcgi.Stderr:
		c.x.errors.Write(p.Data)
	case fastcgi.EndRequest:
		if len(c.end) < 8 {
			c.end = append(c.end, p.Data...)
		}
		if p.Last {
			c.x, c.done = nil, c.x
		}
	}
}

// ended is called when the backend has ended the request. The connection is free before
// the request gives its place to another one, which may want it.
func (c *conn) ended() {
	x := c.done
	c.done = nil
	appStatus, status, ok := fastcgi.ParseEnd(c.end)
	c.served++
	c.t.UnregisterProducer()
	c.t.ResumeReading()
	if ok && status == fastcgi.RequestComplete && x.content.Whole() && c.t.Buffered() == 0 && c.dec.Between() {
		c.pool.keep(c)
	} else {
		c.close() // it may still wait for the rest of the content
	}
	if !ok {
		x.broken(errors.New("fastcgi: an EndRequest that is too short"))
		return
	}
	x.ended(appStatus, status)
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
	c.stopWaiting()
	c.pool.forget(c)
	x, ours := c.x, c.lost
	c.x, c.lost = nil, true
	if x != nil && !ours {
		x.lost(c, reason)
	}
}

// wait keeps the connection for some time.
func (c *conn) wait(d time.Duration) {
	if d > 0 {
		c.idle = c.t.Loop().CallLater(d, c.close)
	}
}

func (c *conn) stopWaiting() {
	if c.idle != nil {
		c.idle.Cancel()
		c.idle = nil
	}
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
	if c.t.Buffered() == 0 {
		c.t.Write(fastcgi.AppendHeader(c.t.AvailableBuffer(), fastcgi.AbortRequest, id, 0))
		c.lost, c.x = true, nil
		c.t.UnregisterProducer()
		c.t.LoseConnection()
		return
	}
	c.close()
}

var (
	_ reactor.Protocol = (*conn)(nil)
	_ gateway.Sink     = (*conn)(nil)
)
