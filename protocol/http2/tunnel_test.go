package http2_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// raw is a protocol on a stream.
type raw struct {
	t      reactor.Transport
	got    []byte
	halves string // the halves that were closed, in order
	lost   error
	onMade func()
	onData func(data []byte)
}

func (r *raw) ConnectionMade(t reactor.Transport) {
	r.t = t
	if r.onMade != nil {
		r.onMade()
	}
}

func (r *raw) DataReceived(data []byte) {
	r.got = append(r.got, data...)
	if r.onData != nil {
		r.onData(data)
	}
}

func (r *raw) ConnectionLost(reason error) {
	if r.lost != nil {
		panic("ConnectionLost was called twice")
	}
	r.lost = reason
}

// halfRaw goes on with one half.
type halfRaw struct{ raw }

func (r *halfRaw) ReadConnectionLost()  { r.halves += "read " }
func (r *halfRaw) WriteConnectionLost() { r.halves += "write " }

// tunnels answers every CONNECT with 200, and gives the stream to a protocol of made.
func tunnels(made func() reactor.Protocol) *protocoltest.Server {
	return &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
		x.WriteHead(200, nil, -1)
		x.Switch(made())
	}}
}

func extended() *http2.Settings {
	return &http2.Settings{ServerName: "-", ExtendedConnect: true, StreamWindowBytes: 65535}
}

func dialTunnel(t *testing.T, r reactor.Protocol) *peer {
	t.Helper()
	p := dial(t, tunnels(func() reactor.Protocol { return r }), extended())
	p.headers(1, false, ":method", "CONNECT", ":authority", "h:1")
	p.want("HEADERS 1 :status=200")
	return p
}

func TestConnect(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			r := &raw{}
			p := dialTunnel(t, r)
			p.SetSplit(split)
			p.data(1, false, "abc")
			p.data(1, false, "def")
			if string(r.got) != "abcdef" {
				t.Errorf("got %q", r.got)
			}
			r.t.Write([]byte("hello"))
			r.t.WriteSequence([][]byte{[]byte("a"), []byte("b")})
			r.t.Write(append(r.t.AvailableBuffer(), "c"...))
			p.want(`DATA 1 "hello"`, `DATA 1 "a"`, `DATA 1 "b"`, `DATA 1 "c"`)
			if r.t.Peer() != p.PeerAddr || r.t.Host() != p.HostAddr || r.t.Loop() != p.loop {
				t.Error("wrong addresses")
			}
			p.data(1, true, "")
			p.want(`DATA 1 END ""`)
			if r.lost != reactor.ErrDone {
				t.Errorf("lost %v", r.lost)
			}
			p.wantOpen()
		})
	}
}

func TestTunnelEnds(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(p *peer, t reactor.Transport)
		want []string
		lost string
	}{
		{"lose", func(_ *peer, t reactor.Transport) { t.Write([]byte("x")); t.LoseConnection(); t.Write([]byte("y")) },
			[]string{`DATA 1 "x"`, `DATA 1 END ""`}, "reactor: connection done"},
		{"abort", func(_ *peer, t reactor.Transport) { t.Write([]byte("x")); t.AbortConnection(); t.AbortConnection() },
			[]string{`DATA 1 "x"`, "RST_STREAM 1 CANCEL"}, "reactor: connection aborted"},
		{"reset", func(p *peer, t reactor.Transport) { p.reset(1) }, nil, "http2: the client has reset the stream"},
		{"loss", func(p *peer, t reactor.Transport) { p.Lose(nil) }, nil, "reactor: connection done"},
		{"error", func(p *peer, t reactor.Transport) { p.window(1, 0) }, []string{"RST_STREAM 1 PROTOCOL_ERROR"},
			"protocol: 400 Bad Request: the window of a stream is too large, or grows by nothing"},
		{"EOF", func(p *peer, t reactor.Transport) { p.DeliverEOF() }, []string{`DATA 1 END ""`, "GOAWAY 1 NO_ERROR "}, "reactor: connection done"},
	} {
		for kind, r := range map[string]reactor.Protocol{"plain": &raw{}, "half-close": &halfRaw{}} {
			if row.name == "EOF" && kind == "half-close" {
				continue // one that may be half closed goes on
			}
			t.Run(row.name+"/"+kind, func(t *testing.T) {
				r0, _ := r.(*raw)
				if h, ok := r.(*halfRaw); ok {
					r0 = &h.raw
				}
				p := dialTunnel(t, r)
				row.do(p, r0.t)
				p.want(row.want...)
				if fmt.Sprint(r0.lost) != row.lost {
					t.Errorf("lost %v, want %s", r0.lost, row.lost)
				}
				r0.t.Write([]byte("too late"))
				r0.t.WriteShared([]byte("too late"))
				r0.t.LoseConnection()
				r0.t.LoseWriteConnection()
				r0.t.AbortConnection()
				r0.t.PauseReading()
				r0.t.ResumeReading()
				r0.t.Switch(&raw{}, nil)
				told := false
				r0.t.SendFile(nil, 0, 1, func(error) { told = true })
				p.want()
				if row.name != "loss" && row.name != "EOF" {
					p.wantOpen()
					if !told {
						t.Error("a file that is not sent is not told")
					}
				}
			})
		}
	}
}

