package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/resource/events"
	"spindle/resource/hub"
	"spindle/resource/resourcetest"
)

// serve is a server of one Events.
func serve() (*resourcetest.Server, *events.Events) {
	s := resourcetest.New(nil)
	e := events.New(s.Loop)
	s.Root = e
	return s, e
}

func listen(s *resourcetest.Server, fields protocol.Fields) *resourcetest.Exchange {
	return s.Start("GET", "/", fields, nil)
}

func last(id string) protocol.Fields { return protocol.Fields{{Name: "Last-Event-ID", Value: id}} }

func body(x *resourcetest.Exchange) string { return string(x.Body) }

func TestHead(t *testing.T) {
	s, e := serve()
	x := listen(s, nil)
	want := "200 OK\nContent-Type: text/event-stream\nCache-Control: no-store\nX-Accel-Buffering: no\n\n:\n\n"
	if got := x.String(); got != want || x.Done || x.Length != -1 || e.Len() != 1 {
		t.Errorf("%s, done %v, %d listen", got, x.Done, e.Len())
	}
	if r := s.Do("HEAD", "/", nil, nil); r.Status != 200 || !r.Done || r.Length != -1 || e.Len() != 1 {
		t.Errorf("HEAD: %v, %d listen", r, e.Len())
	}
	if r := s.Do("POST", "/", nil, nil); r.Status != 405 {
		t.Errorf("POST: %v", r.Status)
	}
	x.Lose(nil)
	if e.Len() != 0 || s.Loop.Pending() != 0 {
		t.Errorf("%d listen, %d timers", e.Len(), s.Loop.Pending())
	}
}

