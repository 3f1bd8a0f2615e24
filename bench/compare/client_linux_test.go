package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// tools has the programs in C of all tests.
var tools struct {
	sync.Mutex
	dir string // removed at the end
}

func TestMain(m *testing.M) {
	code := m.Run()
	if tools.dir != "" {
		_ = os.RemoveAll(tools.dir)
	}
	os.Exit(code)
}

// cTool compiles bench/NAME, which needs a C compiler, as the comparison does, once for all
// tests.
func cTool(t *testing.T, w *workspace, name string) {
	t.Helper()
	tools.Lock()
	defer tools.Unlock()
	if tools.dir == "" {
		var err error
		if tools.dir, err = os.MkdirTemp("", "spindle-tools-"); err != nil {
			t.Fatal(err)
		}
	}
	made := filepath.Join(tools.dir, name)
	if _, err := os.Stat(made); err != nil {
		sources, _ := filepath.Glob(filepath.Join(w.module, "bench", name, "*.c"))
		args := append([]string{"-O1", "-Wall", "-Wextra", "-Werror", "-o", made}, sources...)
		if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Symlink(made, w.path(name)); err != nil {
		t.Fatal(err)
	}
}

func testWorkspace(t *testing.T) *workspace {
	t.Helper()
	w, err := newWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.remove)
	return w
}

// answerer serves the answer to every head it reads, in pieces of a few bytes
// when asked to, and counts the requests.
type answerer struct {
	answer string
	pieces bool
	close  bool // after each answer
	served atomic.Int64
}

func (a *answerer) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(c)
		}
	}()
	return l.Addr().String()
}

func (a *answerer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" {
			continue
		}
		a.served.Add(1)
		for rest := a.answer; rest != ""; {
			n := len(rest)
			if a.pieces {
				n = min(n, 7)
			}
			io.WriteString(c, rest[:n])
			rest = rest[n:]
		}
		if a.close {
			return
		}
	}
}

func answerOf(status, fields, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), fields, body)
}

