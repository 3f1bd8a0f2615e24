package dev

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"strings"
	"testing"

	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/resource/resourcetest"
)

// What it costs to follow a message of the client, beside passing it on.
func BenchmarkTap(b *testing.B) {
	text, _ := json.Marshal(map[string]string{"text": strings.Repeat("what is said ", 75)})
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, 6)
	_, _ = w.Write(text)
	_ = w.Flush()
	deflated := new(websocket.Decoders).AppendText(nil, bytes.TrimSuffix(z.Bytes(), []byte("\x00\x00\xff\xff")))
	deflated[0] |= 0x40
	for _, row := range []struct {
		name, extensions string
		frame            []byte
	}{
		{"1KB", "", new(websocket.Decoders).AppendText(nil, text)},
		{"1KB compressed", "permessage-deflate; client_no_context_takeover", deflated},
	} {
		b.Run(row.name, func(b *testing.B) {
			server := resourcetest.New(nil)
			defer server.Loop.Close()
			s := &Supervisor{loop: server.Loop, target: &fake{dir: b.TempDir()}, base: b.TempDir(), commands: map[string]*command{}}
			s.opts.Messages = new(websocket.Decoders)
			s.begin()
			x := &record{c: s.front.dash.rec, method: "CONNECT", protocol: "websocket"}
			x.answer.Set("Sec-WebSocket-Extensions", row.extensions)
			p := x.Switched(nothingTaken{})
			p.ConnectionMade(nil)
			b.ReportAllocs()
			for b.Loop() {
				p.DataReceived(row.frame)
			}
			if n := x.stream.up.Messages; n < int64(b.N) || x.stream.messages[0].note != "" {
				b.Errorf("%d of %d messages, %+v", n, b.N, x.stream.messages[0])
			}
		})
	}
}

// nothingTaken is a protocol that does nothing.
type nothingTaken struct{}

func (nothingTaken) ConnectionMade(reactor.Transport) {}
func (nothingTaken) DataReceived([]byte)              {}
func (nothingTaken) ConnectionLost(error)             {}
