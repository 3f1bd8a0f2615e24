package agent_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gobrotli "github.com/andybalholm/brotli"
	gozstd "github.com/klauspost/compress/zstd"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/protocol/agent/brotli"
	"spindle/protocol/agent/zstd"
	"spindle/reactor"
)

// client is an Agent on a real loop, asked from the goroutine of the test.
type client struct {
	t *testing.T
	r *reactor.Reactor
	a *agent.Agent
}

func newClient(t *testing.T) *client {
	t.Helper()
	r := reactor.New()
	r.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	done := make(chan error, 1)
	go func() { done <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		<-done
	})
	return &client{t: t, r: r, a: agent.New(r)}
}

// result is what came of one Do.
type result struct {
	status int
	body   string
	r      *agent.Response
	err    error
}

// do asks, and waits for the content.
func (c *client) do(q *agent.Request) result {
	c.t.Helper()
	got := make(chan result, 1)
	c.r.CallFromThread(func() {
		c.a.Do(q).Then(func(r *agent.Response) {
			r.ReadBody(1<<20).Then(func(b []byte) { got <- result{r.Status, string(b), r, nil} },
				func(err error) { got <- result{r.Status, "", r, err} })
		}, func(err error) { got <- result{err: err} })
	})
	select {
	case g := <-got:
		return g
	case <-time.After(20 * time.Second):
		c.t.Fatal("nothing came of it")
		return result{}
	}
}

func (c *client) get(url string) result { c.t.Helper(); return c.do(&agent.Request{URL: url}) }

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s auth=%q cookie=%q type=%q", r.Method, r.RequestURI, body, r.Header.Get("Authorization"),
		r.Header.Get("Cookie"), r.Header.Get("Content-Type"))
}

func TestGetAndPost(t *testing.T) {
	c := newClient(t)
	u := serve(t, echo)
	if g := c.get(u + "/a%20b?x=1#f"); g.status != 200 || g.body != `GET /a%20b?x=1  auth="" cookie="" type=""` {
		t.Errorf("%+v", g)
	}
	if g := c.do(&agent.Request{Method: "POST", URL: strings.Replace(u, "//", "//me:secret@", 1), Body: []byte("data")}); g.body != `POST / data auth="Basic bWU6c2VjcmV0" cookie="" type=""` {
		t.Errorf("%+v", g)
	}
	stream := func(ch protocol.ClientChannel) {
		for range 3 {
			ch.Write([]byte("abc"))
		}
		ch.Finish(nil)
	}
	if g := c.do(&agent.Request{Method: "PUT", URL: u, Produce: stream, ContentLength: -1}); !strings.HasPrefix(g.body, "PUT / abcabcabc ") {
		t.Errorf("%+v", g)
	}
	for _, bad := range []string{"", "ftp://x", "http://", "http://a b/", "http://x:99999/"} {
		if g := c.get(bad); g.err == nil {
			t.Errorf("%q: %+v", bad, g)
		}
	}
	if g := c.do(&agent.Request{URL: u, Fields: protocol.Fields{{Name: "X", Value: "a\r\nb"}}}); g.err == nil {
		t.Error("a field with a line break was sent")
	}
}

func TestRedirects(t *testing.T) {
	c := newClient(t)
	other := serve(t, echo)
	mux := http.NewServeMux()
	mux.HandleFunc("/to", echo)
	for status := range 10 {
		mux.HandleFunc(fmt.Sprintf("/%d", 300+status), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "to")
			w.WriteHeader(300 + status)
			_, _ = io.WriteString(w, "see there")
		})
	}
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other+"/x", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	u := serve(t, mux.ServeHTTP)
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/301", "GET /to  "}, {"POST", "/302", "GET /to  "}, {"PUT", "/303", "GET /to  "},
		{"POST", "/307", "POST /to data "}, {"PUT", "/308", "PUT /to data "}, {"GET", "/304", ""}, {"GET", "/305", "see there"},
	} {
		var body []byte
		if row.method != "GET" {
			body = []byte("data")
		}
		q := &agent.Request{Method: row.method, URL: u + row.path, Body: body, Fields: protocol.Fields{{Name: "Authorization", Value: "secret"}}}
		g := c.do(q)
		if g.err != nil || !strings.HasPrefix(g.body, row.want) || strings.Contains(row.want, "/to") && !strings.Contains(g.body, `auth="secret"`) {
			t.Errorf("%s %s: %+v", row.method, row.path, g)
		}
	}
	q := &agent.Request{URL: u + "/away", Fields: protocol.Fields{{Name: "Authorization", Value: "secret"}, {Name: "Cookie", Value: "a=1"}}}
	if g := c.do(q); g.body != `GET /x  auth="" cookie="" type=""` || g.r.URL != other+"/x" {
		t.Errorf("to another server: %+v", g)
	}
	if g := c.get(u + "/loop"); !errors.Is(g.err, agent.ErrRedirects) {
		t.Errorf("a loop: %+v", g)
	}
	c.a.MaxRedirects = -1
	if g := c.get(u + "/301"); g.status != 301 || g.body != "see there" {
		t.Errorf("not followed: %+v", g)
	}
}

