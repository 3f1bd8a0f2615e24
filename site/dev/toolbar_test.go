package dev

import (
	"strings"
	"testing"

	"spindle/protocol"
)

// TestMadePage tells of the newest page at a target, and of nothing else.
func TestMadePage(t *testing.T) {
	m := supervised(t)
	m.serve("one")
	if x := m.ask("GET", Prefix+"made?target=/a"); x.Status != 404 {
		t.Errorf("before: %d", x.Status)
	}
	m.get("/a?b=c")
	m.get("/a")
	text := m.get(Prefix + "made?target=%2Fa%3Fb%3Dc")
	for _, want := range []string{`"method":"GET"`, `"status":200`, `"id":1,`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	rec := m.s.front.dash.rec
	x := rec.newestPage("/a")
	if x == nil || x.id != 2 {
		t.Fatalf("%+v", x)
	}
	x.answer = protocol.Fields{{Name: "Content-Type", Value: "application/json"}}
	if rec.newestPage("/a") != nil {
		t.Error("data is taken for a page")
	}
	for inner, want := range map[string]string{"": "", "{}": "", `{"steps":[{"type":"*resource.Tree"},{"type":"main.Hello"}]}`: "main.Hello"} {
		if x.inner = []byte(inner); x.answeredBy() != want {
			t.Errorf("%s: %q", inner, x.answeredBy())
		}
	}
}

// TestToolbarIsAsked: its script is sent where somebody wants it.
func TestToolbarIsAsked(t *testing.T) {
	for _, want := range []bool{false, true} {
		m := supervised(t)
		m.s.opts.Toolbar = want
		own := newFront(m.s).own
		text := string(own.Child("live.js", nil).(file).body)
		if got := strings.Contains(text, "__spindleToolbar"); got != want {
			t.Errorf("%v: %v", want, got)
		}
	}
}
