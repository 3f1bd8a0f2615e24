package reactor

import (
	"errors"
	"strings"
	"testing"
)

func TestChannelOrder(t *testing.T) {
	var c Channel[string]
	var got []string
	note := func(name string) func(string) error {
		return func(v string) error { got = append(got, name+" "+v); return nil }
	}
	c.Subscribe(50, note("b"))
	cancel := c.Subscribe(70, note("d"))
	c.Subscribe(50, note("c"))
	c.Subscribe(-1, note("a"))
	if err := c.Publish("1"); err != nil {
		t.Error(err)
	}
	wantNotes(t, got, "a 1", "b 1", "c 1", "d 1")
	got = nil
	cancel()
	cancel()
	if err := c.Publish("2"); err != nil || c.Subscribers() != 3 {
		t.Errorf("%v, %d subscribers", err, c.Subscribers())
	}
	wantNotes(t, got, "a 2", "b 2", "c 2")
}

// One that fails costs the others nothing.
func TestChannelFailures(t *testing.T) {
	var c Channel[int]
	var got []string
	other := errors.New("another")
	c.Subscribe(0, func(int) error { return errTest })
	c.Subscribe(0, func(int) error { panic("oh dear") })
	c.Subscribe(0, func(int) error { return other })
	c.Subscribe(0, func(int) error { got = append(got, "last"); return nil })
	err := c.Publish(1)
	var p *PanicError
	if !errors.Is(err, errTest) || !errors.Is(err, other) || !errors.As(err, &p) {
		t.Errorf("%v", err)
	}
	wantNotes(t, got, "last")
	if err := new(Channel[int]).Publish(1); err != nil {
		t.Error(err)
	}
}

func TestChannelChangedWhilePublishing(t *testing.T) {
	var c Channel[int]
	var got []string
	var cancel func()
	c.Subscribe(0, func(int) error {
		cancel()
		c.Subscribe(-1, func(int) error { got = append(got, "new"); return nil })
		return nil
	})
	cancel = c.Subscribe(1, func(int) error { got = append(got, "cancelled"); return nil })
	c.Subscribe(2, func(int) error { got = append(got, "last"); return nil })
	if err := c.Publish(1); err != nil {
		t.Error(err)
	}
	wantNotes(t, got, "last")
}

func TestStates(t *testing.T) {
	r := New()
	var got []string
	r.States().Subscribe(0, func(s State) error {
		got = append(got, s.String()+" is "+r.State().String())
		return nil
	})
	r.AddSystemEventTrigger(During, Startup, step(&got, "startup", nil))
	r.AddSystemEventTrigger(After, Shutdown, step(&got, "shutdown", nil))
	r.AddSystemEventTrigger(After, Startup, func() *Deferred[struct{}] { r.CallFromThread(r.Stop); return nil })
	if r.State() != StateNew {
		t.Errorf("it is %v", r.State())
	}
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	wantNotes(t, got, "starting is starting", "startup", "running is running", "stopping is stopping", "shutdown", "stopped is stopped")
}

// Who is stopped while it starts never runs.
func TestStatesStoppedWhileStarting(t *testing.T) {
	log := catchLog(t)
	r := New()
	var got []string
	late := NewDeferred[struct{}]()
	r.States().Subscribe(0, func(s State) error { got = append(got, s.String()); return errTest })
	r.AddSystemEventTrigger(Before, Startup, func() *Deferred[struct{}] { r.Stop(); return late })
	r.AddSystemEventTrigger(Before, Shutdown, func() *Deferred[struct{}] { late.Callback(struct{}{}); return nil })
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	wantNotes(t, got, "starting", "stopping", "stopped")
	if !strings.Contains(log.String(), "who is told of the state stopping failed") {
		t.Errorf("the log: %s", log)
	}
	cancelled := New()
	cancelled.Stop()
	if cancelled.State() != StateStopped {
		t.Errorf("it is %v", cancelled.State())
	}
	if err := cancelled.Run(); err != nil {
		t.Error(err)
	}
}

func TestFireSystemEvent(t *testing.T) {
	r := New()
	var got []string
	r.AddSystemEventTrigger(After, "persist", step(&got, "after", nil))
	r.AddSystemEventTrigger(Before, "persist", step(&got, "before", nil))
	r.CallWhenRunning(func() {
		r.FireSystemEvent("persist").Then(func(struct{}) { r.Stop() }, nil)
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	wantNotes(t, got, "before", "after")
}
