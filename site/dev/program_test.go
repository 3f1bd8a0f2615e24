package dev

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
)

// This file starts this test as a program of several kinds.

const testProgram = "SPINDLE_TEST_PROGRAM"

// beProgram is what such a program does.
func beProgram(kind string) {
	var l net.Listener
	var err error
	switch kind {
	case "port":
		l, err = net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	case "other port":
		l, err = net.Listen("tcp", "127.0.0.1:0")
	case "socket":
		if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
			fmt.Fprintln(os.Stderr, "LISTEN_PID is of another process")
			os.Exit(4)
		}
		l, err = net.FileListener(os.NewFile(3, "socket"))
		if err == nil {
			err = tellReady("STATUS=nearly\n", "X_SPINDLE_TLS=1\nREADY=1\n")
		}
	case "crash":
		fmt.Println("on its way")
		fmt.Fprintln(os.Stderr, "panic: oh dear")
		os.Exit(3)
	case "reader":
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("read %q %v\n", line, err)
		os.Exit(0)
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		l, err = net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(6)
		}
		_, _ = io.WriteString(c, kind)
		_ = c.Close()
	}
}

func tellReady(messages ...string) error {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		return err
	}
	defer c.Close()
	for _, m := range messages {
		if _, err := io.WriteString(c, m); err != nil {
			return err
		}
	}
	return nil
}

// started is a program of that kind, and its end.
func started(t *testing.T, r *reactor.Reactor, kind string, change func(s *programSpec)) (p *program, ended chan struct{}) {
	t.Helper()
	spec := programSpec{path: os.Args[0], dir: t.TempDir(), base: t.TempDir(), tag: "1", env: append(os.Environ(), testProgram+"="+kind)}
	if change != nil {
		change(&spec)
	}
	ended = make(chan struct{})
	on(t, r, func() {
		var err error
		if p, err = startProgram(r, spec, func(*program, bool, []byte) {}); err != nil {
			t.Error(err)
			return
		}
		p.ended.Then(func(*program) { close(ended) }, nil)
	})
	if p == nil {
		t.FailNow()
	}
	t.Cleanup(func() {
		on(t, r, func() { p.stop(0) })
		wait(t, ended, "its end")
	})
	return p, ended
}

// isReady waits until p is ready, or why it is not.
func isReady(t *testing.T, r *reactor.Reactor, p *program) error {
	t.Helper()
	_, err := result(t, r, func() *reactor.Deferred[*program] { return p.ready })
	return err
}