func TestTunnelHalves(t *testing.T) {
	for _, row := range []struct {
		name   string
		do     []func(p *peer, t reactor.Transport)
		halves string
	}{
		{"client first", []func(*peer, reactor.Transport){
			func(p *peer, _ reactor.Transport) { p.data(1, true, "x") },
			func(_ *peer, t reactor.Transport) { t.Write([]byte("y")); t.LoseWriteConnection() },
		}, "read write "},
		{"server first", []func(*peer, reactor.Transport){
			func(_ *peer, t reactor.Transport) { t.Write([]byte("y")); t.LoseWriteConnection() },
			func(p *peer, _ reactor.Transport) { p.data(1, true, "x") },
		}, "write read "},
		{"server loses behind the client", []func(*peer, reactor.Transport){
			func(p *peer, _ reactor.Transport) { p.data(1, true, "x") },
			func(_ *peer, t reactor.Transport) { t.Write([]byte("y")); t.LoseConnection() },
		}, "read "},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &halfRaw{}
			p := dialTunnel(t, r)
			var lines []string
			for _, do := range row.do {
				if r.lost != nil {
					t.Fatalf("lost %v in the middle", r.lost)
				}
				do(p, r.t)
				lines = append(lines, p.frames()...)
			}
			if got := strings.Join(lines, ", "); got != `DATA 1 "y", DATA 1 END ""` {
				t.Error(got)
			}
			if r.halves != row.halves || r.lost != reactor.ErrDone || string(r.got) != "x" {
				t.Errorf("halves %s, lost %v, got %q", r.halves, r.lost, r.got)
			}
			if p.f.Stats().Idle != 1 {
				t.Error("the stream is left")
			}
		})
	}
}

// What a protocol does not read stays with the client, within its window.
func TestTunnelPauseReading(t *testing.T) {
	r := &raw{}
	p := dialTunnel(t, r)
	r.t.PauseReading()
	for range 3 {
		p.data(1, false, strings.Repeat("x", 16384))
	}
	p.want()
	if len(r.got) > 0 {
		t.Error("was read")
	}
	r.t.ResumeReading()
	p.want("WINDOW_UPDATE 1 49152")
	if len(r.got) != 49152 {
		t.Errorf("%d bytes", len(r.got))
	}
}

// Bytes that are handed on to the next protocol are counted once.
func TestTunnelSwitch(t *testing.T) {
	second := &raw{}
	first := &raw{}
	first.onData = func(data []byte) {
		if n := len(data) - 30_000; n >= 0 {
			first.t.Switch(second, data[n:])
		}
	}
	p := dialTunnel(t, first)
	p.batch(func() {
		p.data(1, false, strings.Repeat("x", 16384))
		p.data(1, false, strings.Repeat("y", 16000))
	})
	if len(first.got) != 32384 || second.t != nil {
		t.Fatalf("%d bytes", len(first.got))
	}
	first.onData = func(data []byte) { first.t.Switch(second, data[len(data)-300:]) }
	p.data(1, false, strings.Repeat("z", 384))
	if string(second.got) != strings.Repeat("z", 300) {
		t.Errorf("%d bytes went on", len(second.got))
	}
	p.want("WINDOW_UPDATE 1 32768")
	p.data(1, true, "end")
	if !strings.HasSuffix(string(second.got), "end") || second.lost != reactor.ErrDone || first.lost != nil {
		t.Error(second.lost, first.lost)
	}
}

