package websocket_test

import (
	"testing"
	"unicode/utf8"

	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

// fuzzSettings has limits that a fuzzer can reach.
var fuzzSettings = websocket.Settings{MaxMessageBytes: 4096, MaxFrameBytes: 2048, Deflate: &websocket.Deflate{
	MinBytes: 16, ServerWindowBits: 9, ClientWindowBits: 15}}

func seeds(f *testing.F, add func(in string)) {
	d := newDeflater(true)
	for _, in := range []string{
		frame(fin|text, "Hello"), frame(text, "Hé") + frame(fin|ping, "x") + frame(fin|cont, "llo"), closing(1000, "bye"),
		fragments(bin, "abcdefgh", 3), frame(fin|rsv1|text, d.deflate("Hello, Hello")) + frame(fin|rsv1|text, d.deflate("Hello, Hello")),
		frame(fin|text, "\xff"), frame(fin|3, ""), frame(fin|bin, string(make([]byte, 300))), "\x81\x05Hello",
	} {
		add(in)
	}
}

// The split law: what is told and sent does not depend on how the bytes were cut.
func FuzzSplit(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), uint64(1), true); f.Add([]byte(in), uint64(2), false) })
	loop, fac := reactortest.NewLoop(), websocket.NewFactory(&fuzzSettings) // for all, as in a program
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, deflate bool) {
		run := func(split reactortest.Split) string {
			extension := ""
			if deflate {
				extension = "permessage-deflate"
			}
			h := &recorder{echo: true}
			c := dialOn(t, loop, fac, h, extension)
			c.SetSplit(split)
			c.Deliver(in)
			out := c.got()
			c.Lose(nil)
			if fac.Len() != 0 || loop.Pending() != 0 {
				t.Error("the factory still has it")
			}
			return h.log.String() + "\n" + out
		}
		whole := run(reactortest.Whole)
		for _, split := range []reactortest.Split{reactortest.ByteByByte, reactortest.Cut(seed)} {
			if cut := run(split); cut != whole {
				t.Errorf("whole\n%s\ncut\n%s", whole, cut)
			}
		}
	})
}

// What is text to the handler is UTF-8, however it came; no message is over the limit;
// nothing panics, and nothing is kept of a connection that is gone.
func FuzzMessages(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), true) })
	loop, fac := reactortest.NewLoop(), websocket.NewFactory(&fuzzSettings)
	f.Fuzz(func(t *testing.T, in []byte, masked bool) {
		h := &checker{t: t}
		head := upgrade()
		setField(head, "Sec-WebSocket-Extensions", "permessage-deflate")
		a, _ := fac.Accept(head)
		tr := loop.Connect(fac.NewConn(a, h))
		if !masked { // as payloads of good frames, which gets deeper
			in = []byte(fragments(text, string(in), 7))
		}
		tr.Deliver(in)
		tr.Lose(nil)
		if !h.closed || fac.Len() != 0 || loop.Pending() != 0 {
			t.Errorf("closed: %v, %d connections, %d timers", h.closed, fac.Len(), loop.Pending())
		}
	})
}

type checker struct {
	t      *testing.T
	closed bool
}

func (h *checker) Opened(*websocket.Conn) {}
func (h *checker) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	if kind == websocket.Text && !utf8.Valid(data) || len(data) > 4096 || h.closed {
		h.t.Errorf("%v of %d bytes: %q", kind, len(data), data)
	}
	c.Send(kind, data)
}
func (h *checker) Closed(_ *websocket.Conn, code websocket.Code, reason string) {
	if h.closed || !utf8.ValidString(reason) || !code.CanSend() && code != websocket.CodeNone && code != websocket.CodeAbnormal {
		h.t.Errorf("closed again, or with %v %q", code, reason)
	}
	h.closed = true
}

// The handshake panics for no head, and what it agrees to can be sent.
func FuzzHandshake(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits", "http://server.example.com", "dGhlIHNhbXBsZSBub25jZQ==", "chat")
	f.Fuzz(func(t *testing.T, extension, origin, key, sub string) {
		h := upgrade()
		for name, value := range map[string]string{"Sec-WebSocket-Extensions": extension, "Origin": origin,
			"Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": sub} {
			setField(h, name, value)
		}
		s := fuzzSettings
		s.Subprotocols = []string{"chat"}
		if a, refused := websocket.NewFactory(&s).Accept(h); refused == nil {
			if err := a.Fields.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
