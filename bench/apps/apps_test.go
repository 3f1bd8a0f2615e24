//go:build e2e

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"spindle/reactor"
	"spindle/site"
)

// This file asks the programs of this package by curl, by Go's client, by a gRPC client
// and by two WebSocket clients: plain, over TLS, by HTTP/1.1 and HTTP/2.

// upstream is what stands behind the proxy.
func upstream() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintf(w, "hello %s %s", r.Header.Get("X-Forwarded-Proto"), r.URL.Path)
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", "5")
	})
	m.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	m.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	m.Handle("/ws", gorillaEcho())
	return m
}

// served is the tree on a plain and a secure port.
type served struct{ plain, secure, dir string }

func serve(t *testing.T) served {
	t.Helper()
	behind := httptest.NewServer(upstream())
	t.Cleanup(behind.Close)
	u, _ := url.Parse(behind.URL)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large.bin"), bytes.Repeat([]byte("0123456789"), 100000), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reactor.New()
	s := site.New(tree(u, dir))
	plain, err1 := r.Listen("tcp:0:interface=127.0.0.1", s)
	secure, err2 := r.Listen("tls:0:interface=127.0.0.1", s)
	if err := errors.Join(err1, err2); err != nil {
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
	return served{"http://" + plain.Addr().String(), "https://" + secure.Addr().String(), dir}
}

// curl runs curl and tells what it writes.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "curl", append([]string{"-sSk", "-w", " %{http_code} %{http_version}"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Sprintf("%s exit %d", out, exit.ExitCode())
		}
		t.Fatal(err)
	}
	return string(out)
}

