package hub_test

import (
	"bytes"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
	"spindle/resource/hub"
)

// socket is a client's side of a WebSocket that is in a Hub.
type socket struct {
	*reactortest.Transport
	closed bool
}

func (*socket) Opened(*websocket.Conn)                                  {}
func (*socket) MessageReceived(*websocket.Conn, websocket.Kind, []byte) {}
func (s *socket) Closed(*websocket.Conn, websocket.Code, string)        { s.closed = true }

func handshake() *protocol.Head {
	h := &protocol.Head{Method: "GET", Version: protocol.HTTP11, Upgrade: true}
	for name, value := range map[string]string{"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(name), Value: []byte(value)})
	}
	return h
}

// Fifty thousand sockets get one encoding, in turns between which other events have
// theirs; those that take nothing are left out, or lost, and hold up nobody.
func TestFiftyThousandSockets(t *testing.T) {
	const slowOnes = 500
	for policy, n := range map[hub.Policy]int{hub.Drop: 5_000, hub.Dismiss: 50_000} {
		loop, f := reactortest.NewLoop(), websocket.NewFactory(nil)
		loop.Stepwise = true
		h := hub.New(loop)
		h.Slow, h.MaxQueuedBytes = policy, 1000
		agreed, refused := f.Accept(handshake())
		if refused != nil {
			t.Fatal(refused)
		}
		sockets := make([]*socket, n)
		for i := range sockets {
			s := &socket{Transport: loop.NewTransport()}
			conn := f.NewConn(agreed, s)
			s.Start(conn)
			if i%(n/slowOnes) == 0 {
				s.SetCapacity(0)
			}
			h.Join("all", conn)
			sockets[i] = s
		}
		turns := 0
		for message := range 4 {
			m := protocol.Text(strings.Repeat(string(rune('a'+message)), 600))
			h.Broadcast("all", m)
			for loop.Turn() {
				turns++
			}
		}
		if turns < 4*(n/1024) {
			t.Errorf("all are served in %d turns", turns)
		}
		want := sockets[1].Take()
		if len(want) != 4*(4+600) {
			t.Fatalf("%d bytes", len(want))
		}
		for i, s := range sockets {
			if i%(n/slowOnes) != 0 {
				if got := s.Take(); i > 1 && !bytes.Equal(got, want) {
					t.Fatalf("number %d got %d bytes", i, len(got))
				}
				continue
			}
			if s.SetCapacity(-1); policy == hub.Drop {
				if got := s.Take(); !bytes.Equal(got, want[:2*604]) || s.closed {
					t.Fatalf("slow number %d got %d bytes, closed: %v", i, len(got), s.closed)
				}
			} else if got := s.Take(); !bytes.HasPrefix(got, want[:2*604]) || !bytes.HasSuffix(got, []byte("too slow")) {
				t.Fatalf("slow number %d got %q", i, got)
			}
		}
		stats := h.Stats()
		if policy == hub.Drop && (stats.Dropped != 2*slowOnes || h.Len("all") != n) || policy == hub.Dismiss && stats.Dismissed < slowOnes {
			t.Errorf("%+v, %d are left", stats, h.Len("all"))
		}
	}
}

// Who tells more than can be served has to serve it: what waits is bounded.
func TestMaxJobs(t *testing.T) {
	loop := reactortest.NewLoop()
	loop.Stepwise = true
	h := hub.New(loop)
	h.Turn, h.MaxJobs = 1, 3
	var list []*receiver
	for range 5 {
		list = append(list, new(receiver))
		h.Join("x", list[len(list)-1])
	}
	for i := range 10 {
		h.Broadcast("x", protocol.Text(string(rune('0'+i))))
	}
	for i, r := range list {
		if got := len(r.got); got < 7 || got > 8 {
			t.Errorf("number %d has got %d of 10, of which 3 may wait", i, got)
		}
	}
	loop.Run()
	for i, r := range list {
		if want := "0 1 2 3 4 5 6 7 8 9"; r.String() != want {
			t.Errorf("number %d: %s", i, r)
		}
	}
}
