package websocket

import "spindle/reactor"

// Factory makes the connections of one loop and lends them what they share: buffers,
// coders. Loop only.
type Factory struct {
	set  settings
	loop reactor.Loop // nil before the first connection

	first    *Conn // of all connections, the youngest
	open     int
	draining bool
	drained  *reactor.Deferred[struct{}]

	scratch  []byte   // for the payload of a frame that has come whole
	spare    *inbound // not in use
	spares   int
	partial  int64 // bytes in messages that have come in part
	inflater *inflater
	inflated []byte
	deflater [16]*deflater // by the bits of the window
	deflated sink
}

const (
	maxSpares   = 64       // inbounds that are kept
	maxSpare    = 64 << 10 // bytes of a buffer that is kept with one
	maxScratch  = 1 << 20  // bytes of a buffer that the Factory keeps
	firstBuffer = 512      // bytes of a message buffer at least
)

// NewFactory makes a Factory. s may be nil. It is not looked at afterwards. What can
// not be meant panics.
func NewFactory(s *Settings) *Factory {
	if s == nil {
		s = new(Settings)
	}
	return &Factory{set: s.resolve()}
}

// NewConn makes a connection as a was agreed upon, to be given to Transport.Switch or
// Request.Switch.
func (f *Factory) NewConn(a Agreement, h Handler) *Conn {
	c := &Conn{f: f, h: h, subprotocol: a.Subprotocol, terms: a.deflate}
	if a.deflate.keepsContext() {
		c.context = new(context)
	}
	return c
}

// Len is the number of connections.
func (f *Factory) Len() int { return f.open }

// Each calls do for every connection. It may close them.
func (f *Factory) Each(do func(c *Conn)) {
	for c := f.first; c != nil; {
		next := c.next
		do(c)
		c = next
	}
}

// made takes a connection in.
func (f *Factory) made(c *Conn) {
	if f.loop == nil {
		f.loop = c.t.Loop()
		f.loop.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, f.drain)
	}
	if c.next = f.first; c.next != nil {
		c.next.prev = c
	}
	f.first = c
	f.open++
}

// gone forgets a connection.
func (f *Factory) gone(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		f.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	f.open--
	if f.drained != nil && f.open == 0 {
		d := f.drained
		f.drained = nil
		d.Callback(struct{}{})
	}
}

// drain closes all connections when the reactor stops, and waits for their end, which
// CloseTimeout bounds.
func (f *Factory) drain() *reactor.Deferred[struct{}] {
	f.draining = true
	if f.open == 0 {
		return nil
	}
	f.drained = reactor.NewDeferred[struct{}]()
	f.Each(func(c *Conn) { c.Close(CodeGoingAway, "the server stops") })
	return f.drained
}

// borrow is an inbound for a connection.
func (f *Factory) borrow() *inbound {
	in := f.spare
	if in == nil {
		return new(inbound)
	}
	f.spare, in.next = in.next, nil
	f.spares--
	return in
}

// giveBack takes it back.
func (f *Factory) giveBack(in *inbound) {
	f.partial -= int64(in.counted)
	message := in.message[:0]
	if cap(message) > maxSpare {
		message = nil
	}
	*in = inbound{message: message}
	if f.spares < maxSpares {
		in.next, f.spare = f.spare, in
		f.spares++
	}
}
