package reactor

import (
	"net/netip"
	"strconv"
)

// Addr is the address of one end of a connection: an IP address and port, or
// the path of a UNIX socket. The zero Addr is an unnamed one. It is a net.Addr.
type Addr struct {
	IP   netip.Addr // the zero Addr for a UNIX socket; IPv4 is never 4-in-6
	Port uint16
	Path string // of a UNIX socket; empty when it has no name (most clients)
}

// Network is "tcp" or "unix".
func (a Addr) Network() string {
	if a.IP.IsValid() {
		return "tcp"
	}
	return "unix"
}

// String is "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock".
func (a Addr) String() string {
	if !a.IP.IsValid() {
		return "unix:" + a.Path
	}
	return netip.AddrPortFrom(a.IP, a.Port).String()
}

// HostText is the address without its port, as an access log shows it; "-" for
// a UNIX socket.
func (a Addr) HostText() string {
	if !a.IP.IsValid() {
		return "-"
	}
	return a.IP.String()
}

// PortText is the port in decimal, empty for a UNIX socket.
func (a Addr) PortText() string {
	if !a.IP.IsValid() {
		return ""
	}
	return strconv.Itoa(int(a.Port))
}
