package http1_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

func TestRefusalLingers(t *testing.T) {
	s := hello()
	f := http1.NewFactory(s, &http1.Settings{MaxLingerBytes: 100, LingerTimeout: 5e9})
	c := protocoltest.Dial(t, nil, f)
	c.Send("GET / HTTP/1.1\r\nHost: x y\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.Want("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 41\r\n" +
		"Connection: close\r\n\r\nBad Request: the Host field is malformed\n")
	c.WantLingering()
	if len(s.Exchanges) != 0 || len(s.Refused) != 1 || s.Refused[0].Status != 400 {
		t.Errorf("exchanges %v, refused %v", s.Exchanges, s.Refused)
	}
	if !strings.HasPrefix(string(s.Received[0]), "GET / HTTP/1.1\r\nHost: x y\r\n") {
		t.Errorf("the server was shown %q", s.Received[0])
	}
	c.Send(strings.Repeat("x", 100))
	c.WantLingering()
	c.Send("x")
	c.Want("")
	c.WantClosed()
	if f.Stats().Refused != 1 || f.Stats().Open != 0 {
		t.Errorf("%+v", f.Stats())
	}
}

func TestLingerEndsWithTheClient(t *testing.T) {
	c := dial(t, hello())
	c.Send("nonsense\r\n")
	c.WantStatus("400")
	c.WantLingering()
	c.DeliverEOF()
	c.WantClosed()
}

func TestLingerEndsWithTime(t *testing.T) {
	c := dial(t, hello())
	c.Send("nonsense\r\n")
	c.Loop.Advance(5e9 - 1)
	c.WantLingering()
	c.Loop.Advance(1)
	c.WantClosed()
}

// The time begins when the answer is delivered, not when it was written.
func TestLingerWaitsForTheAnswer(t *testing.T) {
	c := dial(t, hello())
	c.SetCapacity(0)
	c.Send("nonsense\r\n")
	c.Loop.Advance(30e9)
	if c.Closed() {
		t.Fatal("closed before the answer was delivered")
	}
	c.SetCapacity(-1)
	c.WantStatus("400")
	c.Loop.Advance(5e9 - 1)
	c.WantLingering()
	c.Loop.Advance(1)
	c.WantClosed()
}

func TestLingerOff(t *testing.T) {
	for _, set := range []http1.Settings{{LingerTimeout: -1}, {MaxLingerBytes: -1}} {
		c := protocoltest.Dial(t, nil, http1.NewFactory(hello(), &set))
		c.Send("nonsense\r\n")
		c.WantStatus("400")
		c.WantClosed()
	}
}

// A refused HEAD gets no content.
func TestRefusedHEAD(t *testing.T) {
	c := dial(t, hello())
	c.Send("HEAD / HTTP/1.1\r\n\r\n")
	c.Want("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 36\r\n" +
		"Connection: close\r\n\r\n")
}

// What is shown of a refused request is bounded.
func TestRefusedBytesAreBounded(t *testing.T) {
	s := hello()
	c := dial(t, s)
	c.Send("GET /" + strings.Repeat("a", 5000) + "\n")
	if n := len(s.Received[0]); n != 256 {
		t.Errorf("%d bytes are shown", n)
	}
	c.WantStatus("400")
}

// TLS on a plain port is closed without an answer, and the log gets a hint.
func TestTLSOnAPlainPort(t *testing.T) {
	s := hello()
	c := dial(t, s)
	c.Send("\x16\x03\x01\x00\xa5\x01")
	c.Want("")
	c.WantClosed()
	if len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Error(), "TLS") {
		t.Errorf("refused: %v", s.Refused)
	}
}

func TestUnreadContent(t *testing.T) {
	length := func(n int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	chunked := func(n int) string { // n bytes from the first chunk line to the end
		return chunks(fmt.Sprintf("%x;a\r\n%s\r\n0\r\n\r\n", n-13, strings.Repeat("x", n-13)))
	}
	if n := len(chunked(100)) - len(chunks("")); n != 100 {
		t.Fatal(n)
	}
	for name, content := range map[string]func(int) string{"length": length, "chunked": chunked} {
		for n, keep := range map[int]bool{100: true, 101: false} {
			for cut, split := range reactortest.Splits() {
				t.Run(fmt.Sprint(name, n, "/", cut), func(t *testing.T) {
					s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(401, nil, []byte("no")) }}
					s.OnBody = func(*protocoltest.Exchange, []byte) { t.Error("content came after the answer") }
					c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{MaxDiscardBytes: 100}))
					c.SetSplit(split)
					c.Send(content(n) + getRequest)
					want := "401 401 open"
					if !keep {
						want = "401 lingering"
					}
					if got := ends(c); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			}
		}
	}
}

// When it is known beforehand that the content will not be read, the answer says
// that the connection ends.
func TestUnreadContentIsAnnounced(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(413, nil, nil) }}
	c := dial(t, s)
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")
	c.Want("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	c.WantLingering()
	c.Send(strings.Repeat("x", 999997))
	c.WantLingering()
	c.DeliverEOF()
	c.WantClosed()
}

// An answer that is finished before the content, but not in one, keeps the
// connection if what is left is little.
func TestFinishBeforeTheContent(t *testing.T) {
	s := &protocoltest.Server{OnBody: func(x *protocoltest.Exchange, data []byte) {
		if !x.HeadSent() {
			x.WriteHead(200, nil, 0)
			x.Finish(nil)
		}
	}}
	c := dial(t, s)
	c.Send(postRequest + "01")
	c.Want("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	c.Send("23456789" + postRequest)
	c.Send("x")
	c.Want("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	if len(s.Exchanges) != 2 || string(s.Exchanges[0].Body) != "01" {
		t.Errorf("%d exchanges, %q", len(s.Exchanges), s.Exchanges[0].Body)
	}
	c.WantOpen()
}

// Bad chunks in content that is being dropped end the connection.
func TestBadChunkWhileDropping(t *testing.T) {
	s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(200, nil, nil) }}
	c := dial(t, s)
	c.Send(chunks("3\r\nabcX"))
	c.Want("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	c.WantLingering()
	if s.Last().Lost != nil {
		t.Error("the Receiver was told")
	}
}

// Bad content of an exchange that is not answered is answered 400, and the
// Receiver is told why; one that has sent its head sees it cut.
func TestBadContent(t *testing.T) {
	for _, sent := range []bool{false, true} {
		s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) {
			if sent {
				x.WriteHead(200, nil, -1)
			}
		}}
		c := dial(t, s)
		c.Send(chunks("3\r\nabc\r\nnonsense"))
		c.Send("\r\n0\r\n\r\n")
		var e *protocol.Error
		if !errors.As(s.Last().Lost, &e) || e.Status != 400 || string(s.Last().Body) != "abc" {
			t.Errorf("the Receiver was told %v", s.Last().Lost)
		}
		if sent {
			c.WantAborted()
			continue
		}
		c.WantStatus("400")
		c.WantLingering()
	}
}
