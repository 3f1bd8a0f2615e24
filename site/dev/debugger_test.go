package dev

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/resource"
)

// fakeDelve is a program called dlv in PATH, which listens at a port of the test, where the
// program is said to run.
func fakeDelve(t *testing.T) (conns chan net.Conn, log string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conns = make(chan net.Conn, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				line, _ := bufio.NewReader(c).ReadString('\n')
				if strings.Contains(line, "RPCServer.State") {
					fmt.Fprintln(c, `{"id":1,"result":{"State":{"Running":true}}}`)
					_, _ = io.Copy(io.Discard, c)
					c.Close()
					return
				}
				fmt.Fprint(c, "heard "+line)
				conns <- c
			}()
		}
	}()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1 $2\" >>%[1]s\ntrap 'echo left $2 >>%[1]s; exit 0' INT\necho 'API server listening at: %[2]s' >&2\nread x; while :; do sleep 0.05; done\n", log, l.Addr())
	if err := os.WriteFile(filepath.Join(dir, "dlv"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return conns, log
}

// TestDebugger: a program waits for its breakpoints where an editor is there to set them, and
// a Delve leaves the program before in peace.
func TestDebugger(t *testing.T) {
	conns, log := fakeDelve(t)
	r := loop(t)
	told := make(chan Event, 64)
	s := &Supervisor{loop: r, target: &fake{dir: t.TempDir()}, base: t.TempDir(), commands: map[string]*command{}, opts: Options{Debugger: "127.0.0.1:0"}}
	var addr string
	ready := make(chan int, 4)
	attach := func(n int) {
		g := &fakeGeneration{f: &fake{single: true}, n: n, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
		s.next = g
		s.debugger.attach(g, func() { ready <- n })
	}
	on(t, r, func() {
		s.begin()
		s.Listen(func(e Event) { told <- e })
		s.startDebugger()
		addr = s.debugger.port.Addr().String()
		attach(1)
		select {
		case <-ready:
		default:
			t.Error("it waits for an editor that is not there")
		}
	})
	listens := func(e Event) bool { return strings.HasPrefix(e.Text, "Delve listens at 127.0.0.1:") }
	until(t, told, listens)

	editor, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer editor.Close()
	fmt.Fprintln(editor, "{}")
	if line, err := bufio.NewReader(editor).ReadString('\n'); line != "heard {}\n" {
		t.Fatal(line, err)
	}
	wait(t, conns, "the connection to Delve")
	var ended []*reactor.Deferred[*command]
	on(t, r, func() {
		ended = append(ended, s.debugger.delve.result)
		attach(2)
		if len(ready) != 0 {
			t.Error("it does not wait for the breakpoints")
		}
	})
	until(t, told, listens)
	if n := wait(t, ready, "the program"); n != 2 {
		t.Error(n)
	}
	on(t, r, func() {
		ended = append(ended, s.debugger.delve.result)
		s.closing = true
		s.debugger.close()
	})
	for _, one := range ended {
		over := make(chan struct{})
		on(t, r, func() { one.Then(func(*command) { close(over) }, nil) })
		wait(t, over, "the end of Delve")
	}
	text, _ := os.ReadFile(log)
	lines := strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(text)), " ", "_"))
	slices.Sort(lines)
	if want := []string{"attach_101", "attach_102", "left_101", "left_102"}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

// TestDebuggerThatFails: what can not be debugged runs all the same, and why is said.
func TestDebuggerThatFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for _, row := range []struct{ script, want string }{
		{"", "Delve can not be run ("},
		{"#!/bin/sh\necho could not attach >&2\nexit 1\n", "Delve has ended: could not attach"},
	} {
		if row.script != "" {
			if err := os.WriteFile(filepath.Join(dir, "dlv"), []byte(row.script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		r := loop(t)
		told := make(chan Event, 64)
		ready := make(chan struct{}, 1)
		s := &Supervisor{loop: r, target: &fake{dir: t.TempDir()}, base: t.TempDir(), commands: map[string]*command{}, opts: Options{Debugger: "127.0.0.1:0"}}
		on(t, r, func() {
			s.begin()
			s.Listen(func(e Event) { told <- e })
			s.startDebugger()
			g := &fakeGeneration{f: &fake{single: true}, n: 1, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
			s.next = g
			s.debugger.attach(g, func() { ready <- struct{}{} })
		})
		wait(t, ready, "the program")
		until(t, told, func(e Event) bool { return strings.HasPrefix(e.Text, row.want) })
	}
}

// TestSameUser: this process is.
func TestSameUser(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", host)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		addr := func(a net.Addr) reactor.Addr {
			p := a.(*net.TCPAddr).AddrPort()
			return reactor.Addr{IP: p.Addr().Unmap(), Port: p.Port()}
		}
		if !sameUser(addr(c.LocalAddr()), addr(c.RemoteAddr())) {
			t.Errorf("%s: it is not", host)
		}
	}
}

// A port of the debugger that is open to others is told of.
func TestDebuggerForOthers(t *testing.T) {
	r := loop(t)
	for addr, want := range map[string]bool{"127.0.0.1:0": false, "[::1]:0": false, ":0": true, "0.0.0.0:0": true} {
		warned := false
		s := &Supervisor{loop: r, target: &fake{dir: t.TempDir()}, base: t.TempDir(), commands: map[string]*command{}, opts: Options{Debugger: addr}}
		on(t, r, func() {
			s.begin()
			s.Listen(func(e Event) { warned = warned || strings.Contains(e.Text, "whoever reaches") })
			s.startDebugger()
			s.debugger.close()
		})
		if warned != want {
			t.Errorf("%s: %v", addr, warned)
		}
	}
}
