package http1

import (
	"testing"

	"spindle/protocol"
	"spindle/reactor/reactortest"
)

// The head of most answers is written in a shorter way, with the same result.
func TestUsualHead(t *testing.T) {
	loop := reactortest.NewLoop()
	defer loop.Close()
	f := NewFactory(nil, nil)
	c := &Channel{f: f, t: loop.NewTransport()}
	f.begin(loop)
	f.tick()
	for _, fields := range []protocol.Fields{
		nil,
		{{Name: "Content-Type", Value: "text/plain"}},
		{{Name: "ETag", Value: `"a"`}, {Name: "Set-Cookie", Value: "a=b"}, {Name: "X-Empty", Value: ""}},
	} {
		for _, length := range []int64{0, 1, 13, 1 << 40} {
			usual := string(c.usualHead(fields, length))
			answer, promised := c.answer, c.promised
			c.answer, c.promised = answerNone, 0
			if any := string(c.anyHead(200, fields, length, lookAt(fields))); usual != any || c.answer != answer || c.promised != promised {
				t.Errorf("%v, %d bytes:\n%q, %d, %d, not\n%q, %d, %d", fields, length, usual, answer, promised, any, c.answer, c.promised)
			}
		}
	}
}

// What lookAt knows has to be looked at.
func TestNeedsLook(t *testing.T) {
	for _, name := range []string{"Date", "Server", "Upgrade", "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding"} {
		fields := protocol.Fields{{Name: "Content-Type", Value: "a/b"}, {Name: name, Value: "close"}}
		if lookAt(fields) == 0 || !needsLook(fields) {
			t.Errorf("%s: not seen", name)
		}
	}
	if lookAt(protocol.Fields{{Name: "ETag", Value: "close"}}) != 0 {
		t.Error("ETag is not the channel's")
	}
}
