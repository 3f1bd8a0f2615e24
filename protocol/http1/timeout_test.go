package http1_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// The defaults, as DESIGN has them.
const (
	firstByteTime = 10 * time.Second
	headTime      = 10 * time.Second
	idleTime      = 60 * time.Second
	bodyTime      = 20 * time.Second
	writeTime     = 60 * time.Second
)

// lastsFor wants the connection to be open one nanosecond before d is over, and
// to have ended as ends says when it is.
func lastsFor(t *testing.T, c *protocoltest.Client, d time.Duration, end string) {
	t.Helper()
	c.Loop.Advance(d - 1)
	if got := ends(c); got != "open" {
		t.Errorf("before %v: %s", d, got)
	}
	c.Loop.Advance(1)
	if got := ends(c); got != end {
		t.Errorf("after %v: %s, want %s", d, got, end)
	}
}

func TestFirstByteTimeout(t *testing.T) {
	lastsFor(t, dial(t, hello()), firstByteTime, "closed")
}

// An empty line is not yet a request.
func TestFirstByteTimeoutAfterAnEmptyLine(t *testing.T) {
	c := dial(t, hello())
	c.Loop.Advance(firstByteTime - 1)
	c.Send("\r\n")
	lastsFor(t, c, 1, "closed")
}

func TestHeadTimeout(t *testing.T) {
	for name, before := range map[string]string{"first": "", "second": getRequest} {
		s := hello()
		c := dial(t, s)
		c.Send(before)
		c.Discard()
		c.Loop.Advance(firstByteTime - 1)
		c.Send("G")
		// Bytes that go on dripping do not help.
		for i := range 9 {
			c.Loop.Advance(time.Second)
			c.Send("ET / HTTP"[i : i+1])
		}
		lastsFor(t, c, headTime-9*time.Second, "408 lingering")
		if len(s.Refused) != 1 || s.Refused[0].Status != 408 || string(s.Received[0]) != "GET / HTTP" {
			t.Errorf("%s: refused %v, %q", name, s.Refused, s.Received)
		}
	}
}

// Each head has its own time, also when it begins with the end of the one before.
func TestHeadTimeoutBeginsAnew(t *testing.T) {
	c := dial(t, hello())
	c.Send("GET / HTTP/1.1\r\n")
	for range 5 {
		c.Loop.Advance(headTime - 1)
		c.Send("Host: x\r\n\r\nGET / HTTP/1.1\r\n")
		c.WantStatus("200")
	}
	lastsFor(t, c, headTime, "408 lingering")
}

func TestIdleTimeout(t *testing.T) {
	c := dial(t, hello())
	for range 3 {
		c.Send(getRequest)
		c.WantStatus("200")
		c.Loop.Advance(idleTime - 1)
		c.WantOpen()
	}
	c.Send(getRequest)
	c.WantStatus("200")
	lastsFor(t, c, idleTime, "closed")
}

// The time while the answer is being made is the server's, not the client's.
func TestNoTimeoutWhileTheAnswerIsMade(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send(getRequest)
	c.Loop.Advance(24 * time.Hour)
	c.WantOpen()
	s.Last().Text("late")
	c.WantStatus("200")
	lastsFor(t, c, idleTime, "closed")
}

func TestBodyTimeout(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	lastsFor(t, c, bodyTime, "408 lingering")
	var e *protocol.Error
	if !errors.As(s.Last().Lost, &e) || e.Status != 408 {
		t.Errorf("the Receiver was told %v", s.Last().Lost)
	}
}

// 1 KiB a second is enough for ever; a byte less is not.
func TestMinBodyRate(t *testing.T) {
	for rate, enough := range map[int]bool{1024: true, 1023: false} {
		c := dial(t, &protocoltest.Server{})
		c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
		piece := strings.Repeat("x", rate)
		for i := 0; i < 60*60*6 && !c.WriteClosed(); i++ {
			c.Loop.Advance(time.Second)
			c.Send(piece)
		}
		if c.WriteClosed() == enough {
			t.Errorf("%d bytes a second: closed is %v", rate, c.WriteClosed())
		}
	}
}

// What came fast in the beginning does not buy hours of silence.
func TestBodyTimeoutAfterABurst(t *testing.T) {
	c := dial(t, &protocoltest.Server{})
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
	c.Loop.Advance(time.Second)
	c.Send(strings.Repeat("x", 10<<20))
	lastsFor(t, c, bodyTime, "408 lingering")
}

func TestMinBodyRateOff(t *testing.T) {
	c := protocoltest.Dial(t, nil, http1.NewFactory(&protocoltest.Server{}, &http1.Settings{MinBodyRate: -1}))
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
	for range 100 {
		c.Loop.Advance(bodyTime - 1)
		c.Send("x")
	}
	lastsFor(t, c, bodyTime, "408 lingering")
}

// While the Receiver has the content paused the client can do nothing.
func TestNoBodyTimeoutWhilePaused(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send(postRequest + "01")
	s.Last().PauseBody()
	c.Loop.Advance(time.Hour)
	c.WantOpen()
	s.Last().ResumeBody()
	lastsFor(t, c, bodyTime, "408 lingering")
}

// Content that is dropped has to come in time as well.
func TestBodyTimeoutWhileDropping(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(200, nil, nil) }}
	c := dial(t, s)
	c.Send(postRequest + "0")
	c.WantStatus("200")
	lastsFor(t, c, bodyTime, "lingering")
}

