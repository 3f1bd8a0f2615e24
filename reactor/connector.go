package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file makes outgoing connections. A host name is looked up by a thread; its
// addresses are tried in turn, the next one when one has failed or has taken a
// while (RFC 8305), and the first that answers is it.

const (
	connectTimeout = 30 * time.Second
	connectStagger = 250 * time.Millisecond
)

// ConnectTCP connects to a host (a name or an address) and has f build the
// protocol. The Deferred gives that protocol after its ConnectionMade; it fails
// when no address answers in 30 s. Cancel gives up. Loop only.
func (r *Reactor) ConnectTCP(host string, port int, f Factory) *Deferred[Protocol] {
	name := fmt.Sprintf("%s:%d", host, port)
	if ip, err := netip.ParseAddr(host); err == nil && port > 0 && port <= 65535 {
		return r.connect(f, connectTimeout, name, r.known(Addr{IP: ip.Unmap(), Port: uint16(port)}))
	}
	return r.connect(f, connectTimeout, name, func() *Deferred[[]Addr] {
		return DeferToThreadPool(r.threads, func() ([]Addr, error) { return lookUp(host, port) })
	})
}

// ConnectUNIX connects to a UNIX socket. Loop only.
func (r *Reactor) ConnectUNIX(path string, f Factory) *Deferred[Protocol] {
	return r.connect(f, connectTimeout, "unix:"+path, r.known(Addr{Path: path}))
}

// known gives an address that need not be looked up: without a thread, but in a later turn as
// one that has to.
func (r *Reactor) known(a Addr) func() *Deferred[[]Addr] {
	return func() *Deferred[[]Addr] {
		d := NewDeferred[[]Addr]()
		r.posted.post(func() { d.Callback([]Addr{a}) })
		return d
	}
}

// lookUp finds the addresses of a host. Blocks: not on the loop.
func lookUp(host string, port int) ([]Addr, error) {
	if port <= 0 || port > 65535 {
		return nil, fmt.Errorf("reactor: connect to %q: port %d is not in 1 to 65535", host, port)
	}
	ips, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
	if err != nil {
		return nil, fmt.Errorf("reactor: connect: %w", err)
	}
	addrs := make([]Addr, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, Addr{IP: ip.Unmap(), Port: uint16(port)})
	}
	return addrs, nil
}

// connector is one call of Connect: up to a few attempts under way.
type connector struct {
	r        *Reactor
	f        Factory
	name     string
	result   *Deferred[Protocol]
	rest     []Addr
	attempts []*dialing
	stagger  *DelayedCall
	deadline *DelayedCall
	last     error
	over     bool
}

func (r *Reactor) connect(f Factory, timeout time.Duration, name string, addrs func() *Deferred[[]Addr]) *Deferred[Protocol] {
	r.loop.check()
	c := &connector{r: r, f: f, name: name}
	c.result = NewDeferred[Protocol]()
	c.result.OnCancel(func() { c.giveUp(ErrCancelled) })
	if err := r.open(); err != nil {
		c.finish()
		c.result.Errback(err)
		return c.result
	}
	c.deadline = r.CallLater(timeout, func() { c.giveUp(fmt.Errorf("reactor: connect to %s: %w", name, ErrTimeout)) })
	addrs().Then(func(a []Addr) {
		c.rest = a
		c.tryNext()
	}, c.giveUp)
	return c.result
}

// tryNext starts an attempt at the next address.
func (c *connector) tryNext() {
	if c.over {
		return
	}
	if c.stagger != nil {
		c.stagger.Cancel()
	}
	for len(c.rest) > 0 {
		addr := c.rest[0]
		c.rest = c.rest[1:]
		a, err := c.r.dial(c, addr)
		if err != nil {
			c.last = fmt.Errorf("reactor: connect to %s: %w", addr, err)
			continue
		}
		c.attempts = append(c.attempts, a)
		if len(c.rest) > 0 {
			c.stagger = c.r.CallLater(connectStagger, c.tryNext)
		}
		return
	}
	if len(c.attempts) == 0 {
		if c.last == nil {
			c.last = fmt.Errorf("reactor: connect to %s: the name has no address", c.name)
		}
		c.giveUp(c.last)
	}
}

// failed is told by an attempt.
func (c *connector) failed(a *dialing, err error) {
	c.last = fmt.Errorf("reactor: connect to %s: %w", a.addr, err)
	for i, b := range c.attempts {
		if a == b {
			c.attempts = append(c.attempts[:i], c.attempts[i+1:]...)
			break
		}
	}
	c.tryNext()
}

// connected is told by the first attempt that succeeds.
func (c *connector) connected(a *dialing) {
	for _, b := range c.attempts {
		if b != a {
			b.close()
		}
	}
	c.finish()
	var p Protocol
	c.r.contain(func() { p = c.f.BuildProtocol(a.addr) })
	if p == nil {
		a.close()
		c.result.Errback(fmt.Errorf("reactor: connect to %s: the factory refused", a.addr))
		return
	}
	conn := &Conn{r: c.r, fd: int32(a.fd), proto: p, ip: a.addr.IP, rport: a.addr.Port, state: writeEvent}
	if a.addr.Path != "" {
		conn.extra().path = a.addr.Path
	}
	c.r.own(a.fd, conn)
	conn.made()
	c.result.Callback(p)
	c.r.again(conn) // what came with the connection had its event already
	conn.state |= readable
}

func (c *connector) finish() {
	c.over = true
	c.attempts = nil
	if c.stagger != nil {
		c.stagger.Cancel()
	}
	if c.deadline != nil {
		c.deadline.Cancel()
	}
}

func (c *connector) giveUp(err error) {
	if c.over {
		return
	}
	for _, a := range c.attempts {
		a.close()
	}
	c.finish()
	if !errors.Is(err, ErrCancelled) {
		c.result.Errback(err)
	}
}

// dialing is one socket that connects.
type dialing struct {
	c    *connector
	addr Addr
	fd   int
}

func (r *Reactor) dial(c *connector, addr Addr) (*dialing, error) {
	sa, family, err := addr.sockaddr()
	if err != nil {
		return nil, err
	}
	fd, err := newSocket(family)
	if err != nil {
		return nil, err
	}
	if family != unix.AF_UNIX {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	a := &dialing{c: c, addr: addr, fd: fd}
	if err := unix.Connect(fd, sa); err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		sysClose(fd)
		return nil, errnoError("connect", err)
	}
	r.own(fd, a)
	if err := r.poller.addBoth(fd); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// doReady is called when the attempt has ended.
func (a *dialing) doReady(what ready) {
	e, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && e == 0 && what&errorSeen == 0 {
		if what&writeReady != 0 {
			a.c.connected(a)
		}
		return
	}
	a.close()
	if e == 0 {
		e = int(unix.ECONNREFUSED)
	}
	a.c.failed(a, errnoError("connect", syscall.Errno(e)))
}

func (a *dialing) close() {
	a.c.r.unregister(a.fd)
	sysClose(a.fd)
}

var _ Connector = (*Reactor)(nil)
