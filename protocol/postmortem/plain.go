package postmortem

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// This file is the answer where the development server has seen a panic, and makes no page of
// it in time: what the program itself knows of it.

// ForwardedFields are what proxies and tunnels add. Whoever comes through one that runs here
// has a loopback address, wherever they are. ssh -L adds none: who has an account on this
// machine is here.
var ForwardedFields = []string{"Forwarded", "X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP"}

// PeerWasHere tells whether the other end of the connection to the program was on this machine.
func (x *Exchange) PeerWasHere() bool {
	a, err := netip.ParseAddrPort(x.Peer)
	return err != nil || isHere(a.Addr())
}

// WasHere tells whether who has asked was on this machine: of what a program has accepted
// itself, or what has come to it by the development server, which says for whom.
func (x *Exchange) WasHere() bool {
	return x.PeerWasHere() && !slices.ContainsFunc(x.Fields, func(f Pair) bool {
		return slices.ContainsFunc(ForwardedFields, func(name string) bool { return strings.EqualFold(f.Name, name) }) && !forHere(f.Value)
	})
}

// forHere tells whether a field of ForwardedFields lists addresses of this machine alone.
func forHere(value string) bool {
	for one := range strings.SplitSeq(value, ",") {
		if a, err := netip.ParseAddr(strings.TrimSpace(one)); err != nil || !isHere(a) {
			return false
		}
	}
	return true
}

func isHere(a netip.Addr) bool { return !a.IsValid() || a.Unmap().IsLoopback() }

// byName tells whether it was asked for by a name that no page elsewhere can have.
func (x *Exchange) byName() bool {
	host := strings.ToLower(x.Host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.Trim(host, "[]")
	_, err := netip.ParseAddr(host)
	return err == nil || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// later is what a page says that is not all.
const later = "The development server has not made its page of it in time."

// plain is the page without the development server, nil where it is not known who has asked.
// Those who are elsewhere learn that there was a panic.
func (r *Report) plain() *Answer {
	x := r.Exchange
	if x == nil {
		return nil
	}
	a := &Answer{Ticket: x.ID, Type: "text/plain; charset=utf-8"}
	if !x.WasHere() || !x.byName() {
		a.Page = []byte("Something went wrong.\n")
		return a
	}
	var b strings.Builder
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "Panic: %s (%s)\n", c.Text, c.Type)
	}
	b.WriteString("\n" + later + "\n\n" + fromPanic(r.Stack))
	a.Page = []byte(b.String())
	return a
}

// fromPanic is a stack without the calls of who has recovered.
func fromPanic(stack string) string {
	if i := strings.Index(stack, "\npanic("); i >= 0 {
		return stack[i+1:]
	}
	return stack
}

// fallback is a page that is there at once.
func (r *Report) fallback() *Pending {
	p := &Pending{done: make(chan struct{}), a: r.plain()}
	close(p.done)
	return p
}
