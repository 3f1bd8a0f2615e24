package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Whatever a client sends, there is no panic, what is kept is bounded, and nothing
// depends on how it is cut.

// smallLimits are limits that fuzzing can reach.
func smallLimits() *Settings {
	return &Settings{
		ServerName: "-", ExtendedConnect: true, MaxRequestLineBytes: 40, MaxFieldBytes: 400, MaxFields: 8, MaxTrailerBytes: 80,
		MaxStreams: 4, MaxDiscardBytes: 20, MaxLingerBytes: 1000,
	}
}

// headServer answers as the path begins, with heads alone: when content leaves depends
// on what came in the same read.
func headServer() *protocoltest.Server {
	s := &protocoltest.Server{}
	s.OnHead = func(x *protocoltest.Exchange) {
		switch path := string(x.Head.Path); {
		case x.Head.Method == "CONNECT":
			x.Respond(403, nil, nil)
		case strings.HasPrefix(path, "/e"):
			x.Respond(204, protocol.Fields{{Name: "a", Value: "b"}}, nil)
		case strings.HasPrefix(path, "/p"):
			x.PauseBody()
		case strings.HasPrefix(path, "/a"):
			x.Abort(nil)
		}
	}
	s.OnDone = func(x *protocoltest.Exchange) {
		if !strings.HasPrefix(string(x.Head.Path), "/n") {
			x.Respond(204, nil, nil)
		}
	}
	return s
}

// contentServer answers with content in all ways.
func contentServer() *protocoltest.Server {
	s := &protocoltest.Server{}
	s.OnHead = func(x *protocoltest.Exchange) {
		switch path := string(x.Head.Path); {
		case x.Head.Method == "CONNECT":
			x.WriteHead(200, nil, -1)
			x.Switch(&fuzzEcho{})
		case strings.HasPrefix(path, "/e"):
			x.Respond(200, nil, make([]byte, 30000))
		case strings.HasPrefix(path, "/p"):
			x.PauseBody()
			x.Loop().CallLater(0, x.ResumeBody)
		}
	}
	s.OnBody = func(x *protocoltest.Exchange, data []byte) {
		if !x.HeadSent() {
			x.WriteHead(200, nil, -1)
		}
		x.Write(data)
	}
	s.OnDone = func(x *protocoltest.Exchange) {
		if !x.HeadSent() {
			x.WriteHead(200, nil, -1)
		}
		x.Write(make([]byte, 3000))
		x.Finish(protocol.Fields{{Name: "t", Value: "v"}})
	}
	return s
}

// frames makes a conversation of frames: kind, flags, stream, payload.
func frames(parts ...any) []byte {
	b := []byte(preface)
	for i := 0; i+3 < len(parts); i += 4 {
		payload := []byte(parts[i+3].(string))
		b = append(appendFrame(b, len(payload), parts[i].(frameType), uint8(parts[i+1].(int)), uint32(parts[i+2].(int))), payload...)
	}
	return b
}

func fuzzBlock(fields ...string) string {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.String()
}

func fuzzGet(path string) string {
	return fuzzBlock(":method", "GET", ":scheme", "http", ":path", path, ":authority", "x")
}

func fuzzPost(path string) string {
	return fuzzBlock(":method", "POST", ":scheme", "http", ":path", path, ":authority", "x", "cookie", "a", "cookie", "b")
}

// conversations are the seeds.
var conversations = [][]byte{
	frames(frameSettings, 0, 0, "", frameHeaders, 5, 1, fuzzGet("/"), frameHeaders, 5, 3, fuzzGet("/early")),
	frames(frameSettings, 0, 0, "\x00\x04\x00\x00\x00\x05\x00\x01\x00\x00\x00\x00", frameHeaders, 5, 1, fuzzGet("/early"),
		frameWindow, 0, 1, "\x00\x00\x01\x00", frameWindow, 0, 0, "\x00\x00\x01\x00", frameSettings, 1, 0, "",
		frameSettings, 0, 0, "\x00\x04\x00\x00\xff\xff", frameReset, 0, 1, "\x00\x00\x00\x08"),
	frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, fuzzPost("/"), frameData, 0, 1, "abc", frameData, 8, 1, "\x02de\x00\x00",
		frameHeaders, 5, 1, fuzzBlock("t", "v")),
	frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, fuzzPost("/pause"), frameData, 0, 1, "abc", frameData, 1, 1, "d",
		framePing, 0, 0, "12345678", framePriority, 0, 1, "\x00\x00\x00\x03\x10", framePriorityUpdate, 0, 0, "\x00\x00\x00\x01u=1, i"),
	frames(frameSettings, 0, 0, "", frameHeaders, 1, 1, fuzzGet("/")[:4], frameContinuation, 0, 1, "", frameContinuation, 4, 1, fuzzGet("/")[4:]),
	frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, fuzzBlock(":method", "CONNECT", ":authority", "h:1"), frameData, 0, 1, "hello", frameData, 1, 1, ""),
	frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, fuzzBlock(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "x"),
		frameData, 0, 1, "hello", frameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00", frameReset, 0, 1, "\x00\x00\x00\x00"),
	frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, fuzzPost("/abort"), frameData, 0, 1, "x", frameHeaders, 4, 3, fuzzPost("/never"),
		frameData, 0, 3, strings.Repeat("x", 30), frameHeaders, 0x2d, 5, "\x01\x00\x00\x00\x05\x10"+fuzzGet("/")+"\x00"),
	frames(frameSettings, 0, 0, "", framePush, 4, 1, "\x00\x00\x00\x02"),
	[]byte("GET / HTTP/1.1\r\n\r\n"),
}

