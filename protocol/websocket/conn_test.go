package websocket_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// The server closes: its close frame, that of the client, the end.
func TestCloseByServer(t *testing.T) {
	h := &recorder{echo: true}
	c := dial(t, nil, h, "")
	h.conn.Close(websocket.CodeNormal, "bye")
	h.conn.Close(websocket.CodeNormal, "again")
	h.conn.SendText("too late")
	c.want("close 1000 bye")
	c.send(frame(fin|text, "what is on its way is not told"), frame(fin|ping, ""))
	c.want("")
	c.wantEnd(open)
	c.send(closing(1000, "bye"))
	c.want("")
	c.wantEnd(closed)
	c.told("opened; closed 1000 bye")
	if c.f.Len() != 0 || c.loop.Pending() != 0 {
		t.Errorf("%d connections and %d timers are left", c.f.Len(), c.loop.Pending())
	}
}

func TestCloseCodes(t *testing.T) {
	for _, r := range []struct {
		code websocket.Code
		want string
	}{
		{0, "close"}, {1005, "close 1011 x"}, {1006, "close 1011 x"}, {999, "close 1011 x"}, {5000, "close 1011 x"},
		{3000, "close 3000 x"}, {4999, "close 4999 x"}, {1014, "close 1014 x"},
	} {
		c := dial(t, nil, &recorder{}, "")
		c.conn.Close(r.code, "x")
		c.want(r.want)
	}
	c := dial(t, nil, &recorder{}, "")
	c.conn.Close(1000, strings.Repeat("€", 100))
	c.want("close 1000 " + strings.Repeat("€", 41))
	c = dial(t, nil, &recorder{}, "")
	c.conn.Close(1000, "\xff")
	c.want("close 1000")
}

// A client that answers the close frame with nonsense, or with none, ends too.
func TestCloseThatIsNotAnswered(t *testing.T) {
	h := &recorder{}
	c := dial(t, nil, h, "")
	h.conn.Close(websocket.CodeNormal, "")
	c.want("close 1000")
	c.loop.Advance(4999 * time.Millisecond)
	c.wantEnd(open)
	c.loop.Advance(time.Millisecond)
	if !c.Aborted() {
		t.Error("it is not aborted after 5 s")
	}
	c.told("opened; closed 1006 ")

	h = &recorder{}
	c = dial(t, nil, h, "")
	h.conn.Close(websocket.CodeNormal, "")
	c.send(frame(fin|3, ""))
	c.want("close 1000")
	c.wantEnd(failed)
	c.told("opened; closed 1002 use of reserved op code")
}

// After a failure the client has its time to end; what it sends is thrown away.
func TestLingerAfterFailure(t *testing.T) {
	c := dial(t, nil, &recorder{}, "")
	c.send(frame(fin|3, ""))
	c.want("close 1002 use of reserved op code")
	c.send(frame(fin|text, "more"), "\xff\xff\xff")
	c.want("")
	c.wantEnd(failed)
	c.DeliverEOF()
	c.wantEnd(closed)
	c = dial(t, nil, &recorder{}, "")
	c.send(frame(fin|3, ""))
	c.wantEnd(failed)
	c.loop.Advance(5 * time.Second)
	if !c.Aborted() {
		t.Error("it is not aborted after 5 s")
	}
	c.told("opened; closed 1002 use of reserved op code")
}

func TestLoss(t *testing.T) {
	for name, lose := range map[string]func(c *client){
		"end":   func(c *client) { c.DeliverEOF() },
		"reset": func(c *client) { c.Reset() },
		"abort": func(c *client) { c.conn.Abort(); c.conn.Abort() },
	} {
		h := &recorder{}
		c := dial(t, nil, h, "")
		c.send(frame(text, "a part"), "\x81")
		lose(c)
		c.told("opened; closed 1006 ")
		h.conn.SendText("x")
		h.conn.Close(1000, "")
		h.conn.Ping(nil)
		h.conn.PauseReading()
		h.conn.ResumeReading()
		h.conn.Abort()
		if h.conn.Buffered() != 0 || c.f.Len() != 0 || c.loop.Pending() != 0 {
			t.Errorf("%s: something is left", name)
		}
		c.told("opened; closed 1006 ")
	}
}

