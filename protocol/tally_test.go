package protocol

import (
	"reflect"
	"testing"

	"spindle/reactor"
)

// spoken is a protocol that says what it speaks.
type spoken struct {
	reactor.Protocol
	name      string
	exchanges int
}

func (s spoken) Speaks() (string, int) { return s.name, s.exchanges }

// mute is one that does not.
type mute struct{ reactor.Protocol }

// connections is a reactor that has these.
type connections []reactor.Connection

func (list connections) EachConnection(f func(reactor.Connection)) {
	for _, c := range list {
		f(c)
	}
}

func TestCount(t *testing.T) {
	h1 := func(n int) reactor.Protocol { return spoken{name: "HTTP/1", exchanges: n} }
	list, outgoing := Count(connections{
		{Protocol: h1(0), Accepted: true}, {Protocol: h1(1), Accepted: true, Secure: true}, {Protocol: h1(1)}, {Accepted: true, Secure: true},
		{Protocol: spoken{name: "HTTP/2", exchanges: 7}, Accepted: true, Secure: true}, {Protocol: spoken{name: "WebSocket", exchanges: -1}, Accepted: true},
		{Protocol: &mute{}, Accepted: true}, {Protocol: &mute{}, Accepted: true},
	})
	want := []Tally{
		{Protocol: "HTTP/1", Open: 2, Idle: 1, Secure: 1, Exchanges: 1},
		{Protocol: "HTTP/2", Open: 1, Secure: 1, Exchanges: 7},
		{Protocol: "TLS handshake", Open: 1, Secure: 1, Exchanges: -1},
		{Protocol: "WebSocket", Open: 1, Exchanges: -1},
		{Protocol: "protocol.mute", Open: 2, Exchanges: -1},
	}
	if !reflect.DeepEqual(list, want) || outgoing != 1 {
		t.Errorf("%+v, %d", list, outgoing)
	}
}
