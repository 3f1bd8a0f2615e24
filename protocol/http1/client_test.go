package http1

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// asking is a Client on a connection in memory, and what it was answered.
type asking struct {
	*reactortest.Transport
	c    *Client
	loop *reactortest.Loop
	a    *protocoltest.Answer
	ch   protocol.ClientChannel
}

func ask(t testing.TB, h protocol.RequestHead, s *ClientSettings) *asking {
	t.Helper()
	loop := reactortest.NewLoop()
	x := &asking{loop: loop, c: NewClientFactory(s).NewClient()}
	x.Transport = loop.Connect(x.c)
	x.ask(t, h)
	return x
}

// ask begins another exchange.
func (x *asking) ask(t testing.TB, h protocol.RequestHead) {
	t.Helper()
	if h.Method == "" {
		h.Method = "GET"
	}
	if h.Target == "" {
		h.Target = "/"
	}
	h.Authority = "h"
	x.a = new(protocoltest.Answer)
	if x.ch = x.c.Ask(&h, x.a); x.ch == nil {
		t.Fatal("there is no room")
	}
	x.loop.Run()
}

func TestClientAnswers(t *testing.T) {
	get, head := protocol.RequestHead{}, protocol.RequestHead{Method: "HEAD"}
	up := protocol.RequestHead{Upgrade: true, Fields: protocol.Fields{{Name: "Upgrade", Value: "x"}}}
	connect := protocol.RequestHead{Method: "CONNECT"}
	for _, c := range []struct {
		name string
		h    protocol.RequestHead
		in   string
		want string // "!" in front: lost, with that in the reason
		room int
	}{
		{"length", get, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 OK length 3; Content-Length: 3\nend\nabc", 1},
		{"chunked §7.1", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n", "200 OK length -1; Transfer-Encoding: chunked\nend\nabc", 1},
		{"empty", get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK length 0; Content-Length: 0\nend\n", 1},
		{"no reason, no space", get, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  length 0; Content-Length: 0\nend\n", 1},
		{"HEAD §6.3", head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "200 OK length 0; Content-Length: 3\nend\n", 1},
		{"304", get, "HTTP/1.1 304 N\r\nContent-Length: 3\r\n\r\n", "304 N length 0; Content-Length: 3\nend\n", 1},
		{"204", get, "HTTP/1.1 204 N\r\n\r\n", "204 N length 0\nend\n", 1},
		{"1xx", get, "HTTP/1.1 103 H\r\nLink: x\r\n\r\nHTTP/1.1 204 N\r\n\r\n", "103 H; Link: x\n204 N length 0\nend\n", 1},
		{"Connection: close", get, "HTTP/1.1 204 N\r\nConnection: close\r\n\r\n", "204 N length 0; Connection: close\nend\n", 0},
		{"HTTP/1.0", get, "HTTP/1.0 204 N\r\n\r\n", "204 N length 0\nend\n", 0},
		{"HTTP/1.0 keep-alive", get, "HTTP/1.0 204 N\r\nConnection: keep-alive\r\n\r\n", "204 N length 0; Connection: keep-alive\nend\n", 1},
		{"until close", get, "HTTP/1.1 200 OK\r\n\r\nabc\x00", "200 OK length -1\nend\nabc", 0},
		{"101", up, "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", "101 S length 0 switching; Upgrade: x\n", 0},
		{"CONNECT", connect, "HTTP/1.1 200 S\r\nContent-Length: 4\r\n\r\n", "200 S length 0 switching; Content-Length: 4\n", 0},
		{"CONNECT refused", connect, "HTTP/1.1 403 F\r\nContent-Length: 1\r\n\r\nx", "403 F length 1; Content-Length: 1\nend\nx", 1},

		{"too many bytes", get, "HTTP/1.1 204 N\r\n\r\nx", "204 N length 0\nend\n", 0},
		{"101 unasked", get, "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", "!not asked", 0},
		{"garbage", get, "SSH-2.0-x\r\n", "!status line", 0},
		{"a request", get, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "!status line", 0},
		{"HTTP/2", get, "HTTP/2.0 200 OK\r\n\r\n", "!status line", 0},
		{"status of two digits", get, "HTTP/1.1 20 OK\r\n\r\n", "!status line", 0},
		{"status 000", get, "HTTP/1.1 000 OK\r\n\r\n", "!status line", 0},
		{"fold §5.2", get, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "!begins with a blank", 0},
		{"blank before colon §5.1", get, "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "!not a token", 0},
		{"bare LF", get, "HTTP/1.1 200 OK\nA: b\n\n", "!CRLF", 0},
		{"bare CR in value", get, "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "!control byte", 0},
		{"two lengths", get, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "!more than one Content-Length", 0},
		{"length and coding", get, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "!both", 0},
		{"coding in 1.0", get, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "!HTTP/1.0", 0},
		{"coding", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "!transfer coding", 0},
		{"no length where nothing comes", get, "HTTP/1.1 304 N\r\nContent-Length: x\r\n\r\n", "!not a number", 0},
		{"two lengths where nothing comes", head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "!more than one Content-Length", 0},
		{"negative length", get, "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", "!not a number", 0},
		{"chunk size", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "!hexadecimal", 0},
		{"flood of 1xx", get, strings.Repeat("HTTP/1.1 100 C\r\n\r\n", 20), "!informational", 0},
		{"closed", get, "\x00", "!without an answer", 0},
		{"closed in head", get, "HTTP/1.1 200 OK\r\nA: b\x00", "!in the head", 0},
		{"closed in content", get, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab\x00", "!before its answer was complete", 0},
		{"closed in chunks", get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n\x00", "!before its answer was complete", 0},
		{"reset until close", get, "HTTP/1.1 200 OK\r\n\r\nabc\x01", "!before its answer was complete", 0},
	} {
		for split, by := range reactortest.Splits() {
			x := ask(t, c.h, nil)
			x.SetSplit(by)
			x.DeliverString(strings.TrimRight(c.in, "\x00\x01"))
			switch {
			case strings.HasSuffix(c.in, "\x00"):
				x.DeliverEOF()
			case strings.HasSuffix(c.in, "\x01"):
				x.Reset()
			}
			x.loop.Run()
			got := x.a.String()
			if want, lost := strings.CutPrefix(c.want, "!"); lost {
				if x.a.Err == nil || !strings.Contains(x.a.Err.Error(), want) {
					t.Errorf("%s, %s: lost %v, want %q", c.name, split, x.a.Err, want)
				}
			} else if got != want {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", c.name, split, got, want)
			}
			if x.c.Room() != c.room {
				t.Errorf("%s, %s: room %d", c.name, split, x.c.Room())
			}
		}
	}
}

func TestClientRequests(t *testing.T) {
	f := func(pairs ...string) (list protocol.Fields) {
		for i := 0; i < len(pairs); i += 2 {
			list.Add(pairs[i], pairs[i+1])
		}
		return list
	}
	for _, c := range []struct {
		name string
		h    protocol.RequestHead
		body []string
		want string
	}{
		{"GET", protocol.RequestHead{Target: "/a?b"}, nil, "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"empty POST", protocol.RequestHead{Method: "POST"}, nil, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"absolute", protocol.RequestHead{Scheme: "http", Absolute: true}, nil, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"CONNECT", protocol.RequestHead{Method: "CONNECT"}, nil, "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"own fields", protocol.RequestHead{Fields: f("host", "evil", "Connection", "x", "Content-Length", "9", "Transfer-Encoding", "y", "Upgrade", "z", "A", "b")}, nil,
			"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"},
		{"upgrade", protocol.RequestHead{Upgrade: true, Fields: f("Upgrade", "x", "TE", "trailers")}, nil,
			"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nTE: trailers\r\nConnection: Upgrade, TE\r\n\r\n"},
		{"length", protocol.RequestHead{Method: "PUT", ContentLength: 3}, []string{"ab", "cd"}, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
		{"chunked", protocol.RequestHead{Method: "PUT", ContentLength: -1}, []string{"ab", "c"},
			"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"},
	} {
		x := ask(t, c.h, nil)
		for _, piece := range c.body {
			x.ch.Write([]byte(piece))
		}
		x.ch.Finish(nil)
		x.loop.Run()
		if got := x.TakeString(); got != c.want {
			t.Errorf("%s: got\n%q\nwant\n%q", c.name, got, c.want)
		}
	}
}

func TestClientKeepsAlive(t *testing.T) {
	x := ask(t, protocol.RequestHead{}, nil)
	x.DeliverString("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
	x.ask(t, protocol.RequestHead{Target: "/2"})
	x.DeliverString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n")
	if string(x.a.Body) != "b" || !x.c.Reused() || x.c.Room() != 1 {
		t.Errorf("%v, room %d", x.a, x.c.Room())
	}
	x.ask(t, protocol.RequestHead{Target: "/3"})
	x.DeliverEOF()
	var lost *protocol.LostError
	if !errors.As(x.a.Err, &lost) || !lost.Stale {
		t.Errorf("%v is not stale", x.a.Err)
	}
}

func TestClientLessThanPromised(t *testing.T) {
	x := ask(t, protocol.RequestHead{Method: "PUT", ContentLength: 3}, nil)
	x.ch.Write([]byte("ab"))
	x.ch.Finish(nil)
	x.loop.Run()
	if x.a.Err == nil || !x.Aborted() {
		t.Errorf("%v; aborted %v", x.a, x.Aborted())
	}
}

func TestClientContinue(t *testing.T) {
	h := protocol.RequestHead{Method: "PUT", ContentLength: 3, ExpectContinue: true}
	const head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
	for name, c := range map[string]struct {
		server func(x *asking)
		want   string
	}{
		"100":     {func(x *asking) { x.DeliverString("HTTP/1.1 100 Continue\r\n\r\n") }, head + "abc"},
		"silence": {func(x *asking) { x.loop.Advance(time.Second) }, head + "abc"},
		"refusal": {func(x *asking) { x.DeliverString("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n") }, head},
	} {
		x := ask(t, h, nil)
		x.ch.Write([]byte("abc"))
		x.ch.Finish(nil)
		x.loop.Run()
		c.server(x)
		x.loop.Run()
		if got := x.TakeString(); got != c.want {
			t.Errorf("%s: sent %q", name, got)
		}
		if name == "refusal" && (x.a.Status != 417 || !x.a.Done || !x.c.Ended()) {
			t.Errorf("refusal: %v, ended %v", x.a, x.c.Ended())
		}
	}
}

func TestClientEarlyAnswer(t *testing.T) {
	x := ask(t, protocol.RequestHead{Method: "PUT", ContentLength: -1}, nil)
	p := new(stopped)
	x.ch.RegisterProducer(p)
	x.ch.Write([]byte("abc"))
	x.DeliverString("HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n")
	x.loop.Run()
	if !x.a.Done || !p.stopped || !x.c.Ended() {
		t.Errorf("%v; stopped %v, ended %v", x.a, p.stopped, x.c.Ended())
	}
}

type stopped struct{ stopped bool }

func (p *stopped) ResumeProducing() {}
func (p *stopped) PauseProducing()  {}
func (p *stopped) StopProducing()   { p.stopped = true }

func TestClientPause(t *testing.T) {
	x := ask(t, protocol.RequestHead{}, nil)
	x.a.OnBody = func([]byte) { x.ch.PauseBody() }
	x.DeliverString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
	if string(x.a.Body) != "a" || !x.ReadingPaused() {
		t.Fatalf("%v; reading paused %v", x.a, x.ReadingPaused())
	}
	x.loop.Advance(time.Hour) // it is we who wait
	x.a.OnBody = nil
	x.ch.ResumeBody()
	x.loop.Run()
	if string(x.a.Body) != "ab" || !x.a.Done || x.ReadingPaused() {
		t.Errorf("%v; reading paused %v", x.a, x.ReadingPaused())
	}
}

func TestClientTimeouts(t *testing.T) {
	for name, c := range map[string]struct {
		h     protocol.RequestHead
		in    string
		after time.Duration
		want  string
	}{
		"no answer":  {protocol.RequestHead{}, "", 60 * time.Second, "there was no answer in time"},
		"half head":  {protocol.RequestHead{}, "HTTP/1.1 2", 60 * time.Second, "there was no answer in time"},
		"no content": {protocol.RequestHead{}, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", 60 * time.Second, "no content"},
	} {
		x := ask(t, c.h, nil)
		x.DeliverString(c.in)
		x.loop.Advance(c.after - time.Millisecond)
		if x.a.Over() {
			t.Errorf("%s: too early: %v", name, x.a)
		}
		x.loop.Advance(2 * time.Millisecond)
		if x.a.Err == nil || !strings.Contains(x.a.Err.Error(), c.want) || !errors.Is(x.a.Err, reactor.ErrTimeout) || !x.Aborted() {
			t.Errorf("%s: %v", name, x.a)
		}
	}
}

func TestClientServerTakesNothing(t *testing.T) {
	x := ask(t, protocol.RequestHead{Method: "PUT", ContentLength: 1 << 20}, nil)
	x.SetCapacity(1000)
	x.ch.Write(make([]byte, 1<<20))
	x.ch.Finish(nil)
	x.loop.Advance(3 * time.Minute)
	if x.a.Err == nil || !strings.Contains(x.a.Err.Error(), "took nothing") {
		t.Error(x.a)
	}
}

func TestClientSwitch(t *testing.T) {
	for _, late := range []bool{false, true} {
		x := ask(t, protocol.RequestHead{Method: "CONNECT"}, nil)
		p := new(rawProtocol)
		if !late {
			x.a.OnHead = func(*protocol.ResponseHead) { x.ch.Switch(p) }
		}
		x.DeliverString("HTTP/1.1 200 OK\r\n\r\nraw")
		if late {
			x.ch.Switch(p)
			x.loop.Run()
		}
		x.DeliverString(" bytes")
		if string(p.got) != "raw bytes" || x.c.Room() != 0 || x.ReadingPaused() {
			t.Errorf("late %v: %q", late, p.got)
		}
	}
}

type rawProtocol struct{ got []byte }

func (p *rawProtocol) ConnectionMade(reactor.Transport) {}
func (p *rawProtocol) DataReceived(data []byte)         { p.got = append(p.got, data...) }
func (p *rawProtocol) ConnectionLost(error)             {}

func TestClientLimits(t *testing.T) {
	s := &ClientSettings{MaxStatusLineBytes: 20, MaxFieldBytes: 30, MaxFields: 2, MaxTrailerBytes: 10}
	for _, c := range []struct {
		name, in string
		ok       bool
	}{
		{"status line at the limit", "HTTP/1.1 204 1234567\r\n\r\n", true},
		{"status line beyond", "HTTP/1.1 204 12345678\r\n\r\n", false},
		{"fields at the limit", "HTTP/1.1 204 N\r\nA: 1234567890123456789012345\r\n\r\n", true},
		{"fields beyond", "HTTP/1.1 204 N\r\nA: 12345678901234567890123456\r\n\r\n", false},
		{"number at the limit", "HTTP/1.1 204 N\r\nA:\r\nB:\r\n\r\n", true},
		{"number beyond", "HTTP/1.1 204 N\r\nA:\r\nB:\r\nC:\r\n\r\n", false},
	} {
		for split, by := range reactortest.Splits() {
			x := ask(t, protocol.RequestHead{}, s)
			x.SetSplit(by)
			x.DeliverString(c.in)
			if x.a.Done != c.ok {
				t.Errorf("%s, %s: %v", c.name, split, x.a)
			}
		}
	}
}

// answerSeeds are answers in all shapes.
var answerSeeds = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\nleft",
	"HTTP/1.0 200\r\n\r\nuntil close",
	"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nraw",
	"HTTP/1.1 304 N\r\nContent-Length: 3\r\n\r\n",
	"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
	"HTTX/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
}

// FuzzClient holds the Client to the split law: what an answer means does not depend on
// how it was cut.
func FuzzClient(f *testing.F) {
	for _, s := range answerSeeds {
		f.Add([]byte(s), uint64(7), uint8(0))
		f.Add([]byte(s), uint64(3), uint8(1))
	}
	methods := []string{"GET", "HEAD", "CONNECT"}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, method uint8) {
		run := func(split reactortest.Split) string {
			x := ask(t, protocol.RequestHead{Method: methods[int(method)%3]}, &ClientSettings{MaxFields: 4, MaxFieldBytes: 200, MaxStatusLineBytes: 60})
			x.SetSplit(split)
			x.Deliver(in)
			x.DeliverEOF()
			x.loop.Run()
			return x.a.String()
		}
		if whole, cut := run(reactortest.Whole), run(reactortest.Cut(seed)); whole != cut {
			t.Errorf("cut: got\n%s\nwant\n%s", cut, whole)
		}
	})
}
