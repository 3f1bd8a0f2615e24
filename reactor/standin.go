package reactor

import "sync"

// This file lets the process that started this one open its port: a development server
// keeps the socket while programs come and go, so that no connection is refused. It
// speaks systemd's protocol (see systemd.go), with a name of its own.

// StandIn is the name (LISTEN_FDNAMES) of an open socket that takes the place of the
// first TCP endpoint that this process listens at, whatever its port.
const StandIn = "spindle.stand-in"

// standIn is the socket, and whose place it takes.
type standIn struct {
	mu    sync.Mutex
	taken bool
	place Endpoint
}

var stood standIn

// standInFor gives e the open socket in place of one of its own, if there is one and it
// is for e. The loops of a group, which ask for the same endpoint, share it; other
// endpoints share their ports, so that two generations of a program can overlap.
func standInFor(e Endpoint) Endpoint {
	if e.Kind != EndpointTCP && e.Kind != EndpointTCP6 {
		return e
	}
	sockets, err := inherited()
	if err != nil {
		return e
	}
	fd, err := FindSystemdSocket(sockets, Endpoint{Kind: EndpointSystemd, Name: StandIn})
	if err != nil {
		return e
	}
	return stood.choose(e, fd)
}

func (s *standIn) choose(e Endpoint, fd int) Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.TLS = nil // it is the port's affair, and not one of its address
	if !s.taken {
		s.taken, s.place = true, e
	}
	if e == s.place {
		return Endpoint{Kind: EndpointFD, FD: fd}
	}
	e.ReusePort = true
	return e
}
