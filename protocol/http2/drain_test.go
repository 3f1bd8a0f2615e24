package http2_test

import (
	"testing"
	"time"

	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// The end of connections: drain, the client's end, loss, too many of them.

const (
	drainPing = `PING "spindle\x01"`
)

// The client is told twice: first that the end comes, and then, when it knows, which
// stream was the last (RFC 9113 §6.8).
func TestDrain(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	drained := false
	p.f.Drain(func() { drained = true })
	p.want("GOAWAY 2147483647 NO_ERROR ", drainPing)
	p.get(3, "/") // was on its way
	p.w.WritePing(true, [8]byte([]byte("spindle\x01")))
	p.flush()
	p.want("GOAWAY 3 NO_ERROR ")
	p.post(5, "/") // comes too late
	p.data(5, true, "x")
	s.Exchanges[0].Text("1")
	s.Exchanges[1].Text("3")
	p.want("HEADERS 1 "+helloOK+"1", `DATA 1 END "1"`, "HEADERS 3 "+helloOK+"1", `DATA 3 END "3"`)
	if len(s.Exchanges) != 2 || !drained {
		t.Errorf("%d requests, drained %v", len(s.Exchanges), drained)
	}
	p.wantClosed()
}

// A client that does not answer the ping is told after a second.
func TestDrainWithoutPing(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	p.f.Drain(nil)
	p.want("GOAWAY 2147483647 NO_ERROR ", drainPing)
	p.passes(time.Second)
	p.want("GOAWAY 1 NO_ERROR ")
	s.Last().Text("x")
	p.want("HEADERS 1 "+helloOK+"1", `DATA 1 END "x"`)
	p.wantClosed()
}

func TestDrainOfIdle(t *testing.T) {
	p := dial(t, silent(), plain())
	p.f.Drain(nil)
	p.f.Drain(nil)
	p.want("GOAWAY 2147483647 NO_ERROR ", drainPing)
	p.loop.Advance(time.Second)
	p.want("GOAWAY 0 NO_ERROR ")
	p.wantClosed()

	// One that has not begun is closed at once; and so is one that comes later.
	p = connect(t, nil, http2.NewFactory(silent(), plain()))
	p.frames()
	p.f.Drain(nil)
	p.want("GOAWAY 0 NO_ERROR ")
	p.wantClosed()
	p = connect(t, nil, p.f)
	p.want("SETTINGS 3=250 4=1048576 6=65536 9=1", "WINDOW_UPDATE 0 4128769", "GOAWAY 0 NO_ERROR ")
	p.wantClosed()

	drained := false
	http2.NewFactory(silent(), nil).Drain(func() { drained = true })
	if !drained {
		t.Error("nothing to drain")
	}
}

// The last stream that a GOAWAY names never goes up again.
func TestErrorWhileDraining(t *testing.T) {
	p := dial(t, silent(), plain())
	p.get(1, "/")
	p.f.Drain(nil)
	p.loop.Advance(time.Second)
	p.frames()
	p.get(3, "/")
	p.want()
	p.window(0, 0)
	p.wantGoAway(1, "PROTOCOL_ERROR")
}

// A field "Connection: close" of an answer is the wish to end the connection.
func TestConnectionClose(t *testing.T) {
	p := dial(t, answers(func(x *protocoltest.Exchange) { x.Respond(204, fields("Connection", "close"), nil) }), plain())
	p.get(1, "/")
	p.want("HEADERS 1 END :status=204", "GOAWAY 2147483647 NO_ERROR ", drainPing)
	p.loop.Advance(time.Second)
	p.want("GOAWAY 1 NO_ERROR ")
	p.wantClosed()
}

// A client that closes its half gets what it has asked for.
func TestHalfClose(t *testing.T) {
	s := silent()
	p := dial(t, s, plain())
	p.get(1, "/")
	p.post(3, "/")
	p.DeliverEOF()
	if s.Exchanges[1].Lost == nil || s.Exchanges[0].Lost != nil {
		t.Error(s.Exchanges[1], s.Exchanges[0])
	}
	p.frames()
	s.Exchanges[0].Text("hello")
	p.want("HEADERS 1 "+helloOK+"5", `DATA 1 END "hello"`, "GOAWAY 3 NO_ERROR ")
	p.wantClosed()

	p = dial(t, s, plain())
	p.DeliverEOF()
	p.want("GOAWAY 0 NO_ERROR ")
	p.wantClosed()

	p = connect(t, nil, http2.NewFactory(s, nil))
	p.DeliverEOF()
	p.wantClosed()
}

// A connection may be lost at any moment: behind every byte of a conversation.
func TestLossAtAnyMoment(t *testing.T) {
	script := connect(t, nil, http2.NewFactory(silent(), nil))
	script.batched = true
	script.settings()
	script.get(1, "/now")
	script.post(3, "/later", "content-length", "6")
	script.data(3, false, "abc")
	script.post(5, "/pause")
	script.data(5, false, "abc")
	script.get(7, "/file")
	script.headers(9, false, ":method", "CONNECT", ":authority", "h:1")
	script.data(9, false, "raw")
	script.data(3, true, "def")
	script.raw(1, 1, 11, "\x82")
	in := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), script.out.Bytes()...)
	for at := range in {
		var protocols []*raw
		s := &protocoltest.Server{}
		s.OnHead = func(x *protocoltest.Exchange) {
			switch string(x.Head.Path) {
			case "/pause":
				x.PauseBody()
			case "": // CONNECT
				r := &raw{}
				protocols = append(protocols, r)
				x.WriteHead(200, nil, -1)
				x.Switch(r)
			}
		}
		s.OnDone = func(x *protocoltest.Exchange) {
			switch string(x.Head.Path) {
			case "/now":
				x.Text("x")
			case "/file":
				x.WriteHead(200, nil, -1)
				x.RegisterProducer(&pusher{x: x})
				x.Write(make([]byte, 100_000))
			}
		}
		p := connect(t, nil, http2.NewFactory(s, plain()))
		p.Deliver(in[:at])
		p.Lose(nil)
		for _, x := range s.Exchanges {
			over := string(x.Head.Path) == "/now" || x.Head.Method == "CONNECT"
			if over != (x.Lost == nil) {
				t.Errorf("at %d: %v", at, x)
			}
			x.Text("too late")
			x.Write([]byte("too late"))
			x.SendFile(nil, 0, 1, nil)
			x.ResumeBody()
			x.PauseBody()
			x.Abort(nil)
			_, _, _, _, _ = x.Buffered(), x.Peer(), x.Host(), x.Loop(), x.TLS()
			x.RegisterProducer(&pusher{x: x})
		}
		for _, r := range protocols {
			if r.t != nil && r.lost != reactor.ErrDone {
				t.Errorf("at %d: lost %v", at, r.lost)
			}
		}
		p.loop.Run()
		p.wantClosed()
	}
}

