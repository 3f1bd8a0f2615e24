package fastcgi_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	proto "spindle/protocol/fastcgi"
	"spindle/protocol/http1"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/fastcgi"
	"spindle/resource/gateway"
)

// backend is a FastCGI application that answers each connection as the test says.
type backend struct {
	net.Listener
	addr  string
	conns atomic.Int64
}

// asked is one request as the backend has read it.
type asked struct {
	keep    bool
	params  string
	content []byte
}

// readRequest reads until the content is complete.
func readRequest(c net.Conn, dec *proto.Decoder) (a asked, err error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return a, err
		}
		for in := buf[:n]; len(in) > 0; {
			n, p, ok, err := dec.Read(in)
			if err != nil {
				return a, err
			}
			in = in[n:]
			switch {
			case !ok:
			case p.Type == proto.BeginRequest:
				_, a.keep, _ = proto.ParseBegin(p.Data)
			case p.Type == proto.Params:
				a.params += string(p.Data)
			case p.Type == proto.Stdin && p.Len == 0:
				return a, nil
			case p.Type == proto.Stdin:
				a.content = append(a.content, p.Data...)
			}
		}
	}
}

func newBackend(t *testing.T, serve func(c net.Conn, n int)) *backend {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{Listener: l, addr: "unix:" + path}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(b.conns.Add(1))
			go func() {
				defer c.Close()
				serve(c, n)
			}()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return b
}

// whole is the records of a whole answer.
func whole(content string) []byte {
	out := proto.AppendRecord(nil, proto.Stdout, 1, []byte("Content-Type: text/plain\r\n\r\n"+content))
	return proto.AppendEnd(proto.AppendHeader(out, proto.Stdout, 1, 0), 1, 0, proto.RequestComplete)
}

// each answers every request of a connection with out.
func each(out []byte) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		var dec proto.Decoder
		for {
			if _, err := readRequest(c, &dec); err != nil {
				return
			}
			c.Write(out)
		}
	}
}

// served is a tree on a loop of its own.
type served struct {
	*http.Client
	log *logText
	url string
}