func TestCookies(t *testing.T) {
	c := newClient(t)
	c.a.Jar = agent.NewJar()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set" {
			http.SetCookie(w, &http.Cookie{Name: "id", Value: "7"})
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		echo(w, r)
	})
	if g := c.get(u + "/set"); !strings.Contains(g.body, `cookie="id=7"`) {
		t.Errorf("%+v", g)
	}
}

func TestDecoding(t *testing.T) {
	plain := bytes.Repeat([]byte("spindle "), 40000)
	coders := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"raw":     func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 5); return f },
		"br":      func(w io.Writer) io.WriteCloser { return gobrotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { z, _ := gozstd.NewWriter(w); return z },
	}
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		name, how, _ := strings.Cut(r.URL.Path[1:], "/")
		coding := name
		if name == "raw" {
			coding = "deflate"
		}
		w.Header().Set("Content-Encoding", coding)
		var b bytes.Buffer
		z := coders[name](&b)
		_, _ = z.Write(plain)
		z.Close()
		data := b.Bytes()
		switch how {
		case "cut":
			data = data[:len(data)/2]
		case "bad":
			data = []byte("this is not coded at all")
		case "more":
			data = append(data, "\r\n"...)
		case "much-more":
			data = append(data, make([]byte, 4<<20)...)
		}
		_, _ = w.Write(data)
	})
	c := newClient(t)
	c.a.Decoders = map[string]agent.Decoder{"gzip": agent.Gzip, "deflate": agent.Deflate, "br": brotli.Decoder, "zstd": zstd.Decoder}
	for name := range coders {
		if g := c.get(u + "/" + name); g.err != nil || g.body != string(plain) || g.r.Fields.Has("Content-Encoding") {
			t.Errorf("%s: %d bytes, %v", name, len(g.body), g.err)
		}
		if g := c.get(u + "/" + name + "/more"); name == "deflate" && (g.err != nil || g.body != string(plain)) {
			t.Errorf("%s, and a line end: %d bytes, %v", name, len(g.body), g.err)
		}
		for _, how := range []string{"/cut", "/bad", "/much-more"} {
			if g := c.get(u + "/" + name + how); g.err == nil {
				t.Errorf("%s%s: no error", name, how)
			}
		}
	}
}

func TestLimitsAndTime(t *testing.T) {
	release := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			_, _ = w.Write(make([]byte, 2<<20))
		case "/hang":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "abc")
		}
	})
	c := newClient(t)
	if g := c.get(u + "/long"); !errors.Is(g.err, agent.ErrTooLong) {
		t.Errorf("too long: %v", g.err)
	}
	var lost *protocol.LostError
	if g := c.get(u + "/cut"); !errors.As(g.err, &lost) {
		t.Errorf("cut: %v", g.err)
	}
	c.a.Timeout = 50 * time.Millisecond
	if g := c.get(u + "/hang"); !errors.Is(g.err, reactor.ErrTimeout) {
		t.Errorf("hang: %v", g.err)
	}
	close(release)
}