func TestTunnelProducer(t *testing.T) {
	r := &raw{}
	p := dialTunnel(t, r)
	u := &pusher{x: &protocoltest.Exchange{}}
	r.t.RegisterProducer(u)
	for range 200 {
		r.t.Write(make([]byte, 1000))
	}
	p.wantContent(1, 65535, false)
	if !u.paused {
		t.Error("was not paused")
	}
	r.t.LoseConnection()
	p.window(0, 1<<20)
	p.window(1, 1<<20)
	if p.wantContent(1, 200_000-65535, false); u.paused || r.lost != nil {
		t.Error("does not wait for the producer")
	}
	r.t.UnregisterProducer()
	p.wantContent(1, 0, true)
	if r.lost != reactor.ErrDone {
		t.Error(r.lost)
	}
}

// echo sends every message back.
type echo struct{ closed string }

func (e *echo) Opened(*websocket.Conn) {}
func (e *echo) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	c.Send(kind, data)
}
func (e *echo) Closed(_ *websocket.Conn, code websocket.Code, reason string) {
	e.closed = fmt.Sprint(code, reason)
}

// RFC 8441: a WebSocket on a stream.
func TestWebSocketOnStream(t *testing.T) {
	e := &echo{}
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
		if string(x.Head.Protocol) != "websocket" || x.Head.Method != "CONNECT" || string(x.Head.Path) != "/chat" {
			t.Error(x)
		}
		x.WriteHead(200, fields("Sec-WebSocket-Protocol", "chat"), -1)
		x.Switch(websocket.NewFactory(nil).NewConn(websocket.Agreement{}, e))
	}}
	p := connect(t, nil, http2.NewFactory(s, extended()))
	p.want("SETTINGS 3=250 4=65535 6=65536 9=1 8=1", "WINDOW_UPDATE 0 4128769")
	p.hello()
	p.headers(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/chat", ":authority", "x",
		"sec-websocket-version", "13")
	p.want("HEADERS 1 :status=200 sec-websocket-protocol=chat")
	p.data(1, false, "\x81\x82\x00\x00\x00\x00hi")
	p.want(`DATA 1 "\x81\x02hi"`)
	p.data(1, false, "\x88\x82\x00\x00\x00\x00\x03\xe8")
	p.want(`DATA 1 "\x88\x02\x03\xe8"`, `DATA 1 END ""`)
	p.data(1, true, "")
	if p.want(); e.closed == "" || p.f.Stats().Idle != 1 {
		t.Error("was not closed", e.closed, p.f.Stats())
	}
}

// After Switch the Channel does nothing: the stream is the protocol's.
func TestChannelAfterSwitch(t *testing.T) {
	r := &raw{}
	s := tunnels(func() reactor.Protocol { return r })
	p := dial(t, s, extended())
	p.headers(1, false, ":method", "CONNECT", ":authority", "h:1")
	p.want("HEADERS 1 :status=200")
	u := &pusher{}
	r.t.RegisterProducer(u)
	x := s.Last()
	x.Write([]byte("x"))
	x.SendFile(nil, 0, 1, nil)
	x.PauseBody()
	x.UnregisterProducer()
	x.RegisterProducer(&pusher{})
	x.Finish(nil)
	x.Abort(nil)
	x.Switch(&raw{})
	p.data(1, false, "in")
	r.t.Write([]byte("out"))
	p.want(`DATA 1 "out"`)
	if string(r.got) != "in" || r.lost != nil || u.stopped {
		t.Errorf("got %q, lost %v", r.got, r.lost)
	}
}