func TestEventsAreWrittenAsTheStandardSays(t *testing.T) {
	for _, r := range []struct {
		ev   events.Event
		want string
	}{
		{events.Event{ID: "1"}, "id: 1\ndata: \n\n"},
		{events.Event{ID: "1", Data: "hello"}, "id: 1\ndata: hello\n\n"},
		{events.Event{ID: "1", Name: "chat", Data: "hello"}, "id: 1\nevent: chat\ndata: hello\n\n"},
		{events.Event{ID: "1", Data: "a\nb\r\nc\rd\n"}, "id: 1\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{events.Event{ID: "1", Data: "\r\n"}, "id: 1\ndata: \ndata: \n\n"},
		{events.Event{ID: "1\nx", Name: "a\rb", Data: "c"}, "data: c\n\n"},
		{events.Event{ID: "\x00", Data: " c: d"}, "data:  c: d\n\n"},
	} {
		s, e := serve()
		x := listen(s, nil)
		if id := e.Publish(r.ev); id != r.ev.ID {
			t.Errorf("published as %q", id)
		}
		s.Loop.Run()
		if got := strings.TrimPrefix(body(x), ":\n\n"); got != r.want {
			t.Errorf("%+v: %q, want %q", r.ev, got, r.want)
		}
	}
	s, e := serve()
	x := listen(s, nil)
	e.Broadcast(&protocol.Message{Data: []byte{0, 255}, Binary: true})
	s.Loop.Run()
	if body(x) != ":\n\ndata: AP8=\n\n" {
		t.Errorf("binary: %q", body(x))
	}
}

func TestReplay(t *testing.T) {
	s, e := serve()
	e.KeepEvents, e.KeepBytes, e.Retry = 3, 20, 1500*time.Millisecond
	x := listen(s, nil)
	for i := range 5 {
		e.Publish(events.Event{ID: fmt.Sprint("e", i), Data: fmt.Sprint(i)})
	}
	s.Loop.Run()
	const retry = "retry: 1500\n\n"
	one := func(i int) string { return fmt.Sprintf("id: e%d\ndata: %d\n\n", i, i) }
	for _, r := range []struct{ id, want string }{
		{"", retry}, {"e4", retry}, {"e3", retry + one(4)}, {"e2", retry + one(3) + one(4)},
		{"e1", retry + one(2) + one(3) + one(4)}, {"e0", retry + one(2) + one(3) + one(4)}, {"other", retry + one(2) + one(3) + one(4)},
	} {
		if got := body(listen(s, last(r.id))); got != r.want {
			t.Errorf("after %q: %q, want %q", r.id, got, r.want)
		}
	}
	if want := retry + one(0) + one(1) + one(2) + one(3) + one(4); body(x) != want {
		t.Errorf("who was there: %q", body(x))
	}
	e.History = true
	if got := body(listen(s, nil)); got != retry+one(2)+one(3)+one(4) {
		t.Errorf("history: %q", got)
	}
	e.Publish(events.Event{ID: "f", Data: "0123456789abc"}) // 14 bytes: the oldest ones go
	if got := body(listen(s, nil)); got != retry+one(3)+one(4)+"id: f\ndata: 0123456789abc\n\n" {
		t.Errorf("bounded by bytes: %q", got)
	}
	e.Publish(events.Event{ID: "g", Data: strings.Repeat("x", 30)}) // is over the bound itself
	if got := body(listen(s, nil)); got != retry {
		t.Errorf("with a gap: %q", got)
	}
}

func TestNothingIsKept(t *testing.T) {
	s, e := serve()
	e.KeepEvents = -1
	e.Publish(events.Event{ID: "1", Data: "x"})
	if got := body(listen(s, last("0"))); got != ":\n\n" {
		t.Errorf("%q", got)
	}
}

// Ids of another process are not known to this one.
func TestIDs(t *testing.T) {
	_, e := serve()
	s := resourcetest.New(nil)
	s.Loop.Advance(time.Millisecond)
	other := events.New(s.Loop)
	a, b, c := e.Publish(events.Event{}), e.Publish(events.Event{}), other.Publish(events.Event{})
	if a == b || a == c || !strings.HasSuffix(b, "-2") {
		t.Errorf("%s, %s, %s", a, b, c)
	}
}

func TestHeartbeats(t *testing.T) {
	s, e := serve()
	x := listen(s, nil)
	s.Loop.Advance(15 * time.Second)
	if body(x) != ":\n\n" {
		t.Errorf("before: %q", body(x))
	}
	s.Loop.Advance(15 * time.Second)
	if body(x) != ":\n\n:\n\n" {
		t.Errorf("after 30 s of silence: %q", body(x))
	}
	e.Publish(events.Event{ID: "1", Data: "x"})
	s.Loop.Advance(15 * time.Second)
	if body(x) != ":\n\n:\n\nid: 1\ndata: x\n\n" {
		t.Errorf("after an event: %q", body(x))
	}
	s, e = serve()
	e.Heartbeat = -1
	listen(s, nil)
	if s.Loop.Pending() != 0 {
		t.Error("there is a timer that nobody needs")
	}
}

func TestOpened(t *testing.T) {
	s, e := serve()
	var streams []*events.Stream
	e.Opened = func(st *events.Stream, r *resource.Request) error {
		if r.ArgOr("who", "") == "nobody" {
			return &resource.Error{Status: 403, Err: errors.New("nobody")}
		}
		st.Send(events.Event{Name: "welcome", Data: r.ArgOr("who", "you")})
		streams = append(streams, st)
		return nil
	}
	if r := s.Get("/?who=nobody"); r.Status != 403 || e.Len() != 0 {
		t.Errorf("refused with %d", r.Status)
	}
	x := s.Start("GET", "/?who=Ada", nil, nil)
	if body(x) != "event: welcome\ndata: Ada\n\n:\n\n" {
		t.Errorf("%q", body(x))
	}
	ended := 0
	streams[0].NotifyClosed(func() { ended++ })
	streams[0].Finish()
	s.Loop.Run()
	streams[0].Finish()
	streams[0].Send(events.Event{Data: "too late"})
	if !x.Done || e.Len() != 0 || ended != 1 || streams[0].Buffered() != 0 {
		t.Errorf("done %v, %d listen, told %d times", x.Done, e.Len(), ended)
	}
}

func TestLimits(t *testing.T) {
	s, e := serve()
	e.MaxStreams = 2
	a, b := listen(s, nil), listen(s, nil)
	if x := listen(s, nil); x.Status != 503 || x.Field("Retry-After") == "" {
		t.Errorf("the third gets %v", x)
	}
	a.Lose(nil)
	if x := listen(s, nil); x.Status != 200 {
		t.Errorf("then: %d", x.Status)
	}
	e.Publish(events.Event{ID: "1", Data: "x"})
	s.Loop.Run()
	if b.Done {
		t.Error("who keeps up is ended")
	}
}

// A listener that is slow is ended, and comes again where it was.
func TestSlowListener(t *testing.T) {
	loop := reactortest.NewLoop()
	e := events.New(loop)
	e.MaxQueuedBytes = 100
	d := &resource.Dispatcher{Root: e}
	c := protocoltest.Dial(t, loop, http1.NewFactory(d, nil))
	c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.Want("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n")
	c.SetCapacity(0)
	e.Publish(events.Event{ID: "1", Data: strings.Repeat("x", 200)})
	loop.Run()
	if e.Len() != 1 {
		t.Fatal("it is ended too early")
	}
	e.Publish(events.Event{ID: "2", Data: "y"})
	loop.Run()
	if e.Len() != 0 {
		t.Fatal("it is not ended")
	}
	c.SetCapacity(-1)
	if got := c.TakeString(); !strings.HasSuffix(got, "\r\n0\r\n\r\n") || strings.Contains(got, "id: 2") {
		t.Errorf("it got %q", got)
	}
	c.Send("GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n")
	if got := c.TakeString(); !strings.Contains(got, "id: 2\ndata: y\n\n") {
		t.Errorf("then it got %q", got)
	}
}

// The reactor does not wait for streams.
func TestDrain(t *testing.T) {
	s, e := serve()
	a, b := listen(s, nil), listen(s, nil)
	done := false
	s.Loop.Fire(reactor.Shutdown, func() { done = true })
	s.Loop.Run()
	if !a.Done || !b.Done || !done || e.Len() != 0 {
		t.Errorf("ended: %v, %v; %d listen", a.Done, b.Done, e.Len())
	}
	if x := listen(s, nil); x.Status != 503 {
		t.Errorf("a new one gets %d", x.Status)
	}
}

// One message for listeners of both kinds.
func TestHub(t *testing.T) {
	s, e := serve()
	h := hub.New(s.Loop)
	e.Opened = func(st *events.Stream, r *resource.Request) error {
		h.Join(r.ArgOr("in", ""), st)
		return nil
	}
	x := s.Start("GET", "/?in=news", nil, nil)
	y := s.Start("GET", "/?in=sport", nil, nil)
	m := &protocol.Message{Data: []byte("rain"), Event: "weather"}
	h.Broadcast("news", m)
	s.Loop.Run()
	if body(x) != ":\n\nevent: weather\ndata: rain\n\n" || body(y) != ":\n\n" {
		t.Errorf("%q, %q", body(x), body(y))
	}
	x.Lose(nil)
	if h.Len("news") != 0 || h.Len("sport") != 1 {
		t.Errorf("%d and %d are left", h.Len("news"), h.Len("sport"))
	}
}

func Example() {
	server := resourcetest.New(nil)
	news := events.New(server.Loop) // in a program: the reactor
	server.Root = news
	listener := server.Start("GET", "/", nil, nil)
	news.Publish(events.Event{ID: "1", Name: "weather", Data: "rain\nand wind"})
	server.Loop.Run()
	fmt.Printf("%s", listener.Body)
	// Output:
	// :
	//
	// id: 1
	// event: weather
	// data: rain
	// data: and wind
}
