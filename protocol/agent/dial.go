package agent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"spindle/protocol"
	"spindle/reactor"
)

// This file makes connections: plain ones, with TLS and ALPN, over UNIX sockets, and
// through proxies.

// dial begins a connection for those who wait.
func (g *origin) dial() {
	if g.p.http1 == nil {
		g.p.begin()
	}
	g.dialing++
	d := &dialer{g: g}
	d.connect().Timeout(g.p.loop, duration(g.p.ConnectTimeout, defaultConnect)).Then(nil, d.failed)
}

// dialer is the factory of one connection.
type dialer struct {
	g    *origin
	over bool
}

func (d *dialer) connect() *reactor.Deferred[reactor.Protocol] {
	o, loop := d.g.o, d.g.p.loop
	secure := o.Scheme == "https"
	switch {
	case o.Tunnel != "":
		return loop.ConnectTCP(o.Host, o.Port, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return d.tunnel() }))
	case o.Path != "" && secure:
		return loop.ConnectUNIX(o.Path, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol {
			return &starter{d: d, host: o.Host}
		}))
	case o.Path != "":
		return loop.ConnectUNIX(o.Path, d)
	case secure:
		return loop.ConnectTLS(o.Host, o.Port, d, d.config())
	}
	return loop.ConnectTCP(o.Host, o.Port, d)
}