// Nobody reads after LoseConnection: what comes is dropped, for a while.
func TestTunnelLingers(t *testing.T) {
	r := &halfRaw{}
	p := dialTunnel(t, r)
	r.t.LoseConnection()
	p.want(`DATA 1 END ""`)
	p.data(1, false, "x")
	if len(r.got) > 0 || r.lost != reactor.ErrDone {
		t.Errorf("got %q, lost %v", r.got, r.lost)
	}
	r.t.Write([]byte("x"))
	r.t.AbortConnection()
	p.want()
	p.loop.Advance(5 * time.Second)
	p.want("RST_STREAM 1 NO_ERROR")
	p.wantOpen()
	if p.f.Stats().Idle != 1 {
		t.Error("the stream is left")
	}
}

// A protocol that is given a stream which ends at once is told of both.
func TestTunnelSwitchAndAbort(t *testing.T) {
	r, second := &raw{}, &raw{}
	p := dialTunnel(t, r)
	r.t.Switch(second, nil)
	r.t.AbortConnection()
	p.want("RST_STREAM 1 CANCEL")
	if second.t == nil || second.lost != reactor.ErrAborted || r.lost != nil {
		t.Error(second.t, second.lost, r.lost)
	}
}

// The next protocol is told of an end that came before it.
func TestTunnelSwitchAfterTheEnd(t *testing.T) {
	first, second := &halfRaw{}, &halfRaw{}
	p := dialTunnel(t, first)
	p.data(1, true, "all")
	first.t.Switch(second, []byte("l"))
	p.loop.Run()
	if string(first.got) != "all" || string(second.got) != "l" || second.halves != "read " || second.lost != nil {
		t.Errorf("got %q, halves %s, lost %v", second.got, second.halves, second.lost)
	}
	second.t.LoseConnection()
	p.want(`DATA 1 END ""`)
	if second.lost != reactor.ErrDone {
		t.Error(second.lost)
	}
}

// A file that is shorter than promised aborts the stream.
func TestTunnelShortFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &raw{}
	p := dial(t, tunnels(func() reactor.Protocol { return r }), &http2.Settings{ServerName: "-", Logger: quiet().Logger})
	p.headers(1, false, ":method", "CONNECT", ":authority", "h:1")
	p.loop.SyncThreads = true
	var told error
	r.t.SendFile(f, 0, 100, func(err error) { told = err })
	p.want("HEADERS 1 :status=200", `DATA 1 "short"`, "RST_STREAM 1 INTERNAL_ERROR")
	if !errors.Is(told, reactor.ErrAborted) || !errors.Is(r.lost, reactor.ErrAborted) {
		t.Error(told, r.lost)
	}
}

// A CONNECT whose head ends the stream is half-closed from the start.
func TestConnectThatHasEnded(t *testing.T) {
	for cut, r := range map[string]reactor.Protocol{"whole": &raw{}, "halves": &halfRaw{}} {
		t.Run(cut, func(t *testing.T) {
			p := dial(t, tunnels(func() reactor.Protocol { return r }), extended())
			p.headers(1, true, ":method", "CONNECT", ":authority", "h:1")
			p.loop.Run()
			h, ok := r.(*halfRaw)
			if !ok {
				p.want("HEADERS 1 :status=200", `DATA 1 END ""`)
				if lost := r.(*raw).lost; lost != reactor.ErrDone {
					t.Errorf("lost %v", lost)
				}
				return
			}
			p.want("HEADERS 1 :status=200")
			if h.halves != "read " || h.lost != nil {
				t.Errorf("halves %q, lost %v", h.halves, h.lost)
			}
			h.t.Write([]byte("x"))
			h.t.LoseConnection()
			p.want(`DATA 1 "x"`, `DATA 1 END ""`)
		})
	}
}

// A protocol that has left while content waited for it gives the window back, and is
// not waited for beyond the time that lingering has.
func TestTunnelLingersWithContentKept(t *testing.T) {
	r := &raw{}
	p := dialTunnel(t, r)
	r.t.PauseReading()
	for range 4 {
		p.data(1, false, strings.Repeat("x", 16000))
	}
	r.t.LoseConnection()
	p.loop.Run()
	if got := strings.Join(p.frames(), " "); !strings.Contains(got, `DATA 1 END ""`) || !strings.Contains(got, "WINDOW_UPDATE 1 64000") {
		t.Error(got)
	}
	p.passes(5 * time.Second)
	p.want("RST_STREAM 1 NO_ERROR")
}
