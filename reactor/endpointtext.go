package reactor

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file cuts an endpoint string into its parts, and reads a value out of a
// part, with an error that names what is wrong and how to write it.

// QuoteEndpoint writes s so that it stands for itself in an endpoint string.
func QuoteEndpoint(s string) string {
	return endpointQuoter.Replace(s)
}

var endpointQuoter = strings.NewReplacer(`\`, `\\`, ":", `\:`, "=", `\=`, "[", `\[`)

// endpointPart is what stands between two colons.
type endpointPart struct {
	key   string // before the equals sign, in lower case; empty without one
	value string
	keyed bool
	ipv6  bool // stood in brackets
}

// endpointArgs are the parts of one endpoint string. What reads them takes them
// away; the first error is kept.
type endpointArgs struct {
	text  string
	parts []endpointPart
	known []string // keys that were asked for
	err   error
}

func (a *endpointArgs) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("reactor: endpoint %q: %s", clip(a.text), fmt.Sprintf(format, args...))
	}
}

// clip keeps what goes into an error short.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// splitEndpoint cuts s at its colons.
func splitEndpoint(s string) (*endpointArgs, error) {
	a := &endpointArgs{text: s}
	if s == "" {
		a.fail("it is empty; write tcp:8080 or unix:/run/web.sock")
		return nil, a.err
	}
	if strings.IndexByte(s, 0) >= 0 {
		a.fail("it has a NUL byte in it")
		return nil, a.err
	}
	if n := len(s) - len(strings.TrimRight(s, `\`)); n%2 == 1 {
		a.fail(`it ends in a single backslash; a backslash itself is written \\`)
		return nil, a.err
	}
	for rest, more := s, true; more; {
		var part endpointPart
		part, rest, more = nextPart(rest)
		a.parts = append(a.parts, part)
	}
	a.glueAddresses()
	a.checkTwice()
	return a, a.err
}

// nextPart cuts the first part off s, which does not end within an escape. more
// tells whether another one follows.
func nextPart(s string) (p endpointPart, rest string, more bool) {
	var b strings.Builder
	start := 0 // of the value
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			b.WriteByte(s[i])
		case c == ':':
			p.value = b.String()
			return p, s[i+1:], true
		case c == '=' && !p.keyed:
			p.key, p.keyed = strings.ToLower(b.String()), true
			b.Reset()
			start = i + 1
		case c == '[' && i == start && bracketed(s[i:]) > 0:
			n := bracketed(s[i:])
			b.WriteString(s[i+1 : i+n-1])
			p.ipv6 = true
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	p.value = b.String()
	return p, "", false
}

// bracketed is the length of the IPv6 address in brackets that is the whole
// value at the start of s, 0 when there is none.
func bracketed(s string) int {
	n := strings.IndexByte(s, ']') + 1
	if n < 2 || n < len(s) && s[n] != ':' || !isIPv6(s[1:n-1]) {
		return 0
	}
	return n
}

// glueAddresses puts an IPv6 address together that was written without brackets
// as the value of a key: interface=::1 is cut into three parts.
func (a *endpointArgs) glueAddresses() {
	for i := 0; i < len(a.parts); i++ {
		p := &a.parts[i]
		if p.key != "interface" && p.key != "bindaddress" && p.key != "host" || isIPv4(p.value) || isIPv6(p.value) {
			continue
		}
		end := i + 1
		for end < len(a.parts) && !a.parts[end].keyed {
			end++
		}
		for ; end > i+1; end-- {
			whole := p.value
			for _, q := range a.parts[i+1 : end] {
				whole += ":" + q.value
			}
			if isIPv6(whole) {
				p.value, p.ipv6 = whole, true
				a.parts = slices.Delete(a.parts, i+1, end)
				break
			}
		}
	}
}

func (a *endpointArgs) checkTwice() {
	for i, p := range a.parts {
		if p.keyed && certKeys[p.key] == "" && slices.ContainsFunc(a.parts[:i], func(q endpointPart) bool { return q.keyed && q.key == p.key }) {
			a.fail("%s is given twice", clip(p.key))
		}
	}
}

// spellOut puts the type before a short form that has none.
func (a *endpointArgs) spellOut() {
	first := a.parts[0]
	switch {
	case first.keyed:
	case first.ipv6:
		a.parts[0] = endpointPart{key: "interface", value: first.value, keyed: true}
		a.prepend("tcp6")
	case first.value == "":
		a.parts[0].value = "tcp"
	case isIPv4(first.value) || first.value == "localhost":
		a.parts[0] = endpointPart{key: "interface", value: first.value, keyed: true}
		a.prepend("tcp")
	case isDigits(first.value):
		a.prepend("tcp")
	case isPath(first.value):
		a.prepend("unix")
	}
}

// spellOutClient is spellOut for a place to connect to.
func (a *endpointArgs) spellOutClient() {
	first := a.parts[0]
	switch {
	case first.keyed:
	case isPath(first.value):
		a.prepend("unix")
	case first.ipv6, first.value != "tcp" && first.value != "unix" && len(a.parts) > 1 &&
		!a.parts[1].keyed && isDigits(a.parts[1].value):
		a.prepend("tcp")
	}
}

func (a *endpointArgs) prepend(kind string) {
	a.parts = slices.Insert(a.parts, 0, endpointPart{value: kind})
}

func isIPv4(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is4()
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isPath(s string) bool { return s != "" && (s[0] == '/' || s[0] == '.') }

// kind takes the type away.
func (a *endpointArgs) kind() EndpointKind {
	p := a.parts[0]
	a.parts = a.parts[1:]
	switch {
	case p.keyed && isPath(p.key):
		a.fail(`an equals sign within a path is written \=`)
	case p.keyed:
		a.fail("it begins with the option %q; the type comes first", clip(p.key))
	}
	return EndpointKind(p.value)
}

func (a *endpointArgs) unknownKind(kind EndpointKind, kinds, example string) {
	a.fail("unknown type %q; the types are %s, as in %s", clip(string(kind)), kinds, example)
}

// named looks for an option, and leaves it.
func (a *endpointArgs) named(key string) (string, bool) {
	for _, p := range a.parts {
		if p.keyed && p.key == key {
			return p.value, true
		}
	}
	return "", false
}

// option takes an option away.
func (a *endpointArgs) option(key string) (string, bool) {
	a.known = append(a.known, key)
	value, ok := a.named(key)
	a.parts = slices.DeleteFunc(a.parts, func(p endpointPart) bool { return p.keyed && p.key == key })
	return value, ok
}

// argument takes an option away, or the first part that has no key.
func (a *endpointArgs) argument(key string) (string, bool) {
	if value, ok := a.option(key); ok {
		return value, true
	}
	i := slices.IndexFunc(a.parts, func(p endpointPart) bool { return !p.keyed })
	if i < 0 {
		return "", false
	}
	value := a.parts[i].value
	a.parts = slices.Delete(a.parts, i, i+1)
	return value, true
}

// number takes an argument that is a number from low to high.
func (a *endpointArgs) number(key string, low, high int, what, example string) int {
	text, ok := a.argument(key)
	if !ok {
		a.fail("%s is missing; write %s", what, example)
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) < low || int(n) > high {
		a.fail("%s is no number from %d to %d", quoted(key, text), low, high)
		return 0
	}
	return int(n)
}

// quoted is "port "80a"".
func quoted(key, text string) string { return fmt.Sprintf("%s %q", key, clip(text)) }

func (a *endpointArgs) port(example string) int {
	text, ok := a.argument("port")
	n, err := strconv.ParseUint(text, 10, 16)
	switch {
	case !ok:
		a.fail("the port is missing; write %s", example)
	case isIPv4(text) || isIPv6(text) || text == "localhost":
		a.fail("%s is an address; write %s:interface=%s", quoted("port", text), example, addressText(text))
	case err != nil:
		a.fail("%s is no number from 0 to 65535", quoted("port", text))
	}
	return int(n)
}

func (a *endpointArgs) backlog() int {
	if _, ok := a.named("backlog"); !ok {
		a.known = append(a.known, "backlog")
		return 0
	}
	return a.number("backlog", 1, 1<<30, "the backlog", "backlog=128")
}

func (a *endpointArgs) path(example string) string {
	path, ok := a.argument("path")
	if slices.ContainsFunc(a.parts, func(p endpointPart) bool { return isPath(p.key) }) {
		a.fail(`an equals sign within a path is written \=`)
	}
	if !ok || path == "" {
		a.fail("the path is missing; write %s", example)
	}
	return path
}

func (a *endpointArgs) flag(key string, standard bool) bool {
	switch text, ok := a.option(key); {
	case !ok:
		return standard
	case text == "1" || text == "true" || text == "yes":
		return true
	case text == "0" || text == "false" || text == "no":
	default:
		a.fail("%s is neither 1 nor 0", quoted(key, text))
	}
	return false
}

// address takes an option that is an IP address.
func (a *endpointArgs) address(key string) string {
	text, _ := a.option(key)
	if text == "" {
		return ""
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !plainName(addr.Zone()) {
		a.fail("%s is no IP address", quoted(key, text))
		return ""
	}
	return addr.Unmap().String()
}

// listenAddress takes the option interface. An IPv6 address makes the kind tcp6.
func (a *endpointArgs) listenAddress(kind *EndpointKind) string {
	switch text, given := a.named("interface"); {
	case given && text == "":
		a.fail("interface is empty; leave it out to listen on all, or write interface=127.0.0.1")
		return ""
	case text == "localhost":
		a.option("interface")
		if *kind == EndpointTCP6 {
			return "::1"
		}
		return "127.0.0.1"
	case plainName(text) && strings.Trim(text, "0123456789.") != "": // looked up when it is listened on
		a.option("interface")
		return text
	}
	text := a.address("interface")
	if addr, err := netip.ParseAddr(text); err == nil && addr.IsLinkLocalUnicast() && addr.Is6() && addr.Zone() == "" {
		a.fail("%s is an address of each link: say which, as in interface=[%s%%eth0]", quoted("interface", text), text)
		return ""
	}
	switch isIPv6 := strings.Contains(text, ":"); {
	case text == "":
	case isIPv6:
		*kind = EndpointTCP6
	case *kind == EndpointTCP6:
		a.fail("%s is an IPv4 address; write tcp instead of tcp6", quoted("interface", text))
	}
	return text
}

// plainName tells whether s has only what stands in the names of hosts and of
// network interfaces, which are the zones of IPv6 addresses.
func plainName(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

func (a *endpointArgs) host() string {
	text, ok := a.argument("host")
	switch addr, err := netip.ParseAddr(text); {
	case !ok:
		a.fail("the host is missing; write tcp:example.com:80")
	case text == "":
		a.fail("the host is empty; an IPv6 address is written in brackets, as in tcp:[::1]:80")
	case err == nil && plainName(addr.Zone()):
		return addr.Unmap().String()
	case !plainName(text):
		a.fail("%s is neither a name nor an IP address", quoted("host", text))
	}
	return text
}

// duration takes an option that is a time: seconds, or a number with its unit.
func (a *endpointArgs) duration(key string) time.Duration {
	text, ok := a.option(key)
	if !ok {
		return 0
	}
	unit := text
	if isDigits(text) {
		unit += "s"
	}
	d, err := time.ParseDuration(unit)
	if err != nil || d <= 0 {
		a.fail("%s is no time; write seconds (30) or a unit (500ms)", quoted(key, text))
		return 0
	}
	return d
}

// finish is the first error; what nobody has taken is one too.
func (a *endpointArgs) finish() error {
	for _, p := range a.parts {
		if p.keyed {
			a.fail("unknown option %q; there are %s", clip(p.key), strings.Join(a.known, ", "))
		} else {
			a.fail("%q is one value too many; options are written as key=value (%s)", clip(p.value), strings.Join(a.known, ", "))
		}
	}
	return a.err
}
