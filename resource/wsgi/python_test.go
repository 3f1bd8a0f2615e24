package wsgi

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

// This file has real interpreters run the worker. Its tests are skipped where there is
// no python3.

// served is an application that is served.
type served struct {
	*testing.T
	app  *App
	r    *reactor.Reactor
	addr string
	url  string

	mu   sync.Mutex
	said []string // by the workers, and the log
}

func python(t *testing.T) string {
	for _, path := range [...]string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	t.Skip("there is no python3")
	return ""
}

// serveApp serves testdata/TARGET.
func serveApp(t *testing.T, target string, set func(a *App)) *served {
	t.Helper()
	return serveBehind(t, target, set, func(a *App) resource.Resource { return a })
}

// serveBehind serves what around makes of the application.
func serveBehind(t *testing.T, target string, set func(a *App), around func(a *App) resource.Resource) *served {
	t.Helper()
	s := &served{T: t, r: reactor.New()}
	s.app = New(s.r, target)
	s.app.Python = python(t)
	s.app.Dir = "testdata"
	s.app.Debug = true
	s.app.Output = func(worker string, line []byte) { s.say(worker + ": " + string(line)) }
	s.app.Logger = slog.New(slog.NewTextHandler(sayer{s}, nil))
	if set != nil {
		set(s.app)
	}
	top := site.New(around(s.app))
	top.Debug = true
	top.ErrorLog = s.app.Logger
	port, err := s.r.Listen("tcp:0:interface=127.0.0.1", top)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = port.Addr().String()
	s.url = "http://" + s.addr
	ended := make(chan error, 1)
	go func() { ended <- s.r.Run() }()
	t.Cleanup(func() {
		s.r.Stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Error("it does not stop")
		}
		if t.Failed() {
			t.Log(s.text())
		}
	})
	return s
}

// sayer is where the log goes.
type sayer struct{ s *served }

func (w sayer) Write(p []byte) (int, error) {
	w.s.say(string(p))
	return len(p), nil
}

func (s *served) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, text)
}

func (s *served) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// wait waits until something was said.
func (s *served) wait(text string) {
	s.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); !strings.Contains(s.text(), text); {
		select {
		case <-tick.C:
		case <-late:
			s.Fatalf("it does not say %q", text)
		}
	}
}

// loaded waits for the application, or why it can not be loaded.
func (s *served) loaded() (i Info, err error) {
	s.Helper()
	done := make(chan struct{})
	s.r.CallFromThread(func() {
		s.app.Start().Then(func(got Info) { i = got; close(done) }, func(e error) { err = e; close(done) })
	})
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		s.Fatal("the application is not loaded")
	}
	return i, err
}

// do sends a request; the error is that of the content when the answer was cut.
func (s *served) do(method, path string, body io.Reader, set func(r *http.Request)) (*http.Response, string, error) {
	s.Helper()
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.Fatal(err)
	}
	if set != nil {
		set(r)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return &http.Response{}, "", err
	}
	defer a.Body.Close()
	content, err := io.ReadAll(a.Body)
	return a, string(content), err
}