type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, root func(log *slog.Logger) resource.Resource) *served {
	t.Helper()
	s := &served{log: new(logText), Client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	r := reactor.New()
	d := &resource.Dispatcher{Root: root(logger), ErrorLog: logger}
	port, err := r.Listen("tcp:0:interface=127.0.0.1", http1.NewFactory(d, &http1.Settings{Logger: logger}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		s.CloseIdleConnections()
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.url = "http://" + port.Addr().String()
	return s
}

// get gives status and content; content that is cut has "cut" behind it.
func (s *served) get(t *testing.T, method, path string, body io.Reader) string {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Do(req)
	if err != nil {
		return "lost"
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	cut := ""
	if err != nil {
		cut = " cut"
	}
	if res.StatusCode >= 400 {
		content = nil
	}
	return fmt.Sprintf("%d %s%s", res.StatusCode, content, cut)
}

func app(t *testing.T, change func(a *fastcgi.App), backends ...*backend) *served {
	return serve(t, func(log *slog.Logger) resource.Resource {
		a := fastcgi.New()
		for _, b := range backends {
			a.Backends = append(a.Backends, b.addr)
		}
		a.Logger = log
		a.DownTime = time.Minute
		a.ReadTimeout = 300 * time.Millisecond
		if change != nil {
			change(a)
		}
		return a
	})
}

// TestBadBackends: whatever a backend does, the client is told the truth.
func TestBadBackends(t *testing.T) {
	head := proto.AppendRecord(nil, proto.Stdout, 1, []byte("Content-Type: text/plain\r\n\r\n"))
	part := proto.AppendRecord(head[:len(head):len(head)], proto.Stdout, 1, bytes.Repeat([]byte("x"), 30000))
	end := func(status proto.Status) []byte { return proto.AppendEnd(nil, 1, 0, status) }
	lying := proto.AppendRecord(nil, proto.Stdout, 1, []byte("Content-Length: 5\r\n\r\nabc"))
	for _, c := range []struct {
		name string
		out  []byte
		hang bool
		want string
	}{
		{"good", whole("hello"), false, "200 hello"},
		{"closes at once", nil, false, "502 "},
		{"garbage", []byte("HTTP/1.1 200 OK\r\n\r\nhello"), false, "502 "},
		{"a bad head", append(proto.AppendRecord(nil, proto.Stdout, 1, []byte("no head\n\nx")), end(0)...), false, "502 "},
		{"no head", end(0), false, "502 "},
		{"half of a head", append(proto.AppendRecord(nil, proto.Stdout, 1, []byte("A: b\n")), end(0)...), false, "502 "},
		{"ends without its end", part, false, "200 " + strings.Repeat("x", 30000) + " cut"},
		{"half of a record", part[:len(part)-10], false, "200 " + strings.Repeat("x", 29990) + " cut"},
		{"shorter than it says", append(lying, end(0)...), false, "502 "},
		{"longer than it says", append(proto.AppendRecord(nil, proto.Stdout, 1, []byte("Content-Length: 2\r\n\r\nabc")), end(0)...), false, "502 "},
		{"overloaded", end(proto.Overloaded), false, "503 "},
		{"another role", end(proto.UnknownRole), false, "502 "},
		{"too short an end", proto.AppendRecord(nil, proto.EndRequest, 1, []byte("x")), false, "502 "},
		{"says nothing", nil, true, "504 "},
		{"stops in the middle", part, true, "200 " + strings.Repeat("x", 30000) + " cut"},
		{"another request", append(proto.AppendRecord(nil, proto.Stdout, 2, []byte("A: b\n\nevil")), whole("mine")...), false, "200 mine"},
		{"bytes behind the end", append(whole("hello"), whole("evil")...), false, "200 hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, func(conn net.Conn, _ int) {
				readRequest(conn, new(proto.Decoder))
				conn.Write(c.out)
				if c.hang {
					io.Copy(io.Discard, conn)
				}
			})
			s := app(t, func(a *fastcgi.App) {
				if a.ReadTimeout = time.Minute; c.hang { // which must not come before what it sends
					a.ReadTimeout = time.Second
				}
			}, b)
			for range 2 {
				if got := s.get(t, "GET", "/", nil); got != c.want && !(strings.HasSuffix(c.want, "cut") && got == "lost") {
					t.Errorf("got %.60q (%d) want %.60q\n%s", got, len(got), c.want, s.log)
				}
			}
		})
	}
}

func TestKeeps(t *testing.T) {
	b := newBackend(t, each(whole("x")))
	s := app(t, nil, b)
	for range 10 {
		if got := s.get(t, "GET", "/", nil); got != "200 x" {
			t.Fatal(got)
		}
	}
	if n := b.conns.Load(); n != 1 {
		t.Errorf("%d connections for ten requests", n)
	}
	b = newBackend(t, each(whole("x")))
	s = app(t, func(a *fastcgi.App) { a.NoKeep = true }, b)
	for range 3 {
		s.get(t, "GET", "/", nil)
	}
	if n := b.conns.Load(); n != 3 {
		t.Errorf("%d connections for three requests that are not kept", n)
	}
}

// TestIdleTimeout: a connection that is kept is closed when nobody wants it.
func TestIdleTimeout(t *testing.T) {
	closed := make(chan bool, 1)
	b := newBackend(t, func(c net.Conn, n int) {
		each(whole("x"))(c, n)
		closed <- true
	})
	s := app(t, func(a *fastcgi.App) { a.IdleTimeout = 50 * time.Millisecond }, b)
	for range 2 {
		if got := s.get(t, "GET", "/", nil); got != "200 x" {
			t.Error(got)
		}
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Fatal("it is kept for ever")
		}
	}
}

// TestRetry: a kept connection that ends when the next request comes is not the client's
// trouble, unless the request may not be repeated.
func TestRetry(t *testing.T) {
	for method, want := range map[string]string{"GET": "200 x", "POST": "502 "} {
		b := newBackend(t, func(c net.Conn, n int) {
			var dec proto.Decoder
			readRequest(c, &dec)
			c.Write(whole("x"))
			if n == 1 {
				readRequest(c, &dec) // and closes
				return
			}
			each(whole("x"))(c, n)
		})
		s := app(t, nil, b)
		first := s.get(t, "GET", "/", nil)
		if got := s.get(t, method, "/", nil); first != "200 x" || got != want {
			t.Errorf("%s: %q, then %q", method, first, got)
		}
	}
}

