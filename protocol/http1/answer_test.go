package http1_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

// How answers look on the wire: one request, what the Receiver does, and what
// the client gets.
func TestAnswers(t *testing.T) {
	const (
		get   = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		head  = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
		old   = "GET / HTTP/1.0\r\n\r\n"
		older = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		final = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	)
	type exchange = protocoltest.Exchange
	for _, row := range []struct {
		name, in string
		do       func(x *exchange)
		want     string
		open     bool
	}{
		{"whole", get, func(x *exchange) { x.Respond(200, nil, []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true},
		{"another status", get, func(x *exchange) { x.Respond(404, nil, []byte("no")) },
			"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", true},
		{"a status without a name", get, func(x *exchange) { x.Respond(299, nil, nil) },
			"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", true},
		{"fields in order", get, func(x *exchange) {
			x.Respond(200, fields("B", "2", "a", "", "B", "3"), nil)
		}, "HTTP/1.1 200 OK\r\nB: 2\r\na: \r\nB: 3\r\nContent-Length: 0\r\n\r\n", true},
		{"the channel's own fields are left out", get, func(x *exchange) {
			x.Respond(200, fields("content-length", "7", "Transfer-Encoding", "gzip", "Keep-Alive", "timeout=5", "connection", "keep-alive"), []byte("ab"))
		}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true},
		{"Connection: close closes", get, func(x *exchange) { x.Respond(200, fields("connection", "x, Close"), []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", false},
		{"the client closes", final, func(x *exchange) { x.Respond(200, nil, []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", false},
		{"HTTP/1.0", old, func(x *exchange) { x.Respond(200, nil, []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", false},
		{"HTTP/1.0 keep-alive", older, func(x *exchange) { x.Respond(200, nil, []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab", true},

		{"length", get, func(x *exchange) {
			x.WriteHead(200, nil, 3)
			x.Write([]byte("ab"))
			x.WriteShared([]byte("c"))
			x.Finish(nil)
		},
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true},
		{"length 0", get, func(x *exchange) { x.WriteHead(200, nil, 0); x.Finish(nil) },
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"too long", get, func(x *exchange) {
			x.WriteHead(200, nil, 3)
			x.Write([]byte("abcd"))
			x.Write([]byte("e"))
			x.Finish(nil)
		},
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true},
		{"too short", get, func(x *exchange) { x.WriteHead(200, nil, 3); x.Write([]byte("ab")); x.Finish(nil) },
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false},
		{"chunks", get, func(x *exchange) {
			x.WriteHead(200, nil, -1)
			x.Write([]byte("ab"))
			x.Write(nil)
			x.WriteShared(bytes.Repeat([]byte("c"), 16))
			x.Finish(nil)
		}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n10\r\ncccccccccccccccc\r\n0\r\n\r\n", true},
		{"chunks with trailers", get, func(x *exchange) {
			x.WriteHead(200, nil, -1)
			x.Finish(fields("X-Sum", "1", "Content-Length", "3", "Set-Cookie", "a=b", "Bad", "a\r\nb", "B d", ""))
		}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n", true},
		{"trailers that the framing can not carry", get, func(x *exchange) { x.WriteHead(200, nil, 0); x.Finish(fields("A", "b")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"unknown length to HTTP/1.0", older, func(x *exchange) { x.WriteHead(200, nil, -1); x.Write([]byte("ab")); x.Finish(nil) },
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab", false},

		{"HEAD whole", head, func(x *exchange) { x.Respond(200, nil, []byte("ab")) },
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true},
		{"HEAD with length", head, func(x *exchange) { x.WriteHead(200, nil, 3); x.Write([]byte("abcd")); x.Finish(nil) },
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true},
		{"HEAD without length", head, func(x *exchange) { x.WriteHead(200, nil, -1); x.Write([]byte("ab")); x.Finish(fields("A", "b")) },
			"HTTP/1.1 200 OK\r\n\r\n", true},
		{"204", get, func(x *exchange) { x.Respond(204, nil, []byte("ab")) },
			"HTTP/1.1 204 No Content\r\n\r\n", true},
		{"204 without length", get, func(x *exchange) { x.WriteHead(204, nil, -1); x.Write([]byte("ab")); x.Finish(nil) },
			"HTTP/1.1 204 No Content\r\n\r\n", true},
		{"304", get, func(x *exchange) { x.Respond(304, fields("ETag", `"a"`), []byte("ab")) },
			"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", true},
		{"304 to HEAD", head, func(x *exchange) { x.WriteHead(304, nil, 7); x.Finish(nil) },
			"HTTP/1.1 304 Not Modified\r\n\r\n", true},
		{"205", get, func(x *exchange) { x.WriteHead(205, nil, -1); x.Write([]byte("ab")); x.Finish(nil) },
			"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", true},
		{"205 whole", get, func(x *exchange) { x.Respond(205, nil, []byte("ab")) },
			"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", true},
		{"204 to HTTP/1.0", older, func(x *exchange) { x.Respond(204, nil, nil) },
			"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n", true},

		{"early hints", get, func(x *exchange) {
			x.WriteInformational(103, fields("Link", "</a>"))
			x.WriteInformational(103, nil)
			x.Respond(200, nil, nil)
			x.WriteInformational(103, nil)
		}, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"no early hints behind the head", get, func(x *exchange) {
			x.WriteHead(200, nil, 0)
			x.WriteInformational(103, nil)
			x.Finish(nil)
		}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"no early hints to HTTP/1.0", older, func(x *exchange) { x.WriteInformational(103, nil); x.Respond(200, nil, nil) },
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true},
		{"no 101 or 200 as informational", get, func(x *exchange) {
			x.WriteInformational(101, nil)
			x.WriteInformational(200, nil)
			x.WriteInformational(100, nil)
			x.Respond(200, nil, nil)
		}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},

		{"426 lists its Upgrade", get, func(x *exchange) { x.Respond(426, fields("Upgrade", "h2c"), nil) },
			"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n", true},
		{"426 and close", final, func(x *exchange) { x.Respond(426, fields("Upgrade", "h2c"), nil) },
			"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\nConnection: Upgrade, close\r\n\r\n", false},
		{"101 that nobody follows", get, func(x *exchange) { x.WriteHead(101, fields("Upgrade", "a"), -1); x.Write([]byte("b")); x.Finish(nil) },
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n", false},

		{"finish without a head", get, func(x *exchange) { x.Write([]byte("lost")); x.Finish(nil) },
			"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", true},
		{"an impossible status", get, func(x *exchange) { x.Respond(99, nil, []byte("ab")) },
			"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", true},
		{"a status of four digits", get, func(x *exchange) { x.WriteHead(1000, nil, -1); x.Write([]byte("a")); x.Finish(nil) },
			"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", true},
		{"two heads", get, func(x *exchange) {
			x.WriteHead(200, nil, 1)
			x.WriteHead(500, nil, 3)
			x.Respond(404, nil, nil)
			x.Write([]byte("a"))
			x.Finish(nil)
		},
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", true},
	} {
		for _, when := range []string{"at once", "later"} {
			t.Run(row.name+"/"+when, func(t *testing.T) {
				s := &protocoltest.Server{}
				if when == "at once" {
					s.OnDone = row.do
				}
				c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{Logger: quiet}))
				c.Send(row.in)
				if when == "later" {
					c.Want("")
					row.do(s.Last())
				}
				if len(s.Exchanges) != 1 {
					t.Fatalf("%d exchanges", len(s.Exchanges))
				}
				if !s.Last().HeadSent() {
					t.Error("HeadSent is false")
				}
				c.Want(row.want)
				if row.open {
					c.WantOpen()
				} else {
					c.WantClosed()
				}
			})
		}
	}
}

// fields is names and values in turn.
func fields(s ...string) (f protocol.Fields) {
	for i := 0; i < len(s); i += 2 {
		f.Add(s[i], s[i+1])
	}
	return f
}

var quiet = slog.New(slog.DiscardHandler)

// Server and Date are there once, whoever sets them.
func TestServerAndDate(t *testing.T) {
	const date = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
	for _, row := range []struct {
		name   string
		fields protocol.Fields
		want   string
	}{
		{"", nil, "Server: Spindle\r\n" + date},
		{"mine", nil, "Server: mine\r\n" + date},
		{"-", nil, date},
		{"", fields("SERVER", "his"), date + "SERVER: his\r\n"},
		{"", fields("date", "today"), "Server: Spindle\r\ndate: today\r\n"},
		{"-", fields("date", "today"), "date: today\r\n"},
		{"", fields("Date", "today", "Server", "his"), "Date: today\r\nServer: his\r\n"},
	} {
		for _, status := range []int{200, 404} {
			s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Respond(status, row.fields, nil) }}
			c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{ServerName: row.name}))
			c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			line := "HTTP/1.1 200 OK\r\n"
			if status == 404 {
				line = "HTTP/1.1 404 Not Found\r\n"
			}
			c.WantExactly(line + row.want + "Content-Length: 0\r\n\r\n")
		}
	}
}

// The text of the date is made once a second, and never stands still.
func TestDateMovesOn(t *testing.T) {
	c := dial(t, hello())
	for _, want := range []string{"00:00:00", "00:00:00", "00:00:01", "00:00:01", "00:00:02"} {
		c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := c.TakeString(); !strings.Contains(got, "Date: Mon, 01 Jan 2024 "+want+" GMT\r\n") {
			t.Errorf("at %s: %q", want, got)
		}
		c.Loop.Advance(500e6)
	}
}

// Contents of every size arrive whole, copied or shared.
func TestLargeAnswers(t *testing.T) {
	for _, n := range []int{1, 100, 3900, 4096, 16 << 10, 16<<10 + 1, 1 << 20} {
		body := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		for _, how := range []string{"Respond", "Write", "WriteShared"} {
			s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
				switch how {
				case "Respond":
					x.Respond(200, nil, body)
					return
				case "Write":
					x.WriteHead(200, nil, int64(n))
					x.Write(body)
				case "WriteShared":
					x.WriteHead(200, nil, int64(n))
					x.WriteShared(body)
				}
				x.Finish(nil)
			}}
			c := dial(t, s)
			c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			_, got, _ := bytes.Cut(c.Take(), []byte("\r\n\r\n"))
			if !bytes.Equal(got, body) {
				t.Errorf("%s of %d bytes: %d came", how, n, len(got))
			}
		}
	}
}

func TestSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, row := range []struct {
		name, in string
		length   int64
		n        int64
		want     string
	}{
		{"length", "GET", 4, 4, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n3456"},
		{"too long", "GET", 4, 6, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n3456"},
		{"chunked", "GET", -1, 4, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n3456\r\n0\r\n\r\n"},
		{"chunked, nothing", "GET", -1, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"HEAD", "HEAD", 4, 4, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"},
	} {
		done := 0
		s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, row.length)
			x.SendFile(file, 3, row.n, func(err error) {
				if done++; err != nil {
					t.Errorf("%s: done is told %v", row.name, err)
				}
				x.Finish(nil)
			})
			if done > 0 {
				t.Errorf("%s: done was called from inside", row.name)
			}
		}}
		c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{Logger: quiet}))
		c.Send(row.in + " / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.Want(row.want)
		if done != 1 {
			t.Errorf("%s: done was called %d times", row.name, done)
		}
		c.WantOpen()
	}
}

// A file that nothing was sent of is not told as done once the client is gone.
func TestSendFileOfNothingAndLoss(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.Loop.Stepwise = true
	s.Last().WriteHead(200, nil, 1)
	s.Last().SendFile(nil, 0, 1, func(error) { t.Error("done was called after ConnectionLost") })
	c.Lose(nil)
	c.Loop.Run()
	if s.Last().Lost == nil {
		t.Error("the Receiver was not told")
	}
}

// A file in the middle of which the client goes is not told as done either.
func TestSendFileAndLoss(t *testing.T) {
	file, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send(getRequest)
	c.SetCapacity(10)
	c.Loop.Stepwise = true
	s.Last().WriteHead(200, nil, 1000)
	s.Last().SendFile(file, 0, 1000, func(err error) {
		if s.Last().Lost != nil {
			t.Error("done was called after ConnectionLost")
		}
	})
	c.Lose(nil)
	c.Loop.Run()
	if s.Last().Lost == nil {
		t.Error("the Receiver was not told")
	}
}

// A mistake of a resource is logged, with the peer.
func TestMistakesAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.WriteHead(200, nil, 1)
		x.Write([]byte("abc"))
		x.Finish(nil)
	}}
	f := http1.NewFactory(s, &http1.Settings{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	protocoltest.Dial(t, nil, f).Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := log.String(); !strings.Contains(got, "more content was written than was promised") ||
		!strings.Contains(got, "192.0.2.7:40000") {
		t.Errorf("logged: %q", got)
	}
}

// producer is a push producer that records what it is told.
type producer struct{ told []string }

func (p *producer) PauseProducing()  { p.told = append(p.told, "pause") }
func (p *producer) ResumeProducing() { p.told = append(p.told, "resume") }
func (p *producer) StopProducing()   { p.told = append(p.told, "stop") }

func (p *producer) want(t *testing.T, told string) {
	t.Helper()
	if got := strings.Join(p.told, " "); got != told {
		t.Errorf("the producer was told %q, want %q", got, told)
	}
}

func TestProducer(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.SetCapacity(0)
	c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	x, p := s.Last(), &producer{}
	x.WriteHead(200, nil, -1)
	x.RegisterProducer(p)
	x.Write(make([]byte, 100<<10))
	if x.Buffered() < 100<<10 {
		t.Errorf("%d bytes are buffered", x.Buffered())
	}
	c.Loop.Run()
	p.want(t, "pause")
	c.SetCapacity(-1)
	p.want(t, "pause resume")
	x.UnregisterProducer()
	x.UnregisterProducer()
	x.Finish(nil)
	c.Loop.Run()
	p.want(t, "pause resume")
	if len(s.Exchanges) != 2 {
		t.Fatalf("%d exchanges", len(s.Exchanges))
	}
	// The next exchange may register its own; when the client goes it is stopped.
	p2 := &producer{}
	s.Last().RegisterProducer(p2)
	c.Lose(nil)
	p2.want(t, "stop")
	if s.Last().Lost != reactor.ErrDone {
		t.Errorf("the Receiver was told %v", s.Last().Lost)
	}
}

// A pull producer is asked on and on, also when its content is dropped: only it
// knows when the answer is done.
func TestPullProducerOfDroppedContent(t *testing.T) {
	for name, row := range map[string]struct {
		in     string
		length int64
		want   string
	}{
		"HEAD":     {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 9000, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"},
		"too much": {getRequest, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		s := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
			x.WriteHead(200, nil, row.length)
			x.RegisterProducer(&simProducer{x: x, body: simBody(9000)})
		}}
		c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{Logger: quiet}))
		c.Send(row.in)
		c.Want(row.want)
		if p, _ := c.Producer(); p != nil || !s.Last().HeadSent() {
			t.Errorf("%s: the producer is still waiting", name)
		}
		c.Send(row.in)
		if len(s.Exchanges) != 2 {
			t.Errorf("%s: the exchange hangs", name)
		}
	}
}

// A producer that is left registered is stopped, and does not hold the
// connection; one that comes too late is stopped as well.
func TestProducerLeftBehind(t *testing.T) {
	for name, end := range map[string]func(x *protocoltest.Exchange){
		"Finish": func(x *protocoltest.Exchange) { x.WriteHead(200, nil, 0); x.Finish(nil) },
		"Abort":  func(x *protocoltest.Exchange) { x.Abort(nil) },
	} {
		s := &protocoltest.Server{}
		c := dial(t, s)
		c.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		p, late := &producer{}, &producer{}
		s.Last().RegisterProducer(p)
		end(s.Last())
		s.Last().RegisterProducer(late)
		p.want(t, "")
		late.want(t, "")
		c.Loop.Run()
		p.want(t, "stop")
		late.want(t, "stop")
		if !c.Closed() {
			t.Errorf("%s: the connection is held", name)
		}
	}
}

func TestAbort(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
	s.Last().WriteHead(200, nil, -1)
	s.Last().Abort(nil)
	c.WantAborted()
	if s.Last().Lost != nil {
		t.Error("the Receiver was told of its own Abort")
	}
}

// secure is a transport that says it is under TLS.
type secure struct{ reactor.Transport }

func (secure) ConnectionState() *tls.ConnectionState { return &tls.ConnectionState{ServerName: "x"} }

func TestTLS(t *testing.T) {
	s := &protocoltest.Server{}
	p := http1.NewFactory(s, nil).BuildProtocol(reactor.Addr{})
	p.ConnectionMade(secure{newSink()})
	p.DataReceived([]byte(getRequest))
	if state := s.Last().TLS(); state == nil || state.ServerName != "x" {
		t.Errorf("TLS is %v", state)
	}
}

func TestChannelTellsItsConnection(t *testing.T) {
	s := &protocoltest.Server{}
	c := dial(t, s)
	c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	x := s.Last()
	if x.Peer() != c.PeerAddr || x.Host() != c.HostAddr || x.Loop() != reactor.Loop(c.Loop) || x.TLS() != nil || x.HeadSent() {
		t.Errorf("%v %v %v %v %v", x.Peer(), x.Host(), x.Loop(), x.TLS(), x.HeadSent())
	}
}
