package reactor

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseEndpoint(t *testing.T) {
	for _, row := range []struct {
		in   string
		want Endpoint
		text string // what String gives, when it is not in
	}{
		{in: "tcp:8080", want: Endpoint{Kind: EndpointTCP, Port: 8080}},
		{in: "tcp:0", want: Endpoint{Kind: EndpointTCP}},
		{in: "tcp:port=8080", want: Endpoint{Kind: EndpointTCP, Port: 8080}, text: "tcp:8080"},
		{in: "tcp:65535", want: Endpoint{Kind: EndpointTCP, Port: 65535}},
		{in: "tcp:8080:interface=127.0.0.1", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1"}},
		{in: "tcp:interface=127.0.0.1:8080", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1"}, text: "tcp:8080:interface=127.0.0.1"},
		{in: "tcp:8080:interface=localhost", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1"}, text: "tcp:8080:interface=127.0.0.1"},
		{in: "tcp:8080:interface=127.0.0.1:backlog=128:reuseport=1", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1", Backlog: 128, ReusePort: true}},
		{in: "tcp:8080:reusePort=yes", want: Endpoint{Kind: EndpointTCP, Port: 8080, ReusePort: true}, text: "tcp:8080:reuseport=1"},
		{in: "tcp:8080:reuseport=0", want: Endpoint{Kind: EndpointTCP, Port: 8080}, text: "tcp:8080"},
		{in: "tcp6:8080", want: Endpoint{Kind: EndpointTCP6, Port: 8080}},
		{in: "tcp6:8080:interface=[::1]", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}},
		{in: `tcp6:8080:interface=\:\:1`, want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: `tcp6:interface=\:\:1:8080`, want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: "tcp6:8080:interface=::1", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: "tcp6:8080:interface=2001:db8::1:backlog=5", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "2001:db8::1", Backlog: 5}, text: "tcp6:8080:interface=[2001:db8::1]:backlog=5"},
		{in: "tcp6:8080:interface=[fe80::1%eth0]", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "fe80::1%eth0"}},
		{in: "tcp6:8080:interface=localhost", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: "tcp:8080:interface=[::1]", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: "tcp:8080:interface=::ffff:10.0.0.1", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "10.0.0.1"}, text: "tcp:8080:interface=10.0.0.1"},
		{in: "tcp:80:interface=eth0.1", want: Endpoint{Kind: EndpointTCP, Port: 80, Interface: "eth0.1"}},
		{in: "unix:/run/web.sock", want: Endpoint{Kind: EndpointUNIX, Path: "/run/web.sock"}},
		{in: "unix:path=/a=b", want: Endpoint{Kind: EndpointUNIX, Path: "/a=b"}, text: `unix:/a\=b`},
		{in: "unix:/run/web.sock:mode=660:lockfile=0:backlog=9", want: Endpoint{Kind: EndpointUNIX, Path: "/run/web.sock", Mode: 0o660, NoLock: true, Backlog: 9}},
		{in: "unix:/x:mode=0666:lockfile=1", want: Endpoint{Kind: EndpointUNIX, Path: "/x", Mode: 0o666}, text: "unix:/x:mode=666"},
		{in: `unix:/a\:b\=c\\d\[e`, want: Endpoint{Kind: EndpointUNIX, Path: `/a:b=c\d[e`}},
		{in: `unix:\[\:\:1]`, want: Endpoint{Kind: EndpointUNIX, Path: "[::1]"}},
		{in: "fd:3", want: Endpoint{Kind: EndpointFD, FD: 3}},
		{in: "fd:fd=0", want: Endpoint{Kind: EndpointFD}, text: "fd:0"},
		{in: "systemd:index=1", want: Endpoint{Kind: EndpointSystemd, Index: 1}},
		{in: "systemd:name=web", want: Endpoint{Kind: EndpointSystemd, Name: "web"}},

		{in: "8080", want: Endpoint{Kind: EndpointTCP, Port: 8080}, text: "tcp:8080"},
		{in: ":8080", want: Endpoint{Kind: EndpointTCP, Port: 8080}, text: "tcp:8080"},
		{in: "8080:backlog=3", want: Endpoint{Kind: EndpointTCP, Port: 8080, Backlog: 3}, text: "tcp:8080:backlog=3"},
		{in: "127.0.0.1:8080", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1"}, text: "tcp:8080:interface=127.0.0.1"},
		{in: "0.0.0.0:80:reuseport=1", want: Endpoint{Kind: EndpointTCP, Port: 80, Interface: "0.0.0.0", ReusePort: true}, text: "tcp:80:interface=0.0.0.0:reuseport=1"},
		{in: "localhost:8080", want: Endpoint{Kind: EndpointTCP, Port: 8080, Interface: "127.0.0.1"}, text: "tcp:8080:interface=127.0.0.1"},
		{in: "[::1]:8080", want: Endpoint{Kind: EndpointTCP6, Port: 8080, Interface: "::1"}, text: "tcp6:8080:interface=[::1]"},
		{in: "/run/x.sock", want: Endpoint{Kind: EndpointUNIX, Path: "/run/x.sock"}, text: "unix:/run/x.sock"},
		{in: "./x.sock:mode=600", want: Endpoint{Kind: EndpointUNIX, Path: "./x.sock", Mode: 0o600}, text: "unix:./x.sock:mode=600"},
	} {
		got, err := ParseEndpoint(row.in)
		if err != nil || got != row.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", row.in, got, err, row.want)
			continue
		}
		if row.text == "" {
			row.text = row.in
		}
		if s := got.String(); s != row.text {
			t.Errorf("%s: String gives %s, want %s", row.in, s, row.text)
		}
	}
}

func TestParseEndpointErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "it is empty; write tcp:8080",
		"tcp":                             "the port is missing; write tcp:8080",
		"tcp:":                            `port "" is no number from 0 to 65535`,
		"tcp:http":                        `port "http" is no number from 0 to 65535`,
		"tcp:65536":                       `port "65536" is no number from 0 to 65535`,
		"tcp:-1":                          `port "-1" is no number`,
		"tcp:+1":                          `port "+1" is no number`,
		"70000":                           `port "70000" is no number`,
		"tcp:127.0.0.1:8080":              "port \"127.0.0.1\" is an address; write tcp:8080:interface=127.0.0.1",
		"tcp:[::1]:8080":                  "is an address; write tcp:8080:interface=[::1]",
		"tcp:80:81":                       `"81" is one value too many`,
		"tcp:80:port=81":                  `"80" is one value too many`,
		"tcp:80:intrface=::1":             `unknown option "intrface"; there are port, interface, backlog, reuseport`,
		"tcp:80:mode=660":                 `unknown option "mode"`,
		"tcp:80:backlog=1:Backlog=2":      "backlog is given twice",
		"tcp:80:backlog=0":                `backlog "0" is no number from 1`,
		"tcp:80:backlog=x":                `backlog "x" is no number from 1`,
		"tcp:80:reuseport=maybe":          `reuseport "maybe" is neither 1 nor 0`,
		"tcp:80:interface=127.0.0":        `interface "127.0.0" is no IP address`,
		"tcp:80:interface=a/b":            `interface "a/b" is no IP address`,
		"tcp6:80:interface=[fe80::1%a/b]": `is no IP address`,
		"tcp6:80:interface=127.0.0.1":     "is an IPv4 address; write tcp instead of tcp6",
		"tcp:80:interface=":               "interface is empty; leave it out to listen on all",
		"tcp:80:interface=fe80::1":        "is an address of each link: say which, as in interface=[fe80::1%eth0]",
		"127.0.0.1":                       "the port is missing",
		"unix":                            "the path is missing; write unix:/run/web.sock",
		"unix:":                           "the path is missing",
		"unix:/x:mode=888":                `mode "888" is no octal number from 1 to 777`,
		"unix:/x:mode=0":                  "no octal number",
		"unix:/x:mode=1777":               "no octal number",
		"unix:/a=b":                       `an equals sign within a path is written \=`,
		"/a=b":                            `an equals sign within a path is written \=`,
		`unix:/x\`:                        "ends in a single backslash",
		"unix:/x\x00y":                    "has a NUL byte in it",
		"fd:":                             `fd "" is no number`,
		"fd":                              "a descriptor is missing; write fd:3",
		"fd:-1":                           `fd "-1" is no number`,
		"systemd":                         "give either index or name",
		"systemd:0":                       "give either index or name",
		"systemd:index=0:name=x":          "give either index or name",
		"systemd:name=":                   "give either index or name",
		"systemd:index=x":                 `index "x" is no number`,
		"systemd:domain=INET:index=0":     `unknown option "domain"`,
		"htp:80":                          `unknown type "htp"; the types are tcp, tcp6, tls, tls6, unix, fd and systemd, as in tcp:8080`,
		"example.com:80":                  `unknown type "example.com"`,
		"port=80":                         `it begins with the option "port"; the type comes first`,
		"x" + strings.Repeat("y", 500):    "…",
	} {
		e, err := ParseEndpoint(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v\nwant an error with %s", in, e, err, want)
			continue
		}
		if !strings.HasPrefix(err.Error(), `reactor: endpoint "`) || len(err.Error()) > 400 {
			t.Errorf("%q: the error does not name it well: %v", in, err)
		}
		if e != (Endpoint{}) {
			t.Errorf("%q: an error and %+v", in, e)
		}
	}
}

