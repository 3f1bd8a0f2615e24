package http2_test

import (
	"fmt"
	"strings"
	"testing"

	xnet "golang.org/x/net/http2"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// Flow control both ways (RFC 9113 §5.2, §6.9): what the client's windows keep back,
// and what ours keep back at the client.

// content is how much content has come on each stream, and whether it has ended.
func (p *peer) content() (n map[uint32]int, ended map[uint32]bool) {
	p.Helper()
	n, ended = map[uint32]int{}, map[uint32]bool{}
	for _, l := range p.frames() {
		var id uint32
		size := 0
		end := strings.Contains(l, " END")
		l = strings.Replace(l, " END", "", 1)
		if k, _ := fmt.Sscanf(l, "DATA %d (%d bytes)", &id, &size); k == 1 {
			var s string
			fmt.Sscanf(l, "DATA %d %q", &id, &s)
			size = len(s)
		} else if k == 0 {
			fmt.Sscanf(l, "HEADERS %d", &id)
		}
		n[id] += size
		ended[id] = ended[id] || end
	}
	return n, ended
}

func (p *peer) wantContent(id uint32, size int, end bool) {
	p.Helper()
	if n, ended := p.content(); n[id] != size || ended[id] != end {
		p.Errorf("stream %d: %d bytes, ended %v, want %d, %v", id, n[id], ended[id], size, end)
	}
}

func TestAnswerWithinWindows(t *testing.T) {
	p := dial(t, answering(200_000), plain())
	p.get(1, "/")
	p.wantContent(1, 65535, false) // both windows are closed
	p.window(1, 100_000)
	p.wantContent(1, 0, false)
	p.window(0, 50_000)
	p.wantContent(1, 50_000, false)
	p.window(0, 1_000_000)
	p.wantContent(1, 50_000, false)
	p.window(1, 34_464)
	p.wantContent(1, 34_464, false)
	p.window(1, 1)
	p.wantContent(1, 1, true)
	p.wantOpen()
}

func TestWindowOfOneByte(t *testing.T) {
	p := connect(t, nil, http2.NewFactory(answering(3), plain()))
	p.hello(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 0})
	p.get(1, "/")
	p.want("HEADERS 1 :status=200 content-length=3")
	p.window(1, 1)
	p.want(`DATA 1 "x"`)
	p.window(1, 1)
	p.want(`DATA 1 "x"`)
	p.window(1, 1)
	p.want(`DATA 1 END "x"`)
	p.get(3, "/")
	p.want("HEADERS 3 :status=200 content-length=3")
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 2})
	p.want(`SETTINGS ACK`, `DATA 3 "xx"`)
	p.reset(3)
	p.wantOpen()
}

// SETTINGS change the windows of open streams by the difference, also below zero (RFC
// 9113 §6.9.2).
func TestSettingsInTheMiddle(t *testing.T) {
	p := dial(t, answering(100_000), plain())
	p.get(1, "/")
	p.wantContent(1, 65535, false)
	p.window(0, 1_000_000)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1000}) // stream 1 is at -64535
	p.get(3, "/")
	p.wantContent(3, 1000, false)
	p.window(1, 64535)
	p.wantContent(1, 0, false)
	p.window(1, 10)
	p.wantContent(1, 10, false)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1500})
	n, _ := p.content()
	if n[1] != 500 || n[3] != 500 {
		t.Errorf("got %v", n)
	}
	p.wantOpen()
}

// A window that closes while its stream waits for the connection's.
func TestWindowClosesUnderReadyStream(t *testing.T) {
	p := dial(t, answering(100_000), plain())
	p.get(1, "/")
	p.wantContent(1, 65535, false)
	p.window(1, 10_000) // it is ready, and waits for the window of the connection
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 10})
	p.window(0, 1_000_000)
	p.wantContent(1, 0, false)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 65535})
	p.wantContent(1, 10_000, false)
	p.window(1, 1_000_000)
	p.wantContent(1, 100_000-75535, true)
	p.wantOpen()
}

