package http2_test

import (
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// What a client does wrong, and what it is told: every error of a connection and of a
// stream, with its code, however the bytes are cut.

// wrongs are ways to go wrong after the settings. Stream 1 is open and unanswered,
// stream 3 was answered, and closed by both.
var wrongs = []struct {
	name string
	send func(p *peer)
	last uint32 // of the GOAWAY
	code string
}{
	{"§4.2 a frame of more than 16 KiB", func(p *peer) { p.raw(0, 0, 1, strings.Repeat("x", 1<<14+1)) }, 3, "FRAME_SIZE_ERROR"},
	{"§4.2 a frame header is enough to know", func(p *peer) { p.DeliverString("\xff\xff\xff\x06\x00\x00\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§4.3 a header block that can not be decoded", func(p *peer) { p.raw(1, 5, 5, "\xff\xff\xff\xff\xff\xff\xff") }, 5, "COMPRESSION_ERROR"},
	{"§4.3 a header block cut in a field", func(p *peer) { p.raw(1, 5, 5, "\x40\x05ab") }, 5, "COMPRESSION_ERROR"},
	{"§4.3 an index beyond the table", func(p *peer) { p.raw(1, 5, 5, "\xfe") }, 5, "COMPRESSION_ERROR"},
	{"RFC 7541 §6.3 a table larger than allowed", func(p *peer) { p.raw(1, 5, 5, "\x3f\xe2\x1f") }, 5, "COMPRESSION_ERROR"},
	{"RFC 7541 §4.2 a table size behind a field", func(p *peer) { p.raw(1, 5, 5, "\x40\x01a\x01b\x20") }, 5, "COMPRESSION_ERROR"},
	{"§5.1 DATA on an idle stream", func(p *peer) { p.data(5, true, "") }, 3, "PROTOCOL_ERROR"},
	{"§5.1 RST_STREAM on an idle stream", func(p *peer) { p.reset(5) }, 3, "PROTOCOL_ERROR"},
	{"§5.1 WINDOW_UPDATE on an idle stream", func(p *peer) { p.window(5, 1) }, 3, "PROTOCOL_ERROR"},
	{"§5.1 DATA on a closed stream", func(p *peer) { p.data(3, true, "") }, 3, "STREAM_CLOSED"},
	{"§5.1 HEADERS on a closed stream", func(p *peer) { p.get(3, "/") }, 3, "STREAM_CLOSED"},
	{"§5.1 HEADERS on a stream that its client has closed", func(p *peer) { p.get(1, "/") }, 3, "STREAM_CLOSED"},
	{"§5.1.1 an even stream", func(p *peer) { p.get(6, "/") }, 3, "PROTOCOL_ERROR"},
	{"§6.1 DATA on stream 0", func(p *peer) { p.data(0, true, "") }, 3, "PROTOCOL_ERROR"},
	{"§6.1 padding as long as the frame", func(p *peer) { p.raw(0, 8, 1, "\x03ab") }, 3, "PROTOCOL_ERROR"},
	{"§6.1 padded, and no length of the padding", func(p *peer) { p.raw(0, 8, 1, "") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.2 HEADERS on stream 0", func(p *peer) { p.get(0, "/") }, 3, "PROTOCOL_ERROR"},
	{"§6.2 padding longer than the frame", func(p *peer) { p.raw(1, 0xd, 5, "\x04abc") }, 3, "PROTOCOL_ERROR"},
	{"§6.2 padded, and no length of the padding", func(p *peer) { p.raw(1, 0xd, 5, "") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.2 a priority that is cut", func(p *peer) { p.raw(1, 0x25, 5, "\x00\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.3 PRIORITY on stream 0", func(p *peer) { p.raw(2, 0, 0, "\x00\x00\x00\x01\x0f") }, 3, "PROTOCOL_ERROR"},
	{"§6.3 PRIORITY of a wrong length", func(p *peer) { p.raw(2, 0, 1, "\x00\x00\x00\x01") }, 3, "FRAME_SIZE_ERROR"},
	{"§5.4 an idle stream that depends on itself", func(p *peer) { p.raw(2, 0, 5, "\x00\x00\x00\x05\x0f") }, 3, "PROTOCOL_ERROR"},
	{"§6.4 RST_STREAM on stream 0", func(p *peer) { p.reset(0) }, 3, "PROTOCOL_ERROR"},
	{"§6.4 RST_STREAM of a wrong length", func(p *peer) { p.raw(3, 0, 1, "\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.5 SETTINGS on a stream", func(p *peer) { p.raw(4, 0, 1, "") }, 3, "PROTOCOL_ERROR"},
	{"§6.5 SETTINGS of a wrong length", func(p *peer) { p.raw(4, 0, 0, "\x00\x03\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.5 an acknowledgement with a payload", func(p *peer) { p.raw(4, 1, 0, "\x00\x03\x00\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.5.2 ENABLE_PUSH 2", func(p *peer) { p.settings(xnet.Setting{ID: 2, Val: 2}) }, 3, "PROTOCOL_ERROR"},
	{"§6.5.2 INITIAL_WINDOW_SIZE 2^31", func(p *peer) { p.settings(xnet.Setting{ID: 4, Val: 1 << 31}) }, 3, "FLOW_CONTROL_ERROR"},
	{"§6.5.2 MAX_FRAME_SIZE below 16 KiB", func(p *peer) { p.settings(xnet.Setting{ID: 5, Val: 1<<14 - 1}) }, 3, "PROTOCOL_ERROR"},
	{"§6.5.2 MAX_FRAME_SIZE 2^24", func(p *peer) { p.settings(xnet.Setting{ID: 5, Val: 1 << 24}) }, 3, "PROTOCOL_ERROR"},
	{"RFC 8441 §3 ENABLE_CONNECT_PROTOCOL 2", func(p *peer) { p.settings(xnet.Setting{ID: 8, Val: 2}) }, 3, "PROTOCOL_ERROR"},
	{"RFC 9218 §2.1 NO_RFC7540_PRIORITIES 2", func(p *peer) { p.settings(xnet.Setting{ID: 9, Val: 2}) }, 3, "PROTOCOL_ERROR"},
	{"§6.6 PUSH_PROMISE", func(p *peer) { p.raw(5, 4, 1, "\x00\x00\x00\x02\x82") }, 3, "PROTOCOL_ERROR"},
	{"§6.7 PING on a stream", func(p *peer) { p.raw(6, 0, 1, "12345678") }, 3, "PROTOCOL_ERROR"},
	{"§6.7 PING of a wrong length", func(p *peer) { p.raw(6, 0, 0, "1234567") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.8 GOAWAY on a stream", func(p *peer) { p.raw(7, 0, 1, "\x00\x00\x00\x00\x00\x00\x00\x00") }, 3, "PROTOCOL_ERROR"},
	{"§6.8 GOAWAY of a wrong length", func(p *peer) { p.raw(7, 0, 0, "\x00\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.9 WINDOW_UPDATE of a wrong length", func(p *peer) { p.raw(8, 0, 0, "\x00\x00\x01") }, 3, "FRAME_SIZE_ERROR"},
	{"§6.9 a window that grows by 0", func(p *peer) { p.window(0, 0) }, 3, "PROTOCOL_ERROR"},
	{"§6.9.1 a window beyond 2^31-1", func(p *peer) { p.window(0, 1<<31-1) }, 3, "FLOW_CONTROL_ERROR"},
	{"§6.9.2 a stream's window beyond it, by settings", func(p *peer) {
		p.batch(func() { p.window(1, 1<<31-1-65535); p.settings(xnet.Setting{ID: 4, Val: 65536}) })
	}, 3, "FLOW_CONTROL_ERROR"},
	{"§6.10 CONTINUATION out of nothing", func(p *peer) { p.raw(9, 4, 5, "") }, 3, "PROTOCOL_ERROR"},
	{"§6.10 CONTINUATION on another stream", func(p *peer) {
		p.batch(func() { p.raw(1, 1, 5, "\x82"); p.raw(9, 4, 7, "") })
	}, 5, "PROTOCOL_ERROR"},
	{"§6.10 another frame in a header block", func(p *peer) {
		p.batch(func() { p.raw(1, 1, 5, "\x82"); p.ping("12345678") })
	}, 5, "PROTOCOL_ERROR"},
	{"RFC 9218 §7.1 PRIORITY_UPDATE on a stream", func(p *peer) { p.raw(0x10, 0, 1, "\x00\x00\x00\x01u=1") }, 3, "PROTOCOL_ERROR"},
	{"RFC 9218 §7.1 PRIORITY_UPDATE of a wrong length", func(p *peer) { p.raw(0x10, 0, 0, "\x00\x00\x00") }, 3, "FRAME_SIZE_ERROR"},
	{"RFC 9218 §7.1 PRIORITY_UPDATE of stream 0", func(p *peer) { p.update(0, "u=1") }, 3, "PROTOCOL_ERROR"},
	{"RFC 9218 §7.1 PRIORITY_UPDATE of a push", func(p *peer) { p.update(2, "u=1") }, 3, "PROTOCOL_ERROR"},
}

func TestConnectionErrors(t *testing.T) {
	for _, row := range wrongs {
		for cut, split := range reactortest.Splits() {
			t.Run(row.name+"/"+cut, func(t *testing.T) {
				s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
					if string(x.Head.Path) == "/now" {
						x.Respond(204, nil, nil)
					}
				}}
				p := dial(t, s, plain())
				p.SetSplit(split)
				p.get(1, "/later")
				p.get(3, "/now")
				p.want("HEADERS 3 END :status=204")
				row.send(p)
				p.wantGoAway(row.last, row.code)
				if s.Exchanges[0].Lost == nil || len(s.Refused) != 1 || !s.Refused[0].Close {
					t.Errorf("lost %v, refused %v", s.Exchanges[0].Lost, s.Refused)
				}
				p.Deliver(make([]byte, 1000)) // is read and dropped
				if got := p.frames(); len(got) > 0 || p.Closed() {
					t.Errorf("closed %v, got %q", p.Closed(), got)
				}
				p.DeliverEOF()
				if !p.Closed() || p.f.Stats().Open != 0 || p.loop.Pending() != 0 {
					t.Error("something is left", p.f.Stats(), p.loop.Pending())
				}
			})
		}
	}
}

func TestBadPrefaces(t *testing.T) {
	for name, in := range map[string]string{
		"HTTP/1":             "GET / HTTP/1.1\r\n\r\n",
		"a wrong last byte":  xnet.ClientPreface[:len(xnet.ClientPreface)-1] + "x",
		"nothing like it":    "\x16\x03\x01",
		"PING":               xnet.ClientPreface + "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678",
		"an acknowledgement": xnet.ClientPreface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
		"an empty HEADERS":   xnet.ClientPreface + "\x00\x00\x00\x01\x05\x00\x00\x00\x01",
	} {
		for cut, split := range reactortest.Splits() {
			t.Run(name+"/"+cut, func(t *testing.T) {
				p := connect(t, nil, http2.NewFactory(silent(), nil))
				p.SetSplit(split)
				p.DeliverString(in)
				p.wantGoAway(0, "PROTOCOL_ERROR")
			})
		}
	}
}

// malformed are requests that reset their stream, and no more (RFC 9113 §8.1.1).
var malformed = []struct {
	name   string
	fields []string
}{
	{"§8.2.1 a capital in a name", []string{"X", "y"}},
	{"§8.2.1 a name of no bytes", []string{"", "y"}},
	{"§8.2.1 a name with a blank", []string{"a b", "y"}},
	{"§8.2.1 a name with a colon", []string{"a:b", "y"}},
	{"§8.2.1 a name with NUL", []string{"a\x00", "y"}},
	{"§8.2.1 a name beyond ASCII", []string{"\xc3\xa9", "y"}},
	{"§8.2.1 a value with LF", []string{"a", "x\ny"}},
	{"§8.2.1 a value with CR", []string{"a", "x\ry"}},
	{"§8.2.1 a value with NUL", []string{"a", "x\x00y"}},
	{"§8.2.1 a value that begins with a blank", []string{"a", " y"}},
	{"§8.2.1 a value that ends with a tab", []string{"a", "y\t"}},
	{"§8.2.2 Connection", []string{"connection", "close"}},
	{"§8.2.2 Keep-Alive", []string{"keep-alive", "timeout=1"}},
	{"§8.2.2 Proxy-Connection", []string{"proxy-connection", "close"}},
	{"§8.2.2 Transfer-Encoding", []string{"transfer-encoding", "chunked"}},
	{"§8.2.2 Upgrade", []string{"upgrade", "h2c"}},
	{"§8.2.2 TE of anything but trailers", []string{"te", "gzip"}},
	{"§8.2.2 TE of trailers and more", []string{"te", "trailers, deflate"}},
	{"§8.3 a pseudo-field behind a field", []string{"a", "b", ":path", "/"}},
	{"§8.3 an unknown pseudo-field", []string{":status", "200"}},
	{"§8.3 a pseudo-field twice", []string{":path", "/"}},
	{"§8.3 the name of a pseudo-field is a colon", []string{":", "/"}},
	{"§8.3 :protocol without CONNECT", []string{":protocol", "websocket"}},
	{"§8.1.1 Content-Length twice", []string{"content-length", "0", "content-length", "0"}},
	{"§8.1.1 Content-Length of no bytes", []string{"content-length", ""}},
	{"§8.1.1 Content-Length with a sign", []string{"content-length", "+0"}},
	{"§8.1.1 Content-Length as a list", []string{"content-length", "0, 0"}},
	{"§8.1.1 a Content-Length, and the end", []string{"content-length", "1"}},
	{"§8.1.1 a huge Content-Length, and the end", []string{"content-length", "99999999999999999999"}},
}

func TestMalformedRequests(t *testing.T) {
	for _, row := range malformed {
		t.Run(row.name, func(t *testing.T) {
			s := hello()
			p := dial(t, s, plain())
			p.get(1, "/", row.fields...)
			p.want("RST_STREAM 1 PROTOCOL_ERROR")
			if len(s.Exchanges) != 0 || len(s.Refused) != 1 || s.Refused[0].Status != 400 {
				t.Errorf("exchanges %v, refused %v", s.Exchanges, s.Refused)
			}
			p.get(3, "/") // the decoder is in step
			p.want("HEADERS 3 "+helloOK+"6", `DATA 3 END "GET / "`)
		})
	}
}

func TestPseudoFieldsOfRequests(t *testing.T) {
	for name, f := range map[string][]string{
		"no :method":           {":scheme", "http", ":path", "/", ":authority", "x"},
		"no :scheme":           {":method", "GET", ":path", "/", ":authority", "x"},
		"no :path":             {":method", "GET", ":scheme", "http", ":authority", "x"},
		"an empty :path":       {":method", "GET", ":scheme", "http", ":path", "", ":authority", "x"},
		"an empty :method":     {":method", "", ":scheme", "http", ":path", "/", ":authority", "x"},
		"a :method, no token":  {":method", "G T", ":scheme", "http", ":path", "/", ":authority", "x"},
		"a bad :scheme":        {":method", "GET", ":scheme", "1", ":path", "/", ":authority", "x"},
		"CONNECT with a path":  {":method", "CONNECT", ":path", "/", ":authority", "x:1"},
		"CONNECT with scheme":  {":method", "CONNECT", ":scheme", "http", ":authority", "x:1"},
		"CONNECT to nobody":    {":method", "CONNECT"},
		"itself as its parent": nil,
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, hello(), plain())
			if f != nil {
				p.headers(1, true, f...)
			} else {
				p.w.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x"),
					EndStream: true, EndHeaders: true, Priority: xnet.PriorityParam{StreamDep: 1}})
				p.flush()
			}
			p.want("RST_STREAM 1 PROTOCOL_ERROR")
			p.wantOpen()
		})
	}
}

// Requests that are well formed as HTTP/2 has it, and are answered with an error.
func TestRefusedRequests(t *testing.T) {
	for _, row := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"neither authority nor Host", []string{":method", "GET", ":scheme", "http", ":path", "/"}, "400"},
		{"two hosts", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "x", "host", "x"}, "400"},
		{"another host", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x", "host", "y"}, "400"},
		{"a bad authority", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x/y"}, "400"},
		{"a path without a slash", []string{":method", "GET", ":scheme", "http", ":path", "a", ":authority", "x"}, "400"},
		{"a path with a blank", []string{":method", "GET", ":scheme", "http", ":path", "/a b", ":authority", "x"}, "400"},
		{"a fragment", []string{":method", "GET", ":scheme", "http", ":path", "/#a", ":authority", "x"}, "400"},
		{"an asterisk without OPTIONS", []string{":method", "GET", ":scheme", "http", ":path", "*", ":authority", "x"}, "400"},
		{"CONNECT without a port", []string{":method", "CONNECT", ":authority", "x"}, "400"},
		{"another expectation", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "x", "expect", "tea"}, "417"},
		{"extended CONNECT", []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "x"}, "501"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := hello()
			p := dial(t, s, plain())
			p.headers(1, true, row.fields...)
			got := p.frames()
			if len(got) != 2 || !strings.HasPrefix(got[0], "HEADERS 1 :status="+row.want+" ") || !strings.HasPrefix(got[1], "DATA 1 END ") {
				t.Errorf("got %q", got)
			}
			if len(s.Refused) != 1 {
				t.Error(s.Refused)
			}
			p.wantOpen()
		})
	}
}

// A request with content that is refused: the rest of it is not wanted.
func TestRefusedWithContent(t *testing.T) {
	p := dial(t, silent(), plain())
	p.ask(1, false, "POST", "/", "expect", "tea")
	if got := p.frames(); len(got) != 3 || got[2] != "RST_STREAM 1 NO_ERROR" {
		t.Errorf("got %q", got)
	}
	p.data(1, true, "what was on its way")
	p.want()
	p.ask(3, false, "POST", "/", "content-length", "99999999999999999999")
	if got := p.frames(); len(got) != 3 || !strings.HasPrefix(got[0], "HEADERS 3 :status=413 ") {
		t.Errorf("got %q", got)
	}
	p.ask(5, true, "HEAD", "a")
	p.want("HEADERS 5 END :status=400 content-type=text/plain; charset=utf-8 content-length=0")
	p.wantOpen()
}

// What goes wrong on a stream that is open, and unanswered.
func TestStreamErrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		length string // Content-Length of the request; "" for none, "0" for the end of the stream
		send   func(p *peer)
		code   string
	}{
		{"§5.1 DATA behind the end", "0", func(p *peer) { p.data(1, false, "x") }, "STREAM_CLOSED"},
		{"§6.9 a window that grows by 0", "", func(p *peer) { p.window(1, 0) }, "PROTOCOL_ERROR"},
		{"§6.9.1 a window beyond 2^31-1", "", func(p *peer) { p.window(1, 1<<31-1) }, "FLOW_CONTROL_ERROR"},
		{"§8.1.1 more content than Content-Length", "3", func(p *peer) { p.data(1, false, "abcd") }, "PROTOCOL_ERROR"},
		{"§8.1.1 less content than Content-Length", "3", func(p *peer) { p.data(1, true, "ab") }, "PROTOCOL_ERROR"},
		{"§8.1.1 trailers before Content-Length is there", "3", func(p *peer) { p.headers(1, true, "a", "b") }, "PROTOCOL_ERROR"},
		{"§8.1 trailers that do not end the stream", "", func(p *peer) { p.headers(1, false, "a", "b") }, "PROTOCOL_ERROR"},
		{"§8.1 a pseudo-field in trailers", "", func(p *peer) { p.headers(1, true, ":path", "/") }, "PROTOCOL_ERROR"},
		{"§8.2.2 Connection in trailers", "", func(p *peer) { p.headers(1, true, "connection", "close") }, "PROTOCOL_ERROR"},
		{"§8.2.1 a capital in trailers", "", func(p *peer) { p.headers(1, true, "A", "b") }, "PROTOCOL_ERROR"},
		{"RFC 9110 §6.5.1 Content-Length in trailers", "", func(p *peer) { p.headers(1, true, "content-length", "3") }, "PROTOCOL_ERROR"},
		{"§5.3.1 PRIORITY of itself", "", func(p *peer) { p.raw(2, 0, 1, "\x00\x00\x00\x01\x0f") }, "PROTOCOL_ERROR"},
	} {
		for cut, split := range reactortest.Splits() {
			t.Run(row.name+"/"+cut, func(t *testing.T) {
				s := silent()
				p := dial(t, s, plain())
				p.SetSplit(split)
				switch row.length {
				case "0":
					p.get(1, "/")
				case "":
					p.post(1, "/")
				default:
					p.post(1, "/", "content-length", row.length)
				}
				row.send(p)
				p.want("RST_STREAM 1 " + row.code)
				if s.Last().Lost == nil {
					t.Error("the receiver was not told")
				}
				s.Last().Text("too late")
				p.data(1, true, "what was on its way")
				p.wantOpen()
			})
		}
	}
}

// Frames that may come at any time, and have no effect.
func TestIgnoredFrames(t *testing.T) {
	p := dial(t, hello(), plain())
	p.raw(0x77, 0xff, 0, "an unknown frame")
	p.raw(0x77, 0xff, 1, "")
	p.raw(2, 0, 9, "\x00\x00\x00\x05\x0f")
	p.raw(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00bye") // GOAWAY
	p.raw(6, 1, 0, "12345678")                            // an answer to no PING
	p.settings(xnet.Setting{ID: 0x99, Val: 1}, xnet.Setting{ID: 3, Val: 0}, xnet.Setting{ID: 6, Val: 1})
	p.want("SETTINGS ACK")
	p.get(1, "/")
	p.want("HEADERS 1 "+helloOK+"6", `DATA 1 END "GET / "`)
	p.reset(1)
	p.window(1, 5)
	p.update(1, "u=1")
	p.want()
	p.wantOpen()
}

// Padding, and a priority of RFC 7540, are passed over, and counted in the windows.
func TestPadding(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			s := hello()
			p := dial(t, s, plain())
			p.SetSplit(split)
			p.w.WriteHeaders(xnet.HeadersFrameParam{StreamID: 1, EndHeaders: true, PadLength: 200,
				BlockFragment: p.encode(":method", "POST", ":scheme", "http", ":path", "/", ":authority", "x"),
				Priority:      xnet.PriorityParam{StreamDep: 3, Weight: 7, Exclusive: true}})
			p.w.WriteDataPadded(1, false, []byte("abc"), make([]byte, 255))
			p.w.WriteDataPadded(1, false, nil, make([]byte, 10))
			p.w.WriteDataPadded(1, true, []byte("d"), []byte{})
			p.flush()
			p.want("HEADERS 1 "+helloOK+"11", `DATA 1 END "POST / abcd"`)
			p.wantOpen()
		})
	}
}

// A header block may come in any number of frames, cut anywhere.
func TestContinuation(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			p := dial(t, hello(), plain())
			p.SetSplit(split)
			block := p.encode(":method", "GET", ":scheme", "http", ":path", "/in/pieces", ":authority", "x", "a", "b")
			p.raw(1, 1, 1, "")
			for i, b := range block {
				flags := byte(0)
				if i == len(block)-1 {
					flags = 4
				}
				p.raw(9, flags, 1, string([]byte{b}))
			}
			p.want("HEADERS 1 "+helloOK+"15", `DATA 1 END "GET /in/pieces "`)
			p.wantOpen()
		})
	}
}

// The Receiver of one exchange may end the others while the client's end is told.
func TestEOFWhereOneEndsTheOthers(t *testing.T) {
	s := &protocoltest.Server{}
	s.OnLost = func(x *protocoltest.Exchange) {
		for _, other := range s.Exchanges {
			if other != x {
				other.Abort(nil)
			}
		}
	}
	p := dial(t, s, nil)
	for id := uint32(1); id < 9; id += 2 {
		p.post(id, "/")
	}
	p.DeliverEOF()
	p.loop.Run()
	if !p.Closed() {
		t.Error("it is still open")
	}
}
