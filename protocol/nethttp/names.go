package nethttp

import "spindle/reactor"

// This file makes a socketpair look like the connection that it is joined to.

// names is a Transport with addresses of its own.
type names struct {
	reactor.Transport
	peer, host reactor.Addr
}

// Peer is the address of the client.
func (n *names) Peer() reactor.Addr { return n.peer }

// Host is the address that it has connected to.
func (n *names) Host() reactor.Addr { return n.host }

// Switch makes p the protocol, which sees the same names.
func (n *names) Switch(p reactor.Protocol, unread []byte) {
	if h, ok := p.(reactor.HalfCloseProtocol); ok {
		n.Transport.Switch(&namedHalf{h, n}, unread)
		return
	}
	n.Transport.Switch(&named{p, n}, unread)
}

// named is a Protocol that is given names in place of its Transport.
type named struct {
	reactor.Protocol
	as *names
}

// ConnectionMade gives the names.
func (p *named) ConnectionMade(reactor.Transport) { p.Protocol.ConnectionMade(p.as) }

// namedHalf is named for a HalfCloseProtocol.
type namedHalf struct {
	reactor.HalfCloseProtocol
	as *names
}

// ConnectionMade gives the names.
func (p *namedHalf) ConnectionMade(reactor.Transport) { p.HalfCloseProtocol.ConnectionMade(p.as) }
