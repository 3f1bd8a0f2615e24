package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wait waits until the process has said something that matches, and gives it back.
func (c *child) wait(pattern string) string {
	c.Helper()
	re := regexp.MustCompile(pattern)
	for late := time.After(20 * time.Second); ; {
		if m := re.FindStringSubmatch(c.said()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-c.change:
		case <-late:
			c.Fatalf("it does not say %q but %q", pattern, c.said())
		}
	}
}

// signal sends s.
func (c *child) signal(s os.Signal) {
	c.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.Fatal(err)
	}
}

// end waits for the process.
func (c *child) end() *os.ProcessState {
	c.Helper()
	for c.out.Scan() {
	}
	_ = c.cmd.Wait() // the state says it all
	return c.cmd.ProcessState
}

func (c *child) get(url string) (status int, fields http.Header, body string) {
	c.Helper()
	r, err := http.Get(url)
	if err != nil {
		c.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.Fatal(err)
	}
	return r.StatusCode, r.Header, string(b)
}

const localPattern = `Local +(http://\S+)\n`

// The program as it is used: a directory, a request, Ctrl-C.
func TestServeDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"home.html": "<p>home", "data.xyz": "data", ".secret": "no"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0", "--path", dir, "--index", "home.html",
		"--mime-type", "text/x-own", "--add-header", "X-Own: yes")
	url := c.wait(localPattern)
	for path, want := range map[string]struct {
		status int
		kind   string
		body   string
	}{
		"":         {200, "text/html; charset=utf-8", "<p>home"},
		"data.xyz": {200, "text/x-own", "data"},
		".secret":  {404, "text/plain; charset=utf-8", ""},
	} {
		status, fields, body := c.get(url + path)
		if status != want.status || fields.Get("Content-Type") != want.kind || want.body != "" && body != want.body {
			t.Errorf("/%s: %d %q %q", path, status, fields.Get("Content-Type"), body)
		}
		if fields.Get("X-Own") != "yes" {
			t.Errorf("/%s: the field of the command line is not there: %v", path, fields)
		}
		line := c.line()
		if !regexp.MustCompile(`^127\.0\.0\.1 - - \[.*\] "GET /` + regexp.QuoteMeta(path) + ` HTTP/1\.1" \d+ \d+ "-" "Go-http-client/1\.1"$`).MatchString(line) {
			t.Errorf("/%s is logged as %q", path, line)
		}
	}
	c.signal(os.Interrupt)
	if state := c.end(); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
	c.wait(`Spindle served 3 requests, \d+ B, on 1 connection in \S+ s\.\n`)
}

// The start page runs on several loops, too, and the stream does not hold up the end.
func TestServeStartPage(t *testing.T) {
	c := startChild(t, "spindle", "web", "--listen", "tcp:0:interface=127.0.0.1", "--loops", "2", "--log", "none")
	url := c.wait(localPattern)
	if status, _, page := c.get(url); status != 200 || !strings.Contains(page, `data-path="greet/*"`) {
		t.Errorf("the start page: %d", status)
	}
	r, err := http.Get(url + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	first := make([]byte, len("retry: 1000\n\nevent: past"))
	if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "retry: 1000\n\nevent: past" {
		t.Errorf("the stream begins with %q: %v", first, err)
	}
	c.signal(syscall.SIGTERM)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Errorf("the stream is cut: %v", err)
	}
	if state := c.end(); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
	c.wait(`on 2 loops\n`)
}

// An end that is over at once says nothing of a second signal.
func TestQuickStop(t *testing.T) {
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0")
	answer, err := http.Get(c.wait(localPattern)) // the loop runs when it has answered
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	c.signal(syscall.SIGTERM)
	if state := c.end(); !state.Success() || strings.Contains(c.said(), "second signal") {
		t.Errorf("%v, %s", state, c.said())
	}
}

// A second signal does not wait for a request that does not end.
func TestSecondSignal(t *testing.T) {
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0")
	url := c.wait(localPattern)
	conn, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 100"))); err != nil {
		t.Fatal(err)
	}
	c.signal(os.Interrupt)
	c.wait(`stopping`)
	c.signal(os.Interrupt)
	if state := c.end(); state.Success() {
		t.Errorf("it ended with %v", state)
	}
	if said := c.said(); strings.Contains(said, "Spindle served") {
		t.Errorf("it took its time: %s", said)
	}
}

// The log goes to its file, which a signal has opened again.
func TestServeLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0", "--log-file", path, "--log", "json")
	url := c.wait(localPattern)
	c.get(url + "hello")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGUSR1)
	for late := time.After(20 * time.Second); ; {
		if _, err := os.Stat(path); err == nil {
			break
		}
		select {
		case <-late:
			t.Fatal("the file is not opened again")
		default:
			c.get(url + "time") // something to do meanwhile
		}
	}
	c.get(url + "greet/Ada")
	c.signal(os.Interrupt)
	c.end()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"target":"/greet/Ada","protocol":"HTTP/1.1","status":200`) {
		t.Errorf("the log is %s", text)
	}
}

func TestQuiet(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	c := startChild(t, "spindle", "web", "--quiet", "--listen", "unix:"+socket)
	var conn net.Conn
	for late := time.After(20 * time.Second); ; {
		var err error
		if conn, err = net.Dial("unix", socket); err == nil {
			break
		}
		select {
		case <-late:
			t.Fatal(err)
		default:
		}
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /hello HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(answer), "Hello, world!\n") {
		t.Errorf("got %q: %v", answer, err)
	}
	c.signal(os.Interrupt)
	for c.out.Scan() {
		t.Errorf("it is not quiet: %s", c.out.Text())
	}
	c.end()
	if said := c.said(); strings.Contains(said, "Spindle") {
		t.Errorf("it is not quiet: %s", said)
	}
}

// Whoever reads the log through a pipe may go: the service stays.
func TestLogPipeIsClosed(t *testing.T) {
	c := startChild(t, "spindle", "web", "--listen", "127.0.0.1:0")
	url := c.wait(`Local +(http://\S+)`)
	if err := c.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	c.get(url + "hello")
	c.wait(`access log is in trouble .*broken pipe`)
	if status, _, _ := c.get(url + "hello"); status != 200 {
		t.Errorf("without its log it answers %d", status)
	}
	c.signal(syscall.SIGTERM)
	if state := c.end(); state.ExitCode() != 0 {
		t.Errorf("it ends with %v", state)
	}
}
