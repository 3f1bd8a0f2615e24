package agent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/http2"
	"spindle/reactor"
)

// This file is the pool of connections: which there are, who gets one next, and when one
// has been idle for too long. How a connection is made is in dial.go, what becomes of a
// request on it in call.go.

// Loop is what a Pool lives on: a reactor.Reactor.
type Loop interface {
	reactor.Loop
	reactor.Connector
}

// Origin names a server that connections go to. Connections are shared by those who ask
// for an equal one.
type Origin struct {
	// Scheme is "http", "https", or "h2c": HTTP/2 without TLS, known beforehand.
	Scheme string
	Host   string // a name or an address, IPv6 without brackets
	Port   int
	// Path, when set, is a UNIX socket that is connected to in place of Host and Port. With
	// https Host is who the certificate has to name.
	Path string
	// Tunnel, when set, is the "host:port" that CONNECT asks a proxy at Host and Port
	// for; Scheme is that of the server behind it, and its certificate is verified.
	Tunnel string
	// ProxyAuth is the Proxy-Authorization field of that CONNECT, "" for none.
	ProxyAuth string
	// NoHTTP2 does not offer HTTP/2 to https, for a request that needs HTTP/1 (an Upgrade).
	NoHTTP2 bool
}

// String is a URL-like name for logs.
func (o Origin) String() string {
	s := o.Scheme + "://"
	switch {
	case o.Path != "":
		return s + "unix:" + o.Path
	case o.Tunnel != "":
		return s + o.Tunnel
	}
	return s + joinPort(o.Host, o.Port)
}

// Pool keeps connections to servers. The fields are set before it is used; zero means
// the default that stands beside each, negative none. Loop only.
type Pool struct {
	// MaxPerOrigin limits the connections to one origin, busy ones included; 128. Beyond,
	// requests wait for one.
	MaxPerOrigin int
	// MaxIdle limits the idle connections that are kept to one origin; 128.
	MaxIdle int
	// MaxWaiting limits the requests that wait for a connection to one origin; 1024.
	// Beyond, they fail at once.
	MaxWaiting int
	// IdleTimeout is how long an idle connection is kept; 60 s.
	IdleTimeout time.Duration
	// ConnectTimeout is the time from a request to its connection: for the name to be
	// found, the server to accept, the handshake, and a place; 10 s.
	ConnectTimeout time.Duration
	// TLS is the configuration of https; nil verifies by the roots of the system.
	TLS *tls.Config
	// HTTP1 are the limits of connections of HTTP/1; nil for the defaults.
	HTTP1 *http1.ClientSettings
	// HTTP2 are those of HTTP/2, which is offered to https (ALPN) and spoken to h2c.
	HTTP2 *http2.ClientSettings
	// NoHTTP2 offers HTTP/1 alone.
	NoHTTP2 bool

	loop    Loop
	http1   *http1.ClientFactory
	http2   *http2.ClientFactory
	origins map[Origin]*origin
	sweep   *reactor.DelayedCall
	now     func() time.Time
	closed  bool
}

// NewPool makes a Pool on l.
func NewPool(l Loop) *Pool {
	return &Pool{loop: l, origins: make(map[Origin]*origin), now: l.Now}
}

// Loop is where the pool lives.
func (p *Pool) Loop() Loop { return p.loop }

const defaultConnect = 10 * time.Second

// begin makes what all connections share, from the fields.
func (p *Pool) begin() {
	p.http1 = http1.NewClientFactory(p.HTTP1)
	p.http2 = http2.NewClientFactory(p.HTTP2)
}

// Errors of a pool, in the Err of a protocol.LostError.
var (
	ErrTooManyWaiting = errors.New("agent: too many requests wait for a connection")
	ErrClosed         = errors.New("agent: the pool is closed")
)

// limit is n, by default d, for ever when negative.
func limit(n, d int) int {
	switch {
	case n == 0:
		return d
	case n < 0:
		return 1 << 30
	}
	return n
}

func duration(d, byDefault time.Duration) time.Duration {
	switch {
	case d == 0:
		return byDefault
	case d < 0:
		return 1<<63 - 1
	}
	return d
}

// origin is the connections to one server.
type origin struct {
	p       *Pool
	o       Origin
	conns   []*pooled
	free    []*pooled // those with room; the one used last is last
	waiting []*Call   // for a connection, in order
	dialing int
	http2   bool // the last connection spoke HTTP/2
	known   bool // there was one
	busy    int  // calls that are with a connection
}

// pooled is one connection of an origin.
type pooled struct {
	origin *origin
	conn   protocol.ClientConn
	since  time.Time // since when it is idle
	free   bool      // it is on the list
}

// Ask begins an exchange with the server: at once on a connection that is kept, else when
// there is one. c is told; h and its fields are kept and must not be changed until the
// exchange is over. A request without content that may be repeated is sent again when a
// kept connection died before it answered.
func (p *Pool) Ask(o Origin, h *protocol.RequestHead, c Caller) *Call {
	call := &Call{caller: c, head: h}
	call.ask(p.origin(o))
	return call
}

// Stats tells how many connections there are to an origin, how many of these are idle, and
// how many requests wait.
func (p *Pool) Stats(o Origin) (open, idle, waiting int) {
	g := p.origins[o]
	if g == nil {
		return 0, 0, 0
	}
	for _, c := range g.conns {
		if c.conn.Busy() == 0 {
			idle++
		}
	}
	return len(g.conns), idle, len(g.waiting)
}

