package dev

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"spindle/reactor"
)

// patience is how long a test waits for what happens at once.
const patience = 20 * time.Second

// loop runs a reactor while the test lasts.
func loop(t *testing.T) *reactor.Reactor {
	t.Helper()
	r := reactor.New()
	started, ended := make(chan struct{}), make(chan struct{})
	r.CallWhenRunning(func() { close(started) })
	go func() {
		defer close(ended)
		if err := r.Run(); err != nil {
			t.Error(err)
		}
	}()
	<-started
	t.Cleanup(func() {
		r.Stop()
		<-ended
	})
	return r
}

// on runs f on the loop and waits for it.
func on(t *testing.T, r *reactor.Reactor, f func()) {
	t.Helper()
	done := make(chan struct{})
	r.CallFromThread(func() {
		defer close(done)
		f()
	})
	wait(t, done, "the loop")
}

// wait waits for a value.
func wait[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.NewTimer(patience).C:
		t.Fatalf("%s did not come", what)
	}
	return v
}

// write writes a file below dir, and the directories on the way to it.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
