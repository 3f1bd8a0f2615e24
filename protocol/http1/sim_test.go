package http1_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Many connections on a bad day: every request is answered once and in order,
// each answer is whole, and nothing is left behind. The path of a request says
// how it is answered: /how/size, with the content sent back when size is "echo".

func TestSim(t *testing.T) {
	for name, noLoss := range map[string]bool{"no loss": true, "loss": false} {
		t.Run(name, func(t *testing.T) {
			var f *http1.Factory
			s := &reactortest.Sim{
				Factory: func(l *reactortest.Loop) reactor.Factory {
					f = http1.NewFactory(simServer(), &http1.Settings{
						ServerName: "-", MaxQueuedBytes: 50_000, MaxPipelinedBytes: 2000, MaxDiscardBytes: 5000,
					})
					return f
				},
				Client: func(r *rand.Rand) reactortest.SimClient {
					c := simClient(r)
					if !noLoss {
						c.loses, c.refusal = true, "408"
						if c.closes {
							c.refusal = "40"
						}
					}
					return c
				},
				Check: func() error {
					if s := f.Stats(); s.Open != 0 {
						return fmt.Errorf("%+v", s)
					}
					return nil
				},
				MaxBuffered: 50_000 + simLargest + 1000,
				HalfClose:   true,
				NoLoss:      noLoss,
				Runs:        12,
			}
			s.Run(t)
		})
	}
}

// simScript sends out and wants want, byte for byte. An answer with the status
// refusal, "" for none, may come in the place of an answer, and ends it all.
type simScript struct {
	out, want []byte
	refusal   string
	closes    bool // the server does, after want
	loses     bool // the network may break, and the server may have to give up

	sent bool
	got  []byte
}

func (s *simScript) Send() (data []byte, last bool) {
	if s.sent {
		return nil, true
	}
	s.sent = true
	return s.out, true
}

func (s *simScript) Received(data []byte) error {
	s.got = append(s.got, data...)
	if s.refused() || bytes.HasPrefix(s.want, s.got) {
		return nil
	}
	at := same(s.want, s.got)
	return fmt.Errorf("at byte %d: received %.80q, want %.80q", at, s.got[at:], s.want[at:])
}

// refused tells whether what was received ends in the refusal.
func (s *simScript) refused() bool {
	const version = "HTTP/1.1 "
	at := same(s.want, s.got) // behind the version, when another answer was due
	if bytes.HasSuffix(s.got[:at], []byte(version)) {
		at -= len(version)
	}
	rest := string(s.got[at:])
	return s.refusal != "" && len(rest) > 0 &&
		(strings.HasPrefix(rest, version+s.refusal) || strings.HasPrefix(version+s.refusal, rest))
}

// same is how many bytes a and b have in common at their start.
func same(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (s *simScript) Done() bool { return len(s.got) == len(s.want) && !s.closes }

func (s *simScript) Ended(how reactortest.SimEnd) error {
	switch {
	case s.loses:
		return nil
	case how == reactortest.ServerAborted, how == reactortest.NetworkBroke:
		return fmt.Errorf("%v after %d of %d bytes", how, len(s.got), len(s.want))
	case len(s.got) < len(s.want), s.refusal != "" && !s.refused():
		return fmt.Errorf("%v: received %d of %d bytes", how, len(s.got), len(s.want))
	}
	return nil
}

const simLargest = 100_000

// simBody is the content of an answer, of which every part tells its place.
func simBody(n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "%07d ", len(b))
	}
	return b[:n]
}

// simClient draws requests, and what has to come back.
func simClient(r *rand.Rand) *simScript {
	var out, want bytes.Buffer
	n := 1 + r.IntN(12)
	keep := true
	for i := range n {
		how := []string{"now", "later", "length", "chunks", "push", "early", "pause"}[r.IntN(7)]
		content := simBody(r.IntN(1 << r.IntN(13)))
		answer := simBody(r.IntN(1 << r.IntN(17)))
		size := fmt.Sprint(len(answer))
		if r.IntN(3) == 0 && how != "early" {
			answer, size = content, "echo"
		}
		method := "POST"
		if r.IntN(8) == 0 {
			method = "HEAD"
		}
		last := i == n-1 && r.IntN(2) == 0
		fmt.Fprintf(&out, "%s /%s/%s HTTP/1.1\r\nHost: x\r\n", method, how, size)
		if last {
			out.WriteString("Connection: close\r\n")
			keep = false
		}
		simContent(&out, r, content)
		simAnswer(&want, how, method, answer, last)
	}
	c := &simScript{closes: !keep}
	if keep && r.IntN(4) == 0 {
		out.WriteString("GET / HTTP/1.1\r\nHost : x\r\n\r\n" + string(simBody(r.IntN(1000))))
		c.refusal, c.closes = "400", true
	}
	c.out, c.want = out.Bytes(), want.Bytes()
	return c
}

