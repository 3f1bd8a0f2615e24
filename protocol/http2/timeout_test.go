package http2_test

import (
	"strings"
	"testing"
	"time"

	xnet "golang.org/x/net/http2"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
)

// Time-outs, on the fake clock. d is what passes, and nothing may happen a moment
// before.

// passes lets d pass, but for a moment, wants nothing to have come of it, and lets the
// moment pass.
func (p *peer) passes(d time.Duration) {
	p.Helper()
	p.loop.Advance(d - time.Millisecond)
	if got := p.frames(); len(got) > 0 || p.Disconnecting() || p.WriteClosed() {
		p.Errorf("too early: got %q, closed %v", got, p.WriteClosed())
	}
	p.loop.Advance(time.Millisecond)
}

func (p *peer) wantClosed() {
	p.Helper()
	if !p.Closed() || p.f.Stats().Open != 0 || p.loop.Pending() != 0 {
		p.Errorf("closed %v, %+v, %d timers", p.Closed(), p.f.Stats(), p.loop.Pending())
	}
}

// Content that nobody wants, and that stops to come, does not cut the answer that is under
// way: when it is sent the stream is over.
func TestContentDoesNotCutAnAnswerUnderWay(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(200, nil, make([]byte, 200000)) }}
	p := dial(t, s, nil)
	p.post(1, "/")
	p.data(1, false, strings.Repeat("x", 10000))
	for range 4 { // longer than content has
		p.loop.Advance(15 * time.Second)
		p.window(0, 30000)
		p.window(1, 30000)
		if got := strings.Join(p.frames(), " "); strings.Contains(got, "RST_STREAM") {
			t.Fatal(got)
		}
	}
	p.window(0, 100000)
	p.window(1, 100000)
	if got := strings.Join(p.frames(), " "); !strings.Contains(got, "DATA 1 END") {
		t.Error(got)
	}
	p.loop.Advance(30 * time.Second)
	p.want("RST_STREAM 1 NO_ERROR")
	p.wantOpen()
}

func TestPrefaceTimeout(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "a part of the preface": xnet.ClientPreface[:20], "no settings": xnet.ClientPreface,
		"a part of the settings": xnet.ClientPreface + "\x00\x00\x00\x04",
	} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, nil, http2.NewFactory(silent(), nil))
			p.frames()
			p.DeliverString(in)
			p.passes(10 * time.Second)
			p.want("GOAWAY 0 PROTOCOL_ERROR the preface took too long")
			p.wantClosed()
		})
	}
}

func TestIdleTimeout(t *testing.T) {
	p := dial(t, hello(), plain())
	p.passes(60 * time.Second)
	p.want("GOAWAY 0 NO_ERROR ")
	p.wantClosed()

	p = dial(t, hello(), plain())
	p.loop.Advance(59 * time.Second)
	p.get(1, "/")
	p.want("HEADERS 1 "+helloOK+"6", `DATA 1 END "GET / "`)
	p.loop.Advance(30 * time.Second)
	p.ping("12345678") // is no request
	p.frames()
	p.passes(30 * time.Second)
	p.want("GOAWAY 1 NO_ERROR ")
	p.wantClosed()
}

// A request that is not answered has no time-out of ours.
func TestNoTimeoutOfAnswers(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	p.loop.Advance(time.Hour)
	s.Last().Text("at last")
	p.want("HEADERS 1 "+helloOK+"7", `DATA 1 END "at last"`)
	p.passes(60 * time.Second)
	p.want("GOAWAY 1 NO_ERROR ")
}

func TestHeadTimeout(t *testing.T) {
	p := dial(t, hello(), plain())
	p.loop.Advance(30 * time.Second)
	p.raw(1, 1, 1, "\x82")
	p.loop.Advance(9 * time.Second)
	p.raw(9, 0, 1, "\x86")
	p.passes(time.Second)
	p.wantGoAway(1, "ENHANCE_YOUR_CALM")
}

func TestBodyTimeout(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.post(1, "/")
	p.passes(20 * time.Second)
	if got := p.frames(); len(got) != 3 || got[2] != "RST_STREAM 1 NO_ERROR" || got[0][:24] != "HEADERS 1 :status=408 co" {
		t.Errorf("got %q", got)
	}
	if s.Last().Lost == nil {
		t.Error("the receiver was not told")
	}
	p.wantOpen()
}

// Content may be slow on the average, not for long.
func TestBodyRate(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.post(1, "/")
	for range 100 {
		p.data(1, false, string(make([]byte, 1024)))
		p.loop.Advance(time.Second)
	}
	if s.Last().Lost != nil {
		t.Fatal("1 KiB in a second is enough")
	}
	for s.Last().Lost == nil && s.Last().Pieces < 200 {
		p.data(1, false, string(make([]byte, 512)))
		p.loop.Advance(time.Second)
	}
	if n := s.Last().Pieces; n < 135 || n > 145 { // 40 s of half of it are 20 s behind
		t.Errorf("%d pieces", n)
	}
}

// While it is us who do not read, the client has all the time.
func TestBodyTimeoutIsOffWhilePaused(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	p := dial(t, s, plain())
	p.post(1, "/")
	p.loop.Advance(time.Hour)
	s.Last().ResumeBody()
	p.passes(20 * time.Second)
	if s.Last().Lost == nil {
		t.Error("the time did not begin again")
	}

	// The window of the connection is used up by one that is paused; the other is not to blame.
	s = &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
		if x.Number == 0 {
			x.PauseBody()
		}
	}}
	set := smallWindows()
	set.ConnWindowBytes = 65535
	p = dial(t, s, set)
	p.post(1, "/")
	for _, n := range []int{16384, 16384, 16384, 16383} {
		p.data(1, false, string(make([]byte, n)))
	}
	p.post(3, "/")
	p.loop.Advance(time.Minute)
	if s.Exchanges[1].Lost != nil {
		t.Error("a client that may not send was given up")
	}
	s.Exchanges[0].ResumeBody()
	p.loop.Advance(19 * time.Second)
	p.data(3, true, "x")
	if !s.Exchanges[1].Complete {
		t.Error(s.Exchanges[1])
	}
}

