package site_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/wsock"
	"spindle/site"
)

// This file has a tree answer under net/http, and compares with what it answers on a port.

// does is a leaf for every method.
type does func(r *resource.Request) ([]byte, error)

func (does) Child(string, *resource.Request) resource.Resource   { return nil }
func (does) IsLeaf() bool                                        { return true }
func (f does) Render(r *resource.Request) ([]byte, error)        { return f(r) }
func (f does) RenderCONNECT(r *resource.Request) ([]byte, error) { return f(r) }

// streams is a leaf that takes its content as a stream.
type streams struct {
	resource.Leaf
	data func(r *resource.Request, p []byte)
	end  func(r *resource.Request, err error)
}

func (s streams) HeadReceived(r *resource.Request) error {
	r.SetBodyLimit(-1)
	r.StreamBody(func(p []byte) { s.data(r, p) }, func(err error) { s.end(r, err) })
	return nil
}

func (s streams) Render(*resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }

type echoes struct{}

func (echoes) Opened(*websocket.Conn) {}
func (echoes) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	c.Send(kind, append([]byte(c.Peer().IP.String()+" "), data...))
}
func (echoes) Closed(*websocket.Conn, websocket.Code, string) {}

// hostedTree has a leaf for each thing that an answer can be.
func hostedTree(t *testing.T) *resource.Tree {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789"), 30000), 0o600); err != nil {
		t.Fatal(err)
	}
	root := new(resource.Tree)
	for name, f := range map[string]does{
		"plain": func(*resource.Request) ([]byte, error) { return []byte("hello"), nil },
		"empty": func(*resource.Request) ([]byte, error) { return nil, nil },
		"none":  func(r *resource.Request) ([]byte, error) { r.SetStatus(204); return nil, nil },
		"reset": func(r *resource.Request) ([]byte, error) { r.SetStatus(205); return []byte("x"), nil },
		"fields": func(r *resource.Request) ([]byte, error) {
			r.AddField("X-A", "1")
			r.AddField("X-A", "2")
			return nil, nil
		},
		"error": func(*resource.Request) ([]byte, error) { return nil, resource.ErrForbidden },
		"close": func(r *resource.Request) ([]byte, error) { r.SetField("Connection", "close"); return []byte("x"), nil },
		"asked": func(r *resource.Request) ([]byte, error) {
			return fmt.Appendf(nil, "%s %s %q %q %q %v %q %q %v %v", r.Method(), r.Target(), r.Path(), r.Query(), r.Prepath(),
				r.Postpath(), r.Authority(), r.Field("x-a"), r.Peer().IP, r.Host().IP), nil
		},
		"content": func(r *resource.Request) ([]byte, error) {
			b, err := r.BodyBytes()
			return fmt.Appendf(nil, "%d %.20s %v", len(b), b, r.Trailers()), err
		},
		"form": func(r *resource.Request) ([]byte, error) { return []byte(r.ArgOr("a", "none")), nil },
		"pieces": func(r *resource.Request) ([]byte, error) {
			r.WriteString(strings.Repeat("one", 2000)) // more than net/http keeps to find the length
			r.Loop().CallLater(0, func() { r.WriteString("two"); r.Finish() })
			return nil, resource.NotDoneYet
		},
		"much": func(r *resource.Request) ([]byte, error) { return bytes.Repeat([]byte("abcdefghij"), 100000), nil },
		"short": func(r *resource.Request) ([]byte, error) {
			r.SetContentLength(10)
			r.WriteString("short")
			r.Finish()
			return nil, nil
		},
		"trailers": func(r *resource.Request) ([]byte, error) {
			r.SetTrailer("X-Sum", "5")
			return []byte("x"), nil
		},
		"hints": func(r *resource.Request) ([]byte, error) {
			r.EarlyHints("</a>; rel=preload")
			r.SetField("X-B", "2")
			return []byte("x"), nil
		},
		"abort": func(r *resource.Request) ([]byte, error) { r.Abort(nil); return nil, nil },
		"panic": func(r *resource.Request) ([]byte, error) { panic("oh") },
		"file": func(r *resource.Request) ([]byte, error) {
			f, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			r.SetContentLength(299000)
			r.NotifyFinish(func(error) { _ = f.Close() })
			r.SendFile(f, 1000, 299000, func(error) { r.Finish() })
			return nil, resource.NotDoneYet
		},
		"pulled": func(r *resource.Request) ([]byte, error) {
			r.RegisterProducer(&puller{r: r, left: 50})
			return nil, resource.NotDoneYet
		},
	} {
		root.PutChild(name, f)
	}
	root.PutChild("stream", streams{
		data: func(r *resource.Request, p []byte) { _, _ = r.Write(p) },
		end: func(r *resource.Request, err error) {
			if err == nil {
				r.Finish()
			}
		},
	})
	root.PutChild("ws", wsock.New(func(*resource.Request) (websocket.Handler, error) { return echoes{}, nil }))
	return root
}

