package cgi

import (
	"container/list"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Factory makes the Conns of one loop. Loop only.
type Factory struct {
	name     string
	server   protocol.Server
	set      Settings // resolved
	framing  FramingFunc
	loop     reactor.Loop // nil before the first connection
	idle     list.List    // of *Conn, the longest idle first
	busy     list.List
	draining bool
	drained  func()
	accepted uint64
	requests uint64
}

// Stats counts the connections of a factory.
type Stats struct {
	Open     int    // connections
	Idle     int    // of these, without a request in hand
	Accepted uint64 // connections ever
	Requests uint64 // heads given to the server
}

// NewFactory makes a factory whose connections ask server. name is for the log. s may be
// nil.
func NewFactory(name string, server protocol.Server, s *Settings, framing FramingFunc) *Factory {
	if s == nil {
		s = new(Settings)
	}
	return &Factory{name: name, server: server, set: s.resolve(), framing: framing}
}

// BuildProtocol makes the Conn of a new connection. See reactor.Factory.
func (f *Factory) BuildProtocol(reactor.Addr) reactor.Protocol {
	return &Conn{f: f, framing: f.framing(&f.set)}
}

// Stats tells how many connections there are, and have been.
func (f *Factory) Stats() Stats {
	return Stats{Open: f.idle.Len() + f.busy.Len(), Idle: f.idle.Len(), Accepted: f.accepted, Requests: f.requests}
}

// Drain closes idle connections at once, and busy ones when their answer is done. done,
// which may be nil, is called when the last one is gone, in a later turn; at once when
// there has never been one.
func (f *Factory) Drain(done func()) {
	f.draining = true
	f.drained = done
	each(&f.idle, func(c *Conn) { c.t.LoseConnection() })
	f.tellDrained()
}

func (f *Factory) tellDrained() {
	if f.drained == nil || f.idle.Len()+f.busy.Len() > 0 {
		return
	}
	done := f.drained
	f.drained = nil
	if f.loop == nil {
		done()
		return
	}
	f.loop.CallLater(0, done)
}

// Abort ends all connections at once.
func (f *Factory) Abort() {
	each(&f.idle, func(c *Conn) { c.t.AbortConnection() })
	each(&f.busy, func(c *Conn) { c.t.AbortConnection() })
}

// CloseOldestIdle closes the connection that has been idle longest. It tells whether there
// was one.
func (f *Factory) CloseOldestIdle() bool {
	e := f.idle.Front()
	if e == nil {
		return false
	}
	c := e.Value.(*Conn)
	c.leaveList()
	c.t.LoseConnection()
	return true
}

func each(l *list.List, f func(*Conn)) {
	for e := l.Front(); e != nil; {
		next := e.Next()
		f(e.Value.(*Conn))
		e = next
	}
}

// full tells whether a new connection is one too many, after making room for it where
// that is possible.
func (f *Factory) full() bool {
	if f.set.Full != nil {
		return f.set.Full()
	}
	return f.idle.Len()+f.busy.Len() >= f.set.MaxConnections && !f.CloseOldestIdle()
}

// after is when d from now is over; the zero Time for never.
func (f *Factory) after(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return f.loop.Now().Add(d)
}
