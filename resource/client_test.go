package resource_test

import (
	"crypto/tls"
	"net/netip"
	"testing"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/resourcetest"
)

func TestClientAddr(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	unix := reactor.Addr{Path: "/run/x"}
	ip := func(s string) reactor.Addr { return reactor.Addr{IP: netip.MustParseAddr(s), Port: 99} }
	for _, row := range []struct {
		name      string
		peer      reactor.Addr
		trusted   []netip.Prefix
		forwarded bool
		fields    protocol.Fields
		want      string
	}{
		{"nobody is trusted", ip("10.0.0.1"), nil, false, fields("X-Forwarded-For", "1.1.1.1"), "10.0.0.1:99"},
		{"not this one", ip("192.0.2.1"), trusted, false, fields("X-Forwarded-For", "1.1.1.1"), "192.0.2.1:99"},
		{"one proxy", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "1.1.1.1"), "1.1.1.1:0"},
		{"what the client says is not looked at", ip("10.0.0.1"), trusted, false,
			fields("X-Forwarded-For", "6.6.6.6, 1.1.1.1"), "1.1.1.1:0"},
		{"two proxies", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.2.2.2"), "1.1.1.1:0"},
		{"two lines", ip("10.0.0.1"), trusted, false,
			fields("X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "1.1.1.1"), "1.1.1.1:0"},
		{"only proxies", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "10.3.3.3, 10.2.2.2"), "10.3.3.3:0"},
		{"no field", ip("10.0.0.1"), trusted, false, nil, "10.0.0.1:99"},
		{"not an address", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "1.1.1.1, unknown"), "10.0.0.1:99"},
		{"with a port", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "1.1.1.1:1234"), "1.1.1.1:1234"},
		{"IPv6", ip("fd00::1"), trusted, false, fields("X-Forwarded-For", "2001:db8::1"), "[2001:db8::1]:0"},
		{"IPv6 in brackets", ip("fd00::1"), trusted, false, fields("X-Forwarded-For", "[2001:db8::1]"), "[2001:db8::1]:0"},
		{"IPv4 in IPv6", ip("10.0.0.1"), trusted, false, fields("X-Forwarded-For", "::ffff:1.1.1.1"), "1.1.1.1:0"},
		{"a UNIX socket", unix, trusted, false, fields("X-Forwarded-For", "1.1.1.1"), "1.1.1.1:0"},
		{"a UNIX socket, nobody is trusted", unix, nil, false, fields("X-Forwarded-For", "1.1.1.1"), "unix:/run/x"},
		{"Forwarded is not asked for", ip("10.0.0.1"), trusted, false, fields("Forwarded", "for=6.6.6.6"), "10.0.0.1:99"},
		{"Forwarded", ip("10.0.0.1"), trusted, true,
			fields("Forwarded", `for=6.6.6.6, For="[2001:db8::1]:4711";proto=https`, "X-Forwarded-For", "6.6.6.6"),
			"[2001:db8::1]:4711"},
		{"Forwarded, hidden", ip("10.0.0.1"), trusted, true, fields("Forwarded", "for=_x"), "10.0.0.1:99"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) { return r.Text(r.ClientAddr().String()) }))
			s.Peer, s.TrustedProxies, s.Forwarded = row.peer, row.trusted, row.forwarded
			wantBody(t, s.Do("GET", "/", row.fields, nil), row.want)
		})
	}
}

func TestSecure(t *testing.T) {
	for _, row := range []struct {
		name      string
		tls       bool
		trusted   string
		forwarded bool
		fields    protocol.Fields
		want      string
	}{
		{"plain", false, "10.0.0.0/8", false, fields("X-Forwarded-Proto", "https"), "http"},
		{"TLS", true, "10.0.0.0/8", false, nil, "https"},
		{"a proxy tells", false, "127.0.0.1/32", false, fields("X-Forwarded-Proto", "http, HTTPS"), "https"},
		{"the last one counts", false, "127.0.0.1/32", false, fields("X-Forwarded-Proto", "https, http"), "http"},
		{"Forwarded", false, "127.0.0.1/32", true, fields("Forwarded", "proto=http, for=x; proto=https"), "https"},
		{"Forwarded without", false, "127.0.0.1/32", true, fields("X-Forwarded-Proto", "https"), "http"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := resourcetest.New(get(func(r *resource.Request) ([]byte, error) { return r.Text(r.Scheme()) }))
			s.TrustedProxies, s.Forwarded = []netip.Prefix{netip.MustParsePrefix(row.trusted)}, row.forwarded
			if row.tls {
				s.Secure = new(tls.ConnectionState)
			}
			wantBody(t, s.Do("GET", "/", row.fields, nil), row.want)
		})
	}
}
