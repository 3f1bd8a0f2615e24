package gateway

import (
	"errors"
	"fmt"
	"time"

	"spindle/reactor"
)

// Backend is one place where an application answers. Loop only.
type Backend struct {
	// Active is how many requests are there.
	Active int

	where reactor.ClientEndpoint
	down  time.Time // until when it is left out
}

// Backends chooses between several of them: the one with the fewest requests. One that
// can not be reached is left out for a while, unless all are.
type Backends struct {
	list []*Backend
	next int // where to begin looking, so that equals take turns
}

// NewBackends reads endpoints such as "unix:/run/php/php-fpm.sock" and
// "tcp:127.0.0.1:9000".
func NewBackends(endpoints []string) (*Backends, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("gateway: no backend is named")
	}
	b := new(Backends)
	for _, text := range endpoints {
		where, err := reactor.ParseClientEndpoint(text)
		if err != nil {
			return nil, fmt.Errorf("gateway: backend %q: %w", text, err)
		}
		b.list = append(b.list, &Backend{where: where})
	}
	return b, nil
}

// All is the backends.
func (b *Backends) All() []*Backend { return b.list }

// Pick is the backend for the next request, which is not among tried; nil when there is
// none left.
func (b *Backends) Pick(now time.Time, tried []*Backend) *Backend {
	var best *Backend
	next := b.next
	for i := range b.list {
		at := (b.next + i) % len(b.list)
		if c := b.list[at]; !contains(tried, c) && (best == nil || c.better(best, now)) {
			best, next = c, at+1
		}
	}
	b.next = next
	return best
}

func contains(list []*Backend, b *Backend) bool {
	for _, t := range list {
		if t == b {
			return true
		}
	}
	return false
}

// better tells whether a request goes to b rather than to c.
func (b *Backend) better(c *Backend, now time.Time) bool {
	up, other := !b.Down(now), !c.Down(now)
	switch {
	case up != other:
		return up
	case !up:
		return b.down.Before(c.down)
	}
	return b.Active < c.Active
}

// Down tells whether b is left out.
func (b *Backend) Down(now time.Time) bool { return now.Before(b.down) }

// SetDown leaves it out until then.
func (b *Backend) SetDown(until time.Time) { b.down = until }

// String is where it is.
func (b *Backend) String() string { return b.where.String() }

// connector is a loop that can connect, as that of a Reactor.
type connector interface {
	ConnectTCP(host string, port int, f reactor.Factory) *reactor.Deferred[reactor.Protocol]
	ConnectUNIX(path string, f reactor.Factory) *reactor.Deferred[reactor.Protocol]
}

// Connect connects to it, in no more than timeout.
func (b *Backend) Connect(l reactor.Loop, f reactor.Factory, timeout time.Duration) *reactor.Deferred[reactor.Protocol] {
	c, ok := l.(connector)
	if !ok {
		return reactor.Failed[reactor.Protocol](fmt.Errorf("gateway: %T can not connect", l))
	}
	var d *reactor.Deferred[reactor.Protocol]
	if b.where.Kind == reactor.EndpointUNIX {
		d = c.ConnectUNIX(b.where.Path, f)
	} else {
		d = c.ConnectTCP(b.where.Host, b.where.Port, f)
	}
	return d.Timeout(l, timeout)
}
