package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/reactor"
	"spindle/resource"
)

// This file is the proxy for clients that know of it (RFC 9110 §3.7): http URLs in the
// absolute form, and tunnels by CONNECT.

// Forward is the root of a site that is a proxy for its clients, to hosts of a list only. Other
// requests go to Rest. It belongs to one loop.
type Forward struct {
	resource.Leaf
	// Rest is for requests that are not for a proxy; nil is an error page.
	Rest resource.Resource
	// Check, if set, may refuse a request: Proxy-Authorization is the client's word then, and
	// an *resource.Error of 407 with a Proxy-Authenticate field asks for it.
	Check func(r *resource.Request) error
	// ConnectTimeout is the time for a tunnel's connection, its name to be found included;
	// 10 s.
	ConnectTimeout time.Duration

	allow []rule
	proxy Proxy // what passes plain requests on
}

// rule is one entry of the list.
type rule struct {
	prefix   netip.Prefix // of addresses; not valid for names
	name     string       // lower case; "" is any, ".x" any below x
	any      bool
	port     uint16 // 0: 80 and 443
	anyPort  bool
	wildcard bool
}

// NewForward makes a Forward that lets clients reach the hosts of allow. An entry is a name,
// "*.example.org" for those below it, "*" for all, an address or a range of them
// (10.1.0.0/16), with ":port" or ":*" behind it; without, the ports are 80 and 443. Addresses that
// are not of the public internet (loopback, private, link-local) are reached only where an entry
// names them or their range: no name leads there by itself.
func NewForward(allow ...string) (*Forward, error) {
	f := new(Forward)
	for _, text := range allow {
		r, err := parseRule(text)
		if err != nil {
			return nil, err
		}
		f.allow = append(f.allow, r)
	}
	f.proxy.Retries = -1
	return f, nil
}

func parseRule(text string) (r rule, err error) {
	host := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && (strings.Count(text, ":") == 1 || strings.HasSuffix(text[:i], "]")) {
		host = text[:i]
		if port := text[i+1:]; port == "*" {
			r.anyPort = true
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return r, fmt.Errorf("proxy: %q: %q is not a port", text, port)
		} else {
			r.port = uint16(n)
		}
	}
	host = strings.Trim(host, "[]")
	switch {
	case host == "*":
		r.any = true
	case strings.HasPrefix(host, "*."):
		r.name, r.wildcard = strings.ToLower(host[1:]), true
	default:
		if prefix, err := netip.ParsePrefix(host); err == nil {
			r.prefix = prefix
		} else if ip, err := netip.ParseAddr(host); err == nil {
			r.prefix = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen())
		} else if host == "" || !protocol.ValidAuthority([]byte(host)) {
			return r, fmt.Errorf("proxy: %q is not a host, an address or a range of addresses", text)
		} else {
			r.name = strings.ToLower(host)
		}
	}
	return r, nil
}

func (r *rule) allowsPort(port uint16) bool {
	return r.anyPort || r.port == port || r.port == 0 && (port == 80 || port == 443)
}

func (r *rule) allowsName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	switch {
	case r.any:
		return true
	case r.wildcard:
		return strings.HasSuffix(host, r.name)
	}
	return r.name != "" && host == r.name
}

// allows tells whether host may be asked for, before its addresses are known.
func (f *Forward) allows(host string, port uint16) bool {
	ip, err := netip.ParseAddr(host)
	for i := range f.allow {
		r := &f.allow[i]
		if !r.allowsPort(port) {
			continue
		}
		if err == nil && (r.prefix.IsValid() && r.prefix.Contains(ip.Unmap()) || r.any && public(ip)) || err != nil && r.allowsName(host) {
			return true
		}
	}
	return false
}

// reaches tells whether a connection may be made to an address of an allowed host.
func (f *Forward) reaches(ip netip.Addr, port uint16) bool {
	if public(ip) {
		return true
	}
	for i := range f.allow {
		if r := &f.allow[i]; r.prefix.IsValid() && r.prefix.Contains(ip.Unmap()) && r.allowsPort(port) {
			return true
		}
	}
	return false
}