// pusher is a push producer that writes pieces until it is paused.
type pusher struct {
	x               *protocoltest.Exchange
	paused, stopped bool
	written         int
}

func (u *pusher) push(n int) {
	for range n {
		if !u.paused && !u.stopped {
			u.x.Write(make([]byte, 1000))
			u.written += 1000
		}
	}
}

func (u *pusher) PauseProducing()  { u.paused = true }
func (u *pusher) ResumeProducing() { u.paused = false }
func (u *pusher) StopProducing()   { u.stopped = true }

func TestPushProducer(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	u := &pusher{x: s.Last()}
	u.x.WriteHead(200, nil, -1)
	u.x.RegisterProducer(u)
	for range 1000 {
		u.push(1)
		p.loop.Run()
	}
	if p.wantContent(1, 65535, false); !u.paused || u.written > 65535+(64<<10)+2000 {
		t.Errorf("paused %v after %d bytes", u.paused, u.written)
	}
	if n := u.x.Buffered(); n != u.written-65535 {
		t.Errorf("%d bytes wait", n)
	}
	p.window(1, 1_000_000)
	p.window(0, 40_000)
	if p.wantContent(1, 40_000, false); !u.paused {
		t.Error("was resumed above the low mark")
	}
	p.window(0, 20_000)
	if p.wantContent(1, 20_000, false); u.paused {
		t.Error("was not resumed")
	}
	u.x.UnregisterProducer()
	u.x.Finish(nil)
	p.window(0, 1_000_000)
	p.wantContent(1, u.written-125535, true)
	if u.stopped {
		t.Error("was stopped")
	}
	p.wantOpen()
}

// puller is a pull producer of n pieces.
type puller struct {
	x       *protocoltest.Exchange
	left    int
	size    int
	asked   int
	stopped bool
}

func (u *puller) ResumeProducing() {
	u.asked++
	u.x.Write(make([]byte, u.size))
	if u.left--; u.left == 0 {
		u.x.UnregisterProducer()
		u.x.Finish(nil)
	}
}

func (u *puller) StopProducing() { u.stopped = true }

func TestPullProducer(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	u := &puller{x: s.Last(), left: 300, size: 1000}
	u.x.WriteHead(200, nil, -1)
	u.x.RegisterProducer(u)
	if p.wantContent(1, 65535, false); u.asked != 66 {
		t.Errorf("was asked %d times", u.asked)
	}
	p.window(0, 1_000_000)
	p.window(1, 465)
	if p.wantContent(1, 465, false); u.asked != 66 { // and the window is closed
		t.Errorf("was asked %d times", u.asked)
	}
	p.window(1, 1_000_000)
	if p.wantContent(1, 234_000, true); u.asked != 300 || u.stopped {
		t.Errorf("was asked %d times, stopped %v", u.asked, u.stopped)
	}
}

// A pull producer of a HEAD is asked until it is through: what it writes is dropped.
func TestPullProducerOfHead(t *testing.T) {
	s := silent()
	p := connect(t, nil, http2.NewFactory(s, plain()))
	p.hello(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 0})
	p.ask(1, true, "HEAD", "/")
	u := &puller{x: s.Last(), left: 50, size: 1000}
	u.x.WriteHead(200, nil, 50_000)
	u.x.RegisterProducer(u)
	p.want("HEADERS 1 END :status=200 content-length=50000")
	if u.left != 0 {
		t.Errorf("%d pieces are left", u.left)
	}
	p.wantOpen()
}

// What the kernel does not take waits in the streams, not in the transport.
func TestSlowKernel(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.window(0, 1<<30)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 1 << 30})
	p.frames()
	p.SetCapacity(0)
	p.get(1, "/")
	u := &pusher{x: s.Last()}
	u.x.WriteHead(200, nil, -1)
	u.x.RegisterProducer(u)
	for range 1000 {
		u.push(1)
		p.loop.Run()
	}
	if n := p.Buffered(); n > 150_000 || !u.paused || u.written > 220_000 {
		t.Errorf("%d bytes with the transport, paused %v after %d", n, u.paused, u.written)
	}
	got := 0
	for range 100 {
		p.Drain(10_000)
		n, _ := p.content()
		got += n[1]
	}
	if got != u.written || u.paused {
		t.Errorf("%d of %d bytes, paused %v", got, u.written, u.paused)
	}
}

