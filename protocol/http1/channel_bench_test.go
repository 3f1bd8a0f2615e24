package http1_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// sink is a transport that takes everything at once and keeps nothing: what is
// measured is the channel.
type sink struct {
	reactor.Transport
	loop *loop
	room []byte
	n    int
}

// loop is a loop at which time stands still.
type loop struct {
	reactor.Loop
	now time.Time
}

func (l *loop) Now() time.Time { return l.now }

func newSink() *sink {
	return &sink{loop: &loop{reactortest.NewLoop(), reactortest.Start}, room: make([]byte, 64<<10)}
}

func (s *sink) AvailableBuffer() []byte                      { return s.room[:0] }
func (s *sink) Write(b []byte)                               { s.n += len(b) }
func (s *sink) WriteShared(b []byte)                         { s.n += len(b) }
func (s *sink) Buffered() int                                { return 0 }
func (s *sink) Loop() reactor.Loop                           { return s.loop }
func (s *sink) Peer() reactor.Addr                           { return reactor.Addr{} }
func (s *sink) PauseReading()                                {}
func (s *sink) ResumeReading()                               {}
func (s *sink) LoseConnection()                              {}
func (s *sink) LoseWriteConnection()                         {}
func (s *sink) SendFile(*os.File, int64, int64, func(error)) {}
func (s *sink) RegisterProducer(reactor.Producer)            {}
func (s *sink) UnregisterProducer()                          {}
func (s *sink) Switch(reactor.Protocol, []byte)              {}

// plain answers every request at once. It is its own only Receiver.
type plain struct {
	c      protocol.Channel
	fields protocol.Fields
	body   []byte
	lost   int
}

func newPlain() *plain {
	return &plain{fields: protocol.Fields{{Name: "Content-Type", Value: "text/plain"}}, body: []byte("Hello, World!")}
}

func (p *plain) NewReceiver(c protocol.Channel) protocol.Receiver {
	p.c = c
	return p
}
func (p *plain) HeadRefused(reactor.Addr, *protocol.Error, []byte) {}
func (p *plain) HeadReceived(h *protocol.Head) {
	if h.ContentLength == 0 {
		p.c.Respond(200, p.fields, p.body)
	}
}
func (p *plain) BodyReceived([]byte)          {}
func (p *plain) BodyFinished(protocol.Fields) { p.c.Respond(200, p.fields, p.body) }
func (p *plain) ConnectionLost(error)         { p.lost++ }

const (
	getHead    = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	browserGet = "GET /index.html?x=1 HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\nsec-ch-ua: \"Chromium\";v=\"120\", \"Not A(Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\nUpgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef\r\n\r\n"
	postHead = "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 1024\r\n\r\n"
)

// work is what the benchmarks and the tests of allocations do, by name.
var work = []struct{ name, in string }{
	{"get", getHead},
	{"browser", browserGet},
	{"pipelined16", strings.Repeat(getHead, 16)},
	{"post1k", postHead + strings.Repeat("x", 1024)},
	{"chunked", chunks(strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 4) + "0\r\n\r\n")},
	{"close", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
}

func TestNoAllocation(t *testing.T) {
	for _, w := range work {
		s, in := newSink(), []byte(w.in)
		c := http1.NewFactory(newPlain(), nil).BuildProtocol(reactor.Addr{})
		c.ConnectionMade(s)
		if n := testing.AllocsPerRun(100, func() { c.DataReceived(in) }); n != 0 {
			t.Errorf("%s: %v allocations", w.name, n)
		}
		if s.n == 0 {
			t.Errorf("%s: nothing was answered", w.name)
		}
	}
}

// A head that comes in two parts is put together in a buffer of the factory's.
func TestNoAllocationWhenCut(t *testing.T) {
	s := newSink()
	c := http1.NewFactory(newPlain(), nil).BuildProtocol(reactor.Addr{})
	c.ConnectionMade(s)
	a, b := []byte(getHead[:20]), []byte(getHead[20:])
	n := testing.AllocsPerRun(100, func() {
		c.DataReceived(a)
		c.DataReceived(b)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkChannel is a request from bytes to bytes: tokenizer, channel, encoder.
func BenchmarkChannel(b *testing.B) {
	for _, w := range work {
		b.Run(w.name, func(b *testing.B) {
			s, in := newSink(), []byte(w.in)
			c := http1.NewFactory(newPlain(), nil).BuildProtocol(reactor.Addr{})
			c.ConnectionMade(s)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				c.DataReceived(in)
			}
		})
	}
}
