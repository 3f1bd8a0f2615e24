package http1_test

import (
	"strings"
	"testing"
	"time"

	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

func TestDrain(t *testing.T) {
	s := &protocoltest.Server{}
	l := reactortest.NewLoop()
	f := http1.NewFactory(s, nil)
	newOne := func() *protocoltest.Client { return protocoltest.Dial(t, l, f) }
	fresh, idle, half, busy, sending := newOne(), newOne(), newOne(), newOne(), newOne()
	idle.Send(getRequest)
	s.Last().Text("")
	idle.Discard()
	half.Send(getRequest[:10])
	sending.Send(postRequest)
	atContent := s.Last()
	busy.Send(getRequest + getRequest)
	atAnswer := s.Last()

	drained := 0
	f.Drain(func() { drained++ })
	fresh.WantClosed()
	idle.WantClosed()
	half.WantOpen()
	sending.WantOpen()
	busy.WantOpen()

	atAnswer.Text("")
	busy.Want(helloOK + "Content-Length: 0\r\nConnection: close\r\n\r\n")
	busy.WantLingering() // the second request is not answered
	busy.DeliverEOF()
	half.Send(getRequest[10:])
	s.Last().Text("")
	half.Want(helloOK + "Content-Length: 0\r\nConnection: close\r\n\r\n")
	half.WantClosed()
	sending.Send("0123456789")
	if l.Run(); drained != 0 {
		t.Fatal("drained with a connection left")
	}
	late := newOne()
	late.Send(getRequest)
	s.Last().Text("")
	late.Want(helloOK + "Content-Length: 0\r\nConnection: close\r\n\r\n")
	late.WantClosed()
	atContent.Text("")
	sending.WantStatus("200")
	sending.WantClosed()
	if l.Run(); drained != 1 || f.Stats().Open != 0 {
		t.Errorf("drained %d times, %+v", drained, f.Stats())
	}
}

// Who may be about to ask has a while for that.
func TestDrainSoon(t *testing.T) {
	l := reactortest.NewLoop()
	f := http1.NewFactory(hello(), nil)
	fresh, idle, quiet := protocoltest.Dial(t, l, f), protocoltest.Dial(t, l, f), protocoltest.Dial(t, l, f)
	for _, c := range []*protocoltest.Client{idle, quiet} {
		c.Send(getRequest)
		c.WantStatus("200")
	}
	drained := 0
	f.DrainSoon(time.Second, func() { drained++ })
	l.Advance(999 * time.Millisecond)
	for _, c := range []*protocoltest.Client{fresh, idle} {
		c.WantOpen()
		c.Send(getRequest)
		if got := c.TakeString(); !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("answered in time: %q", got)
		}
		c.WantClosed()
	}
	quiet.WantOpen()
	l.Advance(time.Millisecond)
	quiet.WantClosed()
	if l.Run(); drained != 1 {
		t.Errorf("drained %d times", drained)
	}
	f = http1.NewFactory(hello(), nil)
	if f.DrainSoon(time.Second, func() { drained++ }); drained != 2 {
		t.Error("there was no connection, and it is not drained")
	}
}

func TestDrainOfNothing(t *testing.T) {
	drained := 0
	f := http1.NewFactory(hello(), nil)
	f.Drain(nil)
	f.Drain(func() { drained++ })
	if drained != 1 {
		t.Errorf("drained %d times", drained)
	}
}

// A connection whose answer was given before it was asked to drain ends when the
// rest of the content has been dropped.
func TestDrainWhileDropping(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(200, nil, nil) }}
	c := dial(t, s)
	c.Send(postRequest + "0123")
	c.Protocol().(*http1.Channel).Drain()
	c.WantStatus("200")
	c.WantOpen()
	c.Send("456789")
	c.WantClosed()
}

func TestAbortOfAll(t *testing.T) {
	s := &protocoltest.Server{}
	l := reactortest.NewLoop()
	f := http1.NewFactory(s, nil)
	idle, busy := protocoltest.Dial(t, l, f), protocoltest.Dial(t, l, f)
	busy.Send(getRequest)
	f.Abort()
	idle.WantAborted()
	busy.WantAborted()
	if s.Last().Lost != reactor.ErrAborted {
		t.Errorf("the Receiver was told %v", s.Last().Lost)
	}
}

func TestStats(t *testing.T) {
	s := &protocoltest.Server{}
	l := reactortest.NewLoop()
	f := http1.NewFactory(s, nil)
	want := func(open, idle int, accepted, requests, refused uint64) {
		t.Helper()
		if got := f.Stats(); got != (http1.Stats{Open: open, Idle: idle, Accepted: accepted, Requests: requests, Refused: refused}) {
			t.Errorf("%+v", got)
		}
	}
	want(0, 0, 0, 0, 0)
	a, b := protocoltest.Dial(t, l, f), protocoltest.Dial(t, l, f)
	want(2, 2, 2, 0, 0)
	a.Send(getRequest)
	want(2, 1, 2, 1, 0)
	s.Last().Text("")
	want(2, 2, 2, 1, 0)
	b.Send("nonsense\r\n")
	want(2, 1, 2, 1, 1)
	b.DeliverEOF()
	want(1, 1, 2, 1, 1)
	a.Lose(nil)
	want(0, 0, 2, 1, 1)
}

