package http2_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// sink is a transport that takes everything at once and keeps nothing, on a loop at
// which time stands still: what is measured is the connection.
type sink struct {
	reactor.Transport
	loop stillLoop
	room []byte
	n    int
}

type stillLoop struct{ reactor.Loop }

func (stillLoop) Now() time.Time { return reactortest.Start }

func newSink() *sink {
	l := reactortest.NewLoop()
	return &sink{Transport: l.NewTransport(), loop: stillLoop{l}, room: make([]byte, 64<<10)}
}

func (s *sink) AvailableBuffer() []byte { return s.room[:0] }
func (s *sink) Write(b []byte)          { s.n += len(b) }
func (s *sink) WriteShared(b []byte)    { s.n += len(b) }
func (s *sink) Buffered() int           { return 0 }
func (s *sink) Loop() reactor.Loop      { return s.loop }

// swift answers every request at once. It is the Receiver of all of them.
type swift struct {
	c      protocol.Channel
	fields protocol.Fields
	body   []byte
}

func (w *swift) NewReceiver(c protocol.Channel) protocol.Receiver {
	w.c = c
	return w
}
func (w *swift) HeadRefused(reactor.Addr, *protocol.Error, []byte) {}
func (w *swift) HeadReceived(h *protocol.Head) {
	if h.ContentLength == 0 {
		w.c.Respond(200, w.fields, w.body)
	}
}
func (w *swift) BodyReceived([]byte)          {}
func (w *swift) BodyFinished(protocol.Fields) { w.c.Respond(200, w.fields, w.body) }
func (w *swift) ConnectionLost(error)         {}

// script is frames that a client sends again and again, on new streams.
type script struct {
	frames []byte
	heads  []int // where frames of streams begin, in frames
	on     []int // which stream of this round each belongs to
	round  int   // streams in one
	id     uint32
}

// scripted makes a script of that many requests with content of that size. What it
// begins with fills the tables on both sides.
func scripted(c reactor.Protocol, requests, content, answer int, fields ...string) *script {
	var block, first, out bytes.Buffer
	enc := hpack.NewEncoder(&block)
	encode := func() []byte {
		block.Reset()
		for i := 0; i < len(fields); i += 2 {
			enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return bytes.Clone(block.Bytes())
	}
	w := xnet.NewFramer(&first, nil)
	first.WriteString(xnet.ClientPreface)
	w.WriteSettings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 30})
	w.WriteWindowUpdate(0, 1<<30)
	w.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, BlockFragment: encode(), EndStream: true, EndHeaders: true})
	c.DataReceived(first.Bytes())
	s := &script{round: requests, id: 3}
	w = xnet.NewFramer(&out, nil)
	if answer > 0 {
		w.WriteWindowUpdate(0, uint32(requests*answer)) // what the last round has used
	}
	frame := func(stream int, write func()) {
		s.heads, s.on = append(s.heads, out.Len()), append(s.on, stream)
		write()
	}
	for i := range requests {
		frame(i, func() {
			w.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, BlockFragment: encode(), EndStream: content == 0, EndHeaders: true})
		})
		if content > 0 {
			frame(i, func() { w.WriteData(1, true, make([]byte, content)) })
		}
	}
	s.frames = out.Bytes()
	return s
}

// next is the frames of one more round.
func (s *script) next() []byte {
	for i, at := range s.heads {
		binary.BigEndian.PutUint32(s.frames[at+5:], s.id+2*uint32(s.on[i]))
	}
	s.id += 2 * uint32(s.round)
	return s.frames
}

var (
	getFields     = []string{":method", "GET", ":scheme", "http", ":path", "/plaintext", ":authority", "127.0.0.1:8080"}
	browserFields = []string{
		"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
		"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
		"accept-language", "en-GB,en;q=0.9,de;q=0.7", "accept-encoding", "gzip, deflate, br, zstd",
		"cookie", "session=4d9f1c0a7be84f6fb2c3a5d16e7f8091", "cookie", "theme=dark", "sec-fetch-dest", "document",
		"sec-fetch-mode", "navigate", "sec-fetch-site", "same-origin", "priority", "u=0, i"}
	typeField = protocol.Fields{{Name: "Content-Type", Value: "text/plain"}}
	fileField = protocol.Fields{{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "Accept-Ranges", Value: "bytes"},
		{Name: "Last-Modified", Value: "Tue, 24 Nov 2026 10:00:00 GMT"}, {Name: "ETag", Value: `"1000-18b2f0c3"`}}
)

// work is what the benchmarks and the test of allocations do.
var work = []struct {
	name              string
	requests, content int
	request           []string
	answer            protocol.Fields
	size              int
	allocations       float64 // a Stream that is not answered at once is left to who holds it
}{
	{"get", 1, 0, getFields, typeField, 13, 0},
	{"browser", 1, 0, append(getFields[:8:8], browserFields...), typeField, 13, 0},
	{"32 streams", 32, 0, getFields, typeField, 13, 0},
	{"file of 4 KiB", 1, 0, getFields, fileField, 4 << 10, 0},
	{"post of 1 KiB", 1, 1 << 10, append([]string{":method", "POST"}, getFields[2:]...), typeField, 1 << 10, 1},
}

func TestAllocations(t *testing.T) {
	for _, w := range work {
		s := newSink()
		c := http2.NewFactory(&swift{fields: w.answer, body: make([]byte, w.size)}, nil).BuildProtocol(reactor.Addr{})
		c.ConnectionMade(s)
		in := scripted(c, w.requests, w.content, w.size, w.request...)
		was := s.n
		if n := testing.AllocsPerRun(200, func() { c.DataReceived(in.next()) }); n > w.allocations {
			t.Errorf("%s: %v allocations", w.name, n)
		}
		if s.n-was < 200*w.requests*w.size {
			t.Errorf("%s: %d bytes are no answer", w.name, s.n-was)
		}
	}
}

// BenchmarkConn is requests from bytes to bytes: frames, header blocks, exchange,
// encoder.
func BenchmarkConn(b *testing.B) {
	for _, w := range work {
		b.Run(strings.ReplaceAll(w.name, " ", "-"), func(b *testing.B) {
			s := newSink()
			c := http2.NewFactory(&swift{fields: w.answer, body: make([]byte, w.size)}, nil).BuildProtocol(reactor.Addr{})
			c.ConnectionMade(s)
			in := scripted(c, w.requests, w.content, w.size, w.request...)
			b.ReportAllocs()
			for b.Loop() {
				c.DataReceived(in.next())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.requests), "ns/request")
		})
	}
}