func TestParseClientEndpoint(t *testing.T) {
	for _, row := range []struct {
		in   string
		want ClientEndpoint
		text string
	}{
		{in: "tcp:example.com:80", want: ClientEndpoint{Kind: EndpointTCP, Host: "example.com", Port: 80}},
		{in: "tcp:host=example.com:port=80", want: ClientEndpoint{Kind: EndpointTCP, Host: "example.com", Port: 80}, text: "tcp:example.com:80"},
		{in: "tcp:127.0.0.1:80:timeout=30", want: ClientEndpoint{Kind: EndpointTCP, Host: "127.0.0.1", Port: 80, Timeout: 30 * time.Second}},
		{in: "tcp:[::1]:80:bindAddress=::1:timeout=500ms", want: ClientEndpoint{Kind: EndpointTCP, Host: "::1", Port: 80, BindAddress: "::1", Timeout: 500 * time.Millisecond}, text: "tcp:[::1]:80:bindaddress=[::1]:timeout=500ms"},
		{in: "tcp:host=::1:port=80", want: ClientEndpoint{Kind: EndpointTCP, Host: "::1", Port: 80}, text: "tcp:[::1]:80"},
		{in: "unix:/run/app.sock:timeout=2", want: ClientEndpoint{Kind: EndpointUNIX, Path: "/run/app.sock", Timeout: 2 * time.Second}},
		{in: "example.com:80", want: ClientEndpoint{Kind: EndpointTCP, Host: "example.com", Port: 80}, text: "tcp:example.com:80"},
		{in: "[::1]:80", want: ClientEndpoint{Kind: EndpointTCP, Host: "::1", Port: 80}, text: "tcp:[::1]:80"},
		{in: "/run/app.sock", want: ClientEndpoint{Kind: EndpointUNIX, Path: "/run/app.sock"}, text: "unix:/run/app.sock"},
	} {
		got, err := ParseClientEndpoint(row.in)
		if err != nil || got != row.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", row.in, got, err, row.want)
			continue
		}
		if row.text == "" {
			row.text = row.in
		}
		if s := got.String(); s != row.text {
			t.Errorf("%s: String gives %s, want %s", row.in, s, row.text)
		}
	}
}

func TestParseClientEndpointErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "it is empty",
		"tcp":                    "the host is missing; write tcp:example.com:80",
		"tcp:80":                 "the port is missing; write tcp:example.com:80",
		"tcp:::1:80":             "an IPv6 address is written in brackets",
		"tcp:a b:80":             `host "a b" is neither a name nor an IP address`,
		"tcp:http\\://x:80":      "is neither a name nor an IP address",
		"tcp:x:0":                "port 0 cannot be connected to",
		"tcp:x:80:timeout=0":     `timeout "0" is no time`,
		"tcp:x:80:timeout=-1s":   "is no time",
		"tcp:x:80:timeout=soon":  "write seconds (30) or a unit (500ms)",
		"tcp:x:80:bindaddress=y": `bindaddress "y" is no IP address`,
		"tcp:x:80:backlog=3":     `unknown option "backlog"; there are host, port, bindaddress, timeout`,
		"unix:/x:mode=660":       `unknown option "mode"; there are path, timeout`,
		"tcp6:x:80":              `unknown type "tcp6"; the types are tcp and unix`,
		"example.com":            `unknown type "example.com"`,
		"ftp:x:80":               `unknown type "ftp"`,
	} {
		if e, err := ParseClientEndpoint(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v\nwant an error with %s", in, e, err, want)
		}
	}
}

func TestQuoteEndpoint(t *testing.T) {
	for _, s := range []string{"", "plain", "a:b", "a=b", `a\b`, `\`, `\\`, "[::1]", "ä\xff"} {
		e, err := ParseEndpoint("unix:x" + QuoteEndpoint(s))
		if err != nil || e.Path != "x"+s {
			t.Errorf("%q: %q, %v", s, e.Path, err)
		}
	}
}

// FuzzEndpoint holds for every string: no panic, and what is accepted is written
// by String so that it is read as the same.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"tcp:8080:interface=::1", `unix:/a\:b:mode=660:lockfile=0`, "[::1]:80",
		"tcp:h:80:timeout=1.5s:bindaddress=1.2.3.4", "systemd:name=a", "fd:3", "=:=[", `\\\:`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := ParseEndpoint(s); err == nil {
			if again, err := ParseEndpoint(e.String()); err != nil || !reflect.DeepEqual(again, e) {
				t.Errorf("%q is %+v, written %q, read as %+v, %v", s, e, e, again, err)
			}
		}
		if e, err := ParseClientEndpoint(s); err == nil {
			if again, err := ParseClientEndpoint(e.String()); err != nil || again != e {
				t.Errorf("%q is %+v, written %q, read as %+v, %v", s, e, e, again, err)
			}
		}
		if e, err := ParseEndpoint("unix:.:path=" + QuoteEndpoint(s)); err == nil {
			t.Errorf("%q slipped out of its quotes: %+v", s, e)
		}
	})
}
