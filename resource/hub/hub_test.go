package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/reactor/reactortest"
	"spindle/resource/hub"
)

// receiver is a Receiver that writes down what it gets.
type receiver struct {
	got      []string
	buffered int
	ended    string
	closed   []func()
}

func (r *receiver) SendPrepared(m *protocol.Message) { r.got = append(r.got, string(m.Data)) }
func (r *receiver) Buffered() int                    { return r.buffered }
func (r *receiver) Dismiss(reason string)            { r.ended = reason }
func (r *receiver) NotifyClosed(f func())            { r.closed = append(r.closed, f) }
func (r *receiver) close() {
	for _, f := range r.closed {
		f()
	}
}

func (r *receiver) String() string { return strings.Join(r.got, " ") }

func TestChannels(t *testing.T) {
	h := hub.New(reactortest.NewLoop())
	a, b := new(receiver), new(receiver)
	h.Join("x", a)
	h.Join("x", a)
	h.Join("y", a)
	h.Join("x", b)
	h.Broadcast("x", protocol.Text("1"))
	h.Broadcast("y", protocol.Text("2"))
	h.Broadcast("nobody", protocol.Text("3"))
	h.Leave("x", a)
	h.Leave("x", a)
	h.Leave("nobody", a)
	h.Leave("x", new(receiver))
	h.Broadcast("x", protocol.Text("4"))
	if a.String() != "1 2" || b.String() != "1 4" {
		t.Errorf("a got %v, b %v", a, b)
	}
	if h.Len("x") != 1 || h.Len("y") != 1 || h.Channels() != 2 || len(a.closed) != 1 {
		t.Errorf("x has %d, y %d, %d channels, asked %d times", h.Len("x"), h.Len("y"), h.Channels(), len(a.closed))
	}
	a.close()
	b.close()
	a.close()
	if h.Len("y") != 0 || h.Len("nobody") != 0 || h.Channels() != 0 {
		t.Errorf("%d channels are left", h.Channels())
	}
	if s := h.Stats(); s != (hub.Stats{Broadcast: 4, Sent: 4}) {
		t.Errorf("%+v", s)
	}
}

func TestSlowReceivers(t *testing.T) {
	for _, policy := range []hub.Policy{hub.Drop, hub.Dismiss} {
		h := hub.New(reactortest.NewLoop())
		h.Slow, h.MaxQueuedBytes = policy, 100
		fast, slow := &receiver{buffered: 100}, &receiver{buffered: 101}
		h.Join("x", slow)
		h.Join("x", fast)
		h.Broadcast("x", protocol.Text("1"))
		if fast.String() != "1" || slow.String() != "" || (slow.ended != "") != (policy == hub.Dismiss) {
			t.Errorf("policy %d: fast got %v, slow %v, ended with %q", policy, fast, slow, slow.ended)
		}
		if s := h.Stats(); s.Sent != 1 || s.Dropped+s.Dismissed != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// A large channel is served in turns: all who were in it when it was told, in order, and
// nobody who came later.
func TestTurns(t *testing.T) {
	loop := reactortest.NewLoop()
	loop.Stepwise = true
	h := hub.New(loop)
	h.Turn = 10
	var list []*receiver
	for range 35 {
		list = append(list, new(receiver))
		h.Join("x", list[len(list)-1])
	}
	served := func() (n int) {
		for _, r := range list {
			n += len(r.got)
		}
		return n
	}
	h.Broadcast("x", protocol.Text("1"))
	h.Broadcast("x", protocol.Text("2"))
	late := new(receiver)
	h.Join("x", late)
	h.Leave("x", list[34])
	h.Leave("x", list[0])
	if n := served(); n != 10 || h.Len("x") != 34 {
		t.Errorf("%d are served at once, of %d", n, h.Len("x"))
	}
	loop.Turn()
	if n := served(); n != 20 {
		t.Errorf("%d are served after a turn", n)
	}
	loop.Run()
	for i, r := range list {
		want := "1 2"
		switch i {
		case 0:
			want = "1"
		case 34:
			want = ""
		}
		if r.String() != want {
			t.Errorf("number %d got %q, want %q", i, r, want)
		}
	}
	h.Broadcast("x", protocol.Text("3"))
	loop.Run()
	if late.String() != "3" || list[1].String() != "1 2 3" || list[0].String() != "1" {
		t.Errorf("then: late %v, another %v, one that left %v", late, list[1], list[0])
	}
}

// Whatever is done in whatever order: everybody gets what was told while he was in.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		loop := reactortest.NewLoop()
		loop.Stepwise = true
		h := hub.New(loop)
		h.Turn = 1 + r.IntN(5)
		list := make([]*receiver, 12)
		in, least, most := make([]bool, 12), make([][]string, 12), make([][]string, 12)
		for i := range list {
			list[i] = new(receiver)
		}
		for n := range 100 {
			i := r.IntN(len(list))
			switch r.IntN(5) {
			case 0, 1:
				h.Join("x", list[i])
				in[i] = true
			case 2:
				h.Leave("x", list[i])
				in[i] = false
				least[i] = nil // what was under way may have been left out
			case 3:
				text := fmt.Sprint(n)
				h.Broadcast("x", protocol.Text(text))
				for i := range list {
					if in[i] {
						least[i], most[i] = append(least[i], text), append(most[i], text)
					}
				}
			case 4:
				loop.Turn()
			}
		}
		loop.Run()
		for i, one := range list {
			if !subsequence(one.got, most[i]) || !subsequence(least[i], one.got) {
				t.Fatalf("seed %d: number %d got %v, at least %v, at most %v", seed, i, one.got, least[i], most[i])
			}
			h.LeaveAll(one)
		}
		if h.Channels() != 0 {
			t.Fatalf("seed %d: %d channels are left", seed, h.Channels())
		}
	}
}

// subsequence tells whether all of a is in b, in order.
func subsequence(a, b []string) bool {
	for _, s := range a {
		i := slices.Index(b, s)
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
	return true
}

func TestBroadcastAllocatesNothingForAReceiver(t *testing.T) {
	h := hub.New(reactortest.NewLoop())
	for range 100 {
		h.Join("x", new(silent))
	}
	m := protocol.Text("x")
	if n := testing.AllocsPerRun(100, func() { h.Broadcast("x", m) }); n > 1 { // the list of jobs
		t.Errorf("a broadcast allocates %v times", n)
	}
}

type silent struct{ n int }

func (s *silent) SendPrepared(*protocol.Message) { s.n++ }
func (s *silent) Buffered() int                  { return 0 }
func (s *silent) Dismiss(string)                 {}
func (s *silent) NotifyClosed(func())            {}

func Example() {
	h := hub.New(reactortest.NewLoop()) // in a program: the reactor
	ada, bob := new(receiver), new(receiver)
	h.Join("news", ada)
	h.Join("news", bob)
	h.Join("sport", bob)
	h.Broadcast("news", protocol.Text("rain"))
	h.Broadcast("sport", protocol.Text("1:0"))
	fmt.Println(ada)
	fmt.Println(bob)
	// Output:
	// rain
	// rain 1:0
}
