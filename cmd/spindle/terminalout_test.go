package main

import (
	"bytes"
	"testing"
	"time"

	"spindle/reactor/reactortest"
)

// Lines are shown together, in a moment, and at once when there are many.
func TestTerminalOut(t *testing.T) {
	var shown bytes.Buffer
	clock := reactortest.NewClock()
	o := &terminalOut{w: &shown, clock: clock}
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := o.Write([]byte(line)); err != nil || shown.Len() > 0 {
			t.Fatalf("%q is shown at once: %v", line, err)
		}
	}
	clock.Advance(shownWithin)
	if got := shown.String(); got != "one\ntwo\n" {
		t.Fatalf("%q", got)
	}
	clock.Advance(time.Minute)
	_, _ = o.Write([]byte("three\n"))
	o.flush()
	if clock.Pending() != 0 || shown.String() != "one\ntwo\nthree\n" {
		t.Fatalf("%d timers, %q", clock.Pending(), shown.String())
	}
	_, _ = o.Write(bytes.Repeat([]byte("x"), gatheredAtMost+1))
	if shown.Len() < gatheredAtMost {
		t.Fatal("the text grows without an end")
	}
}
