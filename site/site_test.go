package site_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/site"
)

// page answers GET by a function.
type page func(r *resource.Request) ([]byte, error)

func (page) Child(string, *resource.Request) resource.Resource { return nil }
func (page) IsLeaf() bool                                      { return true }
func (p page) RenderGET(r *resource.Request) ([]byte, error)   { return p(r) }
func (p page) RenderPOST(r *resource.Request) ([]byte, error)  { return p(r) }

func hello(*resource.Request) ([]byte, error) { return []byte("hello\n"), nil }

// lines keeps what is logged.
type lines struct{ text []string }

func (l *lines) Log(e *site.Entry) {
	l.text = append(l.text, fmt.Sprintf("%s %q %d %d bytes after %v, aborted %v, refused %q, id %q, from %s",
		e.Method, e.Target, e.Status, e.Bytes, e.Duration, e.Aborted, e.Refused, e.ErrorID, e.Peer.HostText()))
}

// serve starts s on a loop in memory.
func serve(t *testing.T, s *site.Site) *reactortest.Loop {
	t.Helper()
	loop := reactortest.NewLoop()
	t.Cleanup(loop.Close)
	s.ErrorLog = slog.New(slog.DiscardHandler)
	s.StartFactory(loop)
	return loop
}

func connect(loop *reactortest.Loop, s *site.Site) *reactortest.Transport {
	return loop.Connect(s.BuildProtocol(reactor.Addr{IP: netip.MustParseAddr("127.0.0.1"), Port: 1}))
}

const request = "GET /x?y=z HTTP/1.1\r\nHost: example.com\r\n\r\n"

