package dev

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"spindle/protocol/postmortem"
)

// madeTicket has frames that are worth to be packed.
func madeTicket(n int) *Ticket {
	t := &Ticket{Report: postmortem.Report{Panic: true, PID: 7, Goroutine: int64(n), Stack: "goroutine 1", Fatal: true,
		Causes:   []postmortem.Cause{{Type: "string", Text: fmt.Sprint("boom ", n)}, {Type: "*e", Text: "why", Link: "x"}},
		Exchange: &postmortem.Exchange{Method: "GET", Target: "/", Fields: []postmortem.Pair{{Name: "a", Value: "b"}}}},
		Log: []LogLine{{After: 1, Kind: "stdout", Text: "line"}}, Sections: []Section{{Title: "s", Pairs: []postmortem.Pair{{Name: "c", Value: "d"}}}}, Stood: 3}
	for i := range 20 {
		f := Frame{Function: "main.f", File: fmt.Sprintf("/src/%d.go", i%3), Line: i, Own: i == 2, Source: &Excerpt{First: 1, Lines: []string{"ä <b>"}}}
		for j := range 20 {
			f.Locals = append(f.Locals, Value{Name: fmt.Sprint("v", j), Type: "[]int", Text: "[1, 2]", Parts: []Value{{Text: "1"}, {Text: "2"}}, More: 3, Ref: j})
		}
		t.Frames = append(t.Frames, f)
	}
	return t
}

// When it is quiet what is kept becomes less, and is all there.
func TestRestKeepsAll(t *testing.T) {
	m := supervised(t)
	s := m.s
	for n := range 5 {
		s.tickets.add(madeTicket(n), m.Loop.Now())
	}
	s.tickets.list[0].moment = past{}
	page, noise := bytes.Repeat([]byte("<p>page</p>\n"), 4000), make([]byte, 20_000)
	_, _ = rand.Read(noise)
	c := s.front.dash.rec
	contents := [][]byte{page, noise, []byte("little")}
	for i, data := range contents {
		c.last++
		c.keep(&record{c: c, id: c.last, method: "GET", whole: true, number: int64(i), content: kept{data: data, size: int64(len(data))}})
	}
	before := c.held
	list := s.tickets.list[4]
	m.Loop.Advance(restAfter + time.Second)
	m.Loop.WaitFor(func() bool { return s.tickets.list[4] != list && c.ring[0].content.packed })
	for n, short := range s.tickets.list {
		want := madeTicket(4 - n)
		if len(short.packed) == 0 || short.Frames != nil || len(short.packed) > 2000 {
			t.Errorf("ticket %d has %d frames, %d bytes", n, len(short.Frames), len(short.packed))
		}
		want.ID, want.Time, want.moment = short.ID, short.Time, nil
		if got := short.whole(); !reflect.DeepEqual(got, want) || short.Title() != want.Title() {
			t.Errorf("ticket %d: %+v", n, got)
		}
		if at := short.place(); at == nil || at.Line != 2 || at.Locals != nil || !short.in("/src/1.go") || short.in("/src/3.go") {
			t.Errorf("ticket %d: %+v", n, at)
		}
		if (short.moment != nil) != (n == 0) {
			t.Errorf("ticket %d has moment %v", n, short.moment)
		}
	}
	if text := s.ticketView(s.tickets.list[0]).page(); !strings.Contains(text, "v19") {
		t.Error(text)
	}
	sum := 0
	for i, data := range contents {
		k := &c.ring[i].content
		if sum += len(k.data); !bytes.Equal(k.bytes(), data) || k.packed != (i == 0) {
			t.Errorf("content %d: %d bytes of %d, packed %t", i, len(k.bytes()), len(data), k.packed)
		}
	}
	if c.held != int64(sum) || c.held > before-40_000 || len(s.tickets.loose())+len(c.looseContents()) != 0 {
		t.Errorf("%d bytes are held, it was %d; there are %d", c.held, before, sum)
	}
	if shown := c.ring[0].content.show(nil); shown.Text != string(page) {
		t.Errorf("shown: %d bytes", len(shown.Text))
	}
}

// What has left meanwhile does not come back.
func TestRestOfWhatIsGone(t *testing.T) {
	m := supervised(t)
	c := m.s.front.dash.rec
	data := bytes.Repeat([]byte("x"), 2*leastToPut)
	x := &record{c: c, id: 1, content: kept{data: data, size: int64(len(data))}}
	c.last = 1
	c.keep(x)
	loose := c.looseContents()
	c.clear()
	c.put(x, loose[0].data, []byte("short"))
	gone := madeTicket(1)
	m.s.tickets.put(gone, gone.pack(new(packer)))
	if c.held != 0 || len(m.s.tickets.list) != 0 {
		t.Errorf("%d bytes are held, %d tickets", c.held, len(m.s.tickets.list))
	}
}
