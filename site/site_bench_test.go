package site_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/static"
	"spindle/site"
)

// This file measures the whole way of a request in memory, from the bytes of the
// head to the bytes of the answer: guard, tokens, walk, render and encoder, with
// limits and time-outs armed. What the reactor and the kernel cost is not in it;
// bench/compare measures that.

// sink is a transport that takes what is written and costs nothing.
type sink struct {
	reactor.Transport // the rest, in memory
	buffer            []byte
	written           int
}

func (s *sink) AvailableBuffer() []byte { return s.buffer[:0] }
func (s *sink) Write(p []byte)          { s.written += len(p) }
func (s *sink) WriteShared(p []byte)    { s.written += len(p) }
func (s *sink) Buffered() int           { return 0 }

// exchange is one connection to a Site, and what is sent on it again and again.
type exchange struct {
	proto   reactor.Protocol
	out     *sink
	request []byte
}

func newExchange(tb testing.TB, root resource.Resource, request []byte) *exchange {
	tb.Helper()
	loop := reactortest.NewLoop()
	tb.Cleanup(loop.Close)
	s := site.New(root)
	s.ErrorLog = slog.New(slog.DiscardHandler)
	s.StartFactory(loop)
	e := &exchange{
		proto:   s.BuildProtocol(reactor.Addr{}),
		out:     &sink{Transport: loop.NewTransport(), buffer: make([]byte, 0, 64<<10)},
		request: request,
	}
	e.proto.ConnectionMade(e.out)
	e.once() // makes what all later ones use
	loop.WaitFor(func() bool { return e.out.written > 0 })
	return e
}

func (e *exchange) once() { e.proto.DataReceived(e.request) }

// typed answers with fixed bytes of a type, as most pages do.
type typed struct {
	resource.Leaf
	body []byte
}

func (p typed) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "text/plain")
	return p.body, nil
}

// echo answers with the content of the request.
type echo struct{ resource.Leaf }

func (echo) RenderPOST(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "application/octet-stream")
	return r.BodyBytes()
}

// benchTree is a tree with some depth, and files.
func benchTree() resource.Resource {
	deep := new(resource.Tree).PutChild("c", typed{body: []byte("deep")})
	files := fstest.MapFS{"page.html": {Data: bytes.Repeat([]byte("x"), 4096)}}
	return new(resource.Tree).
		PutChild("", typed{body: []byte("Hello, World!")}).
		PutChild("plaintext", typed{body: []byte("Hello, World!")}).
		PutChild("a", new(resource.Tree).PutChild("b", deep)).
		PutChild("echo", echo{}).
		PutChild("files", static.FS(files))
}

const browserFields = "Host: localhost\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.7\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Referer: http://localhost/articles/2026/event-loops.html\r\n" +
	"Cookie: session=4d9f1c0a7be84f6fb2c3a5d16e7f8091; theme=dark\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"Connection: keep-alive\r\n\r\n"

// exchanges are the cases of the benchmark, with the allocations that one turn of
// each may make.
var exchanges = []struct {
	name    string
	request string
	allocs  float64
}{
	{"plaintext", "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n", 0},
	{"root", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 0},
	{"deep", "GET /a/b/c HTTP/1.1\r\nHost: localhost\r\n\r\n", 0},
	{"browser", "GET /plaintext HTTP/1.1\r\n" + browserFields, 0},
	{"pipelined", strings.Repeat("GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n", 16), 0},
	{"head", "HEAD /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n", 0},
}

func TestExchangeAllocations(t *testing.T) {
	for _, c := range exchanges {
		e := newExchange(t, benchTree(), []byte(c.request))
		if n := testing.AllocsPerRun(200, e.once); n > c.allocs {
			t.Errorf("%s: %v allocations, at most %v wanted", c.name, n, c.allocs)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, c := range exchanges {
		b.Run(c.name, func(b *testing.B) { benchmarkExchange(b, c.request) })
	}
	kib := strings.Repeat("0123456789abcdef", 64)
	b.Run("echo", func(b *testing.B) {
		benchmarkExchange(b, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n"+kib)
	})
	b.Run("file", func(b *testing.B) {
		benchmarkExchange(b, "GET /files/page.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
	})
	b.Run("missing", func(b *testing.B) {
		benchmarkExchange(b, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
	})
}

func benchmarkExchange(b *testing.B, request string) {
	e := newExchange(b, benchTree(), []byte(request))
	e.out.written = 0
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		e.once()
	}
	if e.out.written == 0 {
		b.Error("nothing was answered")
	}
}
