package reactor

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Group runs several reactors side by side, one for each core: each has its own
// loop, its own listener on the same port (SO_REUSEPORT), and its own protocols,
// made by a build function. Nothing is shared, so nothing is locked.
type Group struct {
	reactors []*Reactor
}

// NewGroup makes a group of n reactors; n of zero or less means one for each core
// that the program may use. The first one handles the signals for all.
func NewGroup(n int) *Group {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	g := &Group{reactors: make([]*Reactor, n)}
	for i := range g.reactors {
		g.reactors[i] = New()
		g.reactors[i].sharers = n
	}
	g.reactors[0].HandleSignals = true
	return g
}

// Reactors are the members, to set their fields before Run.
func (g *Group) Reactors() []*Reactor { return g.reactors }

// Listen has every member listen on the endpoint with a factory of its own, which
// build makes: factories must not be shared. Call it before Run. It returns the
// ports in the order of the reactors; with port 0 all have the same number. A
// UNIX socket and an adopted descriptor are shared: who is free accepts.
func (g *Group) Listen(endpoint string, build func(r *Reactor) (Factory, error)) ([]*Port, error) {
	e, err := ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	return g.ListenEndpoint(e, build)
}

// ListenEndpoint is Listen for an endpoint that is parsed already. With TLS all
// members have the same certificates, and a session begun at one is resumed at each.
func (g *Group) ListenEndpoint(e Endpoint, build func(r *Reactor) (Factory, error)) ([]*Port, error) {
	tcp := e.Kind == EndpointTCP || e.Kind == EndpointTCP6
	if tcp && len(g.reactors) > 1 {
		e.ReusePort = true
	}
	ports := make([]*Port, 0, len(g.reactors))
	var source *tlsSource
	for _, r := range g.reactors {
		f, err := build(r)
		if err != nil {
			return ports, err
		}
		if e.TLS != nil && source == nil {
			if source, err = openTLS(e.TLS, f, time.Now()); err != nil {
				return ports, err
			}
		}
		p, err := r.listenMember(e, f, source, len(ports) == 0)
		switch {
		case err != nil && len(g.reactors) > 1:
			return ports, fmt.Errorf("%w (loop %d of %d)", err, len(ports)+1, len(g.reactors))
		case err != nil:
			return ports, err
		}
		ports = append(ports, p)
		switch {
		case tcp && e.Port == 0:
			e.Port = int(p.Addr().Port)
		case !tcp:
			e = Endpoint{Kind: EndpointFD, FD: p.fd, TLS: e.TLS, ours: e.ours || e.Kind == EndpointUNIX}
		}
	}
	return ports, nil
}

// listenMember is ListenEndpoint with the TLS that the members share.
func (r *Reactor) listenMember(e Endpoint, f Factory, s *tlsSource, first bool) (*Port, error) {
	if s == nil || f == nil {
		return r.ListenEndpoint(e, f)
	}
	return r.listenTLS(e, f, s, first)
}

// Run turns all loops until Stop, a signal, or until one of them fails. It returns
// when the last has ended. Blocks.
func (g *Group) Run() error {
	errs := make([]error, len(g.reactors))
	var all sync.WaitGroup
	for i, r := range g.reactors {
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = r.Run()
			g.Stop()
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// Stop stops every member in order. Any goroutine.
func (g *Group) Stop() {
	for _, r := range g.reactors {
		r.Stop()
	}
}