type puller struct {
	r    *resource.Request
	left int
}

func (p *puller) ResumeProducing() {
	if p.left--; p.left < 0 {
		p.r.UnregisterProducer()
		p.r.Finish()
		return
	}
	_, _ = p.r.Write(bytes.Repeat([]byte{'a'}, 10000))
}

func (p *puller) StopProducing() {}

// under serves s by net/http.
func under(t *testing.T, s *site.Site, change ...func(h *httptest.Server)) *httptest.Server {
	s.ErrorLog = slog.New(slog.DiscardHandler)
	h := httptest.NewUnstartedServer(s)
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	for _, f := range change {
		f(h)
	}
	if h.TLS == nil {
		h.Start()
	} else {
		h.StartTLS()
	}
	t.Cleanup(func() {
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func withTLS(h *httptest.Server) { h.TLS, h.EnableHTTP2 = new(tls.Config), true }

// onPort serves s by itself.
func onPort(t *testing.T, s *site.Site, endpoint string) (addr string) {
	r := reactor.New()
	s.ErrorLog = slog.New(slog.DiscardHandler)
	r.Logger = s.ErrorLog
	port, err := r.Listen(endpoint, s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return port.Addr().String()
}

// requests are asked of both.
var requests = []struct{ name, method, target, body string }{
	{"plain", "GET", "/plain", ""},
	{"HEAD", "HEAD", "/plain", ""},
	{"HEAD of pieces", "HEAD", "/pieces", ""},
	{"HEAD, pulled", "HEAD", "/pulled", ""},
	{"empty", "GET", "/empty", ""},
	{"204", "GET", "/none", ""},
	{"205", "GET", "/reset", ""},
	{"fields", "GET", "/fields", ""},
	{"403", "GET", "/error", ""},
	{"404", "GET", "/nothing/here", ""},
	{"405", "POST", "/ws", "x"},
	{"close", "GET", "/close", ""},
	{"asked", "GET", "/asked/a%2Fb//c%20d?q=1&r;s", ""},
	{"asked with an empty query", "BREW", "/asked?", ""},
	{"content", "POST", "/content", "abc"},
	{"much content", "POST", "/content", strings.Repeat("a", 300000)},
	{"too much content", "POST", "/content", strings.Repeat("a", 1<<20+1)},
	{"form", "GET", "/form?a=1", ""},
	{"pieces", "GET", "/pieces", ""},
	{"much", "GET", "/much", ""},
	{"trailers", "GET", "/trailers", ""},
	{"hints", "GET", "/hints", ""},
	{"abort", "GET", "/abort", ""},
	{"short", "GET", "/short", ""},
	{"panic", "GET", "/panic", ""},
	{"file", "GET", "/file", ""},
	{"pulled", "GET", "/pulled", ""},
	{"stream", "POST", "/stream", strings.Repeat("b", 500000)},
	{"OPTIONS", "OPTIONS", "/plain", ""},
	{"426", "GET", "/ws", ""},
}

// tell asks and writes down what comes back.
func tell(client *http.Client, base, method, target, body string) string {
	var b strings.Builder
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fmt.Fprintln(&b, code, header)
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, method, base+target, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Host = "x.example"
	req.Header.Set("X-A", "1")
	if method == "POST" && len(body) > 1000 {
		req.ContentLength = -1
	}
	resp, err := client.Do(req)
	if err != nil {
		return "cut"
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return "cut"
	}
	fmt.Fprintln(&b, resp.Proto, resp.StatusCode, resp.ContentLength, resp.TransferEncoding, resp.Close)
	resp.Header.Del("Date")
	resp.Header.Del("X-Content-Type-Options")
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		fmt.Fprintln(&b, name, resp.Header[name])
	}
	if id := bytes.Index(content, []byte("Error id: ")); id >= 0 { // each has its own
		content = content[:id]
	}
	fmt.Fprintf(&b, "%d %.100q %v\n", len(content), content, resp.Trailer)
	return b.String()
}

// TestUnderNetHTTP: by each version, the same as on a port of its own.
func TestUnderNetHTTP(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		newSite := func() *site.Site {
			s := site.New(hostedTree(t))
			s.MaxBodyBytes = 1 << 20
			return s
		}
		var change []func(*httptest.Server)
		endpoint := "tcp:0:interface=127.0.0.1"
		if scheme == "https" {
			change, endpoint = append(change, withTLS), "tls:0:interface=127.0.0.1"
		}
		theirs, ours := under(t, newSite(), change...).Listener.Addr().String(), onPort(t, newSite(), endpoint)
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		t.Cleanup(tr.CloseIdleConnections)
		client := &http.Client{Transport: tr, Timeout: 10 * time.Second}
		for _, q := range requests {
			t.Run(scheme+" "+q.name, func(t *testing.T) {
				want := tell(client, scheme+"://"+ours, q.method, q.target, q.body)
				got := tell(client, scheme+"://"+theirs, q.method, q.target, q.body)
				for range 9 {
					if got != "cut" || q.name != "too much content" {
						break // net/http may reset who still sends before the refusal is read
					}
					got = tell(client, scheme+"://"+theirs, q.method, q.target, q.body)
				}
				if got != want {
					t.Errorf("under net/http\n%s\non its own\n%s", got, want)
				}
			})
		}
	}
}

// TestKeptUnderNetHTTP: content that is read to its end spoils no later request of the
// connection.
func TestKeptUnderNetHTTP(t *testing.T) {
	h := under(t, site.New(hostedTree(t)))
	client := h.Client()
	for range 300 {
		tell(client, h.URL, "POST", "/form", "a=7")
		if got := tell(client, h.URL, "GET", "/pieces", ""); got == "cut" {
			t.Fatal("the request behind one with content is cut")
		}
	}
}

// TestWebSocketUnderNetHTTP: the socket goes to the loop, also from under TLS.
func TestWebSocketUnderNetHTTP(t *testing.T) {
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			h := under(t, site.New(hostedTree(t)), func(h *httptest.Server) {
				if secure {
					h.TLS = new(tls.Config)
				}
			})
			c, err := net.Dial("tcp", h.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if secure {
				c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			const hello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" // RFC 6455 §5.7
			_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"+hello)
			in := bufio.NewReader(c)
			resp, err := http.ReadResponse(in, nil)
			if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatal(resp, err)
			}
			for range 2 {
				got := make([]byte, 2+len("127.0.0.1 Hello"))
				if _, err := io.ReadFull(in, got); err != nil || string(got[2:]) != "127.0.0.1 Hello" {
					t.Fatalf("%q %v", got, err)
				}
				_, _ = io.WriteString(c, hello)
			}
			_, _ = io.WriteString(c, "\x88\x80\x00\x00\x00\x00")
			if rest, err := io.ReadAll(in); len(rest) < 2 || err != nil {
				t.Errorf("%q %v", rest, err)
			}
		})
	}
}

