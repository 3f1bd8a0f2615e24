package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file finds a connection for a request.

// pool is the connections of an Application. Loop only.
type pool struct {
	app      *Application
	backends *Backends
	queue    Queue
	idle     map[*Backend][]*conn // the one used last is the last
	loop     reactor.Loop         // nil before the first request
	sweeping bool
	closing  bool
}

// send gives x a connection: one that is kept, unless fresh, or a new one.
func (p *pool) send(x *exchange, fresh bool) {
	p.watch(x.r.Loop())
	b := p.backends.Pick(x.r.Now(), x.tried)
	if b == nil {
		x.fail(x.refused)
		return
	}
	x.tried = append(x.tried, b)
	x.at(b)
	if c := p.takeIdle(b); c != nil {
		if !fresh {
			c.run(x)
			return
		}
		c.close() // as old as the one that was closed
	}
	p.connect(b, x)
}

func (p *pool) takeIdle(b *Backend) *conn {
	list := p.idle[b]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	p.idle[b] = list[:len(list)-1]
	return c
}

func (p *pool) connect(b *Backend, x *exchange) {
	timeout := Limit(p.app.ConnectTimeout, 5*time.Second)
	if timeout == 0 {
		timeout = time.Hour
	}
	c := &conn{pool: p, backend: b, talk: p.app.wire.NewTalk()}
	x.connecting = b.Connect(x.r.Loop(), reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return c }), timeout)
	x.connecting.Then(func(reactor.Protocol) {
		x.connecting = nil
		if x.over {
			p.keep(c)
			return
		}
		c.run(x)
	}, func(err error) {
		x.connecting = nil
		if !x.over {
			p.unreachable(b, x, err)
		}
	})
}

// unreachable tries another backend.
func (p *pool) unreachable(b *Backend, x *exchange, err error) {
	status := 502
	switch {
	case errors.Is(err, reactor.ErrTimeout):
		status = 504
	case errors.Is(err, syscall.EAGAIN): // the backlog of a UNIX socket is full: it is there
		status = 503
	}
	if status != 503 {
		b.SetDown(x.r.Now().Add(Limit(p.app.DownTime, 10*time.Second)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no such socket: %w", err)
	}
	err = fmt.Errorf("gateway: backend %s: %w", b, err)
	x.refused = &resource.Error{Status: status, Err: err}
	if len(x.tried) < len(p.backends.All()) {
		p.app.log().Warn(err.Error())
	}
	p.send(x, true)
}

// keep takes back a connection on which nothing is under way.
func (p *pool) keep(c *conn) {
	most := Limit(p.app.MaxIdle, 32)
	if !p.app.keeps() || p.closing || c.lost || len(p.idle[c.backend]) >= most {
		c.close()
		return
	}
	c.idle = c.t.Loop().Now()
	p.idle[c.backend] = append(p.idle[c.backend], c)
	p.sweepLater(c.t.Loop(), Limit(p.app.IdleTimeout, 10*time.Second))
}

// sweepLater has those closed that were kept for as long as d; 0 means never. There is one
// timer for all of them, so that a request costs none.
func (p *pool) sweepLater(l reactor.Loop, d time.Duration) {
	if d == 0 || p.sweeping {
		return
	}
	p.sweeping = true
	l.CallLater(d/2, func() {
		p.sweeping = false
		kept := 0
		for _, list := range p.idle {
			for _, c := range append([]*conn(nil), list...) {
				if l.Now().Sub(c.idle) >= d {
					p.forget(c)
					c.close()
				} else {
					kept++
				}
			}
		}
		if kept > 0 {
			p.sweepLater(l, d)
		}
	})
}

// forget drops a kept connection that has ended.
func (p *pool) forget(c *conn) {
	list := p.idle[c.backend]
	for i, other := range list {
		if other == c {
			p.idle[c.backend] = append(list[:i], list[i+1:]...)
			return
		}
	}
}

// watch closes the kept connections when the reactor stops.
func (p *pool) watch(l reactor.Loop) {
	if p.loop != nil {
		return
	}
	p.loop = l
	l.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		p.closing = true
		for _, list := range p.idle {
			for _, c := range append([]*conn(nil), list...) {
				c.close()
			}
		}
		return nil
	})
}
