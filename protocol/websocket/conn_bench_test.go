package websocket_test

import (
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

// BenchmarkEcho is a message from bytes to bytes: frame, checks, handler, frame.
func BenchmarkEcho(b *testing.B) {
	for _, w := range []struct {
		name    string
		message string
		deflate bool
	}{
		{"125", strings.Repeat("x", 125), false},
		{"4k", strings.Repeat("x", 4<<10), false},
		{"4k-of-Greek", strings.Repeat("λό", 1<<10), false},
		{"4k-deflated", strings.Repeat("abcdefgh", 512), true},
	} {
		b.Run(w.name, func(b *testing.B) {
			f := websocket.NewFactory(&websocket.Settings{Deflate: &websocket.Deflate{}})
			head, in := upgrade(), []byte(frame(fin|text, w.message))
			if w.deflate {
				setField(head, "Sec-WebSocket-Extensions", "permessage-deflate")
				in = []byte(frame(fin|rsv1|text, newDeflater(false).deflate(w.message)))
			}
			a, _ := f.Accept(head)
			tr := &sinkTransport{Transport: reactortest.NewLoop().NewTransport(), buf: make([]byte, 0, 8<<10)}
			c := f.NewConn(a, &echoer{})
			c.ConnectionMade(tr)
			b.SetBytes(int64(len(w.message)))
			b.ReportAllocs()
			for b.Loop() {
				c.DataReceived(in)
			}
		})
	}
}

// BenchmarkSendPrepared is one receiver of a broadcast.
func BenchmarkSendPrepared(b *testing.B) {
	f := websocket.NewFactory(nil)
	a, _ := f.Accept(upgrade())
	tr := &sinkTransport{Transport: reactortest.NewLoop().NewTransport(), buf: make([]byte, 0, 8<<10)}
	c := f.NewConn(a, &echoer{})
	c.ConnectionMade(tr)
	m := &protocol.Message{Data: []byte(strings.Repeat("x", 125))}
	b.ReportAllocs()
	for b.Loop() {
		c.SendPrepared(m)
	}
}
