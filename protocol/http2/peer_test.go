package http2_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// peer is the client at the far end of a connection in memory, as a transcript: send
// frames, want frames. They are written and read by golang.org/x/net's Framer, which
// shares no code with what is tested. A frame that came reads as one line:
//
//	HEADERS 1 :status=200 content-length=5
//	DATA 1 END "hello"
//
// without Date, which every answer has.
type peer struct {
	testing.TB
	*reactortest.Transport
	loop    *reactortest.Loop
	f       *http2.Factory
	out     bytes.Buffer // frames to be sent
	w       *xnet.Framer // into out
	enc     *hpack.Encoder
	block   bytes.Buffer // what enc has written
	in      bytes.Buffer
	r       *xnet.Framer // out of in
	lines   []string     // frames that have come, and were not wanted yet
	batched bool         // frames are kept in out until flush
}

// connect makes a connection of f, and sends nothing.
func connect(t testing.TB, l *reactortest.Loop, f *http2.Factory) *peer {
	p := newPeer(t, l)
	p.f = f
	p.Transport = p.loop.NewTransport()
	p.Start(f.BuildProtocol(p.PeerAddr))
	return p
}

// newPeer makes a peer that has no connection yet.
func newPeer(t testing.TB, l *reactortest.Loop) *peer {
	if l == nil {
		l = reactortest.NewLoop()
	}
	p := &peer{TB: t, loop: l}
	p.w = xnet.NewFramer(&p.out, nil)
	p.w.AllowIllegalWrites = true
	p.enc = hpack.NewEncoder(&p.block)
	p.r = xnet.NewFramer(nil, &p.in)
	p.r.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.r.SetMaxReadFrameSize(16 << 10)
	return p
}

// dial connects to s and exchanges settings.
func dial(t testing.TB, s protocol.Server, set *http2.Settings) *peer {
	t.Helper()
	return dialOn(t, nil, http2.NewFactory(s, set))
}

func dialOn(t testing.TB, l *reactortest.Loop, f *http2.Factory) *peer {
	t.Helper()
	p := connect(t, l, f)
	p.hello()
	return p
}

// hello sends preface and settings, and passes over the server's.
func (p *peer) hello(settings ...xnet.Setting) {
	p.Helper()
	p.DeliverString(xnet.ClientPreface)
	p.settings(settings...)
	got := p.frames()
	if len(got) == 0 || !strings.HasPrefix(got[0], "SETTINGS ") || got[len(got)-1] != "SETTINGS ACK" {
		p.Fatalf("the connection begins with %q", got)
	}
}

// batch keeps the frames that f sends, and delivers them together.
func (p *peer) batch(f func()) {
	p.batched = true
	f()
	p.batched = false
	p.flush()
}

// flush delivers what was written to w.
func (p *peer) flush() {
	if p.batched {
		return
	}
	b := bytes.Clone(p.out.Bytes())
	p.out.Reset()
	p.Deliver(b)
}

func (p *peer) settings(s ...xnet.Setting) { p.w.WriteSettings(s...); p.flush() }
func (p *peer) ack()                       { p.w.WriteSettingsAck(); p.flush() }
func (p *peer) window(id, n uint32)        { p.w.WriteWindowUpdate(id, n); p.flush() }
func (p *peer) reset(id uint32)            { p.w.WriteRSTStream(id, xnet.ErrCodeCancel); p.flush() }
func (p *peer) ping(s string)              { p.w.WritePing(false, [8]byte([]byte(s))); p.flush() }
func (p *peer) raw(kind, flags byte, id uint32, payload string) {
	p.w.WriteRawFrame(xnet.FrameType(kind), xnet.Flags(flags), id, []byte(payload))
	p.flush()
}

// data sends content.
func (p *peer) data(id uint32, end bool, s string) { p.w.WriteData(id, end, []byte(s)); p.flush() }

// update sends a PRIORITY_UPDATE.
func (p *peer) update(id uint32, priority string) {
	p.raw(0x10, 0, 0, string([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})+priority)
}

// encode makes a header block of name, value, name, value.
func (p *peer) encode(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(p.block.Bytes())
}

// headers sends a header block of exactly these fields.
func (p *peer) headers(id uint32, end bool, fields ...string) {
	p.w.WriteHeaders(xnet.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(fields...), EndStream: end, EndHeaders: true})
	p.flush()
}

// ask sends the head of a request, with more fields behind it.
func (p *peer) ask(id uint32, end bool, method, path string, more ...string) {
	p.headers(id, end, append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "x"}, more...)...)
}

// get asks for path.
func (p *peer) get(id uint32, path string, more ...string) { p.ask(id, true, "GET", path, more...) }

// post begins a request with content.
func (p *peer) post(id uint32, path string, more ...string) { p.ask(id, false, "POST", path, more...) }

// frames takes what has come.
func (p *peer) frames() []string {
	p.Helper()
	p.in.Write(p.Take())
	for whole(p.in.Bytes()) {
		f, err := p.r.ReadFrame()
		if err != nil {
			p.Fatalf("the server sent what is no frame: %v %v", err, p.r.ErrorDetail())
		}
		p.lines = append(p.lines, line(f))
	}
	lines := p.lines
	p.lines = nil
	return lines
}

// whole tells whether there is a whole header block, or another frame, at the front of b.
func whole(b []byte) bool {
	for len(b) >= 9 {
		n := 9 + int(b[0])<<16 + int(b[1])<<8 + int(b[2])
		if len(b) < n {
			return false
		}
		if kind := b[3]; kind != 1 && kind != 9 || b[4]&4 != 0 {
			return true
		}
		b = b[n:]
	}
	return false
}