func TestAbortOfAll(t *testing.T) {
	s := silent()
	l := reactortest.NewLoop()
	f := http2.NewFactory(s, nil)
	p, q := dialOn(t, l, f), dialOn(t, l, f)
	p.get(1, "/")
	f.Abort()
	if !p.Closed() || !q.Closed() || s.Last().Lost != reactor.ErrAborted {
		t.Error("something goes on", s.Last())
	}
}

func TestTooManyConnections(t *testing.T) {
	set := plain()
	set.MaxConnections = 2
	l := reactortest.NewLoop()
	f := http2.NewFactory(silent(), set)
	p, q := dialOn(t, l, f), dialOn(t, l, f)
	q.get(1, "/")
	r := dialOn(t, l, f) // in the place of p, the longest idle
	p.want("GOAWAY 0 NO_ERROR ")
	if !p.Closed() || q.Closed() {
		t.Error("the wrong one was closed")
	}
	r.get(1, "/")
	u := connect(t, l, f)
	u.want("SETTINGS 3=250 4=1048576 6=65536 9=1", "WINDOW_UPDATE 0 4128769",
		"GOAWAY 0 ENHANCE_YOUR_CALM there are too many connections")
	if u.DeliverEOF(); !u.Closed() || f.Stats().Open != 2 {
		t.Error(f.Stats())
	}
	full := false
	set.Full = func() bool { return full }
	f = http2.NewFactory(silent(), set)
	dialOn(t, l, f)
	full = true
	v := connect(t, l, f)
	if !v.WriteClosed() {
		t.Error("Full was not asked")
	}
}

func TestStats(t *testing.T) {
	s := silent()
	l := reactortest.NewLoop()
	f := http2.NewFactory(s, plain())
	p, _ := dialOn(t, l, f), dialOn(t, l, f)
	p.get(1, "/")
	p.get(3, "/", "connection", "close")
	if got := f.Stats(); got != (http2.Stats{Open: 2, Idle: 1, Accepted: 2, Requests: 1, Refused: 1}) {
		t.Errorf("%+v", got)
	}
	s.Last().Text("")
	if got := f.Stats(); got.Idle != 2 {
		t.Errorf("%+v", got)
	}
}