// TestLoad checks that the load client counts what the server has served, and
// refuses every answer that is not the right one.
func TestLoad(t *testing.T) {
	w := testWorkspace(t)
	cTool(t, w, "load")
	c := &clients{w: w}
	long := strings.Repeat("x", 300_000)
	for _, test := range []struct {
		name   string
		server *answerer
		length int // of the content that is expected
		depth  int
		fresh  bool
		wrong  string // part of the message; "" when all is right
	}{
		{name: "plain", server: &answerer{answer: answerOf("200 OK", "Server: x\r\n", "hello")}, length: 5},
		{name: "in pieces", server: &answerer{answer: answerOf("200 OK", "Server: x\r\n", "hello"), pieces: true}, length: 5, depth: 3},
		{name: "pipelined", server: &answerer{answer: answerOf("200 OK", "", "hello")}, length: 5, depth: 16},
		{name: "no content", server: &answerer{answer: answerOf("200 OK", "", "")}, length: 0, depth: 4},
		{name: "long", server: &answerer{answer: answerOf("200 OK", "", long)}, length: len(long)},
		{name: "new connections", server: &answerer{answer: answerOf("200 OK", "", "hello"), close: true}, length: 5, fresh: true},
		{name: "closed", server: &answerer{answer: answerOf("200 OK", "", "hello"), close: true}, length: 5, wrong: "the server closed"},
		{name: "cut", server: &answerer{answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", close: true}, length: 9, wrong: "before its answers were whole"},
		{name: "status", server: &answerer{answer: answerOf("404 Not Found", "", "hello")}, length: 5, wrong: "the status is 404"},
		{name: "length", server: &answerer{answer: answerOf("200 OK", "", "hello!")}, length: 5, wrong: "the length is 6"},
		{name: "too much", server: &answerer{answer: answerOf("200 OK", "", "hello") + answerOf("200 OK", "", "hello")}, length: 5, wrong: "more answers"},
		{name: "no HTTP", server: &answerer{answer: "SSH-2.0-OpenSSH_9.2 and more\r\n\r\n"}, length: 5, wrong: "not an HTTP/1.1 answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wl := &workload{id: "test", conns: 4, depth: test.depth, fresh: test.fresh, request: plaintext, answer: make([]byte, test.length)}
			l, err := c.run(context.Background(), wl, test.server.listen(t), .05)
			switch {
			case test.wrong == "" && err != nil:
				t.Fatal(err)
			case test.wrong == "" && l.Requests != test.server.served.Load():
				t.Errorf("%d requests were counted, %d served", l.Requests, test.server.served.Load())
			case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
				t.Errorf("the error is %v, %q was wanted", err, test.wrong)
			}
		})
	}
}

// TestLimit checks the limit's answers to all workloads, once and under load.
func TestLimit(t *testing.T) {
	w := testWorkspace(t)
	cTool(t, w, "load")
	cTool(t, w, "limit")
	ctx := context.Background()
	p, err := start(ctx, &server{name: limitName, command: binary("limit")}, w, plain, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	c := &clients{w: w}
	for _, wl := range inClear(w.small, w.large) {
		if err := check(&wl, p.addr); err != nil {
			t.Errorf("%s: %v", wl.id, err)
			continue
		}
		if _, err := c.run(ctx, &wl, p.addr, .02); err != nil {
			t.Errorf("%s: %v", wl.id, err)
		}
	}
}

// goTools builds bench/NAME for each name, with one go command, and without what only
// debuggers read.
func goTools(t *testing.T, w *workspace, names ...string) {
	t.Helper()
	args := []string{"build", "-ldflags=-s -w", "-o", w.dir}
	for _, name := range names {
		args = append(args, "./bench/"+name)
	}
	if err := run(t.Context(), w.module, "go", args...); err != nil {
		t.Fatal(err)
	}
}

// TestGoClient checks the client for TLS and WebSocket against our own server: what it
// counts, and that it finds a wrong answer.
func TestGoClient(t *testing.T) {
	w := testWorkspace(t)
	goTools(t, w, "goload", "target")
	b := &bench{w: w, clients: &clients{w: w}}
	for _, wl := range append(secured(w.small, w.large), sockets()...) {
		if wl.client != ownGo {
			continue
		}
		t.Run(wl.id, func(t *testing.T) {
			p, err := start(t.Context(), &server{name: ours, command: binary("target")}, w, wl.wire, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer p.stop()
			if err := check(&wl, p.addr); err != nil {
				t.Fatal(err)
			}
			wl.conns = 4
			if wl.kind == idleMemory {
				testIdle(t, b, &wl, p)
				return
			}
			if l, err := oneRun(b.clients, &wl, p.addr); err != nil || l.Open != 4 || l.CPU == 0 {
				t.Errorf("%+v, %v", l, err)
			}
			wl.answer, wl.request.target = []byte("longer than it is"), "/nowhere"
			if l, err := oneRun(b.clients, &wl, p.addr); err == nil {
				t.Errorf("no error from wrong answers: %+v", l)
			}
		})
	}
}

func oneRun(c *clients, wl *workload, addr string) (load, error) {
	run, end, err := c.begin(context.Background(), wl, addr, .05)
	if err != nil {
		return load{}, err
	}
	defer end()
	return run()
}

func testIdle(t *testing.T, b *bench, wl *workload, p *process) {
	had := goroutines(wl, p)
	i, err := b.openIdle(t.Context(), wl, p.addr, 50)
	if err != nil {
		t.Fatal(err)
	}
	if more := goroutines(wl, p) - had; wl.bar.NoGoroutine && !(more < 25) {
		t.Errorf("%v goroutines for 50 connections", more)
	}
	p.stop()
	if err := i.close(); err == nil || !strings.Contains(err.Error(), "50 of 50") {
		t.Errorf("the server is gone, and the error is %v", err)
	}
}

// TestIdle checks that idle connections are held, and that it is told when the
// server closes them.
func TestIdle(t *testing.T) {
	w := testWorkspace(t)
	cTool(t, w, "load")
	cTool(t, w, "limit")
	b := &bench{w: w, clients: &clients{w: w}}
	ctx := context.Background()
	p, err := start(ctx, &server{name: limitName, command: binary("limit")}, w, plain, 0)
	if err != nil {
		t.Fatal(err)
	}
	wl := &workload{id: "idle", request: plaintext, answer: []byte("Hello, World!")}
	i, err := b.openIdle(ctx, wl, p.addr, 500)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.close(); err != nil {
		t.Error(err)
	}
	if i, err = b.openIdle(ctx, wl, p.addr, 500); err != nil {
		t.Fatal(err)
	}
	p.stop()
	if err := i.close(); err == nil || !strings.Contains(err.Error(), "500 of 500") {
		t.Errorf("the server is gone, and the error is %v", err)
	}
}
