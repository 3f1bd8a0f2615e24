package events_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource/events"
	"spindle/resource/resourcetest"
)

// heard is the ids of the events that x was sent.
func heard(x *resourcetest.Exchange) string {
	var ids []string
	for line := range strings.Lines(body(x)) {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			ids = append(ids, strings.TrimSpace(id))
		}
	}
	return strings.Join(ids, " ")
}

func publish(e *events.Events, id int) { e.Publish(events.Event{ID: fmt.Sprint(id), Data: "x"}) }

// Many listeners are told in turns, each of all that there is by then.
func TestTurns(t *testing.T) {
	s, e := serve()
	e.Turn, e.Heartbeat = 10, -1
	var list []*resourcetest.Exchange
	for range 35 {
		list = append(list, listen(s, nil))
	}
	s.Loop.Stepwise = true
	told := func(want string) (n int) {
		for _, x := range list {
			if heard(x) == want {
				n++
			}
		}
		return n
	}
	publish(e, 1)
	if n := told("1"); n != 10 {
		t.Errorf("%d are told at once", n)
	}
	publish(e, 2)
	s.Loop.Turn()
	if n := told("1 2"); n != 10 {
		t.Errorf("%d are told both in the next turn", n)
	}
	s.Loop.Run()
	if n := told("1 2"); n != 35 {
		t.Errorf("%d are told both in the end", n)
	}
}

// Whatever happens in whatever order: everybody hears each event that was published while
// he listened, once and in order, and who comes again hears what he has missed.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		s, e := serve()
		e.Turn, e.Heartbeat, e.KeepEvents = 1+r.IntN(5), -1, 10000
		s.Loop.Stepwise = true
		type listener struct {
			x     *resourcetest.Exchange
			first int // the event that it has to hear first
			gone  bool
		}
		var list []*listener
		published := 0
		for range 150 {
			switch k := r.IntN(10); {
			case k < 3:
				l := &listener{first: published + 1}
				var from protocol.Fields
				if published > 0 && k == 0 {
					l.first = 1 + r.IntN(published) + 1
					from = last(fmt.Sprint(l.first - 1))
				}
				l.x = listen(s, from)
				list = append(list, l)
			case k < 6:
				published++
				publish(e, published)
			case k < 7 && len(list) > 0:
				if l := list[r.IntN(len(list))]; !l.gone {
					l.gone = true
					l.x.Lose(nil)
				}
			default:
				s.Loop.Turn()
			}
		}
		s.Loop.Run()
		for i, l := range list {
			var want []string
			for id := l.first; id <= published; id++ {
				want = append(want, fmt.Sprint(id))
			}
			got, all := heard(l.x), strings.Join(want, " ")
			if l.gone && !strings.HasPrefix(all+" ", got+" ") && got != "" || !l.gone && got != all {
				t.Fatalf("seed %d: listener %d (gone: %v) heard %q, want %q", seed, i, l.gone, got, all)
			}
		}
		s.Loop.Close()
	}
}

// Who publishes more than can be told in turns has to tell it.
func TestPendingIsBounded(t *testing.T) {
	s, e := serve()
	e.Turn, e.Heartbeat, e.KeepEvents = 1, -1, -1
	a, b := listen(s, nil), listen(s, nil)
	s.Loop.Stepwise = true
	for i := range 1000 {
		publish(e, i)
	}
	for _, x := range []*resourcetest.Exchange{a, b} {
		if n := strings.Count(body(x), "id: "); n < 1000-256 {
			t.Errorf("%d of 1000 are told", n)
		}
	}
	s.Loop.Run()
	if heard(a) != heard(b) || strings.Count(body(a), "id: ") != 1000 {
		t.Error("not all are told in the end")
	}
}

// Twenty thousand listeners are told in turns, and of a heartbeat, too.
func TestManyListeners(t *testing.T) {
	s, e := serve()
	s.Loop.Stepwise = true
	const n = 20_000
	list := make([]*resourcetest.Exchange, n)
	for i := range list {
		list[i] = listen(s, nil)
	}
	turns := func() (n int) {
		for s.Loop.Turn() {
			n++
		}
		return n
	}
	publish(e, 1)
	if k := turns(); k < n/1024-1 {
		t.Errorf("told in %d turns", k)
	}
	for i, x := range list {
		if heard(x) != "1" {
			t.Fatalf("number %d heard %q", i, heard(x))
		}
	}
	s.Loop.Stepwise = false
	s.Loop.Advance(31e9) // two heartbeats: only the second finds silence
	for i, x := range list {
		if !strings.HasSuffix(body(x), "data: x\n\n:\n\n") {
			t.Fatalf("number %d got %q", i, body(x))
		}
	}
}