func TestByCurl(t *testing.T) {
	s := serve(t)
	upload := filepath.Join(s.dir, "large.bin")
	for _, row := range []struct {
		name, path string
		args       []string
		want       string // of the content, with the status
	}{
		{"gin, JSON", "/gin/ping/ada", nil, `{"ip":"127.0.0.1","message":"pong","name":"ada"} 200`},
		{"gin, upload", "/gin/upload", []string{"-F", "file=@" + upload}, "large.bin 1000000 200"},
		{"gin, events", "/gin/events", nil, "event:tick\ndata:0\n\nevent:tick\ndata:1\n\nevent:tick\ndata:2\n\n 200"},
		{"gin, panic", "/gin/panic", nil, " 500"},
		{"gin, no route", "/gin/none", nil, "404 page not found 404"},
		{"chi, pattern", "/chi/articles/7", nil, "article 7 by /articles/{id} 200"},
		{"chi, compressed", "/chi/articles/7", []string{"--compressed"}, "article 7 by /articles/{id} 200"},
		{"chi, upload", "/chi/articles/7", []string{"-T", upload}, "1000000 <nil> 200"},
		{"chi, upload of chunks", "/chi/articles/7", []string{"-T", upload, "-H", "Transfer-Encoding: chunked"}, "1000000 <nil> 200"},
		{"echo", "/echo/users/7", nil, "user 7 200"},
		{"echo, compressed", "/echo/users/7", []string{"--compressed"}, "user 7 200"},
		{"echo, streamed back", "/echo/echo", []string{"--data-binary", "abc"}, "abc 200"},
		{"echo, an error", "/echo/error", nil, `{"message":"teapot"} 418`},
		{"gateway, a path", "/gateway/v1/books/a/b", nil, "books a/b 200"},
		{"gateway, gRPC behind", "/gateway/healthz?service=spindle", nil, `{"status":"SERVING"} 200`},
		{"gateway, gRPC's error", "/gateway/healthz?service=none", nil, `{"code":5,"message":"unknown service","details":[]} 404`},
		{"proxy", "/proxy/hello", nil, "hello SCHEME /hello 200"},
		{"proxy, upload", "/proxy/upload", []string{"--data-binary", "@" + upload}, "1000000 <nil> 200"},
		{"proxy, nothing there", "/proxy/none", nil, "404 page not found\n 404"},
		{"file, a range", "/files/large.bin", []string{"-r", "15-24"}, "5678901234 206"},
		{"file, not modified", "/files/large.bin", []string{"-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}, " 304"},
		{"file, none", "/files/none", nil, "404 page not found\n 404"},
	} {
		for _, base := range []string{s.plain, s.secure} {
			for _, version := range []string{"--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge"} {
				if version == "--http2-prior-knowledge" && base == s.secure || version == "--http1.0" && strings.Contains(row.name, "chunks") {
					continue
				}
				got := curl(t, append(slices.Clone(row.args), version, base+row.path)...)
				scheme, _, _ := strings.Cut(base, ":")
				want := strings.ReplaceAll(row.want, "SCHEME", scheme)
				content, _, _ := cutLast(got, " ")
				if strings.HasPrefix(content, "{") { // how protojson spaces it is left to chance
					content = strings.NewReplacer(", ", ",", "}\n", "}").Replace(content)
				}
				if content != want {
					t.Errorf("%s, %s %s: got %.300q, want %q", row.name, scheme, version, got, want)
				}
			}
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// TestCut: an answer that breaks off behind the proxy is seen broken by the client.
func TestCut(t *testing.T) {
	s := serve(t)
	for _, url := range []string{s.plain, s.secure} {
		if got := curl(t, url+"/proxy/cut"); !strings.Contains(got, "exit ") {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestLargeFile(t *testing.T) {
	s := serve(t)
	want, err := os.ReadFile(filepath.Join(s.dir, "large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{s.plain, s.secure} {
		out := filepath.Join(t.TempDir(), "out")
		curl(t, "-o", out, base+"/files/large.bin")
		if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", base, len(got), err)
		}
	}
}

func TestPprof(t *testing.T) {
	s := serve(t)
	if got := curl(t, s.plain+"/debug/pprof/goroutine?debug=1"); !strings.HasPrefix(got, "goroutine profile: total") {
		t.Errorf("%.200q", got)
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", "-symbolize=none", s.plain+"/debug/pprof/profile?seconds=1")
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Type: cpu") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTrailersThroughProxy: Go's client sees what the upstream sent behind its content.
func TestTrailersThroughProxy(t *testing.T) {
	s := serve(t)
	for _, http2 := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get(s.secure + "/proxy/hello")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.Trailer.Get("X-Sum") != "5" || (resp.ProtoMajor == 2) != http2 {
			t.Error(err, resp.Trailer, resp.Proto)
		}
	}
}

// TestGRPC: gRPC's own client, a call and a stream, on our HTTP/2.
func TestGRPC(t *testing.T) {
	s := serve(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(s.secure, "https://"),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := healthpb.NewHealthClient(conn)
	for range 100 {
		got, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "spindle"})
		if err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
			t.Fatal(got, err)
		}
	}
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "none"}); err == nil || !strings.Contains(err.Error(), "NotFound") {
		t.Error(err)
	}
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{Service: "spindle"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stream.Recv(); err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
		t.Error(got, err)
	}
}

// TestGorillaClient and TestCoderClient have each client speak to each server, also through
// the proxy.
func TestGorillaClient(t *testing.T) {
	s := serve(t)
	d := gorilla.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Subprotocols: []string{"echo"}, EnableCompression: true}
	for _, path := range []string{"/gorilla", "/coder", "/proxy/ws"} {
		for _, base := range []string{s.plain, s.secure} {
			c, _, err := d.Dial("ws"+strings.TrimPrefix(base, "http")+path, nil)
			if err != nil {
				t.Fatal(path, err)
			}
			for _, size := range []int{0, 5, 125, 126, 65536, 1 << 20} {
				sent := bytes.Repeat([]byte{'a'}, size)
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if err := c.WriteMessage(gorilla.BinaryMessage, sent); err != nil {
					t.Fatal(path, err)
				}
				if _, got, err := c.ReadMessage(); err != nil || !bytes.Equal(got, sent) {
					t.Fatal(path, size, len(got), err)
				}
			}
			if c.Subprotocol() != "echo" {
				t.Error(path, c.Subprotocol())
			}
			_ = c.Close()
		}
	}
}

func TestCoderClient(t *testing.T) {
	s := serve(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, path := range []string{"/gorilla", "/coder", "/proxy/ws"} {
		for _, base := range []string{s.plain, s.secure} {
			c, _, err := websocket.Dial(ctx, base+path, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"echo"},
				CompressionMode: websocket.CompressionContextTakeover})
			if err != nil {
				t.Fatal(path, err)
			}
			c.SetReadLimit(-1)
			for _, size := range []int{0, 5, 125, 126, 65536, 1 << 20} {
				sent := bytes.Repeat([]byte{'a'}, size)
				if err := c.Write(ctx, websocket.MessageText, sent); err != nil {
					t.Fatal(path, err)
				}
				if _, got, err := c.Read(ctx); err != nil || !bytes.Equal(got, sent) {
					t.Fatal(path, size, len(got), err)
				}
			}
			if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
				t.Error(path, err)
			}
		}
	}
}

// TestManyWebSockets: one that is idle holds no place that another request could have, and
// goes on all the same.
func TestManyWebSockets(t *testing.T) {
	s := serve(t)
	var all []net.Conn
	d := gorilla.Dialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		all = append(all, c)
		return c, err
	}}
	var conns []*gorilla.Conn
	for range 1200 { // more than MaxRunning: those that have hijacked do not count
		c, _, err := d.Dial("ws"+strings.TrimPrefix(s.plain, "http")+"/gorilla", nil)
		if err != nil {
			t.Fatal(len(conns), err)
		}
		conns = append(conns, c)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_ = c.WriteMessage(gorilla.TextMessage, []byte("hi"))
		if _, got, err := c.ReadMessage(); err != nil || string(got) != "hi" {
			t.Fatal(string(got), err)
		}
	}
	for _, c := range all {
		_ = c.Close()
	}
}
