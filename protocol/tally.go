package protocol

import (
	"fmt"
	"slices"
	"strings"

	"spindle/reactor"
)

// This file counts connections by what is spoken on them, for who looks at a server.

// Speaker is a reactor.Protocol that says what it speaks.
type Speaker interface {
	// Speaks names the protocol, and counts the exchanges that are under way: requests,
	// streams; -1 where there is no such thing. Loop only.
	Speaks() (name string, exchanges int)
}

// Tally is the accepted connections that speak one protocol.
type Tally struct {
	Protocol  string `json:"protocol"`
	Open      int    `json:"open"`
	Idle      int    `json:"idle"` // of Open, without an exchange in hand
	Secure    int    `json:"secure"`
	Exchanges int    `json:"exchanges"` // on all of them; -1 where there is no such thing
}

// Count is the connections that a reactor has accepted, by protocol, and the number of those
// that it has made itself. What can not name its protocol is named by its type. Loop only.
func Count(r interface {
	EachConnection(f func(reactor.Connection))
}) (list []Tally, outgoing int) {
	r.EachConnection(func(c reactor.Connection) {
		if !c.Accepted {
			outgoing++
			return
		}
		name, exchanges := speaks(c.Protocol)
		i := slices.IndexFunc(list, func(t Tally) bool { return t.Protocol == name })
		if i < 0 {
			i = len(list)
			list = append(list, Tally{Protocol: name})
		}
		t := &list[i]
		t.Open++
		if c.Secure {
			t.Secure++
		}
		if exchanges == 0 {
			t.Idle++
		}
		if t.Exchanges += exchanges; exchanges < 0 {
			t.Exchanges = -1
		}
	})
	slices.SortFunc(list, func(a, b Tally) int { return strings.Compare(a.Protocol, b.Protocol) })
	return list, outgoing
}

func speaks(p reactor.Protocol) (name string, exchanges int) {
	switch p := p.(type) {
	case nil:
		return "TLS handshake", -1
	case Speaker:
		return p.Speaks()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", p), "*"), -1
}
