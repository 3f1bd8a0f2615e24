package resource_test

import (
	"crypto/tls"
	"testing"
	"time"

	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestSecureRedirect(t *testing.T) {
	inner := get(func(r *resource.Request) ([]byte, error) { return r.Text("inside") })
	for _, row := range []struct {
		name     string
		redirect resource.SecureRedirect
		method   string
		target   string
		host     string // "-" for none
		secure   bool
		status   int
		location string
	}{
		{"plain", resource.SecureRedirect{}, "GET", "/", "example.test", false, 308, "https://example.test/"},
		{"path and query", resource.SecureRedirect{}, "GET", "/a%2Fb/c?d=e&f", "example.test", false, 308, "https://example.test/a%2Fb/c?d=e&f"},
		{"an empty query", resource.SecureRedirect{}, "GET", "/a?", "example.test", false, 308, "https://example.test/a?"},
		{"a path that looks like a host", resource.SecureRedirect{}, "GET", "//evil.test/x", "example.test", false, 308, "https://example.test//evil.test/x"},
		{"POST", resource.SecureRedirect{}, "POST", "/form", "example.test", false, 308, "https://example.test/form"},
		{"the port of http goes", resource.SecureRedirect{}, "GET", "/", "example.test:8080", false, 308, "https://example.test/"},
		{"another port", resource.SecureRedirect{Port: 8443}, "GET", "/x", "example.test:8080", false, 308, "https://example.test:8443/x"},
		{"443", resource.SecureRedirect{Port: 443}, "GET", "/", "example.test", false, 308, "https://example.test/"},
		{"IPv6", resource.SecureRedirect{}, "GET", "/", "[::1]:80", false, 308, "https://[::1]/"},
		{"IPv6 and a port", resource.SecureRedirect{Port: 8443}, "GET", "/", "[::1]", false, 308, "https://[::1]:8443/"},
		{"one host", resource.SecureRedirect{Host: "www.example.test"}, "GET", "/", "other.test", false, 308, "https://www.example.test/"},
		{"no host", resource.SecureRedirect{}, "GET", "/", "-", false, 400, ""},
		{"no host, but one known", resource.SecureRedirect{Host: "x.test"}, "GET", "/", "-", false, 308, "https://x.test/"},
		{"for now", resource.SecureRedirect{Status: 307}, "GET", "/", "example.test", false, 307, "https://example.test/"},
		{"insecure with something behind", resource.SecureRedirect{Inner: inner}, "GET", "/", "example.test", false, 308, "https://example.test/"},
		{"secure", resource.SecureRedirect{Inner: inner}, "GET", "/", "example.test", true, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := resourcetest.New(&row.redirect)
			if row.secure {
				s.Secure = new(tls.ConnectionState)
			}
			h := fields("Host", row.host)
			if row.host == "-" {
				h = fields("Host", "")
			}
			got := s.Do(row.method, row.target, h, nil)
			wantStatus(t, got, row.status)
			if l := got.Fields.Get("Location"); l != row.location {
				t.Errorf("Location: %q, want %q", l, row.location)
			}
		})
	}
}

func TestHSTS(t *testing.T) {
	const name = "Strict-Transport-Security"
	for want, h := range map[string]resource.HSTS{
		"max-age=31536000": {},
		"max-age=3600":     {MaxAge: time.Hour},
		"max-age=0":        {MaxAge: -1},
		"max-age=63072000; includeSubDomains; preload": {MaxAge: 2 * 365 * 24 * time.Hour, IncludeSubDomains: true, Preload: true},
	} {
		tree := new(resource.Tree)
		tree.PutChild("there", resource.NewData([]byte("x"), "text/plain"))
		s := resourcetest.New(h.Wrap(tree))
		if v := s.Do("GET", "/there", nil, nil).Fields.Get(name); v != "" {
			t.Errorf("without TLS: %q", v)
		}
		s.Secure = new(tls.ConnectionState)
		for _, path := range []string{"/there", "/missing"} {
			if v := s.Do("GET", path, nil, nil).Fields.Get(name); v != want {
				t.Errorf("%s: %q, want %q", path, v, want)
			}
		}
	}
}