// TestRetryUnsent: a kept connection that was closed before the request was written is not
// the client's trouble whatever the method, since the backend can have seen nothing of it.
func TestRetryUnsent(t *testing.T) {
	for _, body := range []string{"", "content"} {
		accepted := make(chan net.Conn, 2)
		var requests atomic.Int64
		b := newBackend(t, func(c net.Conn, n int) {
			accepted <- c
			var dec proto.Decoder
			for {
				a, err := readRequest(c, &dec)
				if err != nil {
					return
				}
				requests.Add(1)
				c.Write(whole("x" + string(a.content)))
			}
		})
		s := serve(t, func(log *slog.Logger) resource.Resource {
			a := fastcgi.New(b.addr)
			a.Logger = log
			return resource.Wrap(a, func(r *resource.Request) error {
				if r.Path() == "/close" { // in the turn in which the request is written
					(<-accepted).Close()
				}
				return nil
			})
		})
		if got := s.get(t, "GET", "/", nil); got != "200 x" {
			t.Fatal(got)
		}
		if got := s.get(t, "POST", "/close", strings.NewReader(body)); got != "200 x"+body {
			t.Errorf("%q: got %q\n%s", body, got, s.log)
		}
		if n := requests.Load(); n != 2 {
			t.Errorf("%q: the backend has seen %d requests", body, n)
		}
	}
}

func TestBalance(t *testing.T) {
	good, other := newBackend(t, each(whole("x"))), newBackend(t, each(whole("x")))
	dead := &backend{addr: "unix:" + filepath.Join(t.TempDir(), "nobody")}
	s := app(t, func(a *fastcgi.App) { a.NoKeep = true }, dead, good, other)
	for range 12 {
		if got := s.get(t, "GET", "/", nil); got != "200 x" {
			t.Fatal(got)
		}
	}
	if a, b := good.conns.Load(), other.conns.Load(); a != 6 || b != 6 {
		t.Errorf("%d and %d requests", a, b)
	}
	if n := strings.Count(s.log.String(), "no such socket"); n != 1 {
		t.Errorf("%d attempts at the dead one:\n%s", n, s.log)
	}
	s = app(t, nil, dead)
	if got := s.get(t, "GET", "/", nil); got != "502 " {
		t.Error(got)
	}
}

func TestContentAndVariables(t *testing.T) {
	var seen asked
	b := newBackend(t, func(c net.Conn, _ int) {
		seen, _ = readRequest(c, new(proto.Decoder))
		c.Write(whole("x"))
	})
	s := app(t, nil, b)
	large := bytes.Repeat([]byte("y"), 1<<20)
	for name, body := range map[string]io.Reader{"length": bytes.NewReader(large), "chunked": io.MultiReader(bytes.NewReader(large))} {
		if got := s.get(t, "POST", "/a/b?c", body); got != "200 x" || !bytes.Equal(seen.content, large) {
			t.Errorf("%s: %s, %d bytes", name, got, len(seen.content))
		}
		for _, want := range []string{"CONTENT_LENGTH1048576", "PATH_INFO/a/b", "QUERY_STRINGc", "REQUEST_METHODPOST"} {
			if !strings.Contains(seen.params, want) {
				t.Errorf("%s: no %s in %q", name, want, seen.params)
			}
		}
	}
	if !seen.keep {
		t.Error("the connection is not to be kept")
	}
}

func TestStderrAndStatus(t *testing.T) {
	out := proto.AppendRecord(nil, proto.Stderr, 1, []byte("first\nsecond"))
	out = append(out, proto.AppendRecord(nil, proto.Stdout, 1, []byte("Status: 201\n\nx"))...)
	s := app(t, nil, newBackend(t, each(proto.AppendEnd(out, 1, 7, 0))))
	if got := s.get(t, "GET", "/", nil); got != "201 x" {
		t.Error(got)
	}
	for _, want := range []string{"fastcgi: first", "fastcgi: second", "status=7"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %s in %s", want, s.log)
		}
	}
}

func TestSendfile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"X-Sendfile: " + name:                       "200 0123456789",
		"X-Sendfile: /etc/passwd":                   "502 ",
		"X-Sendfile: " + dir + "/../x":              "502 ",
		"X-Sendfile: " + dir + "/missing":           "404 ",
		"X-Sendfile: " + dir + "/out":               "502 ",
		"X-Sendfile: f":                             "502 ",
		"X-Accel-Redirect: /private/f":              "200 0123456789",
		"X-Accel-Redirect: /private/%2e%2e/f":       "502 ",
		"X-Accel-Redirect: /other/f":                "502 ",
		"X-Accel-Redirect: /private/":               "502 ",
		"X-Accel-Redirect: /private/%zz":            "502 ",
		"Status: 403\nX-Accel-Redirect: /private/f": "403 ",
	} {
		out := proto.AppendRecord(nil, proto.Stdout, 1, []byte(field+"\n\nbody that goes nowhere"))
		s := app(t, func(a *fastcgi.App) {
			a.Sendfile = &gateway.Files{Roots: []string{dir}, Accel: map[string]string{"/private/": dir}}
		}, newBackend(t, each(proto.AppendEnd(out, 1, 0, 0))))
		if got := s.get(t, "GET", "/", nil); got != want {
			t.Errorf("%s: %q, want %q\n%s", field, got, want, s.log)
		}
	}
}