// says is what a program sends to who connects.
func says(t *testing.T, p *program) string {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestProgramComesToItsPort(t *testing.T) {
	r := loop(t)
	for _, row := range []struct {
		kind        string
		way         way
		secure, own bool
	}{
		{"port", byPort, false, false},
		{"other port", byPort, false, true},
		{"socket", bySocket, true, false},
	} {
		t.Run(row.kind, func(t *testing.T) {
			p, _ := started(t, r, row.kind, func(s *programSpec) { s.way = row.way })
			if err := isReady(t, r, p); err != nil {
				t.Fatalf("%v: %s", err, p.words.String())
			}
			if got := says(t, p); got != row.kind {
				t.Errorf("it says %q", got)
			}
			if p.secure != row.secure || p.own != row.own {
				t.Errorf("secure %v, own %v", p.secure, p.own)
			}
		})
	}
}

// TestProgramAtAPortThatIsSaid: PORT tells it too.
func TestProgramAtAPortThatIsSaid(t *testing.T) {
	r := loop(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	p, _ := started(t, r, "port", func(s *programSpec) { s.port = port })
	if err := isReady(t, r, p); err != nil {
		t.Fatal(err)
	}
	if !p.own || !strings.HasSuffix(p.addr, fmt.Sprint(":", port)) || says(t, p) != "port" {
		t.Errorf("%v at %s", p.own, p.addr)
	}
}

func TestProgramThatEndsTooEarly(t *testing.T) {
	r := loop(t)
	p, ended := started(t, r, "crash", nil)
	if err := isReady(t, r, p); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
	wait(t, ended, "its end")
	if got := p.words.String(); !strings.Contains(got, "panic: oh dear") || !strings.Contains(got, "on its way") {
		t.Errorf("%q", got)
	}
}

func TestProgramThatCanNotBeStarted(t *testing.T) {
	r := loop(t)
	for _, way := range []way{byPort, bySocket} {
		spec := programSpec{path: filepath.Join(t.TempDir(), "none"), dir: t.TempDir(), base: t.TempDir(), tag: "1", env: os.Environ(), way: way}
		var err error
		var p *program
		on(t, r, func() { p, err = startProgram(r, spec, func(*program, bool, []byte) {}) })
		if err == nil { // the shell says so
			err = isReady(t, r, p)
		}
		if err == nil {
			t.Errorf("%d: it is ready", way)
		}
		if left, _ := filepath.Glob(filepath.Join(spec.base, "*")); way == byPort && len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestProgramReads: its input does not end, and is what somebody types.
func TestProgramReads(t *testing.T) {
	r := loop(t)
	p, ended := started(t, r, "reader", nil)
	s := &Supervisor{loop: r}
	on(t, r, func() {
		if s.Reads() {
			t.Error("nothing runs, and reads")
		}
		s.next = &running{s: s, p: p}
		if !s.Type([]byte("to you\n")) {
			t.Error("there is nobody who reads")
		}
	})
	wait(t, ended, "its end")
	if got := p.words.String(); got != "read \"to you\\n\" <nil>\n" {
		t.Error(got)
	}
}

// TestProgramStops: politely first, and then whether it wants or not.
func TestProgramStops(t *testing.T) {
	r := loop(t)
	for _, row := range []struct {
		kind     string
		patience time.Duration
		signal   string
	}{
		{"port", 10 * time.Second, "terminated"},
		{"deaf", 10 * time.Millisecond, "killed"},
		{"deaf", 0, "killed"},
	} {
		p, ended := started(t, r, row.kind, nil)
		if err := isReady(t, r, p); err != nil {
			t.Fatal(err)
		}
		on(t, r, func() { p.stop(row.patience) })
		wait(t, ended, "its end")
		if got := p.status.String(); !strings.Contains(got, row.signal) {
			t.Errorf("%s: %s, want %s", row.kind, got, row.signal)
		}
		if alive(p.pid()) || p.running() {
			t.Errorf("%s still runs", row.kind)
		}
	}
}

func TestWithSetting(t *testing.T) {
	for _, row := range []struct{ env, want string }{
		{"", "a=1"},
		{"GODEBUG=", "a=1"},
		{"GODEBUG=b=2", "b=2,a=1"},
		{"GODEBUG=b=2|X=1|GODEBUG=c=3", "c=3,a=1"},
	} {
		if got := withSetting(strings.Split(row.env, "|"), "a=1"); got != row.want {
			t.Errorf("%q: %q", row.env, got)
		}
	}
}

func TestTail(t *testing.T) {
	var x tail
	for i := range 10000 {
		x.add([]byte(fmt.Sprintf("line %d\n", i)))
	}
	if got := x.String(); len(got) != tailBytes || !strings.HasSuffix(got, "line 9999\n") {
		t.Errorf("%d bytes: …%q", len(got), got[max(0, len(got)-20):])
	}
	if cap(x.b) > 8*tailBytes {
		t.Errorf("%d bytes are kept", cap(x.b))
	}
}

func TestAsFailure(t *testing.T) {
	var f *Failure
	if err := error(&Failure{Stage: "start", late: true}); !errors.As(err, &f) || asFailure(err, "x") != f {
		t.Error("a Failure is none")
	}
	if got := asFailure(errors.New("dev: no way"), "start"); got.Title != "No way" || got.Stage != "start" {
		t.Errorf("%+v", got)
	}
}
