package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// newPTY is a terminal: what a person has of it, and what a program has.
func newPTY(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	fd := int(person.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		person.Close()
		t.Skip(err)
	}
	program.Fd() // which has it block, as standard input does
	t.Cleanup(func() { person.Close(); program.Close() })
	return person, program
}

// Keys come one by one, lines while they go to the program, Ctrl-D at once gives the keys
// back, and the end of the terminal is told.
func TestKeysLinesAndTheEnd(t *testing.T) {
	person, program := newPTY(t)
	lines, err := term.GetState(int(program.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := rawKeys(int(program.Fd())); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	k := &keyReader{tty: program,
		key:   func(k byte) { got <- "key " + string(k) },
		typed: func(text []byte) { got <- "line " + string(text) },
		gone:  func() { got <- "gone" },
	}
	k.back = func() {
		_ = rawKeys(int(program.Fd()))
		got <- "back"
	}
	go k.read()
	typing := func() {
		k.typing.Store(true)
		if err := term.Restore(int(program.Fd()), lines); err != nil {
			t.Error(err)
		}
	}
	for _, row := range []struct {
		before func()
		typed  string
		want   []string
	}{
		{nil, "ui", []string{"key u", "key i"}},
		{typing, "\x04", []string{"back"}},
		{nil, "u", []string{"key u"}},
		{typing, "hello\n\x04", []string{"line hello\n", "back"}},
		{nil, "i", []string{"key i"}},
		{func() { typing(); person.Close() }, "", []string{"gone"}},
	} {
		if row.before != nil {
			row.before()
		}
		if row.typed != "" {
			if _, err := person.WriteString(row.typed); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range row.want {
			select {
			case s := <-got:
				if s != want {
					t.Fatalf("%q: %q, want %q", row.typed, s, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%q: nothing, want %q", row.typed, want)
			}
		}
	}
}