// config is the configuration of TLS with what is offered in ALPN.
func (d *dialer) config() *tls.Config {
	config := d.g.p.TLS
	if config == nil {
		config = new(tls.Config)
	}
	config = config.Clone()
	if config.NextProtos == nil {
		config.NextProtos = []string{"http/1.1"}
		if d.g.mayHTTP2() {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	return config
}

// BuildProtocol makes the protocol of a connection without ALPN.
func (d *dialer) BuildProtocol(reactor.Addr) reactor.Protocol {
	if d.g.o.Scheme == "h2c" {
		return d.made("h2")
	}
	return d.made("")
}

// BuildNegotiated makes the protocol that ALPN has agreed on.
func (d *dialer) BuildNegotiated(_ reactor.Addr, alpn string) reactor.Protocol { return d.made(alpn) }

// made gives the connection to the pool as soon as its protocol is told of it.
func (d *dialer) made(alpn string) reactor.Protocol {
	p := d.g.p
	var conn protocol.ClientConn
	d.g.known = true
	if d.g.http2 = alpn == "h2"; d.g.http2 {
		conn = p.http2.NewClient()
	} else {
		conn = p.http1.NewClient()
	}
	return &entry{ClientConn: conn, d: d}
}

// entry is the protocol of a new connection until it is made; it steps aside then.
type entry struct {
	protocol.ClientConn
	d *dialer
}

// ConnectionMade switches to the connection's own protocol, and gives it to the pool.
func (e *entry) ConnectionMade(t reactor.Transport) {
	t.Switch(e.ClientConn, nil)
	e.d.g.p.loop.CallLater(0, func() { e.d.arrived(e.ClientConn) })
}

// arrived takes the connection in.
func (d *dialer) arrived(conn protocol.ClientConn) {
	if d.over {
		conn.Close()
		return
	}
	d.over = true
	d.g.dialing--
	if conn.Ended() {
		d.g.giveUpOn(errors.New("agent: the server closed at once"))
		return
	}
	d.g.add(conn)
}

// failed tells those who wait.
func (d *dialer) failed(err error) {
	if d.over {
		return
	}
	d.over = true
	d.g.dialing--
	d.g.giveUpOn(err)
	d.g.connect()
}

// bound has the dialer fail in time where the connection is there but no protocol on it yet:
// nobody is told of a handshake that StartTLS began and that fails.
func (d *dialer) bound() {
	d.g.p.loop.CallLater(duration(d.g.p.ConnectTimeout, defaultConnect), func() { d.failed(reactor.ErrTimeout) })
}

// starter is a connection over which TLS is begun.
type starter struct {
	d    *dialer
	host string
}

// ConnectionMade begins the handshake.
func (s *starter) ConnectionMade(t reactor.Transport) {
	s.d.bound()
	s.d.startTLS(t, s.host)
}

// DataReceived is not called: nothing is said before the handshake.
func (s *starter) DataReceived([]byte) {}

// ConnectionLost tells that the handshake did not come about.
func (s *starter) ConnectionLost(err error) { s.d.failed(err) }

// startTLS puts TLS under a connection to host.
func (d *dialer) startTLS(t reactor.Transport, host string) {
	config := d.config()
	if config.ServerName == "" {
		config.ServerName = host
	}
	if err := reactor.StartTLS(t, config, true, d, nil); err != nil {
		t.AbortConnection()
		d.failed(err)
	}
}

// tunnel asks a proxy for a connection to the server behind it (RFC 9110 §9.3.6).
func (d *dialer) tunnel() reactor.Protocol {
	conn := d.g.p.http1.NewClient()
	return &digger{Client: conn, d: d}
}

// digger is the connection to a proxy while CONNECT is under way.
type digger struct {
	Client protocol.ClientConn
	d      *dialer
	ch     protocol.ClientChannel
}

// ConnectionMade hands the connection to the client, and asks for the tunnel.
func (g *digger) ConnectionMade(t reactor.Transport) {
	g.d.bound()
	t.Switch(g.Client, nil)
	g.d.g.p.loop.CallLater(0, g.ask)
}

// DataReceived is not called: the connection was handed on.
func (g *digger) DataReceived([]byte) {}

// ConnectionLost tells that the proxy is gone.
func (g *digger) ConnectionLost(err error) { g.d.failed(err) }

func (g *digger) ask() {
	h := &protocol.RequestHead{Method: "CONNECT", Authority: g.d.g.o.Tunnel}
	if auth := g.d.g.o.ProxyAuth; auth != "" {
		h.Fields.Add("Proxy-Authorization", auth)
	}
	if g.ch = g.Client.Ask(h, g); g.ch == nil {
		g.d.failed(errors.New("agent: the proxy closed at once"))
	}
}

// InformationalReceived is of no interest.
func (g *digger) InformationalReceived(*protocol.ResponseHead) {}

// HeadReceived goes on inside the tunnel.
func (g *digger) HeadReceived(h *protocol.ResponseHead) {
	if !h.Switching {
		g.ch.Abort(nil)
		g.d.failed(fmt.Errorf("agent: the proxy refuses a tunnel to %s: %d %s", g.d.g.o.Tunnel, h.Status, protocol.StatusText(h.Status)))
		return
	}
	if g.d.g.o.Scheme != "https" {
		g.ch.Switch(g.d.BuildProtocol(reactor.Addr{}))
		return
	}
	host, _, _ := net.SplitHostPort(g.d.g.o.Tunnel)
	g.ch.Switch(&starter{d: g.d, host: host})
}

// BodyReceived and BodyFinished do not come: the answer was given up, or the connection is
// a tunnel.
func (g *digger) BodyReceived([]byte)          {}
func (g *digger) BodyFinished(protocol.Fields) {}

// ExchangeLost tells that there is no tunnel.
func (g *digger) ExchangeLost(err error) { g.d.failed(err) }

// ParseOrigin reads the scheme and authority of a URL: "http://host:port",
// "https://host", "h2c://host:port". Any goroutine.
func ParseOrigin(scheme, authority string) (Origin, error) {
	o, err := parseOrigin(scheme, authority)
	if err != nil {
		return o, fmt.Errorf("agent: %w", err)
	}
	return o, nil
}

func parseOrigin(scheme, authority string) (Origin, error) {
	ports := map[string]int{"http": 80, "https": 443, "h2c": 80}
	o := Origin{Scheme: scheme, Port: ports[scheme]}
	if o.Port == 0 {
		return o, fmt.Errorf("the scheme %s is not one of http, https and h2c", protocol.Quote(scheme))
	}
	host, port := protocol.SplitAuthority([]byte(authority))
	if len(host) == 0 || !protocol.ValidAuthority([]byte(authority)) {
		return o, fmt.Errorf("%s is not a host, or a host and a port", protocol.Quote(authority))
	}
	if len(port) > 0 {
		o.Port, _ = strconv.Atoi(string(port)) // ValidAuthority has seen that it is one
	}
	if host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	o.Host = string(slices.Clone(host))
	return o, nil
}
