package http2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// FuzzClient has a server answer anything, cut anywhere: what a Client makes of it does
// not depend on how it is cut, and every exchange ends once.
func FuzzClient(f *testing.F) {
	answer := func(fields ...string) string { return fuzzBlock(fields...) }
	for _, s := range [][]byte{
		frames(frameSettings, 0, 0, "", frameHeaders, 4, 1, answer(":status", "200", "content-length", "3"), frameData, 1, 1, "abc",
			frameHeaders, 5, 3, answer(":status", "204"), frameHeaders, 4, 5, answer(":status", "200")),
		frames(frameSettings, 0, 0, "\x00\x03\x00\x00\x00\x01", frameHeaders, 4, 1, answer(":status", "103", "a", "b"), frameHeaders, 4, 1, answer(":status", "200"),
			frameData, 8, 1, "\x01ab\x00", frameHeaders, 5, 1, answer("t", "v"), frameReset, 0, 3, "\x00\x00\x00\x07"),
		frames(frameSettings, 0, 0, "", frameGoAway, 0, 0, "\x00\x00\x00\x01\x00\x00\x00\x00", frameHeaders, 5, 1, answer(":status", "304", "content-length", "9")),
		frames(frameSettings, 0, 0, "", frameHeaders, 4, 5, answer(":status", "100"), frameWindow, 0, 5, "\x00\x00\x00\x01", framePing, 0, 0, "12345678"),
		frames(frameSettings, 0, 0, "", framePush, 4, 1, "\x00\x00\x00\x02", frameHeaders, 5, 2, answer(":status", "200")),
		frames(frameSettings, 0, 0, "", frameHeaders, 5, 1, answer(":status", "20"), frameHeaders, 5, 3, answer("a", "b"), frameData, 1, 5, "x"),
	} {
		f.Add(s[len(preface):], uint64(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := fuzzAsk(t, in, reactortest.Whole)
		for name, split := range map[string]reactortest.Split{"byte by byte": reactortest.ByteByByte, "cut": reactortest.Cut(seed)} {
			if got := fuzzAsk(t, in, split); got != whole {
				t.Errorf("%s:\n%s\nwhole:\n%s", name, got, whole)
			}
		}
	})
}

// fuzzAsk is what becomes of three requests when the server answers in.
func fuzzAsk(t *testing.T, in []byte, split reactortest.Split) string {
	l := reactortest.NewLoop()
	tr := l.NewTransport()
	tr.SetSplit(split)
	k := NewClientFactory(&ClientSettings{MaxFieldBytes: 400, MaxFields: 8, MaxTrailerBytes: 80, MaxInformational: 3}).NewClient()
	tr.Start(k)
	answers := make([]protocoltest.Answer, 3)
	for i, h := range []protocol.RequestHead{{Method: "GET", Target: "/"}, {Method: "HEAD", Target: "/"}, {Method: "POST", Target: "/", ContentLength: -1}} {
		k.Ask(&h, &answers[i])
	}
	tr.Deliver(in)
	var b strings.Builder
	for i := range answers {
		fmt.Fprintf(&b, "%q %q %q\n", answers[i].Log, answers[i].Body, answers[i].Trailers)
	}
	if n := k.c.kept(); n > len(in)+2000 {
		t.Errorf("%d bytes are kept", n)
	}
	tr.DeliverEOF()
	l.Advance(time.Hour)
	for i := range answers {
		if a := &answers[i]; !a.Over() || strings.Contains(strings.Join(a.Log, "\n"), "AFTER THE END") {
			t.Errorf("request %d: %q", i, a.Log)
		}
	}
	if !tr.Closed() || l.Pending() != 0 || k.Busy() != 0 || !k.Ended() {
		t.Errorf("something is left: closed %v, %d timers, %d exchanges", tr.Closed(), l.Pending(), k.Busy())
	}
	return b.String()
}