// While too much waits for the client, its requests wait too.
func TestRequestsWaitForSlowClient(t *testing.T) {
	set := plain()
	set.MaxQueuedBytes = 100_000
	s := answering(80_000)
	p := dial(t, s, set)
	p.window(0, 1<<30)
	p.settings(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 0})
	for id := uint32(1); id <= 9; id += 2 {
		p.get(id, "/")
	}
	if len(s.Exchanges) != 2 {
		t.Fatalf("%d requests were begun", len(s.Exchanges))
	}
	p.reset(9) // one that has not been begun
	p.window(1, 60_000)
	if len(s.Exchanges) != 3 { // 100 000 left: one more may
		t.Errorf("%d requests were begun", len(s.Exchanges))
	}
	for id := uint32(1); id <= 7; id += 2 {
		p.window(id, 100_000)
	}
	if n, ended := p.content(); len(s.Exchanges) != 4 || n[1] != 80_000 || n[7] != 80_000 || !ended[7] {
		t.Errorf("%d requests were begun, %v %v", len(s.Exchanges), n, ended)
	}
	p.wantOpen()
}

// Content of a request that waits to be begun waits with it, and is not too slow.
func TestContentOfWaitingRequest(t *testing.T) {
	set := plain()
	set.MaxQueuedBytes = 1000
	set.WriteTimeout = -1
	s := hello()
	p := connect(t, nil, http2.NewFactory(s, set))
	p.hello(xnet.Setting{ID: xnet.SettingInitialWindowSize, Val: 0})
	p.get(1, "/"+strings.Repeat("x", 2000))
	p.post(3, "/")
	p.data(3, false, "abc")
	p.data(3, true, "def")
	p.post(5, "/")
	p.loop.Advance(http2.NewFactory(s, set).Patience() * 3)
	if len(s.Exchanges) != 1 {
		t.Fatalf("%d requests were begun", len(s.Exchanges))
	}
	p.want("HEADERS 1 " + helloOK + "2006")
	p.window(1, 5000)
	p.wantContent(1, 2006, true)
	if x := s.Exchanges[1]; string(x.Body) != "abcdef" || !x.Complete {
		t.Error(x)
	}
	p.data(5, true, "xyz")
	if x := s.Exchanges[2]; string(x.Body) != "xyz" || !x.Complete {
		t.Error(x)
	}
}

func smallWindows() *http2.Settings {
	return &http2.Settings{ServerName: "-", StreamWindowBytes: 65535, ConnWindowBytes: 131070}
}

func TestWindowsGrowAgain(t *testing.T) {
	s := silent()
	p := dial(t, s, smallWindows())
	p.post(1, "/")
	p.data(1, false, strings.Repeat("x", 16384))
	p.data(1, false, strings.Repeat("x", 16000))
	p.want()
	p.data(1, false, strings.Repeat("x", 384))
	p.want("WINDOW_UPDATE 1 32768")
	for range 2 {
		p.data(1, false, strings.Repeat("x", 16384))
	}
	p.want("WINDOW_UPDATE 0 65536", "WINDOW_UPDATE 1 32768")
	if n := len(s.Last().Body); n != 65536 {
		t.Errorf("%d bytes", n)
	}
}

// Content that is known to fit needs no more window.
func TestNoUpdateForTheRest(t *testing.T) {
	p := dial(t, silent(), smallWindows())
	p.post(1, "/", "content-length", "60000")
	for range 3 {
		p.data(1, false, strings.Repeat("x", 16384))
	}
	p.want()
}

