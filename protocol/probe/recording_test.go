//go:build spindle_dev

package probe

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/trace"
	"testing"
)

func flightArg() string {
	text, _ := json.Marshal(Flight{Seconds: 1, Bytes: 1 << 20})
	return string(text)
}

func TestRecordingTrace(t *testing.T) {
	r := new(recorder)
	path := filepath.Join(t.TempDir(), "trace.out")
	if _, err := r.trace(path); err == nil {
		t.Error("what is not recorded is written")
	}
	for range 2 { // the second does nothing
		if _, err := r.startTrace(flightArg()); err != nil {
			t.Skip(err) // the tests themselves are traced
		}
	}
	defer r.flight.Stop()
	task := NewTask(context.Background(), "GET /", "1")
	called := false
	func() {
		defer task.Begin("render")()
		called = true
	}()
	task.Begin("more")()
	task.End()
	if !called || !trace.IsEnabled() {
		t.Error("the region was not run")
	}
	if _, err := r.trace(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := r.trace(path); err == nil {
		t.Error("a file that is there was written over")
	}
}

func TestRecordingProfile(t *testing.T) {
	r := new(recorder)
	base := filepath.Join(t.TempDir(), "p")
	if _, err := r.stopProfile(""); err == nil {
		t.Error("what was not begun has ended")
	}
	rate := runtime.MemProfileRate
	if _, err := r.startProfile(base); err != nil {
		t.Skip(err)
	}
	if _, err := r.startProfile(base + "x"); err == nil {
		t.Error("two at a time")
	}
	if _, err := r.stopProfile(""); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{".cpu", ".before", ".after"} {
		if info, err := os.Stat(base + end); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", end, err)
		}
	}
	if runtime.MemProfileRate != rate {
		t.Error("memory is noted as in the profile")
	}
}

// A profile that nobody ends does so by itself, one that was ended is left alone.
func TestRecordingProfileExpires(t *testing.T) {
	r := new(recorder)
	base := filepath.Join(t.TempDir(), "p")
	if _, err := r.startProfile(base); err != nil {
		t.Skip(err)
	}
	first := r.cpu
	r.expire(first)
	if _, err := r.startProfile(base + "2"); err != nil {
		t.Fatal(err)
	}
	if r.expire(first); r.cpu == nil {
		t.Error("the end of one has ended another")
	}
	if r.limit.Stop() != true {
		t.Error("it would not end")
	}
	if _, err := r.stopProfile(""); err != nil {
		t.Error(err)
	}
}

func TestTaskWhileNothingIsTraced(t *testing.T) {
	if trace.IsEnabled() {
		t.Skip("the tests themselves are traced")
	}
	task := NewTask(context.Background(), "GET /", "1")
	called := false
	func() {
		defer task.Begin("render")()
		called = true
	}()
	task.Begin("more")()
	task.End()
	if !called {
		t.Error("it was not called")
	}
}
