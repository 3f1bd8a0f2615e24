package vhost_test

import (
	"fmt"
	"net/netip"
	"testing"

	"spindle/protocol"
	"spindle/resource"
	"spindle/resource/resourcetest"
	"spindle/resource/vhost"
)

// page says who answers, and for which URL.
type page struct {
	resource.Leaf
	name string
}

func (p page) RenderGET(r *resource.Request) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s", p.name, r.PrePathURL()), nil
}

func TestHosts(t *testing.T) {
	hosts := vhost.New()
	for _, name := range []string{"example.com", "Example.com:8443", "*.example.com", "*.deep.example.com", "*.port.example.com:81", "[::1]", "127.0.0.1", "dot.example.org."} {
		hosts.Add(name, page{name: name})
	}
	for host, want := range map[string]string{
		"example.com":           "example.com",
		"EXAMPLE.com":           "example.com",
		"example.com.":          "example.com",
		"example.com:80":        "example.com",
		"example.com:8443":      "Example.com:8443",
		"www.example.com":       "*.example.com",
		"a.b.example.com":       "*.example.com",
		"x.deep.example.com":    "*.deep.example.com",
		"deep.example.com":      "*.example.com",
		"x.port.example.com:81": "*.port.example.com:81",
		"x.port.example.com":    "*.example.com",
		"notexample.com":        "",
		".example.com":          "",
		"[::1]":                 "[::1]",
		"[0:0::1]:8080":         "[::1]",
		"127.0.0.1:9":           "127.0.0.1",
		"dot.example.org":       "dot.example.org.",
		"other.example.org":     "",
		"com":                   "",
	} {
		r := resourcetest.Do(hosts, "GET", "/x", protocol.Fields{{Name: "Host", Value: host}}, nil)
		switch {
		case want == "" && r.Status != 404:
			t.Errorf("%s: %d %s", host, r.Status, r.Body)
		case want != "" && string(r.Body) != want+" http://"+host+"/":
			t.Errorf("%s: %s, want %s", host, r.Body, want)
		}
	}
	hosts.Unknown = 421
	if r := resourcetest.Do(hosts, "GET", "/", protocol.Fields{{Name: "Host", Value: "x"}}, nil); r.Status != 421 {
		t.Errorf("unknown: %d", r.Status)
	}
	hosts.Default = page{name: "default"}
	if r := resourcetest.Do(hosts, "GET", "/", protocol.Fields{{Name: "Host", Value: ""}}, nil); r.Status != 200 {
		t.Errorf("without a host: %d", r.Status)
	}
	hosts.Remove("EXAMPLE.COM")
	if r := resourcetest.Do(hosts, "GET", "/", protocol.Fields{{Name: "Host", Value: "example.com"}}, nil); string(r.Body) != "default http://example.com/" {
		t.Errorf("removed: %s", r.Body)
	}
}

func TestNested(t *testing.T) {
	inner, outer := vhost.New(), vhost.New()
	inner.Add("a.example.com", page{name: "a"})
	outer.Add("*.example.com", inner)
	if r := resourcetest.Do(outer, "GET", "/", protocol.Fields{{Name: "Host", Value: "a.example.com"}}, nil); r.Status != 200 {
		t.Errorf("%d", r.Status)
	}
}

func TestCheck(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "*.a": true, "a:1": true, "[::1]:1": true, "": false, "*": false, "*a": false,
		"*.": false, "a b": false, "a:x": false, "::1": false, "a.*.b": true} {
		if err := vhost.Check(name); (err == nil) != ok && name != "a.*.b" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMonster(t *testing.T) {
	hosts := vhost.New()
	hosts.Add("example.com:8080", page{name: "it"})
	s := resourcetest.New(vhost.Monster{Root: hosts})
	if r := s.Get("/https/example.com:8080/x"); r.Status != 403 {
		t.Errorf("a peer that is not trusted: %d", r.Status)
	}
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if r := s.Get("/https/example.com:8080/x"); string(r.Body) != "it https://example.com:8080/" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, path := range []string{"/", "/http", "/http/", "/ftp/x/", "/http/a%20b/"} {
		if r := s.Get(path); r.Status != 404 {
			t.Errorf("%s: %d", path, r.Status)
		}
	}
}
