package resource

import (
	"bytes"
	"net/netip"

	"spindle/protocol"
	"spindle/reactor"
)

// This file tells who the client is and how it came, also behind proxies that the
// site trusts. What anybody else says of himself is not looked at.

// ClientAddr is the address of the client: the other end of the connection, or if that
// is a trusted proxy the nearest address before it that is not one, read from the right
// of X-Forwarded-For or, if Dispatcher.Forwarded is set, of Forwarded (RFC 7239). Port
// is 0 when the proxy does not tell it.
func (r *Request) ClientAddr() reactor.Addr {
	client := r.ch.Peer()
	if !r.d.trusts(client) {
		return client
	}
	hops := r.hops()
	for i := len(hops) - 1; i >= 0; i-- {
		addr, ok := parseHop(r.hopAddr(hops[i]))
		if !ok {
			break
		}
		client = addr
		if !r.d.trusts(client) {
			break
		}
	}
	return client
}

// PeerTrusted tells whether the other end of the connection is a proxy whose word about the
// client is taken.
func (r *Request) PeerTrusted() bool { return r.d.trusts(r.ch.Peer()) }

// trusts tells whether the word of a about clients is taken. A UNIX socket is as
// local as the file modes make it: it is trusted where anybody is.
func (d *Dispatcher) trusts(a reactor.Addr) bool {
	if len(d.TrustedProxies) == 0 {
		return false
	}
	if !a.IP.IsValid() {
		return true
	}
	for _, p := range d.TrustedProxies {
		if p.Contains(a.IP) {
			return true
		}
	}
	return false
}

// hops is what the proxies have written, each at the right of the one before.
func (r *Request) hops() [][]byte {
	name := "X-Forwarded-For"
	if r.d.Forwarded {
		name = "Forwarded"
	}
	var hops [][]byte
	list := r.head.List(name)
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return hops
		}
		hops = append(hops, member)
		list = rest
	}
}

func (r *Request) hopAddr(hop []byte) []byte {
	if r.d.Forwarded {
		return forwardedParam(hop, "for")
	}
	return hop
}

// forwardedParam is a parameter of an element of Forwarded, without quotes.
func forwardedParam(element []byte, name string) []byte {
	for len(element) > 0 {
		var pair []byte
		pair, element, _ = bytes.Cut(element, []byte{';'})
		k, v, _ := bytes.Cut(pair, []byte{'='})
		if protocol.EqualFold(protocol.TrimBlank(k), name) {
			return bytes.Trim(protocol.TrimBlank(v), `"`)
		}
	}
	return nil
}

// parseHop reads an address as proxies write it: with or without a port, IPv6 with or
// without brackets. "unknown" and hidden names are none.
func parseHop(hop []byte) (a reactor.Addr, ok bool) {
	text := string(hop)
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return reactor.Addr{IP: ap.Addr().Unmap(), Port: ap.Port()}, true
	}
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		text = text[1 : n-1]
	}
	ip, err := netip.ParseAddr(text)
	return reactor.Addr{IP: ip.Unmap()}, err == nil
}

// Secure tells whether the client's connection is encrypted: this one, or as a trusted
// proxy tells, the one to it (X-Forwarded-Proto, or proto of Forwarded).
func (r *Request) Secure() bool {
	if r.believed != "" {
		return r.believed == "https"
	}
	if r.ch.TLS() != nil {
		return true
	}
	if !r.d.trusts(r.ch.Peer()) {
		return false
	}
	if r.d.Forwarded {
		hops := r.hops()
		return len(hops) > 0 && protocol.EqualFold(forwardedParam(hops[len(hops)-1], "proto"), "https")
	}
	list := r.head.List("X-Forwarded-Proto")
	last := protocol.TrimBlank(list[bytes.LastIndexByte(list, ',')+1:])
	return protocol.EqualFold(last, "https")
}

// Scheme is "https" when Secure, else "http".
func (r *Request) Scheme() string {
	if r.Secure() {
		return "https"
	}
	return "http"
}

// Authority is the host that the client asked for, with its port if it is not the
// usual one: the target's, else the Host field. "" when an HTTP/1.0 client said none.
func (r *Request) Authority() string { return string(r.head.Authority) }

// Believe has the request be one for authority by scheme, "http" or "https": what somebody
// in front of this server, who is trusted, has said in a way of his own. Call it before the
// walk goes on, in a Pass or Child.
func (r *Request) Believe(scheme, authority string) {
	if !r.isOver() {
		r.believed = scheme
		r.head.Authority = []byte(authority)
	}
}