func TestSiteServes(t *testing.T) {
	s := site.New(page(hello))
	loop := serve(t, s)
	c := connect(loop, s)
	const want = "HTTP/1.1 200 OK\r\nServer: Spindle\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n"
	for range 2 {
		c.DeliverString(request)
		if got := c.TakeString(); !sameFields(got, want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	got := s.Counters()
	if got.Requests != 2 || got.Active != 0 || got.Responses[2] != 2 || got.BytesOut != 12 || s.Connections().Open != 1 {
		t.Errorf("counters %+v, connections %+v", got, s.Connections())
	}
}

// sameFields compares two answers but for the order of their fields.
func sameFields(a, b string) bool {
	headA, bodyA, _ := strings.Cut(a, "\r\n\r\n")
	headB, bodyB, _ := strings.Cut(b, "\r\n\r\n")
	linesB := strings.Split(headB, "\r\n")
	linesA := strings.Split(headA, "\r\n")
	for _, l := range linesB {
		if !strings.Contains(headA, l) {
			return false
		}
	}
	return bodyA == bodyB && len(linesA) == len(linesB) && linesA[0] == linesB[0]
}

func TestServerName(t *testing.T) {
	for name, want := range map[string]string{"": "Server: Spindle\r\n", "mine/1": "Server: mine/1\r\n", "-": ""} {
		s := site.New(page(hello))
		s.ServerName = name
		loop := serve(t, s)
		c := connect(loop, s)
		c.DeliverString(request)
		if got := c.TakeString(); !strings.Contains(got, want) || want == "" && strings.Contains(got, "Server:") {
			t.Errorf("%q: got\n%s", name, got)
		}
	}
}

func TestLog(t *testing.T) {
	for _, row := range []struct {
		name string
		root page
		play func(loop *reactortest.Loop, c *reactortest.Transport)
		want string
	}{
		{"answered", hello, func(_ *reactortest.Loop, c *reactortest.Transport) { c.DeliverString(request) },
			`GET "/x?y=z" 200 6 bytes after 0s, aborted false, refused "", id "", from 192.0.2.7`},
		{"later", func(r *resource.Request) ([]byte, error) {
			r.Loop().CallLater(3*time.Second, func() { r.Answer([]byte("late"), nil) })
			return nil, resource.NotDoneYet
		}, func(loop *reactortest.Loop, c *reactortest.Transport) {
			c.DeliverString(request)
			loop.Advance(5 * time.Second)
		},
			`GET "/x?y=z" 200 4 bytes after 3s, aborted false, refused "", id "", from 192.0.2.7`},
		{"the client leaves", func(r *resource.Request) ([]byte, error) { return nil, resource.NotDoneYet },
			func(loop *reactortest.Loop, c *reactortest.Transport) {
				c.DeliverString(request)
				loop.Advance(2 * time.Second)
				c.Reset()
			},
			`GET "/x?y=z" 0 0 bytes after 2s, aborted true, refused "", id "", from 192.0.2.7`},
		{"cut before it has left", func(r *resource.Request) ([]byte, error) {
			r.WriteShared([]byte("begun"))
			return nil, errors.New("boom")
		}, func(_ *reactortest.Loop, c *reactortest.Transport) { c.DeliverString(request) },
			`GET "/x?y=z" 200 0 bytes after 0s, aborted true, refused "", id "`},
		{"no such page", func(r *resource.Request) ([]byte, error) { return nil, resource.ErrNotFound },
			func(_ *reactortest.Loop, c *reactortest.Transport) { c.DeliverString(request) },
			`GET "/x?y=z" 404 48 bytes after 0s, aborted false, refused "", id "", from 192.0.2.7`},
		{"refused", hello, func(_ *reactortest.Loop, c *reactortest.Transport) { c.DeliverString("GET / HTTP/9.9\r\n\r\n") },
			`"GET / HTTP/9.9`},
		{"content that can not be read", hello, func(_ *reactortest.Loop, c *reactortest.Transport) {
			c.DeliverString("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		}, `POST "/" 400 0 bytes after 0s, aborted true, refused "", id "", from 192.0.2.7`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, log := site.New(row.root), &lines{}
			s.Log = log
			loop := serve(t, s)
			c := connect(loop, s)
			row.play(loop, c)
			if len(log.text) != 1 || !strings.Contains(log.text[0], row.want) {
				t.Errorf("logged\n%s\nwant\n%s\non the wire\n%s", strings.Join(log.text, "\n"), row.want, c)
			}
		})
	}
}

func TestErrorIDIsOnThePageAndInTheLog(t *testing.T) {
	s := site.New(page(func(*resource.Request) ([]byte, error) { panic("boom") }))
	log, errs := &lines{}, new(bytes.Buffer)
	s.Log = log
	loop := reactortest.NewLoop()
	s.ErrorLog = slog.New(slog.NewTextHandler(errs, nil))
	s.StartFactory(loop)
	c := connect(loop, s)
	c.DeliverString(request + request)
	answers := c.TakeString()
	if strings.Count(answers, "HTTP/1.1 500") != 2 {
		t.Fatalf("the connection does not go on after a panic:\n%s", answers)
	}
	_, after, _ := strings.Cut(answers, "Error id: ")
	id, _, _ := strings.Cut(after, "\n")
	if len(id) != 10 || !strings.Contains(log.text[0], `id "`+id+`"`) || !strings.Contains(errs.String(), "id="+id) {
		t.Errorf("id %q, log %q, errors %s", id, log.text, errs)
	}
}

func TestLimitsReachTheProtocol(t *testing.T) {
	s := site.New(page(hello))
	s.MaxRequestLineBytes, s.MaxFields, s.MaxFieldBytes, s.MaxBodyBytes = 20, 2, 60, 5
	s.IdleTimeout = time.Second
	loop := serve(t, s)
	for raw, want := range map[string]string{
		"GET /67890 HTTP/1.1\r\nHost: x\r\n\r\n":                                  "200",
		"GET /678901234567890 HTTP/1.1\r\nHost: x\r\n\r\n":                        "414",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n":                               "200",
		"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\n\r\n":                       "431",
		"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("b", 60) + "\r\n\r\n": "431",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345":            "200",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n":                 "413",
	} {
		c := connect(loop, s)
		c.DeliverString(raw)
		if got := c.TakeString(); !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("%q: got\n%s\nwant %s", raw, got, want)
		}
	}
	c := connect(loop, s)
	c.DeliverString(request)
	if loop.Advance(1100 * time.Millisecond); !c.Closed() {
		t.Error("idle for longer than IdleTimeout, and not closed")
	}
}

func TestDrain(t *testing.T) {
	slow := func(r *resource.Request) ([]byte, error) {
		r.Loop().CallLater(10*time.Second, func() { r.Answer([]byte("slow"), nil) })
		return nil, resource.NotDoneYet
	}
	never := func(r *resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }
	root := new(resource.Tree).PutChild("slow", page(slow)).PutChild("never", page(never)).PutChild("", page(hello))
	s := site.New(root)
	loop := serve(t, s)
	ask := func(target string) *reactortest.Transport {
		c := connect(loop, s)
		c.DeliverString("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		return c
	}
	idle, busy, stuck := ask("/"), ask("/slow"), ask("/never")
	idle.Discard()
	stopped := false
	loop.Fire(reactor.Shutdown, func() { stopped = true })
	loop.Run()
	if !idle.Closed() || busy.Closed() || stopped {
		t.Fatalf("idle closed %v, busy closed %v, stopped %v", idle.Closed(), busy.Closed(), stopped)
	}
	loop.Advance(10 * time.Second)
	if got := busy.TakeString(); !strings.HasSuffix(got, "slow") || !strings.Contains(got, "Connection: close") || !busy.Closed() {
		t.Errorf("busy: closed %v, got\n%s", busy.Closed(), got)
	}
	if loop.Advance(19 * time.Second); stuck.Closed() || stopped {
		t.Error("the stuck one has not its 30 s")
	}
	if loop.Advance(time.Second); !stuck.Aborted() || !stopped {
		t.Errorf("after 30 s: aborted %v, stopped %v", stuck.Aborted(), stopped)
	}
}

// With IdleGrace an idle connection may ask once more.
func TestDrainWithGrace(t *testing.T) {
	s := site.New(page(hello))
	s.IdleGrace = time.Second
	loop := serve(t, s)
	idle, quiet := connect(loop, s), connect(loop, s)
	loop.Fire(reactor.Shutdown, nil)
	loop.Run()
	idle.DeliverString("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := idle.TakeString(); !strings.Contains(got, "Connection: close") || !idle.Closed() {
		t.Errorf("closed %v, got\n%s", idle.Closed(), got)
	}
	if quiet.Closed() {
		t.Error("an idle connection has no time")
	}
	if loop.Advance(time.Second); !quiet.Closed() {
		t.Error("an idle connection is not closed when its time is over")
	}
}

func TestMaxConnections(t *testing.T) {
	s := site.New(page(func(r *resource.Request) ([]byte, error) { return nil, resource.NotDoneYet }))
	s.MaxConnections = 2
	loop := serve(t, s)
	busy, idle := connect(loop, s), connect(loop, s)
	busy.DeliverString(request)
	third := connect(loop, s)
	if third.DeliverString(request); busy.Closed() || !idle.Closed() || third.Closed() {
		t.Errorf("closed: busy %v, idle %v, third %v", busy.Closed(), idle.Closed(), third.Closed())
	}
	fourth := connect(loop, s)
	if got := fourth.TakeString(); !strings.HasPrefix(got, "HTTP/1.1 503") {
		t.Errorf("beyond the limit: got %q", got)
	}
}

func TestOneSiteOneLoop(t *testing.T) {
	s := site.New(page(hello))
	loop := serve(t, s)
	s.StartFactory(loop) // a second port
	defer func() {
		if recover() == nil {
			t.Error("a second loop: no panic")
		}
	}()
	s.StartFactory(reactortest.NewLoop())
}

func TestStats(t *testing.T) {
	s := site.New(page(hello))
	loop := serve(t, s)
	if loop.Pending() != 0 {
		t.Error("a site that nobody asks for figures wakes the loop")
	}
	s.Stats()
	connect(loop, s).DeliverString(request + request)
	loop.Advance(2 * time.Second)
	got := s.Stats()
	if got.Requests != 2 || got.Connections.Open != 1 || got.Connections.Idle != 1 || len(got.Seconds) == 0 || got.Seconds[0].Requests != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestWholeWayAllocatesNothing: bytes in, bytes out, with limits, tree, counters and
// time-outs.
func TestWholeWayAllocatesNothing(t *testing.T) {
	body := []byte("Hello, World!")
	s := site.New(new(resource.Tree).PutChild("plaintext", page(func(*resource.Request) ([]byte, error) { return body, nil })))
	loop := serve(t, s)
	c := connect(loop, s)
	raw := []byte("GET /plaintext HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n")
	if n := testing.AllocsPerRun(1000, func() { c.Deliver(raw); c.Discard() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := s.Counters(); got.Responses[2] != 1001 {
		t.Errorf("counters %+v", got)
	}
}

// A client of HTTP/1.1 may go on with HTTP/2 where the Site lets it.
func TestUpgradeHTTP2(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := site.New(page(hello))
		s.UpgradeHTTP2 = on
		loop := serve(t, s)
		c := connect(loop, s)
		c.DeliverString(request)
		if got := c.TakeString(); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
			t.Errorf("got %q", got)
		}
		c.DeliverString("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n")
		got := c.TakeString()
		if on {
			c.DeliverString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			got += c.TakeString()
		}
		if upgraded := strings.HasPrefix(got, "HTTP/1.1 101 Switching Protocols\r\n"); upgraded != on || !strings.HasSuffix(got, "hello\n") {
			t.Errorf("upgrade %v: got %q", on, got)
		}
		if n := s.Counters(); n.Requests != 2 || n.Active != 0 || s.Connections().Open != 1 {
			t.Errorf("%+v, %+v", n, s.Connections())
		}
	}
}
