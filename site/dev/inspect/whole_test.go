package inspect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"spindle/site/dev"
)

// What is read of a program without debug information is read of the file that has it, as soon
// as that is there.
func TestDebugInfoElsewhere(t *testing.T) {
	needLinux(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "whole")
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := New(self)
	made := h.Expect(self)
	m := captured(t, h, 7)
	type read struct {
		list []dev.Frame
		err  error
	}
	got := make(chan read, 1)
	go func() {
		list, err := m.Frames()
		got <- read{list, err}
	}()
	made(elsewhere, nil)
	made("", errors.New("a second word does not count"))
	if r := <-got; r.err != nil || len(r.list) != 1 || r.list[0].File != elsewhere {
		t.Error(r)
	}
	h.Expect(self)("", errors.New("the disk is full"))
	if list, err := captured(t, h, 7).Frames(); err == nil || err.Error() != "the disk is full" {
		t.Error(list, err)
	}
	h.Expect(self)(elsewhere+".gone", nil)
	if list, err := captured(t, h, 7).Frames(); !errors.Is(err, os.ErrNotExist) {
		t.Error(list, err)
	}
	_ = h.running.c.Close()
}

func TestAwaited(t *testing.T) {
	var a awaited
	first := a.add("/p")
	if a.of("/p") != first || a.of("/p (deleted)") != first || a.of("/q") != nil {
		t.Error("it is not found")
	}
	second := a.add("/p")
	if a.of("/p") != second || len(a.list) != 1 {
		t.Error("it is there twice")
	}
	for i := range mostAwaited {
		a.add(fmt.Sprint("/", i))
	}
	if a.of("/p") != nil || len(a.list) != mostAwaited {
		t.Errorf("%d are kept", len(a.list))
	}
}