// A client that does not mask is refused (RFC 6455 §5.1), and so is a length that is
// longer than it must be (§5.2).
func TestFrameHeads(t *testing.T) {
	runRows(t, []row{
		{"no mask", "\x81\x05Hello", protocolError + "frames from client to server must be masked", failed},
		{"126 for 125", "\x82\xfe\x00\x7d\x00\x00\x00\x00" + strings.Repeat("x", 125), protocolError + "a length is not in its shortest form", failed},
		{"127 for 126", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x7e\x00\x00\x00\x00" + strings.Repeat("x", 126), protocolError + "a length is not in its shortest form", failed},
		{"127 for 65535", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00", protocolError + "a length is not in its shortest form", failed},
		{"sign", "\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", protocolError + "the highest bit of a length is set", failed},
		{"huge", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "close 1009 a frame is too big", failed},
		{"RFC 5.7", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", `text "Hello"`, open},
	})
}

func TestMessageLimits(t *testing.T) {
	set := &websocket.Settings{MaxMessageBytes: 100, MaxFrameBytes: 60, Deflate: &websocket.Deflate{}}
	const tooBig, frameTooBig = "close 1009 a message is too big", "close 1009 a frame is too big"
	x := func(n int) string { return strings.Repeat("x", n) }
	d := newDeflater(false)
	for _, r := range []struct{ name, in, want string }{
		{"frame n", frame(fin|bin, x(60)), "binary " + show([]byte(x(60)))},
		{"frame n+1", frame(fin|bin, x(61)), frameTooBig},
		{"message n", frame(bin, x(60)) + frame(fin|cont, x(40)), "binary " + show([]byte(x(100)))},
		{"message n+1", frame(bin, x(60)) + frame(fin|cont, x(41)), tooBig},
		{"inflated n", frame(fin|rsv1|bin, d.deflate(x(100))), "binary " + show([]byte(x(100)))},
		{"inflated n+1", frame(fin|rsv1|bin, d.deflate(x(101))), tooBig},
		{"a bomb", frame(fin|rsv1|bin, d.deflate(x(10000))), tooBig},
	} {
		c := dial(t, set, &recorder{echo: true}, "permessage-deflate")
		c.send(r.in)
		if got := strings.TrimPrefix(c.got(), "deflated "); got != r.want {
			t.Errorf("%s: %s, want %s", r.name, got, r.want)
		}
	}
}

// All that has come in part is bounded together.
func TestPartialLimit(t *testing.T) {
	loop, f := reactortest.NewLoop(), websocket.NewFactory(&websocket.Settings{MaxPartialBytes: 100})
	var list []*client
	for range 3 {
		c := dialOn(t, loop, f, &recorder{}, "")
		c.send(frame(bin, strings.Repeat("x", 40)))
		list = append(list, c)
	}
	list[0].want("")
	list[2].want("close 1013 too much is being received at the moment")
	list[1].Reset()
	list[0].send(frame(cont, strings.Repeat("x", 60)))
	list[0].want("")
	list[0].send(frame(fin|cont, ""))
	list[0].told("opened; binary 100 bytes \"xxxx\"")
	c := dialOn(t, loop, f, &recorder{}, "")
	c.send(frame(bin, strings.Repeat("x", 100)))
	c.want("")
}

func TestBadDeflate(t *testing.T) {
	const bad = "close 1007 a message can not be inflated"
	d := newDeflater(false)
	hello := d.deflate("Hello")
	for _, r := range []struct{ name, in, want string }{
		{"RFC 7692 §7.2.3.1", frame(fin|rsv1|text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), `text "Hello"`},
		{"RFC 7692 §7.2.3.1 in two", frame(rsv1|text, "\xf2\x48\xcd") + frame(fin|cont, "\xc9\xc9\x07\x00"), `text "Hello"`},
		{"RFC 7692 §7.2.3.3 stored", frame(fin|rsv1|text, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), `text "Hello"`},
		{"RFC 7692 §7.2.3.4 a final block", frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), `text "Hello"`},
		{"RFC 7692 §7.2.3.5 two blocks", frame(fin|rsv1|text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), `text "Hello"`},
		{"nothing", frame(fin|rsv1|text, "\x00"), `text ""`},
		{"noise", frame(fin|rsv1|bin, "\xff\xff\xff\xff"), bad},
		{"cut", frame(fin|rsv1|bin, hello[:len(hello)-3]), bad},
		{"behind the final block", frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00\x00"), bad},
		{"a reference before the start", frame(fin|rsv1|text, "\xf2\x00\x11\x00\x00"), bad},
		{"not UTF-8", frame(fin|rsv1|text, d.deflate("\xff")), notUTF8},
		{"cut UTF-8", frame(fin|rsv1|text, d.deflate("\xe2\x82")), notUTF8},
		{"the bit on a continuation", frame(rsv1|text, hello[:2]) + frame(fin|rsv1|cont, hello[2:]), protocolError + "a reserved bit is set"},
		{"the bit on a ping", frame(fin|rsv1|ping, ""), protocolError + "a reserved bit is set"},
	} {
		for cut, split := range reactortest.Splits() {
			c := dial(t, &websocket.Settings{Deflate: &websocket.Deflate{}}, &recorder{echo: true}, "permessage-deflate")
			c.SetSplit(split)
			c.send(r.in)
			if got := c.got(); got != r.want {
				t.Errorf("%s, %s: %s, want %s", r.name, cut, got, r.want)
			}
		}
	}
}

// RFC 7692 §7.2.3.2: the second message refers to the first.
func TestContextTakeOver(t *testing.T) {
	set := &websocket.Settings{Deflate: &websocket.Deflate{MinBytes: 1, ServerWindowBits: 15, ClientWindowBits: 15}}
	c := dial(t, set, &recorder{echo: true}, "permessage-deflate")
	c.send(frame(fin|rsv1|text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), frame(fin|rsv1|text, "\xf2\x00\x11\x00\x00"))
	c.told(`opened; text "Hello"; text "Hello"`)
	long := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 8)
	c.Take()
	c.conn.SendText(long)
	first := len(c.Bytes())
	c.want("deflated text " + show([]byte(long)))
	c.conn.SendText(long)
	second := len(c.Bytes())
	c.want("deflated text " + show([]byte(long)))
	if second >= first {
		t.Errorf("the second time it takes %d bytes, the first time %d", second, first)
	}
	c.conn.SendPrepared(protocol.Text(long)) // begins anew, and is context too
	c.want("deflated text " + show([]byte(long)))
	c.conn.SendText(long + "!")
	c.want("deflated text " + show([]byte(long+"!")))
}

func TestSilence(t *testing.T) {
	set := &websocket.Settings{PingInterval: 30 * time.Second, PongTimeout: 10 * time.Second}
	c := dial(t, set, &recorder{}, "")
	c.loop.Advance(30 * time.Second) // the opening was a sign of life
	c.want("")
	c.loop.Advance(30 * time.Second)
	c.want(`ping ""`)
	c.loop.Advance(9 * time.Second)
	c.send(frame(fin|pong, ""))
	c.loop.Advance(30 * time.Second)
	c.want("")
	c.loop.Advance(time.Second) // silent since it was looked at, a second after the pong
	c.want(`ping ""`)
	c.loop.Advance(10*time.Second - 1)
	c.wantEnd(open)
	c.loop.Advance(1)
	if !c.Aborted() {
		t.Error("a client that does not answer is not aborted")
	}
	c.told("opened; closed 1006 ")
}

func TestIdleTimeout(t *testing.T) {
	set := &websocket.Settings{IdleTimeout: time.Minute, PingInterval: -1}
	c := dial(t, set, &recorder{}, "")
	c.loop.Advance(50 * time.Second)
	c.send(frame(fin|text, "x"))
	c.loop.Advance(69 * time.Second)
	c.want("")
	c.conn.SendText("y")
	c.want(`text "y"`)
	c.send(frame(fin|ping, "is no message"))
	c.want(`pong "is no message"`)
	c.loop.Advance(2 * time.Minute)
	c.want("close 1001 no message for too long")
}

func TestNoTimer(t *testing.T) {
	c := dial(t, &websocket.Settings{PingInterval: -1}, &recorder{}, "")
	if c.loop.Pending() != 0 {
		t.Error("there is a timer that nobody needs")
	}
}

// flow is a recorder that is told of full queues.
type flow struct{ recorder }

func (f *flow) WritingPaused(*websocket.Conn)  { f.note("paused") }
func (f *flow) WritingResumed(*websocket.Conn) { f.note("resumed") }

func TestBackPressure(t *testing.T) {
	h := &flow{}
	loop := reactortest.NewLoop()
	f := websocket.NewFactory(nil)
	c := dialOn(t, loop, f, &h.recorder, "")
	c.Lose(nil)
	a, _ := f.Accept(upgrade())
	h = &flow{}
	conn := f.NewConn(a, h)
	c.h, c.conn = &h.recorder, conn
	c.Transport = loop.NewTransport()
	c.Start(conn)
	c.SetCapacity(1000)
	conn.Send(websocket.Binary, make([]byte, 100<<10))
	c.told("opened; paused")
	if !c.ReadingPaused() || conn.Buffered() < 99<<10 {
		t.Errorf("reading goes on, with %d bytes to be sent", conn.Buffered())
	}
	c.send(frame(fin|text, "later"))
	c.told("opened; paused")
	c.loop.Advance(59 * time.Second)
	c.Drain(10) // it takes something
	c.loop.Advance(59 * time.Second)
	c.wantEnd(open)
	c.SetCapacity(-1)
	c.told(`opened; paused; resumed; text "later"`)
	c.want("binary " + show(make([]byte, 100<<10)))

	c.SetCapacity(0)
	conn.Send(websocket.Binary, make([]byte, 100<<10))
	c.Bytes()
	c.loop.Advance(time.Minute)
	if !c.Aborted() {
		t.Error("a client that takes nothing is not aborted")
	}
}

// Many messages in one read are not answered all before the client takes some.
func TestQueueLimitWithinARead(t *testing.T) {
	h := &recorder{}
	n := 0
	h.on = func(c *websocket.Conn, _ []byte) { n++; c.Send(websocket.Binary, make([]byte, 100<<10)) }
	c := dial(t, &websocket.Settings{MaxQueuedBytes: 300 << 10}, h, "")
	c.SetCapacity(0)
	c.send(strings.Repeat(frame(fin|text, "x"), 100))
	if n != 3 {
		t.Errorf("%d messages are looked at", n)
	}
	c.SetCapacity(-1)
	c.Bytes()
	if n != 100 || c.ReadingPaused() {
		t.Errorf("%d messages are looked at in the end, reading paused: %v", n, c.ReadingPaused())
	}
	if got := strings.Count(c.got(), "binary"); got != 100 {
		t.Errorf("%d are answered", got)
	}
}

func TestPauseReading(t *testing.T) {
	h := &recorder{echo: true}
	h.on = func(c *websocket.Conn, data []byte) {
		if string(data) == "stop" {
			c.PauseReading()
		}
	}
	for cut, split := range reactortest.Splits() {
		h.log.Reset()
		c := dial(t, nil, h, "")
		c.SetSplit(split)
		c.send(frame(fin|text, "a"), frame(fin|text, "stop"), frame(fin|text, "b"), frame(fin|ping, "p"))
		c.send(frame(fin|text, "c"))
		c.told(`opened; text "a"; text "stop"`)
		c.loop.Advance(10 * time.Minute) // that nothing is heard is our own doing
		c.conn.ResumeReading()
		c.told(`opened; text "a"; text "stop"; text "b"; text "c"`)
		if got := c.got(); got != `text "a"; text "stop"; text "b"; pong "p"; text "c"` {
			t.Errorf("%s: %s", cut, got)
		}
		c.conn.PauseReading()
		c.send(closing(1000, ""))
		c.want("")
		c.conn.Close(1001, "") // reads again, for the answer
		c.want("close 1001")
		c.wantEnd(closed)
	}
}

// A panic of a handler costs its connection, and leaves the factory whole.
func TestPanicInHandler(t *testing.T) {
	loop, f := reactortest.NewLoop(), websocket.NewFactory(nil)
	loop.OnPanic = func(any, []byte) {}
	h := &recorder{on: func(*websocket.Conn, []byte) { panic("a mistake") }}
	c := dialOn(t, loop, f, h, "")
	c.send(frame(bin, "x"), frame(fin|cont, "y"))
	if !c.Closed() || f.Len() != 0 {
		t.Error("the connection goes on")
	}
	c.told(`opened; binary "xy"; closed 1006 `)
	c = dialOn(t, loop, f, &recorder{echo: true}, "")
	c.send(frame(fin|text, "all is well"))
	c.want(`text "all is well"`)
}

func TestPrepared(t *testing.T) {
	loop := reactortest.NewLoop()
	f := websocket.NewFactory(&websocket.Settings{Deflate: &websocket.Deflate{}})
	long := strings.Repeat("one encoding for many. ", 20)
	m := protocol.Text(long)
	for _, r := range []struct{ extension, want string }{
		{"", "text "}, {"permessage-deflate", "deflated text "}, {"permessage-deflate; server_max_window_bits=10", "deflated text "},
	} {
		for range 2 {
			c := dialOn(t, loop, f, &recorder{}, r.extension)
			c.conn.SendPrepared(m)
			c.want(r.want + show([]byte(long)))
			c.conn.SendPrepared(&protocol.Message{Data: []byte("short"), Binary: true})
			c.want(`binary "short"`)
			if n := testing.AllocsPerRun(20, func() { c.conn.SendPrepared(m); c.Discard() }); n > 1 { // of the double
				t.Errorf("%q: the second receiver costs %v allocations", r.extension, n)
			}
		}
	}
}

func TestDrain(t *testing.T) {
	loop, f := reactortest.NewLoop(), websocket.NewFactory(nil)
	a := dialOn(t, loop, f, &recorder{}, "")
	b := dialOn(t, loop, f, &recorder{}, "")
	agreed, _ := f.Accept(upgrade())
	done := false
	loop.Fire(reactor.Shutdown, func() { done = true })
	a.want("close 1001 the server stops")
	a.send(closing(1001, ""))
	if done {
		t.Error("it does not wait for the other")
	}
	if _, refused := f.Accept(upgrade()); refused == nil || refused.Status != 503 {
		t.Errorf("a new one is answered %v", refused)
	}
	late := &client{Transport: loop.NewTransport(), t: t, h: &recorder{}}
	late.Start(f.NewConn(agreed, late.h)) // was under way
	late.want("close 1001 the server stops")
	late.Reset()
	loop.Advance(5 * time.Second)
	if !done || !b.Aborted() {
		t.Error("the other is not aborted")
	}
}

func TestFactoryList(t *testing.T) {
	loop, f := reactortest.NewLoop(), websocket.NewFactory(nil)
	var list []*client
	for range 5 {
		list = append(list, dialOn(t, loop, f, &recorder{}, ""))
	}
	for i, lost := range []int{2, 0, 4} {
		list[lost].Reset()
		n := 0
		f.Each(func(*websocket.Conn) { n++ })
		if want := 4 - i; n != want || f.Len() != want {
			t.Errorf("%d of %d are found, want %d", n, f.Len(), want)
		}
	}
	called := ""
	list[1].conn.NotifyClosed(func() { called += "a" })
	list[1].conn.NotifyClosed(func() { called += "b" })
	list[1].send(closing(1000, ""))
	if called != "ab" {
		t.Errorf("told %q", called)
	}
	c := list[3].conn
	if c.Subprotocol() != "" || c.Peer() != list[3].PeerAddr || c.Host() != list[3].HostAddr || c.Loop() != reactor.Loop(loop) {
		t.Error("the connection does not know itself")
	}
	c.Dismiss("too slow")
	list[3].want("close 1008 too slow")
}

// A connection that is lost while it is switched was never there.
func TestLostBeforeMade(t *testing.T) {
	f := websocket.NewFactory(nil)
	a, _ := f.Accept(upgrade())
	h := &recorder{}
	c := f.NewConn(a, h)
	c.Abort()
	c.ConnectionLost(reactor.ErrDone)
	if h.log.Len() != 0 || f.Len() != 0 {
		t.Errorf("told %q", h.log.String())
	}
}

func TestHotPathsAllocateNothing(t *testing.T) {
	for name, r := range map[string]struct{ extension, message string }{
		"short": {"", "hello"}, "125 bytes": {"", strings.Repeat("x", 125)}, "4 KiB": {"", strings.Repeat("x", 4000)},
		"deflated":  {"permessage-deflate", strings.Repeat("abc", 100)},
		"take-over": {"permessage-deflate; client_max_window_bits", strings.Repeat("abc", 100)},
	} {
		set := &websocket.Settings{Deflate: &websocket.Deflate{}}
		if name == "take-over" {
			set.Deflate.ServerWindowBits, set.Deflate.ClientWindowBits = 12, 12
		}
		h := &echoer{}
		loop, f := reactortest.NewLoop(), websocket.NewFactory(set)
		head := upgrade()
		setField(head, "Sec-WebSocket-Extensions", r.extension)
		a, _ := f.Accept(head)
		tr := &sinkTransport{Transport: loop.NewTransport(), buf: make([]byte, 0, 8<<10)}
		c := f.NewConn(a, h)
		c.ConnectionMade(tr)
		in := []byte(frame(fin|text, r.message))
		if r.extension != "" {
			in = []byte(frame(fin|rsv1|text, newDeflater(false).deflate(r.message)))
		}
		parts := [][]byte{in[:3], in[3:10], in[10:]}
		c.DataReceived(in)
		if n := testing.AllocsPerRun(100, func() { c.DataReceived(in) }); n != 0 {
			t.Errorf("%s: an echo allocates %v times", name, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			for _, p := range parts {
				c.DataReceived(p)
			}
		}); n > 0 {
			t.Errorf("%s: one that comes in parts allocates %v times", name, n)
		}
		if h.n < 200 || tr.written == 0 {
			t.Errorf("%s: %d messages, %d bytes written", name, h.n, tr.written)
		}
	}
}

type echoer struct{ n int }

func (e *echoer) Opened(*websocket.Conn) {}
func (e *echoer) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	e.n++
	c.Send(kind, data)
}
func (e *echoer) Closed(*websocket.Conn, websocket.Code, string) {}

// sinkTransport drops what is written, so that only the connection allocates.
type sinkTransport struct {
	*reactortest.Transport
	buf     []byte
	written int
}

func (s *sinkTransport) AvailableBuffer() []byte { return s.buf[:0] }
func (s *sinkTransport) Write(data []byte)       { s.written += len(data) }
func (s *sinkTransport) WriteShared(data []byte) { s.written += len(data) }
func (s *sinkTransport) Buffered() int           { return 0 }

// What an idle connection keeps, beside its transport: DESIGN's bound is 1.5 KiB in all.
func TestIdleConnectionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(websocket.Conn{}); size > 192 {
		t.Errorf("a Conn is %d bytes", size)
	}
}

func Example() {
	f := websocket.NewFactory(nil)
	agreement, refused := f.Accept(upgrade()) // the head of a request
	if refused != nil {
		panic(refused)
	}
	tr := reactortest.Connect(f.NewConn(agreement, &echoer{})) // in a program: Request.Switch
	tr.DeliverString("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
	fmt.Printf("%q\n", tr.Bytes())
	// Output: "\x81\x05Hello"
}
