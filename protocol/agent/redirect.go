package agent

import (
	"net/http/cookiejar"
	"net/url"

	"golang.org/x/net/publicsuffix"

	"spindle/protocol"
)

// This file follows redirects (RFC 9110 §15.4), and keeps what is secret from servers that
// it is not for.

const (
	mostRedirects = 10
	mostDropped   = 64 << 10 // content of a redirect that is read to save the connection
)

// NewJar makes a jar for cookies that knows which domains belong to nobody (co.uk).
func NewJar() *cookiejar.Jar {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // it never fails
	return jar
}

// follow tells whether a response is a redirect to be followed, and prepares for that.
func (x *asking) follow(status int, fields protocol.Fields) bool {
	location := fields.Get("Location")
	if x.a.MaxRedirects < 0 || location == "" {
		return false
	}
	method := x.method
	switch status {
	case 301, 302:
		if method == "POST" {
			method = "GET"
		}
	case 303:
		if method != "HEAD" {
			method = "GET"
		}
	case 307, 308:
	default:
		return false
	}
	if method == x.method && x.produce != nil {
		return false
	}
	next, err := x.url.Parse(location)
	if err != nil || next.Scheme != "http" && next.Scheme != "https" {
		return false
	}
	if x.redirects++; x.redirects > limit(x.a.MaxRedirects, mostRedirects) {
		x.call.Abort(ErrRedirects)
		x.fail(&protocol.LostError{Reason: "the redirects do not end", Err: ErrRedirects})
		return true
	}
	x.prepare(next, method)
	return true
}

// prepare changes the request for where it goes next.
func (x *asking) prepare(next *url.URL, method string) {
	if method != x.method {
		x.method, x.body, x.produce = method, nil, nil
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Digest"} {
			x.fields.Del(name)
		}
	}
	if !sameOrigin(x.url, next) {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "WWW-Authenticate"} {
			x.fields.Del(name)
		}
	} else if next.User == nil {
		next.User = x.url.User
	}
	next.Fragment, next.RawFragment = "", ""
	x.next = next
}

func sameOrigin(a, b *url.URL) bool {
	o, err := parseOrigin(a.Scheme, a.Host)
	p, err2 := parseOrigin(b.Scheme, b.Host)
	return err == nil && err2 == nil && o == p
}

// goOn asks where the redirect leads.
func (x *asking) goOn() {
	if err := x.ask(x.next); err != nil {
		x.fail(&protocol.LostError{Reason: "the redirect leads nowhere", Err: err})
	}
}