// TestRecorder: a ResponseWriter that can do nothing but its three methods will do.
func TestRecorder(t *testing.T) {
	s := site.New(hostedTree(t))
	defer s.Close()
	h := http.StripPrefix("/app", s)
	for target, want := range map[string]string{"/app/plain": "200 hello", "/app/pieces": "200 " + strings.Repeat("one", 2000) + "two", "/app/form?a=7": "200 7"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if got := fmt.Sprint(w.Code, " ", w.Body); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/app/content", strings.NewReader("abc")))
	if w.Body.String() != "3 abc []" {
		t.Error(w.Body)
	}
}

// TestClientGoesUnderNetHTTP: the resource is told, whatever it was doing.
func TestClientGoesUnderNetHTTP(t *testing.T) {
	told := make(chan error, 1)
	begun := make(chan bool, 1)
	root := new(resource.Tree)
	root.PutChild("wait", does(func(r *resource.Request) ([]byte, error) {
		r.NotifyFinish(func(err error) { told <- err })
		r.SendHead()
		begun <- true
		return nil, resource.NotDoneYet
	}))
	root.PutChild("push", does(func(r *resource.Request) ([]byte, error) {
		r.NotifyFinish(func(err error) { told <- err })
		p := &pusher{r: r, begun: begun}
		r.RegisterProducer(p)
		p.ResumeProducing()
		return nil, resource.NotDoneYet
	}))
	h := under(t, site.New(root), withTLS)
	for _, http2 := range []bool{false, true} {
		for _, path := range []string{"/wait", "/push"} {
			t.Run(fmt.Sprint(path, http2), func(t *testing.T) {
				tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
				defer tr.CloseIdleConnections()
				ctx, cancel := context.WithCancel(t.Context())
				req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+h.Listener.Addr().String()+path, nil)
				resp, err := (&http.Client{Transport: tr}).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				<-begun
				cancel()
				_ = resp.Body.Close()
				if err := <-told; err == nil {
					t.Error("told that it was answered")
				}
			})
		}
	}
}