func TestPausedBodyIsBounded(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	p := dial(t, s, smallWindows())
	p.post(1, "/")
	for range 3 {
		p.data(1, false, strings.Repeat("x", 16384))
	}
	p.data(1, false, strings.Repeat("x", 65535-3*16384))
	p.want() // all of the window is used, and none given back
	x := s.Last()
	if x.Pieces != 0 {
		t.Fatal("content came while it was paused")
	}
	x.ResumeBody()
	if x.Pieces != 0 {
		t.Fatal("content came from inside ResumeBody")
	}
	p.want("WINDOW_UPDATE 0 65535", "WINDOW_UPDATE 1 65535")
	if len(x.Body) != 65535 {
		t.Errorf("%d bytes", len(x.Body))
	}
	x.PauseBody()
	for range 4 {
		p.data(1, false, strings.Repeat("x", 16384)) // one byte too many
	}
	p.want("RST_STREAM 1 FLOW_CONTROL_ERROR", "WINDOW_UPDATE 0 65536")
	if x.Lost == nil {
		t.Error("the receiver was not told")
	}
	p.wantOpen()
}

func TestConnectionWindowIsBounded(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	p := dial(t, s, smallWindows())
	for id := uint32(1); id <= 3; id += 2 {
		p.post(id, "/")
		for range 3 {
			p.data(id, false, strings.Repeat("x", 16384))
		}
		p.data(id, false, strings.Repeat("x", 65535-3*16384))
	}
	p.want()
	p.post(5, "/")
	p.data(5, false, "x")
	p.wantGoAway(5, "FLOW_CONTROL_ERROR")
}

// What a paused stream has kept goes back to the connection when it ends.
func TestLostStreamGivesWindowBack(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	for name, end := range map[string]func(p *peer, x *protocoltest.Exchange){
		"reset":   func(p *peer, x *protocoltest.Exchange) { p.reset(1) },
		"answer":  func(p *peer, x *protocoltest.Exchange) { x.Text("enough") },
		"abort":   func(p *peer, x *protocoltest.Exchange) { x.Abort(nil) },
		"refusal": func(p *peer, x *protocoltest.Exchange) { p.window(1, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, s, smallWindows())
			p.post(1, "/")
			for range 3 {
				p.data(1, false, strings.Repeat("x", 16384))
			}
			end(p, s.Last())
			p.frames()
			p.post(3, "/")
			p.data(3, false, strings.Repeat("x", 16384))
			p.reset(3)
			p.want("WINDOW_UPDATE 0 65536")
		})
	}
}

// A body that is paused again in every piece comes whole, in order, and its end behind it.
func TestPauseInEveryPiece(t *testing.T) {
	for cut, split := range reactortest.Splits() {
		t.Run(cut, func(t *testing.T) {
			pause := func(x *protocoltest.Exchange) {
				x.PauseBody()
				x.Loop().CallLater(0, x.ResumeBody)
			}
			s := hello()
			s.OnHead = pause
			s.OnBody = func(x *protocoltest.Exchange, _ []byte) { pause(x) }
			p := dial(t, s, plain())
			p.SetSplit(split)
			p.batch(func() {
				p.post(1, "/")
				p.data(1, false, "abc")
				p.data(1, false, "def")
				p.headers(1, true, "t", "v")
			})
			p.want("HEADERS 1 "+helloOK+"13", `DATA 1 END "POST / abcdef"`)
			if got := s.Last().Trailers.Get("t"); got != "v" {
				t.Errorf("trailer %q", got)
			}
		})
	}
}

// Content that comes between ResumeBody and what was kept does not overtake it.
func TestResumeKeepsTheOrder(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	p := dial(t, s, plain())
	p.loop.Stepwise = true
	p.post(1, "/")
	p.data(1, false, "first ")
	p.loop.Run()
	s.Last().ResumeBody()
	p.data(1, true, "second")
	p.loop.Run()
	if x := s.Last(); string(x.Body) != "first second" || !x.Complete {
		t.Error(x)
	}
}
