package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

func TestBanner(t *testing.T) {
	machine := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}
	tcp := func(ip string, port uint16) served {
		return served{Addr: reactor.Addr{IP: netip.MustParseAddr(ip), Port: port}}
	}
	tls := func(ip string, port uint16) served {
		s := tcp(ip, port)
		s.secure = true
		return s
	}
	for _, test := range []struct {
		name  string
		ports []served
		want  string
	}{
		{"this machine only", []served{tcp("127.0.0.1", 8080)}, `
  Local    http://127.0.0.1:8080/
  Network  not reachable from there; --listen tcp:8080 opens it
`},
		{"all addresses", []served{tcp("::", 8080)}, `
  Local    http://127.0.0.1:8080/
  Network  http://192.0.2.2:8080/
           http://[2001:db8::2]:8080/
`},
		{"all of IPv4", []served{tcp("0.0.0.0", 80)}, `
  Local    http://127.0.0.1/
  Network  http://192.0.2.2/
`},
		{"one address", []served{tcp("2001:db8::2", 80)}, `
  Network  http://[2001:db8::2]/
`},
		{"two ports and a socket", []served{tcp("::1", 1), tcp("127.0.0.1", 2), {Addr: reactor.Addr{Path: "/run/x"}}}, `
  Local    http://[::1]:1/
           http://127.0.0.1:2/
  Network  not reachable from there; --listen tcp:2 opens it
  Socket   /run/x
`},
		{"TLS", []served{tls("127.0.0.1", 8443)}, `
  Local    https://127.0.0.1:8443/
  Network  not reachable from there; --listen tls:8443 opens it
`},
		{"the usual ports", []served{tcp("::", 80), tls("::", 443)}, `
  Local    http://127.0.0.1/
           https://127.0.0.1/
  Network  http://192.0.2.2/
           http://[2001:db8::2]/
           https://192.0.2.2/
           https://[2001:db8::2]/
`},
	} {
		want := "\n  Spindle serves it\n" + test.want + "\n  Ctrl-C stops it.\n\n"
		if got := bannerText("Spindle serves it", test.ports, machine, false, "Ctrl-C stops it."); got != want {
			t.Errorf("%s: got\n%swant\n%s", test.name, got, want)
		}
	}
}

func TestBannerColours(t *testing.T) {
	plain := bannerText("Spindle serves it", []served{{Addr: reactor.Addr{IP: netip.MustParseAddr("127.0.0.1"), Port: 1}}}, nil, false, "Ctrl-C stops it.")
	got := coloured(plain)
	if strings.Count(got, "\x1b[") != 2*strings.Count(got, "\x1b[0m") || strings.Count(got, "\n") != strings.Count(plain, "\n") {
		t.Errorf("colours are left on, or lines are lost: %q", got)
	}
	if !strings.Contains(got, "\x1b[36mhttp://127.0.0.1:1/\x1b[0m") {
		t.Errorf("the URL does not stand out: %q", got)
	}
}

func TestForAPerson(t *testing.T) {
	for d, want := range map[time.Duration]string{1234 * time.Millisecond: "1.2 s", 59 * time.Second: "59 s",
		133 * time.Second: "2 min 13 s", 3*time.Hour + 7*time.Minute: "3 h 7 min"} {
		if got := spanText(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 9_960: "10 kB", 48_000_000: "48 MB", 3e15: "3000 TB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	if one, two := counted(1, "request"), counted(2, "request"); one != "1 request" || two != "2 requests" {
		t.Errorf("got %q and %q", one, two)
	}
}
