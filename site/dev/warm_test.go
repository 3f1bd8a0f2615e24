package dev

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// noted is an Inspector that notes what it is asked.
type noted struct {
	mu    sync.Mutex
	asked []string
}

func (n *noted) Prepare(path string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, path)
	return nil
}

func (n *noted) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.asked)
}

func (n *noted) Expect(path string) func(string, error) {
	return func(whole string, err error) {
		n.asked = append(n.asked, fmt.Sprintf("%s is whole: %s %v", path, whole, err))
	}
}

func (n *noted) PID() int { return 0 }

func (n *noted) Capture(int, int64) (Moment, error) {
	panic("there is nothing to look at")
}

// The first panic is looked at as fast as others, whoever asks: each program that may tell of
// panics is read when it starts.
func TestInspectorIsPrepared(t *testing.T) {
	in := &noted{}
	loop := reactortest.NewLoop()
	s := &Supervisor{loop: loop, opts: Options{Inspect: in}}
	s.expectWhole(&built{path: "/1"})
	loop.WaitFor(func() bool { return in.count() == 1 })
	p := &built{path: "/2", whole: reactor.NewDeferred[string]()}
	s.expectWhole(p)
	p.whole.Callback("/2.whole")
	loop.WaitFor(func() bool { return in.count() == 3 })
	if want := []string{"/1", "/2 is whole: /2.whole <nil>", "/2.whole"}; !slices.Equal(in.asked, want) {
		t.Errorf("asked %q, want %q", in.asked, want)
	}
}

func TestWhichProgramsTell(t *testing.T) {
	for _, row := range []struct {
		name string
		b    *goBuilder
		want bool
	}{
		{"it is not known yet", &goBuilder{}, true},
		{"one of Spindle", &goBuilder{deps: &goDeps{reports: true}}, true},
		{"one with a witness", &goBuilder{deps: &goDeps{serves: true}, witness: witness{overlay: "/o"}}, true},
		{"one of net/http without", &goBuilder{deps: &goDeps{serves: true}}, false},
		{"another", &goBuilder{deps: &goDeps{}}, false},
	} {
		if got := row.b.tells(); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}