// pusher writes until it is paused, and tells so.
type pusher struct {
	r      *resource.Request
	begun  chan bool
	paused bool
	over   bool
	wrote  int
}

func (p *pusher) ResumeProducing() {
	p.paused = false
	p.r.Loop().CallLater(0, p.push)
}

func (p *pusher) push() {
	if p.paused || p.over || p.wrote > 1<<30 {
		return
	}
	p.wrote += 10000
	_, _ = p.r.Write(make([]byte, 10000))
	p.r.Loop().CallLater(0, p.push)
}

func (p *pusher) PauseProducing() {
	p.paused = true
	select {
	case p.begun <- true:
	default:
	}
}

func (p *pusher) StopProducing() { p.over = true }

// TestContentWaitsUnderNetHTTP: what a resource does not want yet stays with the client.
func TestContentWaitsUnderNetHTTP(t *testing.T) {
	var came atomic.Int64
	var once sync.Once
	paused := make(chan *resource.Request, 1)
	leaf := streams{
		data: func(r *resource.Request, p []byte) {
			came.Add(int64(len(p)))
			once.Do(func() {
				r.PauseBody()
				paused <- r
			})
		},
		end: func(r *resource.Request, err error) { r.Answer(fmt.Appendf(nil, "%d %v", came.Load(), err), nil) },
	}
	h := under(t, site.New(leaf))
	answer := make(chan string)
	go func() {
		resp, err := http.Post(h.URL, "text/plain", io.LimitReader(zeros{}, 20<<20))
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	r := <-paused
	at := came.Load()
	for range 100 {
		settled := make(chan bool)
		r.Loop().CallFromThread(func() { close(settled) })
		<-settled
	}
	if n := came.Load(); n != at {
		t.Errorf("%d bytes came while paused", n-at)
	}
	r.Loop().CallFromThread(r.ResumeBody)
	if got := <-answer; got != fmt.Sprint(20<<20, " <nil>") {
		t.Error(got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestExpectUnderNetHTTP: 100 is sent when the content is wanted, and only then.
func TestExpectUnderNetHTTP(t *testing.T) {
	h := under(t, site.New(hostedTree(t)))
	for path, want := range map[string]string{"/content": "HTTP/1.1 100 Continue\r\n", "/nothing": "HTTP/1.1 404 Not Found\r\n"} {
		c, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if got, err := bufio.NewReader(c).ReadString('\n'); got != want {
			t.Errorf("%s: %q %v", path, got, err)
		}
		_ = c.Close()
	}
}

// TestCloseUnderNetHTTP: what is under way is answered, what comes later is not.
func TestCloseUnderNetHTTP(t *testing.T) {
	begun := make(chan bool)
	s := site.New(does(func(r *resource.Request) ([]byte, error) {
		close(begun)
		r.Loop().CallLater(50*time.Millisecond, func() { r.Answer([]byte("in time"), nil) })
		return nil, resource.NotDoneYet
	}))
	s.ErrorLog = slog.New(slog.DiscardHandler)
	first := httptest.NewRecorder()
	done := make(chan bool)
	go func() {
		s.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
		close(done)
	}()
	<-begun
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	<-done
	late := httptest.NewRecorder()
	s.ServeHTTP(late, httptest.NewRequest("GET", "/", nil))
	if first.Body.String() != "in time" || late.Code != 503 {
		t.Error(first.Body, late.Code)
	}
}

// TestBothWays: a Site that listens answers under net/http, too, on the same loop.
func TestBothWays(t *testing.T) {
	var loop reactor.Loop // of the first request; the race detector looks on
	s := site.New(does(func(r *resource.Request) ([]byte, error) {
		if loop == nil {
			loop = r.Loop()
		}
		return fmt.Appendf(nil, "%v", loop == r.Loop()), nil
	}))
	addr := onPort(t, s, "tcp:0:interface=127.0.0.1")
	resp, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Body.String() != "true" {
		t.Error(w.Body)
	}
	if s.Close() == nil {
		t.Error("Close ends a reactor that is not its own")
	}
}
