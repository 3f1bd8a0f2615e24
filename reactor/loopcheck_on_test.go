//go:build reactordebug

package reactor

import "testing"

// panicsOn runs c.check on a new goroutine and returns what it panicked with.
func panicsOn(c *loopCheck) any {
	got := make(chan any)
	go func() {
		defer func() { got <- recover() }()
		c.check()
	}()
	return <-got
}

func TestLoopCheck(t *testing.T) {
	var c loopCheck
	c.check()
	if p := panicsOn(&c); p != nil {
		t.Errorf("before the loop turns: panic %v", p)
	}
	c.enter()
	c.check()
	if p := panicsOn(&c); p != "reactor: called off the loop; use CallFromThread" {
		t.Errorf("off the loop: panic %v", p)
	}
	c.leave()
	if p := panicsOn(&c); p != nil {
		t.Errorf("after the loop: panic %v", p)
	}
}

func TestGoroutineIDsDiffer(t *testing.T) {
	other := make(chan uint64)
	go func() { other <- goroutineID() }()
	if a, b := goroutineID(), <-other; a == 0 || b == 0 || a == b {
		t.Errorf("ids %d and %d", a, b)
	}
}