func (s *served) get(path string) (status int, body string) {
	s.Helper()
	a, body, err := s.do("GET", path, nil, nil)
	if err != nil {
		s.Errorf("%s: %v", path, err)
	}
	return a.StatusCode, body
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	for _, test := range []struct {
		path   string
		status int
		body   string // that it contains
		length int64
	}{
		{"/hello", 200, "hello\n", 6},
		{"/generator", 200, "0\n1\n2\n", -1},
		{"/empty", 200, "", 0},
		{"/emptygen", 204, "", 0},
		{"/many", 200, "abc", 3},
		{"/write", 200, "one two three", -1},
		{"/big", 200, strings.Repeat("0123456789abcdef", 65536), 1 << 20},
		{"/sized", 200, "abcdef", 6},
		{"/short", 500, "gave 3 bytes, and its Content-Length was 10", -2},
		{"/long", 500, "gave 6 bytes, and its Content-Length was 3", -2},
		{"/fail", 500, "ValueError: on purpose", -2},
		{"/excinfo", 500, "mended", 6},
		{"/twice", 500, "start_response was called twice", -2},
		{"/nostart", 500, "did not call start_response", -2},
		{"/text", 500, "expected a bytes-like object, str found", -2},
		{"/crlf", 500, "a line end or NUL in status or headers", -2},
		{"/nul", 500, "a line end or NUL in status or headers", -2},
		{"/badname", 500, "is not a token", -2},
		{"/status101", 500, "is not that of an answer", -2},
		{"/unchanged", 304, "", -2},
		{"/file", 200, strings.Repeat("0123456789", 20000)[5:], 199995},
		{"/filepart", 200, "2345", 4},
		{"/fileless", 200, "aaaaaaaaaabbbbbbbbbb", -1},
		{"/exits", 500, "SystemExit: 3", -2},
		{"/nowhere", 500, "KeyError: 'nowhere'", -2},
	} {
		t.Run(test.path, func(t *testing.T) {
			a, body, err := s.do("GET", test.path, nil, nil)
			if err != nil || a.StatusCode != test.status || !strings.Contains(body, test.body) || test.body == "" && body != "" {
				t.Errorf("%d %.300q, %v", a.StatusCode, body, err)
			}
			if test.status == 200 && body != test.body {
				t.Errorf("the content differs: %d bytes, want %d", len(body), len(test.body))
			}
			if test.length >= -1 && a.ContentLength != test.length {
				t.Errorf("Content-Length %d, want %d", a.ContentLength, test.length)
			}
		})
	}
	s.wait("closed like")
}