// FuzzFrames has a client send anything, cut anywhere.
func FuzzFrames(f *testing.F) {
	for _, s := range conversations {
		f.Add(s, uint64(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := fuzzRun(t, headServer(), in, reactortest.Whole, -1)
		for name, split := range map[string]reactortest.Split{"byte by byte": reactortest.ByteByByte, "cut": reactortest.Cut(seed)} {
			if got := fuzzRun(t, headServer(), in, split, -1); got != whole {
				t.Errorf("%s:\n%s\nwhole:\n%s", name, got, whole)
			}
		}
	})
}

// FuzzContent has a client that may take and send content do anything, while the kernel
// takes a little at a time.
func FuzzContent(f *testing.F) {
	for _, s := range conversations {
		f.Add(s, uint64(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		fuzzRun(t, contentServer(), in, reactortest.Cut(seed), 1000)
	})
}

// fuzzRun is what a client that sends in sees, and what its requests come to, when the
// kernel has that much room at first.
func fuzzRun(t *testing.T, s *protocoltest.Server, in []byte, split reactortest.Split, room int) string {
	f := NewFactory(s, smallLimits())
	l := reactortest.NewLoop()
	tr := l.NewTransport()
	tr.SetSplit(split)
	tr.Start(f.BuildProtocol(tr.PeerAddr))
	c := tr.Protocol().(*Conn)
	tr.SetCapacity(room)
	tr.Deliver(in)
	if n := c.kept(); n > len(in)+4*smallLimits().MaxFieldBytes+4*33000 {
		t.Errorf("%d bytes are kept", n)
	}
	var b strings.Builder
	for _, x := range s.Exchanges {
		b.WriteString(x.String())
	}
	for _, e := range s.Refused {
		fmt.Fprintln(&b, e)
	}
	for range 20 {
		tr.Drain(1000)
	}
	tr.SetCapacity(-1)
	b.WriteString(answersIn(t, tr.Take()))
	for _, x := range s.Exchanges {
		x.Abort(nil)
	}
	tr.DeliverEOF()
	l.Advance(time.Hour)
	if !tr.Closed() || l.Pending() != 0 || f.idle.Len()+f.busy.Len() != 0 {
		t.Errorf("something is left: closed %v, %d timers", tr.Closed(), l.Pending())
	}
	return b.String()
}

// kept is how many bytes a connection keeps for its client.
func (c *Conn) kept() (n int) {
	if c.in != nil {
		n += len(c.in.unread())
	}
	if c.block != nil {
		n += c.block.size
	}
	for _, s := range c.streams {
		n += len(s.in) + int(s.queued)
	}
	return n
}

// answersIn is what the frames of b say, stream by stream: content joined, and without
// the frames whose number depends on how the input is cut.
func answersIn(t *testing.T, b []byte) string {
	streams := map[uint32]string{}
	content := map[uint32]int{}
	dec := hpack.NewDecoder(4096, nil)
	for len(b) > 0 {
		f := parseFrame(b)
		payload := b[headerLen : headerLen+f.length]
		b = b[headerLen+f.length:]
		switch f.kind {
		case frameData:
			content[f.id] += f.length
		case frameHeaders:
			fields, err := dec.DecodeFull(payload)
			if err != nil {
				t.Errorf("a header block can not be decoded: %v", err)
			}
			streams[f.id] += fmt.Sprint(" ", fields)
		case frameReset, frameGoAway:
			streams[f.id] += fmt.Sprintf(" %d %q", f.kind, payload)
		}
		if f.kind <= frameHeaders && f.has(flagEndStream) {
			streams[f.id] += " end"
		}
	}
	return fmt.Sprint(streams, content)
}

// fuzzEcho sends back what it gets.
type fuzzEcho struct{ t reactor.Transport }

func (e *fuzzEcho) ConnectionMade(t reactor.Transport) { e.t = t }
func (e *fuzzEcho) DataReceived(data []byte)           { e.t.Write(data) }
func (e *fuzzEcho) ConnectionLost(error)               {}

// FuzzHeaderBlock holds the judgement of requests to the split law over CONTINUATION
// frames, and to what may never be: a head with bytes in it that have no place there.
func FuzzHeaderBlock(f *testing.F) {
	for _, s := range []string{
		fuzzGet("/"), fuzzPost("/a?b"), fuzzBlock(":method", "CONNECT", ":authority", "h:1"), fuzzBlock("a", "b"),
		fuzzBlock(":method", "GET", ":scheme", "http", ":path", "*", "host", "y", "te", "trailers", "expect", "100-continue", "content-length", "12"),
		fuzzBlock(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x", "Upper", "x"), "\x20\x3f\xe1\x1f\x82\x86\x84\x41\x01x\xbe\xbf",
		"\x82\x86\x84\x41\x8a\x08\x9d\x5c\x0b\x81\x70\xdc\x78\x0f\x03", "\x00\x00\x00", "\x40\x7f\xff\xff\xff\x0f",
	} {
		f.Add([]byte(s), uint16(3))
	}
	run := func(t *testing.T, pieces ...[]byte) string {
		s := &protocoltest.Server{}
		tr := reactortest.Connect(NewFactory(s, smallLimits()).BuildProtocol(reactortest.NewLoop().NewTransport().PeerAddr))
		in := frames(frameSettings, 0, 0, "")
		kind, id := frameHeaders, uint32(1)
		for i, p := range pieces {
			flags := uint8(0)
			if kind == frameHeaders {
				flags |= flagEndStream
			}
			if i == len(pieces)-1 {
				flags |= flagEndHeaders
			}
			in = append(appendFrame(in, len(p), kind, flags, id), p...)
			kind = frameContinuation
		}
		tr.Deliver(in)
		var b strings.Builder
		for _, x := range s.Exchanges {
			for _, field := range x.Head.Fields {
				if !isLowerToken(string(field.Name)) || !protocol.IsValue(field.Value) {
					t.Errorf("the field %q: %q came through", field.Name, field.Value)
				}
			}
			b.WriteString(x.String())
		}
		for _, e := range s.Refused {
			fmt.Fprintln(&b, e)
		}
		return b.String() + answersIn(t, tr.Take())
	}
	f.Fuzz(func(t *testing.T, block []byte, at uint16) {
		block = block[:min(len(block), 2*smallLimits().MaxFieldBytes)]
		n := int(at) % (len(block) + 1)
		whole := run(t, block)
		if cut := run(t, block[:n], block[n:]); cut != whole {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", n, cut, whole)
		}
	})
}

// FuzzEncoder has x/net's decoder read what the encoder writes.
func FuzzEncoder(f *testing.F) {
	f.Add("content-type\x00text/html\x00vary\x00a\x00content-type\x00text/html", uint16(4096), uint16(60))
	f.Add("a\x00b\x00set-cookie\x00c\x00a\x00b", uint16(40), uint16(0))
	f.Fuzz(func(t *testing.T, text string, size, later uint16) {
		parts := strings.Split(text, "\x00")
		e := (&Conn{}).encoder()
		d := hpack.NewDecoder(4096, nil)
		for round := range 3 {
			switch round {
			case 0:
				e.resize(int(min(size, maxTable)))
			case 2:
				e.resize(int(min(later, maxTable)))
			}
			b := e.begin(nil)
			for i := 0; i+1 < len(parts); i += 2 {
				b = e.append(b, parts[i], parts[i+1])
			}
			got, err := d.DecodeFull(b)
			if err != nil {
				t.Fatal(err)
			}
			for i, field := range got {
				if !protocol.EqualFold(field.Name, parts[2*i]) || field.Value != parts[2*i+1] {
					t.Fatalf("%q: %q came out of %q", field.Name, field.Value, parts[2*i:2*i+2])
				}
			}
			if len(got) != len(parts)/2 || e.size > e.max || e.len > places {
				t.Fatalf("%d of %d fields; %d bytes in the table", len(got), len(parts)/2, e.size)
			}
		}
	})
}