// notPublic are ranges that the methods of netip.Addr do not know: shared, special, test and
// future ones, and those in which addresses of IPv4 are wrapped.
var notPublic = func() (list []netip.Prefix) {
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"192.88.99.0/24", "203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
		"2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// public tells whether ip is an address of the public internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// Pass has what is not for a proxy go to Rest.
func (f *Forward) Pass(r *resource.Request) (resource.Resource, error) {
	h := r.Head()
	switch {
	case h.Form == protocol.AuthorityForm, h.Method == "CONNECT" && h.Protocol == nil:
		return (*tunnels)(f), nil
	case h.Form == protocol.AbsoluteForm:
		return (*forwards)(f), nil
	case f.Rest == nil:
		return nil, resource.ErrNotFound
	}
	return f.Rest, nil
}

// where is the host and port that a request is for, if it may have them.
func (f *Forward) where(r *resource.Request, byDefault uint16) (host string, port uint16, err error) {
	if f.Check != nil {
		if err := f.Check(r); err != nil {
			return "", 0, err
		}
	}
	h, p := protocol.SplitAuthority(r.Head().Authority)
	host, port = strings.Trim(string(h), "[]"), byDefault
	if len(p) > 0 {
		n, _ := strconv.ParseUint(string(p), 10, 16)
		port = uint16(n)
	}
	if host == "" || port == 0 {
		return "", 0, &resource.Error{Status: 400, Detail: "There is no host and port to connect to."}
	}
	if !f.allows(host, port) {
		return "", 0, &resource.Error{Status: 403, Detail: "This proxy does not connect there."}
	}
	return host, port, nil
}

var errNotPublic = errors.New("proxy: the host has no address that may be reached")

// find looks the addresses of host up, and keeps those that may be reached.
func (f *Forward) find(l reactor.Loop, host string, port uint16) *reactor.Deferred[[]netip.Addr] {
	return reactor.DeferToThreadPool(l.ThreadPool(), func() (list []netip.Addr, err error) {
		all := []netip.Addr{}
		if ip, err := netip.ParseAddr(host); err == nil {
			all = append(all, ip)
		} else if all, err = net.DefaultResolver.LookupNetIP(context.Background(), "ip", host); err != nil {
			return nil, err
		}
		for _, ip := range all {
			if f.reaches(ip.Unmap(), port) { // f is not changed any more
				list = append(list, ip.Unmap())
			}
		}
		if len(list) == 0 {
			return nil, errNotPublic
		}
		return list, nil
	})
}

// refused is the answer to a request whose host can not be reached.
func refused(err error) error {
	switch {
	case errors.Is(err, errNotPublic):
		return &resource.Error{Status: 403, Detail: "This proxy does not connect there."}
	case errors.Is(err, reactor.ErrTimeout):
		return &resource.Error{Status: 504, Err: err}
	}
	return &resource.Error{Status: 502, Err: err}
}

// tunnels is a Forward that answers CONNECT.
type tunnels Forward

// Child is nil; IsLeaf is true.
func (t *tunnels) Child(string, *resource.Request) resource.Resource { return nil }
func (t *tunnels) IsLeaf() bool                                      { return true }

// RenderCONNECT makes a tunnel.
func (t *tunnels) RenderCONNECT(r *resource.Request) ([]byte, error) {
	f := (*Forward)(t)
	host, port, err := f.where(r, 0)
	if err != nil {
		return nil, err
	}
	loop, ok := r.Loop().(agent.Loop)
	if !ok {
		return nil, errors.New("proxy: on this loop no connection can be made")
	}
	client, server := newTunnel()
	conn := reactor.Chain(f.find(loop, host, port), func(ips []netip.Addr) *reactor.Deferred[reactor.Protocol] {
		return loop.ConnectTCP(ips[0].String(), int(port), reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return server }))
	}).Timeout(loop, number(f.ConnectTimeout, 10*time.Second))
	r.NotifyLost(func(error) {
		conn.Cancel()
		client.ConnectionLost(reactor.ErrAborted) // ends the other end, if it is there
	})
	conn.Then(func(reactor.Protocol) { r.Switch(client, nil) }, func(err error) {
		if !r.Finished() {
			r.Fail(refused(err))
		}
	})
	return nil, resource.NotDoneYet
}

// forwards is a Forward that passes plain requests on.
type forwards Forward

// Child is nil; IsLeaf is true.
func (w *forwards) Child(string, *resource.Request) resource.Resource { return nil }
func (w *forwards) IsLeaf() bool                                      { return true }

// HeadReceived has the content come as a stream.
func (w *forwards) HeadReceived(r *resource.Request) error { return w.proxy.HeadReceived(r) }

// Render passes the request on to the host of its URL.
func (w *forwards) Render(r *resource.Request) ([]byte, error) {
	f := (*Forward)(w)
	x := w.proxy.take(r)
	if string(r.Head().Scheme) != "http" {
		return nil, &resource.Error{Status: 501, Detail: "This proxy takes http URLs, and CONNECT."}
	}
	host, port, err := f.where(r, 80)
	if err != nil {
		return nil, err
	}
	if err := w.proxy.begin(r.Loop()); err != nil {
		return nil, err
	}
	x.hold()
	f.find(r.Loop(), host, port).Timeout(r.Loop(), number(f.ConnectTimeout, 10*time.Second)).Then(func(ips []netip.Addr) {
		x.fixed = &Upstream{Text: "http://" + string(r.Head().Authority), scheme: "http", authority: string(r.Head().Authority),
			origin: agent.Origin{Scheme: "http", Host: ips[0].String(), Port: int(port)}}
		if r.Finished() {
			return
		}
		if err := x.begin(); err != nil {
			r.Fail(err)
		}
	}, func(err error) {
		if !r.Finished() {
			r.Fail(refused(err))
		}
	})
	return nil, resource.NotDoneYet
}

var (
	_ resource.Passer          = (*Forward)(nil)
	_ resource.Leafer          = (*tunnels)(nil)
	_ resource.CONNECTRenderer = (*tunnels)(nil)
	_ resource.HeadReceiver    = (*forwards)(nil)
	_ resource.Renderer        = (*forwards)(nil)
)
