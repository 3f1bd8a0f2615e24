package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/site"
)

// This file says where the server can be reached.

// banner prints the addresses of all ports. addrs are those of this machine.
func (s *server) banner(w io.Writer, addrs []netip.Addr) {
	var ports []served
	for _, p := range s.ports {
		ports = append(ports, servedBy(p))
	}
	b := bannerText(s.title(), ports, addrs, s.untrusted, s.config.howToStop())
	if f, ok := w.(*os.File); ok && site.ColourTerminal(f) {
		b = coloured(b)
	}
	_, _ = io.WriteString(w, b) // nobody is left to be told
}

func (s *server) title() string {
	title := "Spindle serves " + s.what
	if n := len(s.members); n > 1 {
		title += " on " + strconv.Itoa(n) + " loops"
	}
	return title
}

// served is where a port is reached, and how.
type served struct {
	reactor.Addr
	secure bool
}

func servedBy(p *reactor.Port) served { return served{p.Addr(), p.Secure()} }

// url is that of the port at one of its addresses.
func (s served) url(ip netip.Addr) string {
	scheme, usual := "http://", uint16(80)
	if s.secure {
		scheme, usual = "https://", 443
	}
	switch {
	case s.Port != usual:
		return scheme + netip.AddrPortFrom(ip, s.Port).String() + "/"
	case ip.Is6():
		return scheme + "[" + ip.String() + "]/"
	}
	return scheme + ip.String() + "/"
}

// endpoint is how the port is written for --listen, without its address.
func (s served) endpoint() string {
	kind := "tcp"
	if s.secure {
		kind = "tls"
	}
	return fmt.Sprintf("%s:%d", kind, s.Port)
}

func bannerText(title string, ports []served, machine []netip.Addr, untrusted bool, stop string) string {
	var local, network, sockets []string
	var closed string // a port that only this machine can reach
	for _, a := range ports {
		switch {
		case !a.IP.IsValid():
			sockets = append(sockets, a.Path)
		case a.IP.IsUnspecified():
			local = append(local, a.url(loopbackFor(a.IP)))
			for _, m := range machine {
				if m.Is4() || a.IP.Is6() {
					network = append(network, a.url(m))
				}
			}
		case a.IP.IsLoopback():
			closed = a.endpoint()
			local = append(local, a.url(a.IP))
		default:
			network = append(network, a.url(a.IP))
		}
	}
	if network == nil && closed != "" {
		network = []string{"not reachable from there; --listen " + closed + " opens it"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %s\n\n", title)
	row(&b, "Local", local)
	row(&b, "Network", network)
	row(&b, "Socket", sockets)
	if untrusted {
		b.WriteString("\n  The certificate was made for this run, and browsers warn of it; after\n  'spindle cert --ca' they need not.\n")
	}
	fmt.Fprintf(&b, "\n  %s\n\n", stop)
	return b.String()
}

// row prints values below each other, behind their label.
func row(b *strings.Builder, label string, values []string) {
	for i, v := range values {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(b, "  %-8s %s\n", label, v)
	}
}

// loopbackFor is how this machine reaches itself. A port on all addresses of IPv6
// is one on all of IPv4, too, and 127.0.0.1 is what people know.
func loopbackFor(netip.Addr) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// localURL is a URL of the port for a browser on this machine.
func localURL(a served) (url string, ok bool) {
	switch {
	case !a.IP.IsValid():
		return "", false
	case a.IP.IsUnspecified():
		return a.url(loopbackFor(a.IP)), true
	}
	return a.url(a.IP), true
}

// machineAddrs is the addresses under which others can reach this machine, IPv4
// first.
func machineAddrs() (addrs []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // a banner without them
	}
	var six []netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		switch ip := p.Addr(); {
		case err != nil, !ip.IsGlobalUnicast():
		case ip.Is4():
			addrs = append(addrs, ip)
		default:
			six = append(six, ip)
		}
	}
	return append(addrs, six...)
}

// coloured makes the title bold and the URLs stand out.
func coloured(b string) string {
	lines := strings.Split(b, "\n")
	for i, line := range lines {
		switch at := strings.Index(line, "http"); {
		case i == 1:
			lines[i] = "\x1b[1m" + line + "\x1b[0m"
		case at >= 0:
			lines[i] = line[:at] + "\x1b[36m" + line[at:] + "\x1b[0m"
		case line != "":
			lines[i] = "\x1b[2m" + line + "\x1b[0m"
		}
	}
	return strings.Join(lines, "\n")
}

// counted is "1 request", "2 requests".
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatInt(n, 10) + " " + what + "s"
}

// sizeText is n bytes for a person.
func sizeText(n int64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u > 0 && v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[u]
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " " + units[u]
}

// spanText is d for a person, no finer than seconds when it is long.
func spanText(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
