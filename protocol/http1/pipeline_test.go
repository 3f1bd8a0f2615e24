package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// Pipelining, RFC 9112 §9.3.2: whatever the content of the requests, whatever
// the framing of the answers, at once or later: the answers come in the order of
// the requests, and one exchange is in hand at a time.
func TestPipeliningInOrder(t *testing.T) {
	contents := map[string]func(i int) string{
		"none":   func(i int) string { return "\r\n" },
		"length": func(i int) string { return fmt.Sprintf("Content-Length: 5\r\n\r\nabc%02d", i) },
		"chunked": func(i int) string {
			return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\n%02d\r\n0\r\n\r\n", i)
		},
	}
	whens := map[string]func(x *protocoltest.Exchange, answer func()){
		"at once": func(x *protocoltest.Exchange, answer func()) { answer() },
		"later":   func(x *protocoltest.Exchange, answer func()) { x.Loop().CallLater(1, answer) },
		"by turns": func(x *protocoltest.Exchange, answer func()) {
			if x.Number%2 == 0 {
				x.Loop().CallLater(1, answer)
			} else {
				answer()
			}
		},
	}
	hows := map[string]func(x *protocoltest.Exchange){
		"respond": func(x *protocoltest.Exchange) { x.Respond(200, nil, []byte(text(x))) },
		"length": func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, int64(len(text(x))))
			x.Write([]byte(text(x)))
			x.Finish(nil)
		},
		"chunked": func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, -1)
			x.Write([]byte(text(x)))
			x.Finish(nil)
		},
	}
	for content, write := range contents {
		for when, then := range whens {
			for how, answer := range hows {
				for cut, split := range reactortest.Splits() {
					t.Run(strings.Join([]string{content, when, how, cut}, "/"), func(t *testing.T) {
						pipeline(t, split, write, how == "chunked", func(x *protocoltest.Exchange) {
							then(x, func() { answer(x) })
						})
					})
				}
			}
		}
	}
}

func text(x *protocoltest.Exchange) string { return string(x.Head.Path) + string(x.Body) }

func pipeline(t *testing.T, split reactortest.Split, content func(i int) string, chunked bool, answer func(x *protocoltest.Exchange)) {
	const n = 20
	open := 0
	s := &protocoltest.Server{
		OnHead: func(x *protocoltest.Exchange) {
			if open++; open > 1 {
				t.Errorf("%d exchanges at once", open)
			}
		},
	}
	s.OnDone = func(x *protocoltest.Exchange) {
		open-- // before the answer: it may bring the next request
		answer(x)
	}
	l := reactortest.NewLoop()
	c := protocoltest.Dial(t, l, http1.NewFactory(s, nil))
	c.SetSplit(split)
	var in, want strings.Builder
	for i := range n {
		body := content(i)
		fmt.Fprintf(&in, "POST /%02d HTTP/1.1\r\nHost: x\r\n%s", i, body)
		answer := fmt.Sprintf("/%02d", i)
		if body != "\r\n" {
			answer += fmt.Sprintf("abc%02d", i)
		}
		if chunked {
			fmt.Fprintf(&want, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(answer), answer)
		} else {
			fmt.Fprintf(&want, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
		}
	}
	c.Send(in.String())
	l.Advance(n)
	c.Want(want.String())
	c.WantOpen()
}

// An answer that comes while the next requests wait does not call the Receiver
// from inside Finish.
func TestNextRequestDoesNotBeginInsideFinish(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	if len(s.Exchanges) != 1 {
		t.Fatalf("%d exchanges", len(s.Exchanges))
	}
	s.Last().Text("one")
	if len(s.Exchanges) != 1 {
		t.Error("the next request began inside the answer")
	}
	c.Want(helloOK + "Content-Length: 3\r\n\r\none")
	if len(s.Exchanges) != 2 {
		t.Errorf("%d exchanges after the next turn", len(s.Exchanges))
	}
}

// Requests that wait are kept up to a limit; then reading pauses, until they are
// worked off.
func TestMaxPipelinedBytes(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for over := range 2 {
		s := &protocoltest.Server{}
		c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{MaxPipelinedBytes: 2 * len(head)}))
		c.Send(head)
		c.Send(head + head[:len(head)-1])
		if over == 1 {
			c.Send(head[len(head)-1:])
		}
		if c.ReadingPaused() != (over == 1) {
			t.Fatalf("%d bytes wait, paused is %v", 2*len(head)-1+over, c.ReadingPaused())
		}
		if over == 0 {
			continue
		}
		c.Send(head)
		if c.Unread() != len(head) {
			t.Errorf("%d bytes were left unread", c.Unread())
		}
		for i := range 4 {
			if len(s.Exchanges) != i+1 {
				t.Fatalf("%d exchanges", len(s.Exchanges))
			}
			s.Last().Text("")
			c.WantStatus("200")
		}
		if c.ReadingPaused() || c.Unread() != 0 {
			t.Error("reading is still paused")
		}
	}
}

