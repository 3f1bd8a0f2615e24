package protocol

import (
	"net/netip"
	"strings"
	"testing"
)

func TestValidAuthority(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    bool
	}{
		{"§3.2.2 name", "example.org", true},
		{"§3.2.2 name with a dot behind", "example.org.", true},
		{"§3.2.2 name with an underscore", "my_host", true},
		{"§3.2.2 IPv4", "127.0.0.1:80", true},
		{"§3.2.2 IPv6", "[::1]", true},
		{"§3.2.2 IPv6 and port", "[2001:db8::8:800:200c:417a]:8080", true},
		{"§3.2.2 IPv4 in IPv6", "[::ffff:192.0.2.1]", true},
		{"§3.2.2 escape", "a%20b", true},
		{"§3.2.3 empty port", "example.org:", true},
		{"§3.2.3 the last port", "example.org:65535", true},
		{"RFC 9112 §3.2 empty", "", true},
		{"§3.2.3 port beyond", "example.org:65536", false},
		{"§3.2.3 port of many digits", "example.org:000080", false},
		{"§3.2.3 port of letters", "example.org:http", false},
		{"§3.2.3 negative port", "example.org:-1", false},
		{"§3.2.3 two ports", "example.org:80:80", false},
		{"§3.2.2 no host", ":80", false},
		{"§3.2.2 blank", "example org", false},
		{"§3.2.2 path", "example.org/", false},
		{"§3.2.1 user", "user@example.org", false},
		{"§3.2.2 two hosts", "a.org b.org", false},
		{"§3.2.2 markup", "<script>", false},
		{"§3.2.2 beyond ASCII", "bücher.example", false},
		{"§3.2.2 NUL", "a\x00", false},
		{"§3.2.2 bad escape", "a%2", false},
		{"§3.2.2 IPv6 without brackets", "::1", false},
		{"§3.2.2 no end", "[::1", false},
		{"§3.2.2 something behind", "[::1]x", false},
		{"§3.2.2 something before", "x[::1]", false},
		{"§3.2.2 empty brackets", "[]", false},
		{"§3.2.2 a name in brackets", "[example.org]", false},
		{"RFC 6874 zone", "[fe80::1%25eth0]", false},
		{"§3.2.2 a future version", "[v1.x]", false},
		{"RFC 4291 §2.2 two gaps", "[1::2::3]", false},
		{"RFC 4291 §2.2 nine groups", "[1:2:3:4:5:6:7:8:9]", false},
		{"RFC 4291 §2.2 seven groups", "[1:2:3:4:5:6:7]", false},
		{"RFC 4291 §2.2 gap of nothing", "[1:2:3:4::5:6:7:8]", false},
		{"RFC 4291 §2.2 five digits", "[::12345]", false},
	} {
		if got := ValidAuthority([]byte(c.in)); got != c.want {
			t.Errorf("RFC 3986 %s: %q is %v", c.why, c.in, got)
		}
	}
}

func TestSplitAuthority(t *testing.T) {
	for _, c := range []struct{ in, host, port string }{
		{"a:80", "a", "80"}, {"a", "a", ""}, {"a:", "a", ""}, {"[::1]:80", "[::1]", "80"}, {"[::1]", "[::1]", ""}, {"", "", ""},
	} {
		if host, port := SplitAuthority([]byte(c.in)); string(host) != c.host || string(port) != c.port {
			t.Errorf("%q is %q and %q", c.in, host, port)
		}
	}
}

func TestValidAuthorityAllocatesNothing(t *testing.T) {
	name, v6 := []byte("example.org:8080"), []byte("[2001:db8::1]:8080")
	if n := testing.AllocsPerRun(100, func() {
		if !ValidAuthority(name) || !ValidAuthority(v6) {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAuthority: IPv6 is what net/netip says it is, without a zone.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"::1", "1:2:3:4:5:6:7:8", "1::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "fe80::1%eth0", "::01.2.3.4", ":::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ip, err := netip.ParseAddr(s)
		want := err == nil && ip.Is6() && ip.Zone() == ""
		if got := ValidAuthority([]byte("[" + s + "]")); got != want {
			t.Errorf("[%s] is %v here, %v to netip (%v)", s, got, want, err)
		}
		if ValidAuthority([]byte(s)) {
			if strings.ContainsAny(s, "/?#@\\\"<> \r\n\t\x00") {
				t.Errorf("%q is a host", s)
			}
			host, port := SplitAuthority([]byte(s))
			if joined := string(host) + ":" + string(port); joined != s && joined != s+":" {
				t.Errorf("%q is %q and %q", s, host, port)
			}
		}
	})
}

func BenchmarkValidAuthority(b *testing.B) {
	name := []byte("example.org:8080")
	b.ReportAllocs()
	for b.Loop() {
		ValidAuthority(name)
	}
}
