package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor/reactortest"
)

// Every limit on what comes in, at n and at n+1; those on connections, queues and
// unread content have their tests where they belong.
func TestLimits(t *testing.T) {
	const first = "GET / HTTP/1.1\r\nHost: x\r\n"
	pad := func(n int) string { return strings.Repeat("a", n) }
	field := func(n int) string { return "A: " + pad(n-len("A: \r\n")) + "\r\n" } // n bytes in all
	for _, row := range []struct {
		name     string
		set      http1.Settings
		in       func(over int) string
		at, over string
	}{
		{"request line", http1.Settings{MaxRequestLineBytes: 50}, func(over int) string {
			return "GET /" + pad(50-len("GET / HTTP/1.1")+over) + " HTTP/1.1\r\nHost: x\r\n\r\n"
		}, "ok", "414"},
		{"request line by default", http1.Settings{}, func(over int) string {
			return "GET /" + pad(8<<10-len("GET / HTTP/1.1")+over) + " HTTP/1.1\r\nHost: x\r\n\r\n"
		}, "ok", "414"},
		{"request line without an end", http1.Settings{MaxRequestLineBytes: 50}, func(over int) string {
			return "GET /" + pad(50-len("GET /")+over)
		}, "wait", "414"},
		{"field bytes", http1.Settings{MaxFieldBytes: 100}, func(over int) string {
			return first + field(100-len("Host: x\r\n")+over) + "\r\n"
		}, "ok", "431"},
		{"field bytes by default", http1.Settings{}, func(over int) string {
			return first + field(64<<10-len("Host: x\r\n")+over) + "\r\n"
		}, "ok", "431"},
		{"field bytes without an end", http1.Settings{MaxFieldBytes: 100}, func(over int) string {
			return first + "A: " + pad(100-len("Host: x\r\nA: ")+over)
		}, "wait", "431"},
		{"fields", http1.Settings{MaxFields: 7}, func(over int) string {
			return first + strings.Repeat("A: b\r\n", 6+over) + "\r\n"
		}, "ok", "431"},
		{"fields by default", http1.Settings{}, func(over int) string {
			return first + strings.Repeat("A: b\r\n", 99+over) + "\r\n"
		}, "ok", "431"},
		{"chunk line", http1.Settings{MaxChunkLineBytes: 10}, func(over int) string {
			return chunks("3;" + pad(8+over) + "\r\nabc\r\n0\r\n\r\n")
		}, "ok", "400"},
		{"chunk line by default", http1.Settings{}, func(over int) string {
			return chunks("3;" + pad(1022+over) + "\r\nabc\r\n0\r\n\r\n")
		}, "ok", "400"},
		{"chunk line without an end", http1.Settings{MaxChunkLineBytes: 10}, func(over int) string {
			return chunks("3;" + pad(8+over))
		}, "wait", "400"},
		{"zeros without an end", http1.Settings{MaxChunkLineBytes: 10}, func(over int) string {
			return chunks(strings.Repeat("0", 10+over))
		}, "wait", "400"},
		{"trailers", http1.Settings{MaxTrailerBytes: 50}, func(over int) string {
			return chunks("0\r\n" + field(25) + field(25+over) + "\r\n")
		}, "ok", "431"},
		{"trailers by default", http1.Settings{}, func(over int) string {
			return chunks("0\r\n" + field(4<<10) + field(4<<10+over) + "\r\n")
		}, "ok", "431"},
		{"trailers without an end", http1.Settings{MaxTrailerBytes: 50}, func(over int) string {
			return chunks("0\r\n" + field(25) + pad(25+over))
		}, "wait", "431"},
		{"number of trailers", http1.Settings{MaxFields: 7}, func(over int) string {
			return chunks("0\r\n" + strings.Repeat("A: b\r\n", 7+over) + "\r\n")
		}, "ok", "431"},
		{"a lone byte in a chunk", http1.Settings{}, func(over int) string { // 1 byte in a line of 500: 484 wasted
			const n = 16 << 10 / 484
			return chunks(strings.Repeat("1;"+pad(498)+"\r\nx\r\n", n+over) + "0\r\n\r\n")
		}, "ok", "400"},
	} {
		for over, want := range []string{row.at, row.over} {
			for cut, split := range reactortest.Splits() {
				t.Run(fmt.Sprint(row.name, "+", over, "/", cut), func(t *testing.T) {
					s := hello()
					c := protocoltest.Dial(t, nil, http1.NewFactory(s, &row.set))
					c.SetSplit(split)
					c.Send(row.in(over))
					if got := outcome(c, s); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			}
		}
	}
}

func TestLimitsOff(t *testing.T) {
	s := hello()
	c := protocoltest.Dial(t, nil, http1.NewFactory(s, &http1.Settings{MaxRequestLineBytes: -1, MaxFieldBytes: -1,
		MaxFields: -1, MaxChunkLineBytes: -1, MaxTrailerBytes: -1, MaxPipelinedBytes: -1, MaxQueuedBytes: -1}))
	long := strings.Repeat("a", 1<<20)
	c.Send("POST /" + long + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + strings.Repeat("A: "+long+"\r\n", 3) +
		strings.Repeat("B: c\r\n", 2000) + "\r\n3;" + strings.Repeat("a", 10<<10) + "\r\nabc\r\n0\r\nT: " + long + "\r\n\r\n")
	c.WantStatus("200")
	if h := s.Last().Head; len(h.Fields) != 2005 || len(h.Target) != 1<<20+1 || len(s.Last().Trailers[0].Value) != 1<<20 {
		t.Errorf("%d fields, target of %d", len(h.Fields), len(h.Target))
	}
}