// Content that nobody wants, and that does not come: the answer stays whole.
func TestDiscardTimeout(t *testing.T) {
	p := dial(t, &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Text("no") }}, plain())
	p.post(1, "/")
	p.want("HEADERS 1 "+helloOK+"2", `DATA 1 END "no"`)
	p.passes(20 * time.Second)
	p.want("RST_STREAM 1 NO_ERROR")
	p.wantOpen()
}

func TestWriteTimeoutOfWindows(t *testing.T) {
	// Of a stream.
	s := answering(100_000)
	p := dial(t, s, plain())
	p.window(0, 1<<20)
	p.get(1, "/")
	p.frames()
	p.loop.Advance(59 * time.Second)
	p.window(1, 10)
	p.want(`DATA 1 "xxxxxxxxxx"`)
	p.passes(60 * time.Second)
	p.want("RST_STREAM 1 CANCEL")
	p.wantOpen()

	// Of the connection.
	p = dial(t, s, plain())
	p.get(1, "/")
	p.window(1, 1<<20)
	p.frames()
	p.loop.Advance(59 * time.Second)
	p.window(0, 10)
	p.want(`DATA 1 "xxxxxxxxxx"`)
	p.passes(60 * time.Second)
	if !p.Aborted() {
		t.Error("the connection goes on")
	}
}

// One who opens the connection's window once can not hold streams whose own is closed.
func TestPullProducerWaitsForWindow(t *testing.T) {
	for name, open := range map[string]uint32{"stream": 0, "connection": 1} {
		t.Run(name, func(t *testing.T) {
			s := silent()
			p := dial(t, s, plain())
			p.get(1, "/")
			p.window(open, 1<<20)
			u := &puller{x: s.Last(), left: 1000, size: 13107} // 5 pieces are the window
			u.x.WriteHead(200, nil, -1)
			u.x.RegisterProducer(u)
			if p.frames(); u.asked != 5 {
				t.Fatalf("was asked %d times", u.asked)
			}
			p.passes(60 * time.Second)
			if u.x.Lost == nil || !u.stopped {
				t.Error("waits forever")
			}
		})
	}
}

func TestWriteTimeoutOfTransport(t *testing.T) {
	p := dial(t, answering(100_000), plain())
	p.window(0, 1<<20)
	p.SetCapacity(0)
	p.get(1, "/")
	p.loop.Advance(59 * time.Second)
	p.Drain(1)
	p.loop.Advance(59 * time.Second)
	if p.Closed() {
		t.Fatal("a byte is progress")
	}
	p.loop.Advance(16 * time.Second) // it is looked at four times
	if !p.Aborted() {
		t.Error("the connection goes on")
	}
}

func TestLingerTimeout(t *testing.T) {
	p := dial(t, hello(), plain())
	p.raw(6, 0, 1, "12345678")
	p.wantGoAway(0, "PROTOCOL_ERROR")
	p.loop.Advance(5*time.Second - time.Millisecond)
	if p.Closed() {
		t.Error("too early")
	}
	p.loop.Advance(time.Millisecond)
	p.wantClosed()

	set := plain()
	set.LingerTimeout = -1
	p = dial(t, hello(), set)
	p.raw(6, 0, 1, "12345678")
	p.wantGoAway(0, "PROTOCOL_ERROR")
	p.wantClosed()

	set = plain()
	set.MaxLingerBytes = 100
	p = dial(t, hello(), set)
	p.raw(6, 0, 1, "12345678")
	p.Deliver(make([]byte, 100-17)) // 17 were the frame
	if p.Closed() {
		t.Error("closed at the limit")
	}
	p.Deliver(make([]byte, 1))
	p.wantClosed()
}

// Every time-out can be off.
func TestNoTimeouts(t *testing.T) {
	set := &http2.Settings{ServerName: "-", FirstByteTimeout: -1, HeadTimeout: -1, IdleTimeout: -1, BodyTimeout: -1, WriteTimeout: -1}
	p := connect(t, nil, http2.NewFactory(answering(100_000), set))
	p.loop.Advance(time.Hour)
	p.frames()
	p.hello()
	p.loop.Advance(time.Hour)
	p.get(1, "/") // its window stays closed
	p.wantContent(1, 65535, false)
	p.post(3, "/")
	p.raw(1, 1, 5, "\x82")
	p.loop.Advance(time.Hour)
	p.raw(9, 4, 5, "\x86\x84\x41\x01x")
	p.want("HEADERS 3 :status=200 content-length=100000", "HEADERS 5 :status=200 content-length=100000")
	if n := p.loop.Pending(); n != 0 {
		t.Errorf("%d timers", n)
	}
}

// A connection has one timer, whatever it does.
func TestOneTimerEach(t *testing.T) {
	p := dial(t, hello(), plain())
	for id := uint32(1); id < 1000; id += 2 {
		p.post(id, "/")
		p.data(id, true, "x")
		p.loop.Advance(time.Millisecond)
	}
	if n := p.loop.Pending(); n != 1 {
		t.Errorf("%d timers", n)
	}
}