// Close ends all connections: idle ones at once, others after their exchanges. Requests
// that wait fail.
func (p *Pool) Close() {
	p.closed = true
	for _, g := range p.origins {
		for _, c := range slices.Clone(g.conns) {
			c.conn.Close()
		}
		for _, call := range g.waiting {
			call.failLater("there is no connection", ErrClosed)
		}
		g.waiting = nil
	}
	if p.sweep != nil {
		p.sweep.Cancel()
		p.sweep = nil
	}
}

func (p *Pool) origin(o Origin) *origin {
	g := p.origins[o]
	if g == nil {
		g = &origin{p: p, o: o}
		p.origins[o] = g
	}
	return g
}

// take is a connection with room, nil when there is none.
func (g *origin) take() *pooled {
	for n := len(g.free) - 1; n >= 0; n-- {
		c := g.free[n]
		if c.conn.Room() > 0 {
			return c
		}
		c.free = false
		g.free = g.free[:n]
	}
	return nil
}

// wait has call wait, and connects if there is nobody else to wait for.
func (g *origin) wait(call *Call) {
	p := g.p
	switch {
	case p.closed:
		call.failLater("there is no connection", ErrClosed)
		return
	case len(g.waiting) >= limit(p.MaxWaiting, 1024):
		call.failLater("there is no connection", ErrTooManyWaiting)
		return
	}
	g.waiting = append(g.waiting, call)
	call.timer = p.loop.CallLater(duration(p.ConnectTimeout, defaultConnect), call.waitedTooLong)
	g.connect()
}

// connect connects as often as it may help those who wait.
func (g *origin) connect() {
	for g.dialing < len(g.waiting) && g.dialing+len(g.conns) < limit(g.p.MaxPerOrigin, 128) {
		if g.dialing > 0 && (g.http2 || !g.known && g.mayHTTP2()) {
			return // one will do, or may
		}
		g.dial()
	}
}

// mayHTTP2 tells whether connections may come to speak HTTP/2.
func (g *origin) mayHTTP2() bool {
	return g.o.Scheme == "h2c" || g.o.Scheme == "https" && !g.o.NoHTTP2 && !g.p.NoHTTP2
}

// add takes a new connection in.
func (g *origin) add(conn protocol.ClientConn) {
	c := &pooled{origin: g, conn: conn, since: g.p.now()}
	g.conns = append(g.conns, c)
	conn.Watch(c)
	c.ConnChanged(conn)
	g.connect()
}

// ConnChanged gives the connection to those who wait, or keeps it.
func (c *pooled) ConnChanged(conn protocol.ClientConn) {
	g := c.origin
	if conn.Ended() {
		c.remove()
		if len(g.waiting) > 0 {
			g.connect()
		}
		return
	}
	for len(g.waiting) > 0 && conn.Room() > 0 {
		call := g.waiting[0]
		g.waiting = g.waiting[1:]
		call.begin(c)
	}
	if conn.Room() > 0 {
		c.keep()
	}
}

// keep has the connection wait for the next request, unless enough do.
func (c *pooled) keep() {
	g, p := c.origin, c.origin.p
	if p.closed {
		c.conn.Close()
		return
	}
	c.since = p.now()
	if c.free {
		return
	}
	if c.conn.Busy() == 0 && len(g.free) >= limit(p.MaxIdle, 128) {
		c.conn.Close()
		c.remove()
		return
	}
	c.free = true
	g.free = append(g.free, c)
	if p.sweep == nil && p.IdleTimeout >= 0 {
		p.sweep = p.loop.CallLater(duration(p.IdleTimeout, 60*time.Second)/2, p.closeIdle)
	}
}

func (c *pooled) remove() {
	g := c.origin
	g.conns = without(g.conns, c)
	if c.free {
		c.free = false
		g.free = without(g.free, c)
	}
	g.dropIfUnused()
}

// dropIfUnused forgets the origin: clients may ask for any number of them.
func (g *origin) dropIfUnused() {
	if len(g.conns) == 0 && len(g.waiting) == 0 && g.dialing == 0 && g.busy == 0 && g.p.origins[g.o] == g {
		delete(g.p.origins, g.o)
	}
}

func without(list []*pooled, c *pooled) []*pooled {
	if i := slices.Index(list, c); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// closeIdle closes what has been idle for too long, and looks again later.
func (p *Pool) closeIdle() {
	p.sweep = nil
	timeout := duration(p.IdleTimeout, 60*time.Second)
	before := p.now().Add(-timeout)
	left := false
	for _, g := range p.origins {
		for _, c := range slices.Clone(g.free) {
			switch {
			case c.conn.Busy() > 0:
				left = true
			case !c.since.After(before):
				c.conn.Close()
				c.remove()
			default:
				left = true
			}
		}
	}
	if left {
		p.sweep = p.loop.CallLater(timeout/2, p.closeIdle)
	}
}

// giveUpOn fails those who wait in vain: a connection could not be made.
func (g *origin) giveUpOn(err error) {
	if len(g.waiting) > 0 && len(g.conns)+g.dialing == 0 {
		all := g.waiting
		g.waiting = nil
		for _, call := range all {
			call.fail("no connection to "+g.o.String(), err)
		}
	} else if len(g.waiting) > len(g.conns)+g.dialing {
		call := g.waiting[0]
		g.waiting = g.waiting[1:]
		call.fail("no connection to "+g.o.String(), err)
	}
	g.dropIfUnused()
}

func joinPort(host string, port int) string {
	for i := range len(host) {
		if host[i] == ':' {
			return fmt.Sprintf("[%s]:%d", host, port)
		}
	}
	return fmt.Sprintf("%s:%d", host, port)
}
