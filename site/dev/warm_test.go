package dev

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"spindle/reactor/reactortest"
)

// noted is an Inspector that notes what it is asked.
type noted struct {
	mu    sync.Mutex
	asked []string
}

func (n *noted) note(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, what)
	return nil
}

func (n *noted) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.asked)
}

func (n *noted) Prepare(path string) error { return n.note("prepare " + path) }
func (n *noted) Warm(path string) error    { return n.note("warm " + path) }

func (n *noted) Expect(path string) func(string, error) {
	return func(whole string, err error) { _ = n.note(fmt.Sprintf("expected %s: %s %v", path, whole, err)) }
}

func (n *noted) PID() int { return 0 }

func (n *noted) Capture(int, int64) (Moment, error) {
	panic("there is nothing to look at")
}

// A process that reads variables is worth while only where a browser looks at the program.
func TestInspectorIsWarmedByPages(t *testing.T) {
	in := &noted{}
	loop := reactortest.NewLoop()
	s := &Supervisor{loop: loop, opts: Options{Inspect: in}}
	for i, step := range []func(){
		func() { s.prepareInspector("/1") }, // nobody has looked
		s.lookedAt,
		func() { s.lookedAt(); s.prepareInspector("/2") },
		func() { s.prepareInspector("/3") }, // nobody has looked at 2
	} {
		step()
		loop.WaitFor(func() bool { return in.count() > i })
	}
	if want := []string{"prepare /1", "warm /1", "warm /2", "prepare /3"}; !slices.Equal(in.asked, want) {
		t.Errorf("asked %q, want %q", in.asked, want)
	}
}
