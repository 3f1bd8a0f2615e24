package dev

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/resource"
)

// faulty is a program with mistakes, as a proxy passes its answers on.
type faulty struct{ resource.Leaf }

func (faulty) Render(r *resource.Request) ([]byte, error) {
	h := &protocol.ResponseHead{Version: protocol.HTTP11, Status: 200, Fields: protocol.RawFields{{Name: []byte("Connection"), Value: []byte("keep-alive")}}}
	o := r.Origin()
	r.Untyped()
	switch string(r.PathBytes()) {
	case "/late":
		o.OriginHead(h)
		r.Loop().CallLater(1, func() { o.OriginFault(protocol.Fault{Kind: protocol.FaultExtra, Bytes: 3}) })
		return nil, nil
	case "/refused":
		o.OriginFault(protocol.Fault{Kind: protocol.FaultUnreadable, Text: "it is no HTTP"})
		return nil, &resource.Error{Status: 502}
	case "/ours":
		return []byte("a page that no program has made"), nil
	}
	o.OriginHead(h)
	return []byte("x"), nil
}

func TestHintsOfARecord(t *testing.T) {
	m, c := recorded(t)
	m.s.serves = faulty{}
	var told []string
	m.s.Listen(func(e Event) {
		if e.Kind == EventHint {
			told = append(told, e.Name+" "+e.Target)
		}
	})
	for _, row := range []struct{ path, want string }{
		{"/a?b=1", "type"}, {"/a?b=2", "type"}, {"/late", "length-more"}, {"/refused", "unreadable"}, {"/ours", ""},
	} {
		m.get(row.path)
		m.Loop.Advance(10)
		var got []string
		for _, h := range c.ring[len(c.ring)-1].hints {
			got = append(got, h.Rule)
		}
		if s := strings.Join(got, " "); s != row.want {
			t.Errorf("%s: got %q, want %q", row.path, s, row.want)
		}
	}
	for i := range 10 {
		m.get(fmt.Sprintf("/%d", i))
	}
	if got, want := strings.Join(told, ", "), "type /a, length-more /late, unreadable /refused, type /0, type /1, type /2"; got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	x := m.ask("GET", Prefix+"requests/1")
	x.Wait()
	var v shownRecord
	if err := json.Unmarshal(x.Body, &v); err != nil || v.listed.Hints != 1 || len(v.Hints) != 1 || v.Hints[0].Section == "" {
		t.Errorf("%v %s", err, x.Body)
	}
}

// An answer that is cut since its program was replaced is no fault of it.
func TestNoHintForAReplacedProgram(t *testing.T) {
	m, c := recorded(t)
	x := &record{c: c, id: 1, generation: m.s.served() + 1}
	x.OriginFault(protocol.Fault{Kind: protocol.FaultCut})
	if len(x.hints) != 0 {
		t.Errorf("%v", x.hints)
	}
}
