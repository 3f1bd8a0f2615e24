package inspect

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
)

// This file tests copy and conversation; programs that panic are in bench/e2e.

func needLinux(t *testing.T) {
	t.Helper()
	if supported() != nil {
		t.Skip(supported())
	}
}

// A copy of this process has what it had when it was made.
func TestCopyMemory(t *testing.T) {
	needLinux(t)
	b := []byte("what was there")
	f, runs, err := copyMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	addr := uint64(uintptr(unsafe.Pointer(&b[0])))
	copy(b, "something else")
	got, off := make([]byte, len(b)), int64(0)
	for _, r := range runs {
		if r[0] <= addr && addr < r[0]+r[1] {
			if _, err := f.ReadAt(got, off+int64(addr-r[0])); err != nil {
				t.Fatal(err)
			}
		}
		off += int64(r[1])
	}
	if string(got) != "what was there" {
		t.Errorf("%q", got)
	}
	runtime.KeepAlive(b)
}

// fake is a debugger that finds the text at the start of a copy.
type fake struct {
	prepared []string
	rests    int
}

func (d *fake) Rest() { d.rests++ }

func (d *fake) Prepare(path string, exe *os.File) error {
	d.prepared = append(d.prepared, path)
	return nil
}

func (d *fake) Look(path string, exe *os.File, m Memory, goroutine int64) (dev.Moment, error) {
	if goroutine == 0 {
		return nil, errors.New("no such goroutine")
	}
	return &fakeMoment{string(m.Data[:min(len(m.Data), 10)]), path}, nil
}

type fakeMoment struct{ text, path string }

func (m *fakeMoment) Frames() ([]dev.Frame, error) {
	return []dev.Frame{{Function: m.text, File: m.path}}, nil
}
func (m *fakeMoment) Panicked() postmortem.Place { return postmortem.Place{Type: 1, Data: 2} }

func (m *fakeMoment) Eval(frame int, expression string) (dev.Value, error) {
	return dev.Value{Text: fmt.Sprint(m.text, frame, expression)}, nil
}