// want takes what has come, and compares it.
func (p *peer) want(lines ...string) {
	p.Helper()
	if got := p.frames(); !slices.Equal(got, lines) {
		p.Errorf("the client got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// wantGoAway wants the connection to end with an error of that code.
func (p *peer) wantGoAway(last uint32, code string) {
	p.Helper()
	got := p.frames()
	if want := fmt.Sprintf("GOAWAY %d %s ", last, code); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], want) {
		p.Errorf("the client got\n\t%s\nwant %s", strings.Join(got, "\n\t"), want)
	}
	if !p.WriteClosed() {
		p.Error("the connection goes on")
	}
}

// wantOpen wants it to go on.
func (p *peer) wantOpen() {
	p.Helper()
	p.frames()
	p.ping("are you?")
	p.want(`PING ACK "are you?"`)
	if p.Disconnecting() || p.WriteClosed() {
		p.Error("the connection was closed")
	}
}

// line is a frame in one line.
func line(f xnet.Frame) string {
	h := f.Header()
	end := ""
	if (h.Type == xnet.FrameData || h.Type == xnet.FrameHeaders) && h.Flags.Has(xnet.FlagDataEndStream) {
		end = " END"
	}
	switch f := f.(type) {
	case *xnet.DataFrame:
		return fmt.Sprintf("DATA %d%s %s", h.StreamID, end, short(f.Data()))
	case *xnet.MetaHeadersFrame:
		s := fmt.Sprintf("HEADERS %d%s", h.StreamID, end)
		for _, field := range f.Fields {
			if field.Name != "date" {
				s += " " + field.Name + "=" + field.Value
			}
		}
		return s
	case *xnet.RSTStreamFrame:
		return fmt.Sprintf("RST_STREAM %d %v", h.StreamID, f.ErrCode)
	case *xnet.GoAwayFrame:
		return fmt.Sprintf("GOAWAY %d %v %s", f.LastStreamID, f.ErrCode, f.DebugData())
	case *xnet.WindowUpdateFrame:
		return fmt.Sprintf("WINDOW_UPDATE %d %d", h.StreamID, f.Increment)
	case *xnet.PingFrame:
		return fmt.Sprintf("PING%s %q", ack(h), f.Data[:])
	case *xnet.SettingsFrame:
		s := "SETTINGS" + ack(h)
		f.ForeachSetting(func(v xnet.Setting) error { s += fmt.Sprintf(" %d=%d", uint16(v.ID), v.Val); return nil })
		return s
	}
	return fmt.Sprintf("%v %d", h.Type, h.StreamID)
}

func ack(h xnet.FrameHeader) string {
	if h.Flags.Has(xnet.FlagPingAck) {
		return " ACK"
	}
	return ""
}

// short is content as a line shows it: long content by its length.
func short(b []byte) string {
	if len(b) > 64 {
		return fmt.Sprintf("(%d bytes)", len(b))
	}
	return fmt.Sprintf("%q", b)
}

// hello answers every request with what it was asked.
func hello() *protocoltest.Server {
	return &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.Text(x.Head.Method + " " + string(x.Head.Target) + " " + string(x.Body))
	}}
}

// silent answers nothing.
func silent() *protocoltest.Server { return &protocoltest.Server{} }

// answering answers every head with size bytes.
func answering(size int) *protocoltest.Server {
	body := bytes.Repeat([]byte("x"), size)
	return &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(200, nil, body) }}
}

// plain is settings that send no Server field.
func plain() *http2.Settings { return &http2.Settings{ServerName: "-"} }

func fields(pairs ...string) (f protocol.Fields) {
	for i := 0; i < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

const helloOK = ":status=200 content-type=text/plain content-length="

func TestGet(t *testing.T) {
	p := connect(t, nil, http2.NewFactory(hello(), nil))
	p.want("SETTINGS 3=250 4=1048576 6=65536 9=1", "WINDOW_UPDATE 0 4128769")
	p.DeliverString(xnet.ClientPreface)
	p.settings()
	p.want("SETTINGS ACK")
	p.ack()
	p.get(1, "/a?b")
	p.want("HEADERS 1 :status=200 server=Spindle content-type=text/plain content-length=9", `DATA 1 END "GET /a?b "`)
	p.wantOpen()
}

func TestPost(t *testing.T) {
	s := hello()
	p := dial(t, s, plain())
	p.post(1, "/a", "content-length", "6")
	p.data(1, false, "abc")
	p.want()
	p.data(1, true, "def")
	p.want("HEADERS 1 "+helloOK+"14", `DATA 1 END "POST /a abcdef"`)
	if x := s.Last(); x.Head.ContentLength != 6 || x.Pieces != 2 || !x.Complete {
		t.Error(x)
	}
	p.post(3, "/b")
	p.data(3, true, "")
	p.want("HEADERS 3 "+helloOK+"8", `DATA 3 END "POST /b "`)
}

// What is answered in one callback leaves in one write.
func TestManyStreamsOneWrite(t *testing.T) {
	p := dial(t, hello(), plain())
	before := p.Flushes()
	var want []string
	p.batch(func() {
		for id := uint32(1); id < 40; id += 2 {
			p.get(id, fmt.Sprint("/", id))
			path := fmt.Sprintf("GET /%d ", id)
			want = append(want, fmt.Sprintf("HEADERS %d %s%d", id, helloOK, len(path)), fmt.Sprintf("DATA %d END %q", id, path))
		}
	})
	p.want(want...)
	if n := p.Flushes() - before; n != 1 {
		t.Errorf("%d writes", n)
	}
}
