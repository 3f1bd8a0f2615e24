// Package vhost chooses a resource by the host that the client asked for.
//
//	hosts := vhost.New()
//	hosts.Add("example.com", main)
//	hosts.Add("*.example.com", users)
//	hosts.Add("example.com:8443", admin)
//	hosts.Add("[::1]", local)
//	hosts.Default = main
//
// Names compare without case and without a dot at their end; addresses by what they mean. A name
// with a port is for that port only and comes first; then the name alone; then
// wildcards, the longest first, each for any number of labels in place of its star; then Default.
// Nothing of the path is used up, so hosts may be nested, and stand anywhere in a
// tree.
//
// RFC 9110 §7.2, RFC 3986 §3.2.2.
package vhost

import (
	"fmt"
	"net/netip"
	"strings"

	"spindle/protocol"
	"spindle/resource"
)

// Hosts is a resource that stands for others, by host. Loop only.
type Hosts struct {
	resource.Leaf
	// Default answers for hosts that have no resource of their own, and for clients that
	// name none; nil is an error page.
	Default resource.Resource
	// Unknown is the status of that page; 404. 421 (Misdirected Request) has a client of
	// HTTP/2 that shares a connection for several hosts try another one.
	Unknown int

	names     map[string]resource.Resource
	wildcards map[string]resource.Resource // by what follows the star: ".example.com"
}

// New makes Hosts without any.
func New() *Hosts {
	return &Hosts{names: make(map[string]resource.Resource), wildcards: make(map[string]resource.Resource)}
}

// Add has r answer for name, in place of what did: a name, a wildcard "*.example.com", an
// address (IPv6 in brackets), each with ":port" where it is for one port only. It panics
// when name is none of these; see Check.
func (h *Hosts) Add(name string, r resource.Resource) {
	key, wild, err := parse(name)
	if err != nil {
		panic(err)
	}
	if wild {
		h.wildcards[key] = r
	} else {
		h.names[key] = r
	}
}

// Remove takes a name away.
func (h *Hosts) Remove(name string) {
	if key, wild, err := parse(name); err != nil {
		return
	} else if wild {
		delete(h.wildcards, key)
	} else {
		delete(h.names, key)
	}
}

// Check tells what is wrong with a name for Add.
func Check(name string) error {
	_, _, err := parse(name)
	return err
}

// parse makes the key of a name.
func parse(name string) (key string, wild bool, err error) {
	text, wild := strings.CutPrefix(name, "*")
	if wild && !strings.HasPrefix(text, ".") || text == "" || text == "." {
		return "", false, fmt.Errorf("vhost: %s: write a name, *.name or an address", protocol.Quote(name))
	}
	authority := []byte(text)
	if wild {
		authority = authority[1:]
	}
	if !protocol.ValidAuthority(authority) {
		return "", false, fmt.Errorf("vhost: %s is not a host, or a host and a port", protocol.Quote(name))
	}
	host, port := protocol.SplitAuthority(authority)
	key = normal(host)
	if wild {
		key = "." + key
	}
	if len(port) > 0 {
		key += ":" + string(port)
	}
	return key, wild, nil
}

// normal is a host as it is compared.
func normal(host []byte) string {
	if len(host) > 0 && host[0] == '[' {
		if ip, err := netip.ParseAddr(string(host[1 : len(host)-1])); err == nil {
			return "[" + ip.String() + "]"
		}
	}
	s := strings.TrimSuffix(string(host), ".")
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// Pass is the resource for the host of r.
func (h *Hosts) Pass(r *resource.Request) (resource.Resource, error) {
	if authority := r.Head().Authority; len(authority) > 0 {
		if found := h.find(authority, r); found != nil {
			return found, nil
		}
	}
	switch {
	case h.Default != nil:
		return h.Default, nil
	case h.Unknown != 0:
		return nil, &resource.Error{Status: h.Unknown, Detail: "There is no site of this name here."}
	}
	return nil, resource.ErrNotFound
}

func (h *Hosts) find(authority []byte, r *resource.Request) resource.Resource {
	host, port := protocol.SplitAuthority(authority)
	name := normal(host)
	at := ":" + string(port)
	if len(port) == 0 {
		if at = ":80"; r.Secure() {
			at = ":443"
		}
	}
	if found := h.names[name+at]; found != nil {
		return found
	}
	if found := h.names[name]; found != nil {
		return found
	}
	if len(h.wildcards) == 0 {
		return nil
	}
	for rest := name; ; {
		i := strings.IndexByte(rest[min(1, len(rest)):], '.')
		if i < 0 {
			return nil
		}
		rest = rest[i+1:]
		if found := h.wildcards[rest+at]; found != nil {
			return found
		}
		if found := h.wildcards[rest]; found != nil {
			return found
		}
	}
}

// Monster is a resource for servers in front that can not send the host in any other way
// (Twisted's VHostMonsterResource): below /http/host:port/ and /https/host:port/ it stands
// for Root as if that host had been asked for. It believes only who the site trusts
// (site.Site.TrustedProxies).
type Monster struct {
	resource.Leaf
	Root resource.Resource
}

// Pass is Root, for the host that the path names.
func (m Monster) Pass(r *resource.Request) (resource.Resource, error) {
	path := r.Postpath()
	if !r.PeerTrusted() {
		return nil, resource.ErrForbidden
	}
	if len(path) < 2 || path[0] != "http" && path[0] != "https" || path[1] == "" || !protocol.ValidAuthority([]byte(path[1])) {
		return nil, resource.ErrNotFound
	}
	r.Descend(2)
	r.Rebase()
	r.Believe(path[0], path[1])
	return m.Root, nil
}

var (
	_ resource.Passer = (*Hosts)(nil)
	_ resource.Passer = Monster{}
)