// An answer that is not what it promises is cut, so that nobody takes it for whole.
func TestCutAnswers(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	for path, why := range map[string]string{
		"/shortgen":    "gave 3 bytes, and its Content-Length was 10",
		"/longgen":     "gave 9 bytes or more, and its Content-Length was 6",
		"/faillate":    "ValueError: too late",
		"/excinfolate": "ValueError: raised again",
		"/dielate":     "it exited with status 7",
	} {
		a, body, err := s.do("GET", path, nil, nil)
		if err == nil {
			t.Errorf("%s: %d %q looks whole", path, a.StatusCode, body)
		}
		s.wait(why)
	}
	if status, _ := s.get("/hello"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	for path, want := range map[string]int64{"/head": 1234, "/hello": 6, "/big": 1 << 20, "/file": -1, "/empty": -1, "/many": 3, "/generator": -1} {
		a, body, err := s.do("HEAD", path, nil, nil)
		if err != nil || a.StatusCode != 200 || body != "" || a.ContentLength != want {
			t.Errorf("%s: %d, Content-Length %d, want %d, %v", path, a.StatusCode, a.ContentLength, want, err)
		}
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	sized := func(text string) func() io.Reader {
		return func() io.Reader { return strings.NewReader(text) }
	}
	unsized := func(text string) func() io.Reader {
		return func() io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }
	}
	for _, test := range []struct {
		path string
		body func() io.Reader
		want string
	}{
		{"/echo", sized("a=1"), "a=1"},
		{"/echo", sized(big), big},
		{"/echo", unsized("chunks"), "chunks"},
		{"/echo", unsized(big), big},
		{"/echo", func() io.Reader { return nil }, ""},
		{"/count", sized(big), "1048576 1048576"},
		{"/count", unsized(big), "1048576 1048576"},
		{"/count", unsized(""), "0 0"},
		{"/lines", sized("one\ntwo\nthree\nfour\nfive"), `[b'one\n', b'two', b'\n', b'three\n|four\n|five', b'', b'']`},
		{"/unread", sized(big), "no, thanks"},
		{"/unread", sized("small"), "no, thanks"},
		{"/hello", sized("small"), "hello\n"},
	} {
		for range 2 { // what is left of one request does not reach the next
			a, body, err := s.do("POST", test.path, test.body(), nil)
			if err != nil || a.StatusCode != 200 {
				t.Errorf("%s: %d, %v", test.path, a.StatusCode, err)
			}
			if body != test.want {
				t.Errorf("%s: %d bytes, %.80q, want %.80q", test.path, len(body), body, test.want)
			}
		}
	}
}

func TestEnvironOfAnApplication(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	_, body, err := s.do("GET", "/environ/caf%C3%A9/%E2%82%AC?q=%20", nil, func(r *http.Request) {
		r.Header["X-A"] = []string{"1", "2"}
		r.Header["X_a"] = []string{"forged"}
		r.Header["Proxy"] = []string{"forged"}
		r.Header["Cookie"] = []string{"a=1", "b=2"}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/environ/cafÃ©/â\u0082¬", "QUERY_STRING": "q=%20",
		"HTTP_X_A": "1,2", "HTTP_PROXY": nil, "HTTP_COOKIE": "a=1; b=2", "SERVER_PROTOCOL": "HTTP/1.1",
		"SERVER_NAME": "127.0.0.1", "SERVER_PORT": s.addr[strings.LastIndexByte(s.addr, ':')+1:], "REMOTE_ADDR": "127.0.0.1",
		"wsgi.url_scheme": "http", "wsgi.multithread": false, "wsgi.multiprocess": false, "wsgi.run_once": false,
		"CONTENT_LENGTH": nil, "HTTP_HOST": s.addr,
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestHopByHopFieldsAreDropped(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	a, _, err := s.do("GET", "/hopbyhop", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Header.Values("Set-Cookie"); fmt.Sprint(got) != "[a=b c=d]" {
		t.Errorf("cookies %q", got)
	}
	if a.Close || a.Header.Get("Upgrade") != "" || a.ContentLength != 1 {
		t.Errorf("%v", a.Header)
	}
}

// What a worker does to itself costs its request, and nothing else.
func TestDeaths(t *testing.T) {
	t.Parallel()
	for path, why := range map[string]string{
		"/die":      "these are my last words",
		"/killed":   "it was killed (killed)",
		"/garbage":  "sends a frame of the unknown kind",
		"/closeall": "", // closes what it answers over
		"/hang":     "time.sleep(1000)",
	} {
		t.Run(path, func(t *testing.T) {
			s := serveApp(t, "app", func(a *App) {
				if path == "/hang" {
					a.Timeout = 200 * time.Millisecond
				}
			})
			want := 502
			if path == "/hang" {
				want = 504
				why = "testdata/app.py" // the line where it was
			}
			status, body := s.get(path)
			if status != want || !strings.Contains(body, why) {
				t.Errorf("%d %s", status, body)
			}
			if status, body := s.get("/hello"); status != 200 {
				t.Errorf("afterwards: %d %s", status, body)
			}
		})
	}
}

func TestHangsInTheMiddle(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", func(a *App) { a.Timeout = 200 * time.Millisecond })
	if a, body, err := s.do("GET", "/hanglate", nil, nil); err == nil {
		t.Errorf("%d %q looks whole", a.StatusCode, body)
	}
	s.wait("the application took more than 200ms")
}

func TestCanNotBeLoaded(t *testing.T) {
	t.Parallel()
	for target, want := range map[string][2]string{
		"nowhere":             {"there is no module 'nowhere' in ", ""},
		"nowhere/app.py":      {"there is no file nowhere/app.py in ", ""},
		"app:nothing":         {"testdata/app.py has no 'nothing'; it has Closing, ", ""},
		"app:HTML":            {"'HTML' of ", ""},
		"broken:application":  {"testdata/broken.py, line 3: SyntaxError: ", "def application(environ, start_response)"},
		"broken.py":           {"testdata/broken.py, line 3: SyntaxError: ", "def application(environ, start_response)"},
		"raises":              {"testdata/raises.py, line 5: json.decoder.JSONDecodeError: ", "    setup()"},
		"leaves":              {"testdata/leaves.py, line 1: the application called sys.exit('no configuration')", ""},
		"dies":                {"the process ended while it was loaded: worker 1, process ", "farewell"},
		"hangs":               {"it was not loaded after 2s", "hangs.py\", line 2"},
		"json.decoder:nobody": {"has no 'nobody'", ""},
	} {
		t.Run(target, func(t *testing.T) {
			s := serveApp(t, target, func(a *App) {
				if target == "hangs" {
					a.StartTimeout = 2 * time.Second
				}
			})
			_, err := s.loaded()
			var why *LoadError
			if !errors.As(err, &why) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(why.Reason, want[0]) || !strings.Contains(why.Trace, want[1]) {
				t.Errorf("reason %q\ntrace %s", why.Reason, why.Trace)
			}
			if target != "hangs" && strings.Contains(why.Trace, ourselves) {
				t.Errorf("the worker's own code is in the trace:\n%s", why.Trace)
			}
			if target == "hangs" {
				return
			}
			status, body := s.get("/")
			if status != 500 || !strings.Contains(body, strings.TrimSpace(want[1])) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// ourselves is how the worker's code is called in tracebacks.
const ourselves = "<spindle worker>"

func TestNoInterpreter(t *testing.T) {
	t.Parallel()
	python(t)
	for path, want := range map[string]string{"/nowhere/python3": "there is no interpreter /nowhere/python3", "nopython": "there is no interpreter nopython in PATH"} {
		s := serveApp(t, "app", func(a *App) { a.Python = path })
		if _, err := s.loaded(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	s := serveApp(t, "app", func(a *App) { a.Dir = "nowhere" })
	if _, err := s.loaded(); err == nil || !strings.Contains(err.Error(), "there is no directory nowhere") {
		t.Error(err)
	}
}

// A client that leaves in the middle has the application closed, and its worker goes on.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	for range 3 {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Errorf("%q %v", line, err)
		}
		c.Close()
		s.wait("closed")
		s.mu.Lock()
		s.said = nil
		s.mu.Unlock()
	}
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	c.Close()
	if status, _ := s.get("/hello"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestOutputIsLogged(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", nil)
	for range 2 { // the second time sys.stdout and sys.stderr are something else
		if status, _ := s.get("/errors"); status != 200 {
			t.Errorf("%d", status)
		}
	}
	s.wait("worker 1: to stdout")
	s.wait("worker 1: to wsgi.errors")
}

func TestReplacedAfterRequests(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", func(a *App) { a.MaxRequests = 3 })
	seen := map[string]bool{}
	for range 5000 {
		status, body := s.get("/pid")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if seen[body] = true; len(seen) > 2 {
			return
		}
	}
	t.Errorf("only %d processes", len(seen))
}

func TestReplacedForItsMemory(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", func(a *App) { a.MaxMemory = 64 << 20 })
	seen := map[string]bool{}
	for range 10 {
		_, body := s.get("/grow")
		if seen[body] = true; len(seen) > 1 {
			return
		}
	}
	t.Error("it was not replaced")
}

func TestReload(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", func(a *App) { a.Workers = 2 })
	_, before := s.get("/pid")
	s.r.CallFromThread(s.app.Reload)
	for range 2000 {
		status, now := s.get("/pid")
		if status != 200 {
			t.Fatalf("%d %s", status, now)
		}
		if now != before {
			return
		}
	}
	t.Error("it is the same process still")
}

// wait2 waits until two threads wait for a request.
func (s *served) wait2() {
	s.Helper()
	for n := 0; n < 2; {
		s.get("/hello")
		done := make(chan struct{})
		s.r.CallFromThread(func() {
			for _, w := range s.app.workers {
				n = len(w.idle)
			}
			close(done)
		})
		<-done
	}
}

// Threads work side by side, and what finds none waits, up to a limit.
func TestThreadsAndQueue(t *testing.T) {
	t.Parallel()
	s := serveApp(t, "app", func(a *App) { a.Threads, a.MaxQueue = 2, 2 })
	s.wait2()
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 6 {
		all.Go(func() {
			a, _, err := s.do("GET", "/slow", nil, nil)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[a.StatusCode]++
			if a.StatusCode == 503 && a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
	all.Wait()
	if got[200] != 4 || got[503] != 2 {
		t.Errorf("answers %v", got)
	}
}

// The files of an application's modules are known: those loaded at first, those loaded by
// a request, and the one that is to blame when it can not be loaded.
func TestSourcesOfAnApplication(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app.py": "import one\n\ndef application(environ, start_response):\n    import two\n    start_response('200 OK', [])\n    return [b'']\n",
		"one.py": "", "two.py": "",
		"wrong.py": "import bad\n", "bad.py": "def (\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct{ target, want string }{{"app", "app.py one.py two.py"}, {"wrong", "bad.py wrong.py"}} {
		s := serveApp(t, row.target, func(a *App) { a.Dir = dir })
		got := ""
		for i := 0; i < 20 && got != row.want; i++ {
			s.get("/")
			list := make(chan []string)
			s.r.CallFromThread(func() { list <- s.app.Sources() })
			var names []string
			for _, path := range <-list {
				if filepath.Dir(path) == dir {
					names = append(names, filepath.Base(path))
				}
			}
			got = strings.Join(names, " ")
		}
		if got != row.want {
			t.Errorf("%s: %q, not %q", row.target, got, row.want)
		}
	}
}