// At the limit the connection that has been idle longest makes room.
func TestMaxConnections(t *testing.T) {
	s := &protocoltest.Server{}
	l := reactortest.NewLoop()
	f := http1.NewFactory(s, &http1.Settings{MaxConnections: 3})
	dial := func() *protocoltest.Client { return protocoltest.Dial(t, l, f) }
	a, b, c := dial(), dial(), dial()
	a.Send(getRequest) // makes a the youngest idle one
	s.Last().Text("")
	b.Send(getRequest) // busy
	atB := s.Last()
	d := dial()
	c.WantClosed()
	for _, x := range []*protocoltest.Client{a, b, d} {
		x.WantOpen()
	}
	e := dial()
	a.WantClosed()
	d.Send(getRequest)
	e.Send(getRequest)
	g := dial()
	g.Want("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 52\r\n" +
		"Connection: close\r\n\r\nService Unavailable: there are too many connections\n")
	g.WantClosed()
	atB.Text("")
	h := dial()
	b.WantClosed()
	h.WantOpen()
	if f.Stats().Refused != 1 || s.Refused[0].Status != 503 {
		t.Errorf("%+v, %v", f.Stats(), s.Refused)
	}
}

func TestCloseOldestIdle(t *testing.T) {
	s := hello()
	l := reactortest.NewLoop()
	f := http1.NewFactory(s, nil)
	a, b := protocoltest.Dial(t, l, f), protocoltest.Dial(t, l, f)
	a.Send(getRequest)
	if !f.CloseOldestIdle() {
		t.Error("there was none")
	}
	b.WantClosed()
	a.WantOpen()
	if !f.CloseOldestIdle() || f.CloseOldestIdle() {
		t.Error("there was not just one more")
	}
	a.WantClosed()
}

// The client goes away in every state: the Receiver is told once, or never.
func TestLoss(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "head": getRequest[:9], "answer": getRequest, "content": postRequest + "01",
		"chunks": chunks("5\r\nab"), "waiting requests": getRequest + getRequest,
	} {
		s := &protocoltest.Server{}
		f := http1.NewFactory(s, nil)
		c := protocoltest.Dial(t, nil, f)
		c.Send(in)
		c.Reset()
		for _, x := range s.Exchanges {
			if x.Lost == nil {
				t.Errorf("%s: the Receiver was not told", name)
			}
		}
		if c.Loop.Run(); len(s.Exchanges) > 1 || f.Stats().Open != 0 || c.Loop.Pending() != 0 {
			t.Errorf("%s: %d exchanges, %+v, %d timers", name, len(s.Exchanges), f.Stats(), c.Loop.Pending())
		}
	}
}

func TestServerNameThatCanNotBeSent(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	http1.NewFactory(hello(), &http1.Settings{ServerName: "a\r\nb"})
}

// The connection that is just being answered is not idle, whoever asks.
func TestCloseOldestIdleInACallback(t *testing.T) {
	var f *http1.Factory
	s := &protocoltest.Server{}
	s.OnDone = func(x *protocoltest.Exchange) {
		if f.CloseOldestIdle() {
			t.Error("there was one")
		}
		x.Text("")
		if f.CloseOldestIdle() {
			t.Error("there was one after the answer")
		}
	}
	f = http1.NewFactory(s, nil)
	c := protocoltest.Dial(t, nil, f)
	c.Send(getRequest + getRequest)
	if got := ends(c); got != "200 200 open" {
		t.Error(got)
	}
}

// A connection that was busy when the drain began, and was promised to stay, may ask once more.
func TestDrainSoonWhileBusy(t *testing.T) {
	var busy *protocoltest.Exchange
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
		if busy == nil {
			busy = x
			x.WriteHead(200, nil, 2)
			return
		}
		x.Respond(200, nil, []byte("last"))
	}}
	f := http1.NewFactory(s, &http1.Settings{ServerName: "-"})
	l := reactortest.NewLoop()
	tr := l.NewTransport()
	tr.Start(f.BuildProtocol(tr.PeerAddr))
	tr.Deliver([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.DrainSoon(time.Second, nil)
	busy.Write([]byte("ok"))
	busy.Finish(nil)
	l.Run()
	if got := string(tr.Take()); strings.Contains(got, "close") || tr.Disconnecting() {
		t.Errorf("it is to end: %q", got)
	}
	tr.Deliver([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if got := string(tr.Take()); !strings.Contains(got, "Connection: close") || !tr.Disconnecting() {
		t.Errorf("it stays: %q", got)
	}
}