// Each content has its own time.
func TestBodyTimeoutBeginsAnew(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("") }}
	c := dial(t, s)
	c.Send(postRequest)
	for range 5 {
		c.Loop.Advance(bodyTime - 1)
		c.Send("0123456789" + postRequest)
		c.WantStatus("200")
	}
	lastsFor(t, c, bodyTime, "408 lingering")
}

func TestWriteTimeout(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(200, nil, make([]byte, 100<<10)) }}
	for name, more := range map[string]func(c *protocoltest.Client){
		"between requests": func(*protocoltest.Client) {},
		"requests behind":  func(c *protocoltest.Client) { c.Send(getRequest + getRequest) },
		"its end":          func(c *protocoltest.Client) { c.DeliverEOF() },
		"a bad request":    func(c *protocoltest.Client) { c.Send("nonsense\r\n") },
	} {
		c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{IdleTimeout: -1}))
		c.SetCapacity(0)
		c.Send(getRequest)
		more(c)
		c.Loop.Advance(writeTime - 1)
		if c.Closed() {
			t.Errorf("%s: it ended too soon", name)
		}
		c.Loop.Advance(1)
		if c.WantAborted(); t.Failed() {
			t.Fatal(name)
		}
	}
}

// A client that takes a byte now and then is not stalled, however long it takes;
// once it stops, it is given up within a quarter more than the time.
func TestWriteTimeoutAndProgress(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(200, nil, make([]byte, 100<<10)) }}
	c := dial(t, s)
	c.SetCapacity(0)
	c.Send(getRequest)
	for range 20 {
		c.Loop.Advance(writeTime - 1)
		if c.Closed() {
			t.Fatal("it ended in spite of progress")
		}
		c.Drain(1)
	}
	c.Loop.Advance(writeTime - 1)
	if c.Closed() {
		t.Error("it ended too soon")
	}
	c.Loop.Advance(writeTime/4 + 1)
	c.WantAborted()
}

// More that is written to a stalled client is not progress.
func TestWriteTimeoutOfAStream(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send(getRequest)
	x := s.Last()
	x.WriteHead(200, nil, -1)
	c.Loop.Advance(time.Hour)
	c.SetCapacity(0)
	for range 59 {
		x.Write([]byte("tick"))
		c.Loop.Advance(time.Second)
	}
	if c.Closed() {
		t.Fatal("it ended too soon")
	}
	x.Write([]byte("tick"))
	c.Loop.Advance(time.Second)
	c.WantAborted()
	if x.Lost != reactor.ErrAborted {
		t.Errorf("the Receiver was told %v", x.Lost)
	}
}

// A long download that is written at once is not cut by the idle time, as long
// as the client reads.
func TestNoIdleTimeoutWhileTheAnswerIsRead(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(200, nil, make([]byte, 100<<10)) }}
	c := dial(t, s)
	c.SetCapacity(0)
	c.Send(getRequest)
	for range 10 {
		c.Loop.Advance(idleTime / 2)
		c.Drain(10 << 10)
	}
	c.SetCapacity(-1)
	if n := len(c.Take()); n < 100<<10 {
		t.Errorf("%d bytes came", n)
	}
}

// Every time that is off is off.
func TestTimeoutsOff(t *testing.T) {
	off := &http1.Settings{FirstByteTimeout: -1, HeadTimeout: -1, IdleTimeout: -1, BodyTimeout: -1, WriteTimeout: -1}
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("") }}
	f := http1.NewFactory(s, off)
	for name, in := range map[string]string{
		"first": "", "head": "GET", "idle": getRequest, "content": postRequest,
	} {
		c := protocoltest.Dial(t, nil, f)
		c.SetCapacity(0)
		c.Send(in)
		if n := c.Loop.Pending(); n != 0 {
			t.Errorf("%s: %d timers", name, n)
		}
		c.Loop.Advance(1000 * time.Hour)
		c.WantOpen()
	}
}

// A request costs no timer: there is one for each connection, and it stays where
// it is.
func TestOneLazyTimer(t *testing.T) {
	l := &countingLoop{Loop: reactortest.NewLoop()}
	c := protocoltest.Dial(t, l.Loop, factoryFunc(func() reactor.Protocol {
		return &onLoop{http1.NewFactory(hello(), nil).BuildProtocol(reactor.Addr{}), l}
	}))
	for range 1000 {
		c.Send(getRequest)
		l.Advance(time.Millisecond)
	}
	if n := l.Pending(); n != 1 {
		t.Errorf("%d timers", n)
	}
	if l.made > 2 {
		t.Errorf("%d timers were made in a second of requests", l.made)
	}
}

type factoryFunc func() reactor.Protocol

func (f factoryFunc) BuildProtocol(reactor.Addr) reactor.Protocol { return f() }

// onLoop gives a protocol another loop than its transport has.
type onLoop struct {
	reactor.Protocol
	l reactor.Loop
}

func (p *onLoop) ConnectionMade(t reactor.Transport) {
	p.Protocol.ConnectionMade(&elsewhere{t, p.l})
}

type elsewhere struct {
	reactor.Transport
	l reactor.Loop
}

func (e *elsewhere) Loop() reactor.Loop { return e.l }

// countingLoop counts the timers that are made.
type countingLoop struct {
	*reactortest.Loop
	made int
}

func (l *countingLoop) CallLater(d time.Duration, f func()) *reactor.DelayedCall {
	l.made++
	return l.Loop.CallLater(d, f)
}
