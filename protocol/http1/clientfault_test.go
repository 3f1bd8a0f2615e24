package http1

import (
	"fmt"
	"testing"

	"spindle/protocol"
	"spindle/protocol/protocoltest"
)

// suspicious is a receiver that hears of faults.
type suspicious struct {
	*protocoltest.Answer
	wants  bool
	faults []protocol.Fault
}

func (s *suspicious) WantsFaults() bool           { return s.wants }
func (s *suspicious) FaultFound(f protocol.Fault) { s.faults = append(s.faults, f) }

// What comes behind an answer is told to who got it, if it wants to know: at once, or later,
// once; not the goodbye of a server, and not behind the next answer.
func TestClientFaults(t *testing.T) {
	for _, row := range []struct {
		name, method string
		in           []string
		want         string
	}{
		{"content behind HEAD", "HEAD", []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}, "[{1 3 }]"},
		{"in a piece of its own", "HEAD", []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "abc", "def"}, "[{1 3 }]"},
		{"content behind 204", "GET", []string{"HTTP/1.1 204 N\r\n\r\nab"}, "[{1 2 }]"},
		{"more than was said", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc"}, "[{1 2 }]"},
		{"before the connection ends", "GET", []string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nabc"}, "[{1 2 }]"},
		{"a goodbye", "GET", []string{"HTTP/1.1 204 N\r\n\r\n", "HTTP/1.1 408 T\r\n\r\n"}, "[]"},
		{"as it should be", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"}, "[]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, wants := range []bool{true, false} {
				x := ask(t, protocol.RequestHead{}, nil)
				x.DeliverString("HTTP/1.1 204 N\r\n\r\n")
				x.loop.Run()
				s := &suspicious{Answer: new(protocoltest.Answer), wants: wants}
				x.c.Ask(&protocol.RequestHead{Method: row.method, Target: "/", Authority: "h"}, s)
				for _, piece := range row.in {
					x.DeliverString(piece)
					x.loop.Run()
				}
				want := row.want
				if !wants {
					want = "[]"
				}
				if got := fmt.Sprint(s.faults); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}
