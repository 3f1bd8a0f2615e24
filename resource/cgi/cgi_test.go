package cgi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/cgi"
	"spindle/resource/resourcetest"
)

// write makes a script.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// log is a log that a test reads.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fixture is a directory of scripts at /bin, and what is beside it.
type fixture struct {
	*resourcetest.Server
	dir *cgi.Dir
	log *log
}

func newFixture(t *testing.T, scripts map[string]string) *fixture {
	t.Helper()
	f := &fixture{dir: cgi.New(t.TempDir()), log: new(log)}
	for name, text := range scripts {
		write(t, f.dir.Path, name, text)
	}
	f.dir.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	root := new(resource.Tree).PutChild("bin", f.dir)
	root.PutChild("there", resource.NewData([]byte("found it"), "text/plain"))
	f.Server = resourcetest.New(root)
	f.ErrorLog = f.dir.Logger
	t.Cleanup(func() { f.Loop.Fire(reactor.Shutdown, nil) }) // ends the scripts of a test that has failed
	return f
}

// ask follows an answer without moving the clock.
func (f *fixture) ask(method, target string, fields protocol.Fields, body string) *resourcetest.Exchange {
	x := f.Start(method, target, fields, []byte(body))
	f.Loop.WaitFor(func() bool { return x.Done || x.Aborted != nil })
	return x
}

const head = "#!/bin/sh\necho 'Content-Type: text/plain'\necho\n"

func TestScripts(t *testing.T) {
	f := newFixture(t, map[string]string{
		"hello.sh":      head + "echo hello",
		"index.cgi":     head + "echo index",
		"sub/x.sh":      head + "echo \"$SCRIPT_NAME|$PATH_INFO|$PATH_TRANSLATED|$(pwd)\"",
		"cat.sh":        head + "cat",
		"status.sh":     "#!/bin/sh\nprintf 'Status: 404 Gone away\\nX-A: 1\\nX-A: 2\\n\\nno'",
		"local.sh":      "#!/bin/sh\nprintf 'Location: /there?x\\n\\n'",
		"client.sh":     "#!/bin/sh\nprintf 'Location: http://example.org/\\n\\n'",
		"loop.sh":       "#!/bin/sh\nprintf 'Location: /bin/loop.sh\\n\\n'",
		"nph-x.sh":      "#!/bin/sh\nprintf 'HTTP/1.1 201 Made\\r\\nX-N: 1\\r\\n\\r\\nmade'",
		"nph-bad.sh":    "#!/bin/sh\nprintf 'X-N: 1\\r\\n\\r\\nmade'",
		"garbage.sh":    "#!/bin/sh\necho '<html>'",
		"nothing.sh":    "#!/bin/sh\n",
		"short.sh":      "#!/bin/sh\nprintf 'Content-Length: 10\\n\\nabc'",
		"exit.sh":       head + "echo said; echo trouble >&2; exit 3",
		"killed.sh":     head + "echo part; kill -9 $$",
		"badinterp.sh":  "#!/no/such/program\n",
		"noformat":      "this is no program",
		"env.sh":        head + "env",
		"deaf.sh":       "#!/bin/sh\nexec <&-\n" + "echo 'Content-Type: text/plain'; echo; echo deaf",
		".hidden.sh":    head + "echo hidden",
		"notmine/x":     head,
		"sub/index.txt": "x",
	})
	os.Chmod(filepath.Join(f.dir.Path, "sub/index.txt"), 0o644)
	sub := filepath.Join(f.dir.Path, "sub")
	for _, c := range []struct {
		target string
		status int
		body   string
	}{
		{"/bin/hello.sh", 200, "hello\n"},
		{"/bin/", 200, "index\n"},
		{"/bin", 308, ""},
		{"/bin/sub", 308, ""},
		{"/bin/sub/", 403, ""},
		{"/bin/sub/x.sh", 200, "/bin/sub/x.sh|||" + sub + "\n"},
		{"/bin/sub/x.sh/a%20b/c", 200, "/bin/sub/x.sh|/a b/c|" + f.dir.Path + "/a b/c|" + sub + "\n"},
		{"/bin/sub/x.sh/a%0Ab", 400, ""},
		{"/bin/sub/index.txt", 404, ""},
		{"/bin/missing", 404, ""},
		{"/bin/..%2fbin/hello.sh", 404, ""},
		{"/bin/../bin/hello.sh", 404, ""},
		{"/bin/.hidden.sh", 404, ""},
		{"/bin/status.sh", 404, "no"},
		{"/bin/local.sh", 200, "found it"},
		{"/bin/client.sh", 302, ""},
		{"/bin/loop.sh", 500, ""},
		{"/bin/nph-x.sh", 201, "made"},
		{"/bin/nph-bad.sh", 502, ""},
		{"/bin/garbage.sh", 502, ""},
		{"/bin/nothing.sh", 502, ""},
		{"/bin/exit.sh", 200, "said\n"},
		{"/bin/badinterp.sh", 500, ""},
		{"/bin/noformat", 500, ""},
		{"/bin/deaf.sh", 200, "deaf\n"},
	} {
		x := f.ask("GET", c.target, nil, "")
		if x.Status != c.status || c.body != "" && string(x.Body) != c.body {
			t.Errorf("%s: %s, want %d %q", c.target, x, c.status, c.body)
		}
	}
	if x := f.ask("GET", "/bin/killed.sh", nil, ""); x.Aborted == nil && x.Status == 200 {
		t.Errorf("a script that was killed looks whole: %s", x)
	}
	if x := f.ask("GET", "/bin/short.sh", nil, ""); x.Aborted == nil && x.Status == 200 {
		t.Errorf("an answer that is too short looks whole: %s", x)
	}
	for _, want := range []string{"trouble", "exit status 3", "/no/such/program", "is no program", "signal: killed", "it may not be executed"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, f.log)
		}
	}
	if x := f.ask("GET", "/bin/status.sh", nil, ""); fmt.Sprint(x.Fields.Values("X-A")) != "[1 2]" {
		t.Errorf("fields of one name: %q", x.Fields)
	}
	if x := f.ask("HEAD", "/bin/hello.sh", nil, ""); x.Status != 200 || len(x.Body) != 0 {
		t.Errorf("HEAD: %s", x)
	}
	if x := f.ask("POST", "/bin/cat.sh", nil, strings.Repeat("x", 300_000)); len(x.Body) != 300_000 {
		t.Errorf("content: %d bytes", len(x.Body))
	}
	if x := f.ask("POST", "/bin/deaf.sh", nil, strings.Repeat("x", 300_000)); string(x.Body) != "deaf\n" {
		t.Errorf("a script that does not read: %s", x)
	}
	if x := f.ask("POST", "/bin/local.sh", nil, "abc"); string(x.Body) != "found it" {
		t.Errorf("a local redirect of POST: %s", x)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET", "of this process")
	t.Setenv("HTTP_PROXY", "of this process")
	f := newFixture(t, map[string]string{"env.sh": head + "env"})
	f.dir.Variables = protocol.Fields{{Name: "OWN", Value: "1"}, {Name: "SERVER_SOFTWARE", Value: "mine"}}
	x := f.ask("GET", "/bin/env.sh?a=b%20c", protocol.Fields{{Name: "Proxy", Value: "evil"}, {Name: "X_Under", Value: "evil"},
		{Name: "X-Good", Value: "1"}, {Name: "X-Good", Value: "2"}, {Name: "Authorization", Value: "Basic secret"}, {Name: "Cookie", Value: "a=1"}}, "")
	lines := "\n" + string(x.Body)
	for _, want := range []string{"GATEWAY_INTERFACE=CGI/1.1", "QUERY_STRING=a=b%20c", "REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_NAME=example.com", "SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "SCRIPT_NAME=/bin/env.sh", "HTTP_X_GOOD=1, 2", "HTTP_COOKIE=a=1",
		"OWN=1", "SERVER_SOFTWARE=mine", "PATH=" + os.Getenv("PATH"), "DOCUMENT_ROOT=" + f.dir.Path} {
		if !strings.Contains(lines, "\n"+want+"\n") {
			t.Errorf("no %s in %s", want, lines)
		}
	}
	for _, not := range []string{"SECRET", "HTTP_PROXY", "UNDER", "AUTHORIZATION", "CONTENT_LENGTH", "evil"} {
		if strings.Contains(lines, not) {
			t.Errorf("%s in %s", not, lines)
		}
	}
	if strings.Count(lines, "SERVER_SOFTWARE") != 1 {
		t.Error("a variable is there twice")
	}
}

