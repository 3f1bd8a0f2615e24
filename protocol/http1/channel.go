package http1

import (
	"spindle/reactor"
)

// Channel is the server side of one connection, and the protocol.Channel of the
// exchange in hand. Loop only.
type Channel struct {
	f *Factory
	t reactor.Transport
}

// Drain ends keep-alive: an idle connection closes at once, a busy one when its
// answer is done.
func (c *Channel) Drain() { panic("to be built") }
