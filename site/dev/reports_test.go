package dev

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"spindle/protocol/postmortem"
)

// crowded is a listener that has no file left, gives a connection, and is closed.
type crowded struct {
	calls int
	c     *net.UnixConn
}

func (f *crowded) AcceptUnix() (*net.UnixConn, error) {
	switch f.calls++; f.calls {
	case 1:
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	case 2:
		return f.c, nil
	}
	return nil, &net.OpError{Op: "accept", Err: net.ErrClosed}
}

func TestAcceptGoesOnAfterAnError(t *testing.T) {
	f := &crowded{c: new(net.UnixConn)}
	if c := nextOf(f); c != f.c {
		t.Error("an error ends it")
	}
	if c := nextOf(f); c != nil || f.calls != 3 {
		t.Errorf("closed, it is called %d times", f.calls)
	}
}

// logged gets what is logged.
type logged chan string

func (l logged) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// reporting is a program's conversation about a panic, up to the report.
func reporting(t *testing.T, p *reports, goroutine int) (c net.Conn, in *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "%d\n", goroutine)
	return c, bufio.NewReader(c)
}

// What panics while the page of a panic is made ends the conversation only: the ticket is
// there, and the log has its name.
func TestReportWhosePagePanics(t *testing.T) {
	m := supervised(t)
	p := m.s.reports
	t.Cleanup(p.close)
	log := make(logged, 8)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	m.s.opts.Highlight = func(string, []string) []string { panic("no colours") }
	m.s.opts.Inspect = unlucky{}

	_, in := reporting(t, p, 1)
	if _, err := in.ReadByte(); err != io.EOF {
		t.Error(err)
	}
	if line := wait(t, log, "the log"); !strings.Contains(line, "no memory") {
		t.Error(line)
	}

	c, in := reporting(t, p, 0)
	if line, err := in.ReadString('\n'); line != postmortem.Seen {
		t.Fatal(line, err)
	}
	_ = json.NewEncoder(c).Encode(postmortem.Report{Stack: string(debug.Stack()), Exchange: &postmortem.Exchange{Accept: "text/html", Host: "localhost:8080"}})
	m.Loop.WaitFor(func() bool { return len(m.s.tickets.list) > 0 })
	if _, err := in.ReadByte(); err != io.EOF {
		t.Error(err)
	}
	if line, id := wait(t, log, "the log"), m.s.tickets.list[0].ID; !strings.Contains(line, "no colours") || !strings.Contains(line, id) {
		t.Error(line)
	}
}

// unlucky looks at no memory.
type unlucky struct{ Inspector }

func (unlucky) PID() int                           { return 0 }
func (unlucky) Capture(int, int64) (Moment, error) { panic("no memory") }