func TestTLSAndProxies(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(echo))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := newClient(t)
	if g := c.get(s.URL); g.err == nil || !strings.Contains(g.err.Error(), "unknown authority") {
		t.Errorf("a certificate of nobody: %+v", g)
	}
	c = newClient(t)
	c.a.Pool.TLS = &tls.Config{RootCAs: roots}
	if g := c.get(s.URL + "/x"); !strings.HasPrefix(g.body, "GET /x ") {
		t.Errorf("%+v", g)
	}

	var seen atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization"))
		if r.Method != "CONNECT" {
			_, _ = io.WriteString(w, "by proxy")
			return
		}
		if strings.HasPrefix(r.Host, "no.") {
			w.WriteHeader(403)
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		conn, buf, _ := w.(http.Hijacker).Hijack()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, buf); up.Close() }()
		go func() { _, _ = io.Copy(conn, up); conn.Close() }()
	})
	via, _ := url.Parse(strings.Replace(proxy, "//", "//u:p@", 1))
	c.a.Proxy = func(*http.Request) (*url.URL, error) { return via, nil }
	if g := c.get("http://far.example/x"); g.body != "by proxy" || seen.Load() != "GET http://far.example/x Basic dTpw" {
		t.Errorf("%+v; the proxy saw %v", g, seen.Load())
	}
	if g := c.get(s.URL + "/y"); !strings.HasPrefix(g.body, "GET /y ") || seen.Load() != "CONNECT "+s.Listener.Addr().String()+" Basic dTpw" {
		t.Errorf("%+v; the proxy saw %v", g, seen.Load())
	}
	if g := c.get("https://no.example/"); g.err == nil || !strings.Contains(g.err.Error(), "403") {
		t.Errorf("refused: %+v", g)
	}
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(echo)}}
	s.Start()
	defer s.Close()
	c := newClient(t)
	if g := c.do(&agent.Request{URL: "http://any/x", Socket: path}); !strings.HasPrefix(g.body, "GET /x ") {
		t.Errorf("%+v", g)
	}
}

func TestPool(t *testing.T) {
	var conns, busy, most atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := busy.Add(1); n > most.Load() {
			most.Store(n)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		busy.Add(-1)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t)
	c.a.Pool.MaxPerOrigin = 3
	done := make(chan error, 50)
	c.r.CallFromThread(func() {
		for range 50 {
			c.a.Get(s.URL).Then(func(r *agent.Response) {
				r.ReadBody(10).Then(func([]byte) { done <- nil }, func(err error) { done <- err })
			}, func(err error) { done <- err })
		}
	})
	for range 50 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if conns.Load() > 3 || most.Load() > 3 {
		t.Errorf("%d connections, %d at once", conns.Load(), most.Load())
	}
	s.CloseClientConnections() // all that are kept die; the next request must not see it
	for range 3 {
		if g := c.get(s.URL); g.err != nil {
			t.Error(g.err)
		}
	}
}

func TestCancel(t *testing.T) {
	gone := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	c := newClient(t)
	errs := make(chan error, 1)
	c.r.CallFromThread(func() {
		d := c.a.Get(u)
		d.Then(nil, func(err error) { errs <- err })
		c.r.CallLater(50*time.Millisecond, d.Cancel)
	})
	if err := <-errs; !errors.Is(err, reactor.ErrCancelled) {
		t.Error(err)
	}
	<-gone
}

func TestSlowTaker(t *testing.T) {
	const size = 64 << 20
	var sent atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		piece := make([]byte, 64<<10)
		for sent.Load() < size {
			n, err := c.Write(piece)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}()
	c := newClient(t)
	total := make(chan int64, 1)
	c.r.CallFromThread(func() {
		c.a.Get("http://"+l.Addr().String()).Then(func(r *agent.Response) {
			var n int64
			paused := false
			r.Deliver(func(p []byte) {
				if n += int64(len(p)); !paused {
					paused = true
					r.Pause()
					c.r.CallLater(300*time.Millisecond, func() {
						if s := sent.Load(); s > 32<<20 {
							t.Errorf("%d bytes were sent while nobody took any", s)
						}
						r.Resume()
					})
				}
			}, func(_ protocol.Fields, err error) {
				if err != nil {
					t.Error(err)
				}
				total <- n
			})
		}, func(err error) { t.Error(err); total <- 0 })
	})
	if n := <-total; n != size {
		t.Errorf("%d bytes came", n)
	}
}