func TestExtensions(t *testing.T) {
	f := newFixture(t, map[string]string{"a.txt": "secret", "b.sh": head + "echo by hand: $0", "c.sh/x": ""})
	f.dir.Extensions = map[string]string{".sh": "/bin/sh"}
	os.Chmod(filepath.Join(f.dir.Path, "b.sh"), 0o644)
	if x := f.ask("GET", "/bin/b.sh", nil, ""); !strings.HasPrefix(string(x.Body), "by hand: ") {
		t.Errorf("%s", x)
	}
	if x := f.ask("GET", "/bin/a.txt", nil, ""); x.Status != 404 {
		t.Errorf("a file that is no script: %s", x)
	}
	f = newFixture(t, map[string]string{"b.sh": head})
	f.dir.Extensions = map[string]string{".sh": "/no/such/interpreter"}
	if x := f.ask("GET", "/bin/b.sh", nil, ""); x.Status != 500 || !strings.Contains(f.log.String(), "/no/such/interpreter of") {
		t.Errorf("%s %s", x, f.log)
	}
}

func TestOneScript(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "x.sh", head+"echo \"$SCRIPT_NAME|$PATH_INFO\"")
	f := &fixture{Server: resourcetest.New(new(resource.Tree).PutChild("s", &cgi.Script{Path: filepath.Join(dir, "x.sh")}))}
	for target, want := range map[string]string{"/s": "/s|\n", "/s/": "/s|/\n", "/s/a/b": "/s|/a/b\n"} {
		if x := f.ask("GET", target, nil, ""); string(x.Body) != want {
			t.Errorf("%s: %s", target, x)
		}
	}
}

