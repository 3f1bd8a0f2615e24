package dev

import (
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

func TestAfterFailure(t *testing.T) {
	failed := 0
	for i, row := range []struct{ ran, want time.Duration }{
		{0, time.Second}, {time.Second, 2 * time.Second}, {9 * time.Second, 4 * time.Second}, {0, 8 * time.Second},
		{0, 16 * time.Second}, {0, 32 * time.Second}, {0, 32 * time.Second}, // and no longer
		{11 * time.Second, time.Second}, {0, 2 * time.Second}, // it had lasted for a while
	} {
		var pause time.Duration
		if failed, pause = afterFailure(failed, row.ran); pause != row.want {
			t.Errorf("%d: %v, want %v", i, pause, row.want)
		}
	}
}

// beside runs companions on a real loop; what is told of them comes out of the channel.
func companions(t *testing.T, with ...Companion) (*reactor.Reactor, *Supervisor, chan Event) {
	t.Helper()
	r := loop(t)
	told := make(chan Event, 64)
	s := &Supervisor{loop: r, target: &fake{dir: t.TempDir()}, base: t.TempDir(), commands: map[string]*command{}, opts: Options{With: with}}
	on(t, r, func() {
		s.begin()
		s.Listen(func(e Event) { told <- e })
		s.startCompanions()
	})
	return r, s, told
}

// until collects events, and gives their texts, up to the one that f is true of.
func until(t *testing.T, told chan Event, f func(e Event) bool) (texts []string) {
	t.Helper()
	for {
		e := wait(t, told, "the event")
		text := e.Kind + " " + e.Name
		if e.Text != "" {
			text += ": " + e.Text
		}
		if texts = append(texts, text); f(e) {
			return texts
		}
	}
}

func TestCompanion(t *testing.T) {
	_, s, told := companions(t, Companion{Name: "css", Run: `echo made; echo 'of two' >&2; printf last; pwd >&2`})
	texts := until(t, told, func(e Event) bool { return e.Kind == EventExit })
	for _, want := range []string{"start css", "output css: made", "output css: of two", "output css: " + s.target.root(), "exit css: exit status 0"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %q in %q", want, texts)
		}
	}
	if s.companions[0].again != nil {
		t.Error("what is done is started again")
	}
}

// TestCompanionInput: it does not end before the companion does.
func TestCompanionInput(t *testing.T) {
	r, s, told := companions(t, Companion{Name: "css", Run: `echo up; cat; echo over`})
	until(t, told, func(e Event) bool { return e.Text == "up" })
	on(t, r, func() { s.companions[0].child.Write([]byte("a line\n")) })
	if texts := until(t, told, func(e Event) bool { return e.Kind == EventOutput }); texts[len(texts)-1] != "output css: a line" {
		t.Errorf("%q", texts)
	}
	on(t, r, func() { s.companions[0].child.CloseStdin() })
	until(t, told, func(e Event) bool { return e.Text == "over" })
}

func TestCompanionThatFails(t *testing.T) {
	r, s, told := companions(t, Companion{Name: "worker", Run: `echo oh; exit 3`})
	texts := until(t, told, func(e Event) bool { return e.Kind == EventExit })
	if last := texts[len(texts)-1]; last != "exit worker: exit status 3, again in 1s" {
		t.Error(last)
	}
	var stopped *reactor.Deferred[struct{}]
	on(t, r, func() {
		stopped = s.companions[0].stop(time.Second)
		if !stopped.Settled() || s.companions[0].again.Active() {
			t.Error("it is started again")
		}
	})
}

// TestCompanionStops: with all that it has started, though it does not care for signals.
func TestCompanionStops(t *testing.T) {
	r, s, told := companions(t, Companion{Name: "worker", Run: `trap '' TERM; sleep 60 & echo up; wait; wait; sleep 60`})
	until(t, told, func(e Event) bool { return e.Text == "up" })
	done := make(chan struct{})
	on(t, r, func() {
		s.closing = true
		s.companions[0].stop(10*time.Millisecond).Then(func(struct{}) { close(done) }, nil)
	})
	wait(t, done, "its end")
	if pid := s.companions[0].child.Pid(); alive(pid) {
		t.Errorf("%d still runs", pid)
	}
}

func TestLinesOfCompanions(t *testing.T) {
	_, _, told := companions(t, Companion{Name: "a", Run: "echo from a"}, Companion{Name: "b", Run: "echo from b"})
	ends := 0
	texts := until(t, told, func(e Event) bool {
		if e.Kind == EventExit {
			ends++
		}
		return ends == 2
	})
	if all := strings.Join(texts, "\n"); !strings.Contains(all, "output a: from a") || !strings.Contains(all, "output b: from b") {
		t.Error(all)
	}
}