// pair is both ends of a conversation; the helper's serves.
func pair(t *testing.T, d Debugger) *wire {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(os.NewFile(uintptr(fds[1]), "helper"), d) }()
	mine := os.NewFile(uintptr(fds[0]), "server")
	c, err := net.FileConn(mine)
	if err != nil {
		t.Fatal(err)
	}
	_ = mine.Close()
	t.Cleanup(func() {
		_ = c.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return newWire(c.(*net.UnixConn))
}

func temporary(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConversation(t *testing.T) {
	needLinux(t)
	d := new(fake)
	w := pair(t, d)
	exe := temporary(t, "program")
	many := make([][2]uint64, 20_000) // longer than what a socket takes at once
	for i := range many {
		many[i] = [2]uint64{uint64(i) << 40, 1}
	}
	for _, row := range []struct {
		name  string
		q     question
		files []*os.File
		want  string
	}{
		{"prepare", question{Ask: askPrepare, Path: "/p"}, []*os.File{exe}, ""},
		{"no goroutine", question{Ask: askLook, Moment: 1, Runs: [][2]uint64{{4096, 5}}}, []*os.File{exe, temporary(t, "first")}, "no such goroutine"},
		{"look", question{Ask: askLook, Moment: 2, Goroutine: 7, Runs: [][2]uint64{{4096, 6}}}, []*os.File{exe, temporary(t, "second")}, "second"},
		{"eval", question{Ask: askEval, Moment: 2, Frame: 3, Expression: "x"}, nil, "second3x"},
		{"many runs", question{Ask: askLook, Moment: 3, Goroutine: 7, Runs: many}, []*os.File{exe, temporary(t, strings.Repeat("m", len(many)))}, "mmm"},
		{"no copy", question{Ask: askLook, Moment: 4, Goroutine: 7}, []*os.File{exe}, errTooFew.Error()},
		{"nothing", question{Ask: "dance"}, nil, errTooFew.Error()},
		{"more", question{Ask: askLook, Moment: 5, Goroutine: 7, Runs: [][2]uint64{{4096, 5}}}, []*os.File{exe, temporary(t, "third")}, "third"},
		{"more yet", question{Ask: askLook, Moment: 6, Goroutine: 7, Runs: [][2]uint64{{4096, 6}}}, []*os.File{exe, temporary(t, "fourth")}, "fourth"},
		{"no more kept", question{Ask: askEval, Moment: 2}, nil, errNotKept.Error()},
		{"kept", question{Ask: askEval, Moment: 5, Expression: "y"}, nil, "third0y"},
	} {
		row.q.Files = len(row.files)
		if err := w.send(&row.q, row.files...); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := w.in.Decode(&a); err != nil {
			t.Fatal(err)
		}
		got := a.Error + a.Value.Text
		if len(a.Frames) > 0 {
			got += a.Frames[0].Function
		}
		if !strings.HasPrefix(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: %q", row.name, got[:min(len(got), 60)])
		}
	}
	if !slices.Equal(d.prepared, []string{"/p"}) {
		t.Error(d.prepared)
	}
}

// A helper that is not asked for long lets go of copies, not of what it knows of programs,
// and goes on.
func TestHelperForgetsCopies(t *testing.T) {
	needLinux(t)
	d := new(fake)
	s := &server{d: d}
	text := temporary(t, "copy")
	var a answer
	if err := s.look(&a, &question{Moment: 1, Goroutine: 7, Runs: [][2]uint64{{4096, 4}}}, temporary(t, "program"), text); err != nil {
		t.Fatal(err)
	}
	s.rest()
	if v, err := s.eval(&question{Moment: 1}); err != nil || d.rests != 1 {
		t.Errorf("at rest: %+v %v, %d rests", v, err, d.rests)
	}
	s.forget()
	if _, err := s.eval(&question{Moment: 1}); err != errNotKept || d.rests != 2 {
		t.Errorf("%v, %d rests", err, d.rests)
	}
}

// What can not be started is an error of the look.
func TestHelperThatDoesNotStart(t *testing.T) {
	needLinux(t)
	h := New("/nowhere/spindle")
	if err := h.Prepare(os.Args[0]); err == nil || !strings.Contains(err.Error(), "/nowhere/spindle") {
		t.Error(err)
	}
	m, err := h.Capture(os.Getpid(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Frames(); err == nil || !strings.Contains(err.Error(), "/nowhere/spindle") {
		t.Error(err)
	}
	if _, err := m.Eval(0, "x"); err != errNotKept {
		t.Error(err)
	}
}

// TestMain is a helper, too, for the tests that start this program as one.
func TestMain(m *testing.M) {
	if socket := Asked(); socket != nil {
		if err := Serve(socket, new(fake)); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// captured is a moment of this process.
func captured(t *testing.T, h *Helper, goroutine int64) dev.Moment {
	t.Helper()
	m, err := h.Capture(os.Getpid(), goroutine)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What the debugger can not do is an error, once; a helper that has ended is started again.
func TestHelper(t *testing.T) {
	needLinux(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := New(self)
	first := captured(t, h, 7)
	if list, err := first.Frames(); err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := h.Prepare(self); err != nil {
		t.Error(err)
	}
	if _, err := captured(t, h, 0).Frames(); err == nil || err.Error() != "no such goroutine" {
		t.Error(err)
	}
	if v, err := first.Eval(1, "x"); err != nil || !strings.HasSuffix(v.Text, "1x") {
		t.Error(err)
	}
	_ = h.running.cmd.Process.Kill()
	if err := h.Prepare(self); err != nil {
		t.Error(err)
	}
	_ = h.running.cmd.Process.Kill()
	second := captured(t, h, 7)
	if _, err := second.Frames(); err != nil {
		t.Error(err)
	}
	if _, err := first.Eval(1, "x"); err != errNotKept {
		t.Error(err)
	}
	if v, err := second.Eval(2, "y"); err != nil || !strings.HasSuffix(v.Text, "2y") {
		t.Error(err)
	}
	_ = h.running.c.Close()
}
