package reactor

import (
	"strings"
	"testing"
)

// step makes a trigger that notes its name and returns d.
func step(got *[]string, name string, d *Deferred[struct{}]) func() *Deferred[struct{}] {
	return func() *Deferred[struct{}] { *got = append(*got, name); return d }
}

func TestFireCallsPhasesInOrder(t *testing.T) {
	var s SystemEvents
	var got []string
	s.Add(After, Shutdown, step(&got, "after", nil))
	s.Add(During, Shutdown, step(&got, "during", nil))
	s.Add(Before, Shutdown, step(&got, "before 1", nil))
	s.Add(Before, Startup, step(&got, "startup", nil))
	s.Add(Before, Shutdown, step(&got, "before 2", nil))
	if !s.Fire(Shutdown).Settled() {
		t.Error("nothing to wait for, and not settled")
	}
	wantNotes(t, got, "before 1", "before 2", "during", "after")
	s.Fire(Shutdown) // each is called once
	s.Fire(Startup)
	wantNotes(t, got, "before 1", "before 2", "during", "after", "startup")
}

func TestFireWaits(t *testing.T) {
	var s SystemEvents
	var got []string
	b1, b2, d1, a1 := NewDeferred[struct{}](), NewDeferred[struct{}](), NewDeferred[struct{}](), NewDeferred[struct{}]()
	s.Add(Before, Shutdown, step(&got, "before 1", b1))
	s.Add(Before, Shutdown, step(&got, "before 2", b2))
	s.Add(During, Shutdown, step(&got, "during", d1))
	s.Add(After, Shutdown, step(&got, "after", a1))
	fired := s.Fire(Shutdown)
	wantNotes(t, got, "before 1", "before 2")
	b2.Callback(struct{}{})
	wantNotes(t, got, "before 1", "before 2")
	b1.Callback(struct{}{})
	wantNotes(t, got, "before 1", "before 2", "during")
	if fired.Settled() {
		t.Error("settled while During waits")
	}
	if s.Fire(Shutdown) != fired {
		t.Error("a second Fire is another firing")
	}
	d1.Callback(struct{}{})
	wantNotes(t, got, "before 1", "before 2", "during", "after")
	if !fired.Settled() {
		t.Error("After is waited for")
	}
}

func TestFireGoesOnAfterFailures(t *testing.T) {
	log := catchLog(t)
	var s SystemEvents
	var got []string
	s.Add(Before, Shutdown, func() *Deferred[struct{}] { panic("oh dear") })
	s.Add(Before, Shutdown, step(&got, "before", Failed[struct{}](errTest)))
	s.Add(After, Shutdown, step(&got, "after", Failed[struct{}](errTest)))
	failed := false
	s.Fire(Shutdown).Then(nil, func(error) { failed = true })
	wantNotes(t, got, "before", "after")
	if failed {
		t.Error("a firing failed")
	}
	for _, want := range []string{"panic in a trigger before shutdown", "oh dear", "a trigger before shutdown failed", "a trigger after shutdown failed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log %s", want, log)
		}
	}
}

func TestRemoveTrigger(t *testing.T) {
	var s SystemEvents
	var got []string
	a := s.Add(Before, Startup, step(&got, "a", nil))
	b := s.Add(Before, Startup, step(&got, "b", nil))
	if a == b {
		t.Fatalf("both are %d", a)
	}
	s.Remove(a)
	s.Remove(a)
	s.Fire(Startup)
	s.Remove(b)
	wantNotes(t, got, "b")
}

func TestTriggersChangedWhileFiring(t *testing.T) {
	var s SystemEvents
	var got []string
	wait := NewDeferred[struct{}]()
	var gone TriggerID
	s.Add(Before, Shutdown, func() *Deferred[struct{}] {
		s.Remove(gone)
		s.Add(Before, Shutdown, step(&got, "added", wait))
		return nil
	})
	gone = s.Add(Before, Shutdown, step(&got, "removed", nil))
	s.Add(During, Shutdown, step(&got, "during", nil))
	fired := s.Fire(Shutdown)
	wantNotes(t, got, "added")
	s.Add(Before, Shutdown, step(&got, "added while it waits", nil))
	wait.Callback(struct{}{})
	wantNotes(t, got, "added", "added while it waits", "during")
	if !fired.Settled() {
		t.Error("not settled")
	}
}

func TestFireAgainFromItsOwnResult(t *testing.T) {
	var s SystemEvents
	var got []string
	s.Fire(Startup).Then(func(struct{}) {
		s.Add(Before, Startup, step(&got, "again", nil))
		s.Fire(Startup)
	}, nil)
	wantNotes(t, got, "again")
}

func TestAddRefusesNonsense(t *testing.T) {
	var s SystemEvents
	if panicOf(func() { s.Add(Before, Startup, nil) }) == nil {
		t.Error("a trigger without a function")
	}
	if panicOf(func() { s.Add(3, Startup, step(new([]string), "x", nil)) }) == nil {
		t.Error("a fourth phase")
	}
}
