package reactor

import (
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// This file holds endpoints: where to listen or to connect to, as a struct and
// as the string that people write. How such a string is cut into its parts is
// in endpointtext.go, what systemd hands over in systemd.go.

// EndpointKind is the type of an endpoint, the word before the first colon.
type EndpointKind string

// The kinds of endpoints.
const (
	EndpointTCP     EndpointKind = "tcp"     // IPv4; where it is for all addresses, IPv6 too
	EndpointTCP6    EndpointKind = "tcp6"    // IPv6 alone
	EndpointUNIX    EndpointKind = "unix"    // a UNIX stream socket
	EndpointFD      EndpointKind = "fd"      // a listening socket that is open already
	EndpointSystemd EndpointKind = "systemd" // one that systemd has opened
)

// Endpoint is a place to listen at. Its fields are those of its Kind; a zero
// field means the default.
type Endpoint struct {
	Kind EndpointKind

	Port      int    // tcp, tcp6; 0 lets the kernel choose
	Interface string // tcp, tcp6: IP address, host name or network interface; empty means all
	ReusePort bool   // tcp, tcp6: SO_REUSEPORT

	Path   string      // unix; one that begins with @ is in no directory (Linux)
	Mode   fs.FileMode // unix: permissions of the socket; 0 means 0666
	NoLock bool        // unix: no lock file beside the socket

	Backlog int // tcp, tcp6, unix: connections that wait to be accepted; 0 means the default

	FD    int    // fd: the descriptor
	Index int    // systemd: which of the sockets, from 0, when Name is empty
	Name  string // systemd: its FileDescriptorName

	TLS *TLSOptions // any kind: the connections are secured; nil for plain ones

	ours bool // fd: of a member of the same Group, so no other process goes on with it
}

// ParseEndpoint reads an endpoint string: a type, its arguments, and options as
// key=value, with a colon between them. A colon, an equals sign or a backslash
// that is meant as such is written with a backslash before it (see
// QuoteEndpoint); an IPv6 address may stand in brackets instead.
//
//	tcp:8080                                    all addresses of this machine
//	tcp:8080:interface=127.0.0.1:backlog=128    one of them
//	tcp:8080:interface=eth0                     that of a network interface
//	tcp:8080:reuseport=1                        shared with other processes
//	tcp6:8080                                   all IPv6 addresses, and no others
//	tcp6:8080:interface=[::1]
//	unix:/run/web.sock:mode=660:lockfile=0
//	fd:3                                        a socket given by the parent
//	systemd:index=0, systemd:name=web           a socket given by systemd
//
// With TLS (see TLSOptions), of which unix, fd and systemd take the options, too, and
// tls=1 where there is no other:
//
//	tls:443:cert=fullchain.pem:key=key.pem      also tls6, and the options of tcp
//	tls:443:cert=a.pem:key=a-key.pem:cert=b.pem:key=b-key.pem
//	tls:443:cert=all.pem:clientca=ca.pem:clientauth=optional:alpn=http/1.1:mintls=1.3
//	tls:443:acme=example.org,www.example.org:acmeemail=me@example.org
//	tls:8443                                    a certificate made on the spot
//	ssl:443:privateKey=key.pem:certKey=cert.pem:extraCertChain=chain.pem
//
// Short forms: 8080 and :8080 are tcp:8080, 127.0.0.1:8080 and localhost:8080
// are tcp:8080 with that interface, [::1]:8080 is the same for tcp6, and a path
// that begins with a slash or a dot is unix. Options may follow them too.
func ParseEndpoint(s string) (Endpoint, error) {
	a, err := splitEndpoint(s)
	if err != nil {
		return Endpoint{}, err
	}
	a.spellOut()
	var e Endpoint
	switch e.Kind = a.kind(); e.Kind {
	case EndpointTCP, EndpointTCP6:
		e.parseTCP(a, "tcp:8080")
	case "tls", "ssl":
		e.Kind = EndpointTCP
		e.parseTLS(a)
		e.parseTCP(a, "tls:8443")
	case "tls6":
		e.Kind = EndpointTCP6
		e.parseTLS(a)
		e.parseTCP(a, "tls6:8443")
	case EndpointUNIX:
		e.parseUNIX(a)
		e.parseTLSFlag(a)
	case EndpointFD:
		e.FD = a.number("fd", 0, 1<<20, "a descriptor", "fd:3")
		e.parseTLSFlag(a)
	case EndpointSystemd:
		e.parseSystemd(a)
		e.parseTLSFlag(a)
	default:
		a.unknownKind(e.Kind, "tcp, tcp6, tls, tls6, unix, fd and systemd", "tcp:8080")
	}
	if err = a.finish(); err != nil {
		return Endpoint{}, err
	}
	return e, nil
}

func (e *Endpoint) parseTCP(a *endpointArgs, example string) {
	e.Port = a.port(example)
	e.Interface = a.listenAddress(&e.Kind)
	e.Backlog = a.backlog()
	e.ReusePort = a.flag("reuseport", false)
}

func (e *Endpoint) parseUNIX(a *endpointArgs) {
	e.Path = a.path("unix:/run/web.sock")
	if text, ok := a.option("mode"); ok {
		mode, err := strconv.ParseUint(text, 8, 32)
		if err != nil || mode == 0 || mode > 0o777 {
			a.fail("mode %q is no octal number from 1 to 777, such as 660", clip(text))
		}
		e.Mode = fs.FileMode(mode)
	}
	e.Backlog = a.backlog()
	e.NoLock = !a.flag("lockfile", true)
}

func (e *Endpoint) parseSystemd(a *endpointArgs) {
	_, byIndex := a.named("index")
	e.Name, _ = a.option("name")
	if byIndex == (e.Name != "") {
		a.fail("give either index or name: systemd:index=0 or systemd:name=web")
		return
	}
	if byIndex {
		e.Index = a.number("index", 0, maxSystemdSockets, "an index", "systemd:index=0")
	}
}

// String is the endpoint as ParseEndpoint reads it.
func (e Endpoint) String() string {
	b := []byte(e.kindText())
	switch e.Kind {
	case EndpointTCP, EndpointTCP6:
		b = strconv.AppendInt(append(b, ':'), int64(e.Port), 10)
		b = appendOption(b, "interface", addressText(e.Interface))
	case EndpointUNIX:
		b = append(append(b, ':'), QuoteEndpoint(e.Path)...)
		if e.Mode != 0 {
			b = appendOption(b, "mode", strconv.FormatUint(uint64(e.Mode), 8))
		}
		if e.NoLock {
			b = appendOption(b, "lockfile", "0")
		}
	case EndpointFD:
		b = strconv.AppendInt(append(b, ':'), int64(e.FD), 10)
	case EndpointSystemd:
		if e.Name != "" {
			b = appendOption(b, "name", QuoteEndpoint(e.Name))
		} else {
			b = appendOption(b, "index", strconv.Itoa(e.Index))
		}
	}
	if e.Backlog != 0 {
		b = appendOption(b, "backlog", strconv.Itoa(e.Backlog))
	}
	if e.ReusePort {
		b = appendOption(b, "reuseport", "1")
	}
	if e.TLS == nil {
		return string(b)
	}
	if e.Kind != EndpointTCP && e.Kind != EndpointTCP6 {
		b = appendOption(b, "tls", "1")
	}
	return string(e.TLS.append(b))
}

// ClientEndpoint is a place to connect to. A zero field means the default.
type ClientEndpoint struct {
	Kind EndpointKind // EndpointTCP or EndpointUNIX

	Host        string        // tcp: a name or an IP address
	Port        int           // tcp
	BindAddress string        // tcp: the own IP address; empty lets the kernel choose
	Path        string        // unix
	Timeout     time.Duration // for the attempt; 0 means 30 s
}

// ParseClientEndpoint reads the string of a place to connect to, in the grammar
// of ParseEndpoint.
//
//	tcp:example.com:80:timeout=5:bindaddress=192.0.2.1
//	tcp:[::1]:80
//	unix:/run/app.sock:timeout=500ms
//
// timeout is in seconds, or a number with a unit. Short forms: example.com:80,
// [::1]:80, and a path that begins with a slash or a dot.
func ParseClientEndpoint(s string) (ClientEndpoint, error) {
	a, err := splitEndpoint(s)
	if err != nil {
		return ClientEndpoint{}, err
	}
	a.spellOutClient()
	var e ClientEndpoint
	switch e.Kind = a.kind(); e.Kind {
	case EndpointTCP:
		e.Host = a.host()
		e.Port = a.port("tcp:example.com:80")
		if e.Port == 0 {
			a.fail("port 0 cannot be connected to")
		}
		e.BindAddress = a.address("bindaddress")
	case EndpointUNIX:
		e.Path = a.path("unix:/run/app.sock")
	default:
		a.unknownKind(e.Kind, "tcp and unix", "tcp:example.com:80")
	}
	e.Timeout = a.duration("timeout")
	if err = a.finish(); err != nil {
		return ClientEndpoint{}, err
	}
	return e, nil
}

// String is the endpoint as ParseClientEndpoint reads it.
func (e ClientEndpoint) String() string {
	b := append([]byte(e.Kind), ':')
	if e.Kind == EndpointUNIX {
		b = append(b, QuoteEndpoint(e.Path)...)
	} else {
		b = append(append(b, addressText(e.Host)...), ':')
		b = strconv.AppendInt(b, int64(e.Port), 10)
		b = appendOption(b, "bindaddress", addressText(e.BindAddress))
	}
	if e.Timeout != 0 {
		b = appendOption(b, "timeout", durationText(e.Timeout))
	}
	return string(b)
}

// appendOption writes :key=value; an empty value is left out.
func appendOption(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(b, ':'), key...)
	return append(append(b, '='), value...)
}

// addressText is an address or a host name as it stands in an endpoint string.
func addressText(s string) string {
	if isIPv6(s) && !strings.ContainsAny(s, `]\`) {
		return "[" + s + "]"
	}
	return QuoteEndpoint(s)
}

func isIPv6(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6()
}

// durationText is whole seconds as a number, anything else with its unit.
func durationText(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10)
	}
	return d.String()
}
