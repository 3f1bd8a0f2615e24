package reactor

import "time"

// This file lets somebody look at what a reactor has: for a development server.

// Connection is one connection, to be looked at.
type Connection struct {
	Protocol Protocol // without the TLS around it; nil during its handshake
	Secure   bool
	Accepted bool // by a port; else it is an outgoing one, or a pipe
	Queued   int  // bytes that the kernel has not taken
}

// EachConnection calls f for each connection. Loop only.
func (r *Reactor) EachConnection(f func(Connection)) {
	r.loop.check()
	for _, e := range r.table {
		c, ok := e.(*Conn)
		if !ok || c.state&lost != 0 {
			continue
		}
		x := Connection{Protocol: c.proto, Accepted: c.port != nil, Queued: c.queued()}
		if s := c.filter(); s != nil {
			x.Protocol, x.Secure = s.proto, true
		}
		f(x)
	}
}

// Slow is a callback that has held the loop longer than Reactor.SlowCallback.
type Slow struct {
	Number uint64 // of the callback
	Held   time.Duration
	Over   bool   // Held is how long in all; else it holds it still
	Stack  string // of the loop, when it was seen first; "" when it is over
}

// WatchSlow has f told of each callback that holds the loop: once while it does, and once
// when it is over. Held is right to a twentieth of SlowCallback, but for up to half of it
// that is left out at the front. f is called on a goroutine of its own, and replaces the one
// before. Any goroutine.
func (r *Reactor) WatchSlow(f func(Slow)) { r.watch.told.Store(&f) }

// tell tells of a slow callback, if somebody wants to know.
func (w *watchdog) tell(s Slow) {
	if f := w.told.Load(); f != nil {
		(*f)(s)
	}
}