// waitForFile waits for a script to say who it is.
func waitForPid(t *testing.T, f *fixture, name string) int {
	t.Helper()
	var pid int
	f.Loop.WaitFor(func() bool {
		text, err := os.ReadFile(name)
		if err == nil {
			fmt.Sscan(string(text), &pid)
		}
		f.Loop.CallFromThread(func() {})
		return pid != 0
	})
	return pid
}

func (f *fixture) waitForEnd(pid int) {
	f.Loop.WaitFor(func() bool {
		f.Loop.CallFromThread(func() {})
		return syscall.Kill(-pid, 0) != nil
	})
}

// TestTimeLimit: before the head 504, later cut; what a script has started ends with it,
// also when it does not want to.
func TestTimeLimit(t *testing.T) {
	for name, c := range map[string]struct{ before, want string }{
		"silent":    {"", "504"},
		"streaming": {head + "head -c 100000 /dev/zero\n", "aborted"},
		"stubborn":  {"#!/bin/sh\ntrap '' TERM\n", "504"},
	} {
		pidFile := filepath.Join(t.TempDir(), "pid")
		text := c.before
		if text == "" {
			text = "#!/bin/sh\n"
		}
		f := newFixture(t, map[string]string{"x.sh": text + "echo $$ > " + pidFile + "\nsleep 30 &\nsleep 30\nsleep 30\n"})
		x := f.Start("GET", "/bin/x.sh", nil, nil)
		pid := waitForPid(t, f, pidFile)
		if name == "streaming" {
			f.Loop.WaitFor(func() bool { return len(x.Body) == 100000 })
		}
		f.Loop.Advance(61 * time.Second)
		got := fmt.Sprint(x.Status)
		if x.Aborted != nil {
			got = "aborted"
		}
		if got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		f.Loop.Advance(10 * time.Second)
		f.waitForEnd(pid)
	}
}

func TestClientLeaves(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	f := newFixture(t, map[string]string{"x.sh": head + "echo $$ > " + pidFile + "\nsleep 30\n"})
	x := f.Start("GET", "/bin/x.sh", nil, nil)
	pid := waitForPid(t, f, pidFile)
	x.Lose(nil)
	f.waitForEnd(pid)
}

func TestMaxOutput(t *testing.T) {
	f := newFixture(t, map[string]string{"x.sh": head + "yes"})
	f.dir.MaxOutput = 100_000
	if x := f.ask("GET", "/bin/x.sh", nil, ""); x.Aborted == nil || len(x.Body) > 200_000 {
		t.Errorf("%d bytes, aborted %v", len(x.Body), x.Aborted)
	}
}

// TestSlowClient: the output of a script waits for the client.
func TestSlowClient(t *testing.T) {
	f := newFixture(t, map[string]string{"x.sh": head + "head -c 10000000 /dev/zero"})
	x := f.Start("GET", "/bin/x.sh", nil, nil)
	f.Loop.WaitFor(func() bool { return len(x.Body) > 0 })
	x.Slow(true)
	before := len(x.Body)
	for range 20 {
		f.Loop.Run()
	}
	if n := len(x.Body) - before; n > 200_000 {
		t.Errorf("%d bytes came to a client that does not read", n)
	}
	x.Slow(false)
	f.Loop.WaitFor(func() bool { return x.Done })
	if len(x.Body) != 10_000_000 {
		t.Errorf("%d bytes", len(x.Body))
	}
}

// TestQueue: so many run at once, so many wait, others are told so; who waits too long or
// leaves gives its place up.
func TestQueue(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	f := newFixture(t, map[string]string{"x.sh": head + "echo begun; n=0\n" +
		"while [ ! -e " + gate + " ] && [ $n -lt 500 ]; do sleep 0.02; n=$((n+1)); done; echo done"}) // it ends, even when the test is killed
	f.dir.MaxRunning, f.dir.MaxWaiting = 1, 2
	var list []*resourcetest.Exchange
	for range 4 {
		list = append(list, f.Start("GET", "/bin/x.sh", nil, nil))
		f.Loop.WaitFor(func() bool { return list[0].Status != 0 }) // the script is found, and runs
	}
	if list[3].Status != 503 || list[3].Field("Retry-After") == "" {
		t.Errorf("%s", list[3])
	}
	list[1].Lose(nil)
	f.Loop.Advance(11 * time.Second)
	if list[2].Status != 503 {
		t.Errorf("patience: %s", list[2])
	}
	last := f.Start("GET", "/bin/x.sh", nil, nil)
	f.Loop.WaitFor(func() bool { return f.dir.State() == "1 under way, 1 waiting" })
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.Loop.WaitFor(func() bool { return list[0].Done && last.Done })
	if string(last.Body) != "begun\ndone\n" || string(list[0].Body) != "begun\ndone\n" {
		t.Errorf("%s %s", last, list[0])
	}
}