// TestClientLeaves: the backend is told, and its connection ended.
func TestClientLeaves(t *testing.T) {
	asked, gone := make(chan bool, 1), make(chan string, 1)
	b := newBackend(t, func(c net.Conn, _ int) {
		var dec proto.Decoder
		readRequest(c, &dec)
		asked <- true
		rest, _ := io.ReadAll(c)
		gone <- fmt.Sprintf("%x", rest)
	})
	s := app(t, func(a *fastcgi.App) { a.ReadTimeout = -1 }, b)
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	c.(*net.TCPConn).SetLinger(0) // a client that only sends no more may still wait
	c.Close()
	select {
	case got := <-gone:
		if want := fmt.Sprintf("%x", proto.AppendHeader(nil, proto.AbortRequest, 1, 0)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Error("the backend is not told")
	}
}

// TestQueue: with one place, requests wait for each other, and all are answered.
func TestQueue(t *testing.T) {
	b := newBackend(t, each(whole("x")))
	s := app(t, func(a *fastcgi.App) { a.MaxRunning = 1 }, b)
	var wait sync.WaitGroup
	for range 20 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if got := s.get(t, "GET", "/", nil); got != "200 x" {
				t.Error(got)
			}
		}()
	}
	wait.Wait()
	if n := b.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestPHPPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.php", "a.php", "sub/index.php", "style.css", "lib.inc", "UPPER.PHP", "dir/x.css"} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, nil, 0o644)
	}
	b := newBackend(t, func(c net.Conn, _ int) {
		var dec proto.Decoder
		for {
			a, err := readRequest(c, &dec)
			if err != nil {
				return
			}
			c.Write(whole(php(a.params)))
		}
	})
	for front, table := range map[string]map[string]string{
		"": {
			"/": "200 /index.php|/srv/index.php|", "/a.php": "200 /a.php|/srv/a.php|", "/a.php/x/y": "200 /a.php|/srv/a.php|/x/y",
			"/sub/": "200 /sub/index.php|/srv/sub/index.php|", "/style.css": "200 a file", "/lib.inc": "404 ", "/UPPER.PHP": "404 ",
			"/missing.php": "404 ", "/style.css/a.php": "404 ", "/missing": "404 ", "/dir/": "200 a file",
		},
		"index.php": {"/missing": "200 /index.php|/srv/index.php|", "/lib.inc": "200 /index.php|/srv/index.php|", "/style.css": "200 a file",
			"/missing.php": "200 /index.php|/srv/index.php|", "/dir/": "200 /index.php|/srv/index.php|"},
	} {
		s := serve(t, func(log *slog.Logger) resource.Resource {
			p := fastcgi.NewPHP(dir, b.addr)
			p.BackendRoot, p.Fallback, p.Logger = "/srv", front, log
			p.Files = resource.NewData([]byte("a file"), "")
			p.Files = leafy{p.Files}
			return p
		})
		for path, want := range table {
			if got := s.get(t, "GET", path, nil); got != want {
				t.Errorf("front %q, %s: %q, want %q", front, path, got, want)
			}
		}
	}
}

// leafy is a resource that answers for every rest of the path.
type leafy struct{ resource.Resource }

func (leafy) IsLeaf() bool { return true }
func (l leafy) RenderGET(r *resource.Request) ([]byte, error) {
	return resource.Render(l.Resource, r)
}

// php is what a script would say of its variables.
func php(params string) string {
	vars := map[string]string{}
	for b := []byte(params); len(b) > 0; {
		name, value, rest, err := proto.NextPair(b)
		if err != nil {
			break
		}
		vars[string(name)] = string(value)
		b = rest
	}
	return vars["SCRIPT_NAME"] + "|" + vars["SCRIPT_FILENAME"] + "|" + vars["PATH_INFO"]
}
