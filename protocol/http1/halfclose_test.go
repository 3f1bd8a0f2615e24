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

const (
	getRequest  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	postRequest = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
)

func TestHalfClose(t *testing.T) {
	for _, row := range []struct {
		name, in, want string // want: the statuses, and how it ends
	}{
		{"nothing", "", "closed"},
		{"an empty line", "\r\n", "closed"},
		{"a request", getRequest, "200 closed"},
		{"two requests", getRequest + getRequest, "200 200 closed"},
		{"a request and a half", getRequest + "GET / HT", "200 400 closed"},
		{"half a head", "GET / HTTP/1.1\r\nHost", "400 closed"},
		{"a CR", "\r", "400 closed"},
		{"content", postRequest + "0123456789", "200 closed"},
		{"no content", postRequest, "400 closed"},
		{"half the content", postRequest + "01234", "400 closed"},
		{"half a chunk", chunks("5\r\nabc"), "400 closed"},
		{"no last chunk", chunks("3\r\nabc\r\n"), "400 closed"},
		{"half the trailers", chunks("3\r\nabc\r\n0\r\nA: b\r\n"), "400 closed"},
		{"chunks", chunks("3\r\nabc\r\n0\r\n\r\n"), "200 closed"},
		{"a bad request", "GET\r\n", "400 closed"},
	} {
		for _, when := range []string{"at once", "later"} {
			for cut, split := range reactortest.Splits() {
				t.Run(row.name+"/"+when+"/"+cut, func(t *testing.T) {
					s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
						if when == "at once" {
							x.Text("")
						} else {
							x.Loop().CallLater(1e9, func() { x.Text("") })
						}
					}}
					c := dial(t, s)
					c.SetSplit(split)
					c.Send(row.in)
					c.DeliverEOF()
					c.Loop.Advance(3e9)
					if got := ends(c); got != row.want {
						t.Errorf("got %s, want %s", got, row.want)
					}
				})
			}
		}
	}
}

// ends tells the statuses of all answers, and how the connection has ended.
func ends(c *protocoltest.Client) string {
	var b strings.Builder
	for _, part := range strings.Split(c.TakeString(), "HTTP/1.1 ")[1:] {
		b.WriteString(part[:3] + " ")
	}
	switch reason, lost := c.Lost(); {
	case lost && errors.Is(reason, reactor.ErrDone):
		b.WriteString("closed")
	case lost:
		b.WriteString("aborted")
	case c.WriteClosed():
		b.WriteString("lingering")
	default:
		b.WriteString("open")
	}
	return b.String()
}

// A long answer to a client that has closed its half arrives whole.
func TestHalfCloseAndALongAnswer(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(200, nil, make([]byte, 1<<20)) }}
	c := dial(t, s)
	c.SetCapacity(1000)
	c.Send(getRequest)
	c.DeliverEOF()
	if c.Closed() {
		t.Fatal("closed before the answer was delivered")
	}
	c.SetCapacity(-1)
	if n := len(c.Take()); n < 1<<20 {
		t.Errorf("%d bytes came", n)
	}
	c.WantClosed()
}

// The client's end in the middle of the content of an exchange that is answered
// with its head already cuts the answer.
func TestHalfCloseInContentAfterTheHead(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.WriteHead(200, nil, -1) }}
	c := dial(t, s)
	c.Send(postRequest + "0123")
	c.DeliverEOF()
	c.WantAborted()
	var e *protocol.Error
	if !errors.As(s.Last().Lost, &e) || e.Status != 400 {
		t.Errorf("the Receiver was told %v", s.Last().Lost)
	}
}

// Content that is paused is not cut by the end behind it.
func TestHalfCloseBehindPausedContent(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
	s.OnDone = func(x *protocoltest.Exchange) { x.Text(string(x.Body)) }
	c := dial(t, s)
	c.Send(postRequest + "0123456789")
	c.DeliverEOF()
	c.Want("")
	s.Last().ResumeBody()
	c.Want(helloOK + "Content-Length: 10\r\n\r\n0123456789")
	c.WantClosed()
}

// eofServer makes Receivers that want to know when the client closes its half.
type eofServer struct {
	protocoltest.Server
	told int
}

type eofReceiver struct {
	*protocoltest.Exchange
	s *eofServer
}

func (s *eofServer) NewReceiver(c protocol.Channel) protocol.Receiver {
	return &eofReceiver{s.Server.NewReceiver(c).(*protocoltest.Exchange), s}
}

func (r *eofReceiver) ReadConnectionLost() {
	r.s.told++
	r.Text("goodbye")
}

// A client that has sent further requests waits for their answers.
func TestHalfCloseBehindRequests(t *testing.T) {
	s := &eofServer{}
	s.OnDone = func(x *protocoltest.Exchange) { x.Loop().CallLater(1e9, func() { x.Text("") }) }
	c := protocoltest.Dial(t, nil, http1.NewFactory(s, nil))
	c.Send(getRequest + getRequest)
	c.DeliverEOF()
	c.Loop.Advance(3e9)
	if got := ends(c); got != "200 200 closed" || s.told != 0 {
		t.Errorf("got %s; told %d times", got, s.told)
	}
}

func TestHalfCloseIsTold(t *testing.T) {
	for _, row := range []struct {
		name, in, want string
		told           int
	}{
		{"while the answer is made", getRequest, "200 closed", 1},
		{"behind content", postRequest + "0123456789", "200 closed", 1},
		{"instead of content", postRequest, "400 closed", 0},
		{"between requests", "", "closed", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &eofServer{}
			c := protocoltest.Dial(t, nil, http1.NewFactory(s, nil))
			c.Send(row.in)
			c.DeliverEOF()
			if got := ends(c); got != row.want || s.told != row.told {
				t.Errorf("got %s, want %s; told %d times", got, row.want, s.told)
			}
		})
	}
}

// A client that has closed its half, and is sent nothing, is given up: most often it has
// left.
func TestHalfCloseAndNoAnswer(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send(getRequest)
	c.DeliverEOF()
	c.Loop.Advance(9 * time.Second)
	s.Last().WriteHead(200, nil, -1) // an event stream
	s.Last().Write([]byte("x"))
	c.Loop.Advance(10 * time.Second)
	if _, lost := c.Lost(); lost {
		t.Fatal("given up too early")
	}
	c.Loop.Advance(2 * time.Second)
	c.WantAborted()
	if s.Last().Lost == nil {
		t.Error("the Receiver was not told")
	}
}