// simContent writes a content in one of the framings.
func simContent(out *bytes.Buffer, r *rand.Rand, content []byte) {
	switch {
	case len(content) == 0 && r.IntN(2) == 0:
		out.WriteString("\r\n")
	case r.IntN(2) == 0:
		fmt.Fprintf(out, "Content-Length: %d\r\n\r\n%s", len(content), content)
	default:
		out.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for len(content) > 0 {
			k := 1 + r.IntN(len(content))
			fmt.Fprintf(out, "%x\r\n%s\r\n", k, content[:k])
			content = content[k:]
		}
		out.WriteString("0\r\n\r\n")
	}
}

// simAnswer writes what has to come back.
func simAnswer(want *bytes.Buffer, how, method string, answer []byte, last bool) {
	want.WriteString("HTTP/1.1 200 OK\r\nDate: x\r\n")
	chunked := how == "chunks" || how == "push"
	switch {
	case !chunked:
		fmt.Fprintf(want, "Content-Length: %d\r\n", len(answer))
	case method != "HEAD":
		want.WriteString("Transfer-Encoding: chunked\r\n")
	}
	if last {
		want.WriteString("Connection: close\r\n")
	}
	want.WriteString("\r\n")
	switch {
	case method == "HEAD":
	case chunked:
		for len(answer) > 0 {
			k := min(simPiece, len(answer))
			fmt.Fprintf(want, "%x\r\n%s\r\n", k, answer[:k])
			answer = answer[k:]
		}
		want.WriteString("0\r\n\r\n")
	default:
		want.Write(answer)
	}
}

const simPiece = 3000

// simServer answers as the path says.
func simServer() *protocoltest.Server {
	s := &protocoltest.Server{}
	s.OnHead = func(x *protocoltest.Exchange) {
		switch simHow(x) {
		case "early":
			x.Respond(200, fields("Date", "x"), simBody(simSize(x)))
		case "pause":
			x.PauseBody()
			x.Loop().CallLater(0, x.ResumeBody)
		}
	}
	s.OnBody = func(x *protocoltest.Exchange, _ []byte) {
		if simHow(x) == "pause" {
			x.PauseBody()
			x.Loop().CallLater(0, x.ResumeBody)
		}
	}
	s.OnDone = func(x *protocoltest.Exchange) {
		switch simHow(x) {
		case "now", "pause":
			x.Respond(200, fields("Date", "x"), simContentOf(x))
		case "later":
			x.Loop().CallLater(0, func() { x.Respond(200, fields("Date", "x"), simContentOf(x)) })
		case "length":
			body := simContentOf(x)
			x.WriteHead(200, fields("Date", "x"), int64(len(body)))
			x.RegisterProducer(&simProducer{x: x, body: body})
		case "chunks":
			x.WriteHead(200, fields("Date", "x"), -1)
			x.RegisterProducer(&simProducer{x: x, body: simContentOf(x)})
		case "push":
			x.WriteHead(200, fields("Date", "x"), -1)
			p := &simPusher{simProducer: simProducer{x: x, body: simContentOf(x)}}
			x.RegisterProducer(p)
			p.push()
		}
	}
	return s
}

func simHow(x *protocoltest.Exchange) string {
	how, _, _ := strings.Cut(string(x.Head.Path[1:]), "/")
	return how
}

func simSize(x *protocoltest.Exchange) (n int) {
	fmt.Sscan(string(x.Head.Path[len(simHow(x))+2:]), &n)
	return n
}

func simContentOf(x *protocoltest.Exchange) []byte {
	if strings.HasSuffix(string(x.Head.Path), "/echo") {
		return bytes.Clone(x.Body)
	}
	return simBody(simSize(x))
}

// simProducer gives a piece when it is asked.
type simProducer struct {
	x    *protocoltest.Exchange
	body []byte
}

func (p *simProducer) ResumeProducing() { p.piece() }
func (p *simProducer) StopProducing()   { p.body = nil }

// piece writes one piece, and finishes behind the last.
func (p *simProducer) piece() (more bool) {
	k := min(simPiece, len(p.body))
	p.x.Write(p.body[:k])
	if p.body = p.body[k:]; len(p.body) > 0 {
		return true
	}
	p.x.UnregisterProducer()
	p.x.Finish(nil)
	return false
}

// simPusher gives pieces until it is paused, one in each turn.
type simPusher struct {
	simProducer
	paused, posted bool
}

func (p *simPusher) PauseProducing()  { p.paused = true }
func (p *simPusher) ResumeProducing() { p.paused = false; p.push() }
func (p *simPusher) StopProducing()   { p.paused = true; p.body = nil }

func (p *simPusher) push() {
	if p.posted {
		return
	}
	p.posted = true
	p.x.Loop().CallLater(0, func() {
		p.posted = false
		if !p.paused && p.piece() {
			p.push()
		}
	})
}

var _ protocol.Receiver = (*protocoltest.Exchange)(nil)