// A client that sends requests and reads no answers gets no further than
// MaxQueuedBytes.
func TestMaxQueuedBytes(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	body := []byte(strings.Repeat("x", 1000))
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(200, nil, body) }}
	c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{MaxQueuedBytes: 5000, ServerName: "-"}))
	c.SetCapacity(0)
	c.Send(strings.Repeat(head, 100))
	each := 1000 + len("HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 1000\r\n\r\n")
	most := 5000/each + 1
	if len(s.Exchanges) != most || !c.ReadingPaused() {
		t.Fatalf("%d requests were answered, want %d; paused %v", len(s.Exchanges), most, c.ReadingPaused())
	}
	c.Drain(most*each - 1) // all but a byte
	if len(s.Exchanges) != most {
		t.Fatalf("%d requests were answered with the answers not read", len(s.Exchanges))
	}
	c.Drain(1)
	if len(s.Exchanges) != 2*most {
		t.Fatalf("%d requests were answered after that", len(s.Exchanges))
	}
	c.SetCapacity(-1)
	if len(s.Exchanges) != 100 || strings.Count(c.String(), "HTTP/1.1 200") != 100 {
		t.Errorf("%d requests were answered in the end", len(s.Exchanges))
	}
	c.WantOpen()
	if c.ReadingPaused() {
		t.Error("reading is still paused")
	}
}

// One connection does not hold the loop: the others have their turn between its
// requests.
func TestOthersHaveTheirTurn(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("") }}
	l := reactortest.NewLoop()
	l.Stepwise = true
	f := http1.NewFactory(s, nil)
	c := protocoltest.Dial(t, l, f)
	c.Send(strings.Repeat(getRequest, 150))
	c.DeliverEOF()
	for i, want := range []int{64, 128, 150} {
		if len(s.Exchanges) != want {
			t.Fatalf("after turn %d: %d requests", i, len(s.Exchanges))
		}
		if want < 150 && f.Stats().Idle != min(i, 1) { // the other is, from then on
			t.Errorf("after turn %d: %d idle", i, f.Stats().Idle)
		}
		if i == 0 {
			protocoltest.Dial(t, l, f).Send(getRequest)
			if len(s.Exchanges) != want+1 {
				t.Fatal("the other had no turn")
			}
			s.Exchanges = s.Exchanges[:want]
		}
		l.Turn()
	}
	if got := strings.Count(c.TakeString(), "HTTP/1.1 200"); got != 150 {
		t.Errorf("%d answers", got)
	}
	c.WantClosed()
}

// What is written for a blocked connection's close does not wait for the
// producer that the channel is itself.
func TestCloseWhileBlocked(t *testing.T) {
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("hello") }}
	f := http1.NewFactory(s, &http1.Settings{MaxQueuedBytes: 10})
	c := protocoltest.Dial(t, nil, f)
	c.SetCapacity(0)
	c.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	c.DeliverEOF()
	f.Drain(nil)
	c.SetCapacity(-1)
	if got := strings.Count(c.TakeString(), "hello"); got != 2 {
		t.Errorf("%d answers", got)
	}
	c.WantClosed()
}

// PauseBody keeps the content that has come, and stops reading.
func TestPauseBody(t *testing.T) {
	for name, body := range map[string]string{
		"length":  "Content-Length: 10\r\n\r\n0123456789",
		"chunked": "Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\n3\r\n345\r\n4\r\n6789\r\n0\r\n\r\n",
	} {
		for cut, split := range reactortest.Splits() {
			s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.PauseBody() }}
			s.OnBody = func(x *protocoltest.Exchange, _ []byte) { x.PauseBody() }
			s.OnDone = func(x *protocoltest.Exchange) { x.Text(string(x.Body)) }
			c := dial(t, s)
			c.SetSplit(split)
			c.Send("POST / HTTP/1.1\r\nHost: x\r\n" + body)
			x := s.Last()
			if len(x.Body) != 0 || !c.ReadingPaused() {
				t.Fatalf("%s, %s: %q came while it was paused; reading paused: %v", name, cut, x.Body, c.ReadingPaused())
			}
			for i := 0; !x.Complete; i++ {
				before := x.Pieces
				x.ResumeBody()
				c.Loop.Run()
				if x.Pieces > before+1 || i > 100 {
					t.Fatalf("%s, %s: %d pieces after one resume", name, cut, x.Pieces-before)
				}
			}
			c.Want(helloOK + "Content-Length: 10\r\n\r\n0123456789")
			c.WantOpen()
			if c.ReadingPaused() {
				t.Errorf("%s, %s: reading is still paused", name, cut)
			}
		}
	}
}

// An exchange that is over is forgotten: what its Receiver does to the channel
// before the next one has no effect.
func TestMethodsAfterTheEndDoNothing(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	x := s.Last()
	x.Text("done")
	c.WantStatus("200")
	everything(x)
	if got := c.String(); got != "" {
		t.Errorf("after the end %q was sent", got)
	}
	c.WantOpen()
	c.Lose(nil)
	everything(x)
	if x.Lost != nil {
		t.Error("a Receiver was told after its exchange was over")
	}
}

func everything(x *protocoltest.Exchange) {
	x.WriteInformational(103, nil)
	x.Continue()
	x.WriteHead(200, nil, 1)
	x.Write([]byte("a"))
	x.WriteShared([]byte("b"))
	x.SendFile(nil, 0, 1, nil)
	x.Finish(protocol.Fields{{Name: "A", Value: "b"}})
	x.Respond(500, nil, nil)
	x.PauseBody()
	x.ResumeBody()
	x.UnregisterProducer()
	x.Switch(nil)
	x.Abort(nil)
}
