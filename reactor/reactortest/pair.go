package reactortest

import (
	"syscall"

	"spindle/reactor"
)

// pairWindow is how many bytes are on their way between a pair, each way.
const pairWindow = 256 << 10

// Pair connects client and server with each other on one loop: what one writes
// the other receives, ends and resets are carried over. A side that does not
// read makes the other's queue grow, as with sockets. split cuts the reads of
// both; nil means Whole.
func (l *Loop) Pair(client, server reactor.Protocol, split Split) (c, s *Transport) {
	c, s = l.NewTransport(), l.NewTransport()
	c.PeerAddr, c.HostAddr = s.HostAddr, s.PeerAddr
	c.pair, s.pair = s, c
	for _, t := range []*Transport{c, s} {
		t.window = pairWindow
		if split != nil {
			t.split = split
		}
	}
	s.proto, s.fresh = server, true
	s.touch()
	c.Start(client)
	return c, s
}

// carry brings the other end of a pair what has been written, and the end.
func (t *Transport) carry() {
	p := t.pair
	if p == nil || p.reason != nil && len(t.wire) == 0 {
		return
	}
	if len(t.wire) > 0 {
		if p.reason != nil {
			t.end(syscall.ECONNRESET)
		} else {
			p.arrive(t.wire)
		}
		t.wire = t.wire[:0]
	}
	switch {
	case t.lost && t.reason != reactor.ErrDone:
		p.reset = syscall.ECONNRESET
		p.touch()
	case t.lost || t.writeClosed:
		p.peerDone = true
		p.touch()
	}
}
