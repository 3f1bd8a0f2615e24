package http1_test

import (
	"strings"
	"testing"

	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// What is neither HTTP/1.x nor the preface of HTTP/2 is closed without an answer, where
// HTTP/2 may come; a line that means HTTP is answered.
func TestWhatIsNoHTTP(t *testing.T) {
	for _, row := range []struct {
		in                string
		preface, answered bool
	}{
		{"INVALID CONNECTION PREFACE\r\n\r\n", true, false},
		{"INVALID CONNECTION PREFACE\r\n\r\n", false, true},
		{"GET / HTTP/1\r\n\r\n", true, true},
		{"GET /\r\n\r\n", true, true},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\nINVALID CONNECTION PREFACE\r\n\r\n", true, true},
	} {
		set := new(http1.Settings)
		if row.preface {
			set.Preface = func(reactor.Addr) reactor.Protocol { return nil }
		}
		loop := reactortest.NewLoop()
		s := &protocoltest.Server{OnHead: func(x *protocoltest.Exchange) { x.Respond(204, nil, nil) }}
		c := protocoltest.Dial(t, loop, http1.NewFactory(s, set))
		c.Send(row.in)
		got := c.TakeString()
		if strings.Contains(got, " 400 ") != row.answered || !row.answered && got != "" {
			t.Errorf("%q, with HTTP/2 %v: %q", row.in, row.preface, got)
		}
		loop.Close()
	}
}
