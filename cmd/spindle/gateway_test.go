package main

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource/resourcetest"
)

func TestGatewayFlags(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		g    gateways
		want string // in the error; "" for none
	}{
		{"a proxy", gateways{Proxies: []string{"/api=http://127.0.0.1:1,http://127.0.0.1:2"}, Balance: "cookie:x", Health: "/up"}, ""},
		{"hosts", gateways{Hosts: []string{"a.example=" + dir, "*.b.example=unix:/run/x"}}, ""},
		{"no path", gateways{Proxies: []string{"http://x"}}, "give it as /path="},
		{"no scheme", gateways{Proxies: []string{"/=127.0.0.1:1"}}, "write http://host:port"},
		{"port", gateways{Proxies: []string{"/=http://a:x"}}, "not a host"},
		{"no directory", gateways{Hosts: []string{"a=/nowhere/at/all"}}, "no directory"},
		{"host", gateways{Hosts: []string{"a b=" + dir}}, "not a host"},
		{"balance", gateways{Proxies: []string{"/=http://a"}, Balance: "luck"}, "there are least-busy"},
		{"balance of nothing", gateways{Balance: "client"}, "name one with --proxy"},
		{"forward", gateways{Forward: []string{"*.example.org", "10.0.0.0/8:*", "a:8080"}}, ""},
		{"forward to no port", gateways{Forward: []string{"a:x"}}, `--forward-proxy "a:x": "x" is not a port`},
		{"rewrite", gateways{Rewrites: []string{"x"}}, "write /from=/to"},
	} {
		err := c.g.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestGatewayTree(t *testing.T) {
	dir := t.TempDir()
	g := gateways{Proxies: []string{"/api=http://127.0.0.1:1"}, Hosts: []string{"files.example=" + dir}, Rewrites: []string{"302:/old=/new"}}
	root := g.wrap(directory(&webConfig{Path: dir}), nil)
	for _, c := range []struct {
		host, path string
		status     int
	}{
		{"x", "/nothing", 404},
		{"x", "/api", 500}, // a loop in memory makes no connections
		{"x", "/apis", 404},
		{"files.example", "/api", 404},
		{"x", "/old", 302},
	} {
		s := resourcetest.New(root)
		r := s.Do("GET", c.path, protocol.Fields{{Name: "Host", Value: c.host}}, nil)
		if r.Status != c.status {
			t.Errorf("%s %s: %d", c.host, c.path, r.Status)
		}
	}
}

func TestTrustProxy(t *testing.T) {
	c := listenConfig{TrustProxies: []string{"10.0.0.0/8", "::1", "127.0.0.1", "unix"}}
	if err := c.readTrusted(); err != nil || fmt.Sprint(c.trusted) != "[10.0.0.0/8 ::1/128 127.0.0.1/32 0.0.0.0/32]" {
		t.Errorf("%v %v", c.trusted, err)
	}
	for _, bad := range []string{"", "x", "10.0.0.0/33", "fe80::1%eth0", "proxy.example.org"} {
		if c := (listenConfig{TrustProxies: []string{bad}}); c.readTrusted() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
