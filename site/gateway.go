package site

import (
	"os"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/protocol/fastcgi"
	"spindle/protocol/scgi"
	"spindle/reactor"
)

// This file is a Site behind a web server that passes requests on by FastCGI, SCGI or CGI.

// FastCGI is the factory for ports at which a web server asks by FastCGI:
//
//	r.Listen("unix:/run/app.sock", s.FastCGI())
//
// A Site may have ports of both kinds. Who can connect to it is believed what it says of
// the client.
func (s *Site) FastCGI() reactor.Factory {
	return &gatewayFactory{site: s, make: fastcgi.NewFactory}
}

// SCGI is the factory for ports at which a web server asks by SCGI. See FastCGI.
func (s *Site) SCGI() reactor.Factory {
	return &gatewayFactory{site: s, make: scgi.NewFactory}
}

// ServeCGI answers the one request that a web server has started this process for by CGI:
// env is its environment ("name=value" each), in its content, out takes the answer. Both are
// closed, and then done is called on the loop. Loop only.
func (s *Site) ServeCGI(l reactor.Loop, env []string, in, out *os.File, done func()) {
	s.StartFactory(l)
	f := cgi.NewPlainFactory(s, s.gatewaySettings(), env)
	c := f.BuildProtocol(reactor.Addr{}).(*cgi.Conn)
	reactor.StandardIO(l, in, out, &onlyRequest{c, done})
}

// onlyRequest is the connection of a process of CGI.
type onlyRequest struct {
	*cgi.Conn
	done func()
}

// ConnectionMade begins the request, which is there already.
func (o *onlyRequest) ConnectionMade(t reactor.Transport) {
	o.Conn.ConnectionMade(t)
	o.Start()
}

// ConnectionLost tells the end.
func (o *onlyRequest) ConnectionLost(reason error) {
	o.Conn.ConnectionLost(reason)
	o.done()
}

// gatewaySettings is the limits as package cgi takes them. The time-outs that guard a
// client's head are the web server's affair.
func (s *Site) gatewaySettings() *cgi.Settings {
	return &cgi.Settings{
		MaxVariableBytes: s.maxVariables(),
		Full:             s.full,
		HeadTimeout:      s.HeadTimeout,
		BodyTimeout:      s.BodyTimeout,
		MinBodyRate:      s.MinBodyRate,
		WriteTimeout:     s.WriteTimeout,
		Logger:           s.ErrorLog,
	}
}

// maxVariables leaves room for what a web server adds to the head of a client.
func (s *Site) maxVariables() int {
	switch n := s.MaxFieldBytes + s.MaxRequestLineBytes; {
	case s.MaxFieldBytes < 0 || s.MaxRequestLineBytes < 0:
		return -1
	case n == 0:
		return 0
	default:
		return n + 64<<10
	}
}

// gatewayFactory makes connections of a Site of another kind than HTTP.
type gatewayFactory struct {
	site    *Site
	make    func(protocol.Server, *cgi.Settings) *cgi.Factory
	factory *cgi.Factory
}

// StartFactory makes what belongs to the loop. See reactor.FactoryStarter.
func (g *gatewayFactory) StartFactory(l reactor.Loop) {
	g.site.StartFactory(l)
	if g.factory == nil {
		g.factory = g.make(g.site, g.site.gatewaySettings())
		g.site.gateways = append(g.site.gateways, g.factory)
	}
}

// StopFactory does nothing: the connections that are there go on.
func (g *gatewayFactory) StopFactory() {}

// BuildProtocol makes the protocol of a new connection. See reactor.Factory.
func (g *gatewayFactory) BuildProtocol(peer reactor.Addr) reactor.Protocol {
	return g.factory.BuildProtocol(peer)
}

var (
	_ reactor.FactoryStarter    = (*gatewayFactory)(nil)
	_ reactor.HalfCloseProtocol = (*onlyRequest)(nil)
)
