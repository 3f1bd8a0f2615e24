package resource

import (
	"net"
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
)

// This file brings clients to TLS, and has them stay there.

// SecureRedirect is a resource that sends every request for it, and for what is below
// it, to the same place with https. A request that is secure already goes on to Inner.
type SecureRedirect struct {
	Leaf
	// Inner answers requests that are secure, behind a proxy that does TLS for
	// instance (see Secure); nil for a port without TLS, where there are none.
	Inner Resource
	// Host is where the clients are sent; "" means the host that they asked for.
	// A cache that is shared could be made to keep another's host, so behind one
	// it should be set.
	Host string
	// Port is that of https; 0 means 443.
	Port int
	// Status is that of the redirect; 0 means 308, which keeps the method, for
	// good.
	Status int
}

// Pass goes on with Inner when the request is secure.
func (d *SecureRedirect) Pass(r *Request) (Resource, error) {
	if d.Inner != nil && r.Secure() {
		return d.Inner, nil
	}
	return &secureRedirect{to: d}, nil
}

// secureRedirect is what answers those that are not.
type secureRedirect struct {
	Leaf
	to *SecureRedirect
}

// Render answers with the redirect; a client that says no host can not be sent.
func (s *secureRedirect) Render(r *Request) ([]byte, error) {
	host := s.to.Host
	if host == "" {
		host = hostOf(r.Authority())
	}
	if host == "" {
		return nil, &Error{Status: 400, Detail: "This is served over https only, and the request names no host."}
	}
	if port := s.to.Port; port != 0 && port != 443 {
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
	}
	path := r.Path()
	if !strings.HasPrefix(path, "/") { // OPTIONS *
		path = "/"
	}
	if query := r.QueryBytes(); query != nil {
		path += "?" + string(query)
	}
	location, err := protocol.Location("https://" + host + path)
	if err != nil {
		return nil, &Error{Status: 400, Err: err}
	}
	if r.SetStatus(308); s.to.Status != 0 {
		r.SetStatus(s.to.Status)
	}
	return r.redirect(location)
}

// hostOf is an authority without its port; an IPv6 address keeps its brackets.
func hostOf(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		return authority[:i]
	}
	return authority
}

// HSTS tells browsers to come by https only from now on (RFC 6797). It stands in
// answers to secure requests alone; a browser does not heed it in others.
type HSTS struct {
	// MaxAge is how long a browser keeps to it after each answer; 0 means a year,
	// negative has it forget what it was told.
	MaxAge time.Duration
	// IncludeSubDomains makes it true of all hosts below this one.
	IncludeSubDomains bool
	// Preload agrees to a place in the list that browsers are delivered with. It is
	// hard to get out of.
	Preload bool
}

// Field is the value of Strict-Transport-Security.
func (h HSTS) Field() string {
	age := h.MaxAge
	if age == 0 {
		age = 365 * 24 * time.Hour
	}
	value := "max-age=" + strconv.FormatInt(int64(max(age, 0)/time.Second), 10)
	if h.IncludeSubDomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	return value
}

// Wrap is inner with the field in its answers.
func (h HSTS) Wrap(inner Resource) Resource {
	value := h.Field()
	return Wrap(inner, func(r *Request) error {
		if r.Secure() {
			r.SetField("Strict-Transport-Security", value)
		}
		return nil
	})
}

var _ Passer = (*SecureRedirect)(nil)
