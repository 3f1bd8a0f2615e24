package reactor

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// This file holds answers that wait for the end of the turn.

// pen is a protocol that says how what is written waits.
type pen struct {
	t     Transport
	all   *[]*pen
	heard func(p *pen, data string)
}

func (p *pen) ConnectionMade(t Transport) { p.t = t; *p.all = append(*p.all, p) }
func (p *pen) ConnectionLost(error)       {}
func (p *pen) DataReceived(data []byte)   { p.heard(p, string(data)) }

func (p *pen) conn() *Conn { return p.t.(*Conn) }

// pens listens, and connects n clients.
func pens(t *testing.T, n int, heard func(p *pen, data string)) (r *Reactor, all *[]*pen, clients []net.Conn) {
	r, all = New(), new([]*pen)
	port, err := r.Listen("tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol { return &pen{all: all, heard: heard} }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	for range n {
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		clients = append(clients, c)
	}
	return r, all, clients
}

// say writes text on every client while the loop stands, so that all are ready in one turn.
func say(t *testing.T, r *Reactor, clients []net.Conn, text string) {
	t.Helper()
	onLoop(r, func() {
		for _, c := range clients {
			if _, err := io.WriteString(c, text); err != nil {
				t.Error(err)
			}
		}
	})
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%q and %v came, want %q", got, err, want)
	}
}

// What many answer waits, what few answer does not; all of it arrives.
func TestAnswersWaitInACrowd(t *testing.T) {
	most := 0
	r, _, clients := pens(t, 32, func(p *pen, data string) {
		r := p.conn().r
		most = max(most, len(r.held))
		p.t.Write([]byte(strings.ToUpper(data)))
	})
	for range 4 * crowdEvery / len(clients) { // until somebody looks, and then some
		say(t, r, clients, "ping")
		for _, c := range clients {
			hear(t, c, "PING")
		}
	}
	onLoop(r, func() {
		if most == 0 {
			t.Error("nothing waited while 32 connections were ready at once")
		}
		most = 0
	})
	for range 2 * crowdEvery {
		say(t, r, clients[:1], "ping")
		hear(t, clients[0], "PING")
	}
	onLoop(r, func() {
		if r.crowd.many || most > 1 {
			t.Errorf("%d answers waited for one connection; many: %v", most, r.crowd.many)
		}
	})
}

// What waits when the turn takes long, or much is written, leaves before its end.
func TestHeldAnswersAreBounded(t *testing.T) {
	piece := strings.Repeat("x", scratchSize/4)
	most := 0
	r, _, clients := pens(t, 12, func(p *pen, data string) {
		most = max(most, p.conn().r.heldTotal())
		p.t.Write([]byte(piece))
	})
	onLoop(r, r.HoldAlways)
	say(t, r, clients, "?")
	for _, c := range clients {
		hear(t, c, piece)
	}
	onLoop(r, func() {
		if most == 0 || most > scratchSize {
			t.Errorf("%d bytes waited at a time", most)
		}
	})
}

// What waits leaves when the first callback ends too late, whatever that has done.
func TestHeldAnswersAreNotLate(t *testing.T) {
	var waited []int // at each callback
	r, _, clients := pens(t, 5, func(p *pen, _ string) {
		r := p.conn().r
		if waited = append(waited, len(r.held)); len(waited) == 3 {
			r.heldSince = r.heldSince.Add(-r.crowd.atMost)
			r.CallLater(0, func() { p.t.Write([]byte("answer")) })
			return
		}
		p.t.Write([]byte("answer"))
	})
	onLoop(r, r.HoldAlways)
	say(t, r, clients, "?")
	for _, c := range clients {
		hear(t, c, "answer")
	}
	onLoop(r, func() {
		if len(waited) != 5 || waited[2] == 0 || waited[3] != 0 || waited[4] != 0 {
			t.Errorf("so many waited at the five callbacks: %v", waited)
		}
		if r.crowd.many {
			t.Error("after a turn that took too long answers wait again")
		}
	})
	for range crowdEvery/len(clients) + 2 {
		say(t, r, clients, "?")
		for _, c := range clients {
			hear(t, c, "answer")
		}
	}
	onLoop(r, func() {
		if !r.crowd.many {
			t.Error("after a while they do not wait again")
		}
	})
}

// heldTotal is how many bytes wait.
func (r *Reactor) heldTotal() (n int) {
	for _, h := range r.held {
		n += len(h.data)
	}
	return n
}

// What a connection has written waits no longer when it is written to, closed or aborted
// by another callback of the turn, and is counted meanwhile.
func TestHeldAnswerAndWhatComesBehind(t *testing.T) {
	then := map[string]func(t Transport){
		"written": func(t Transport) { t.Write([]byte("second")); t.LoseConnection() },
		"built":   func(t Transport) { t.Write(append(t.AvailableBuffer(), "second"...)); t.LoseConnection() },
		"shared": func(t Transport) {
			t.WriteShared([]byte("second" + strings.Repeat(".", 2*sharedFrom)))
			t.LoseConnection()
		},
		"closed":  Transport.LoseConnection,
		"aborted": Transport.AbortConnection,
	}
	for name, what := range then {
		t.Run(name, func(t *testing.T) {
			var first *pen
			r, _, clients := pens(t, 2, func(p *pen, _ string) {
				if first == nil {
					first = p
					p.t.Write([]byte("first"))
					return
				}
				if first.conn().state&holding == 0 || first.t.Buffered() != len("first") {
					t.Errorf("the first answer does not wait: %d bytes", first.t.Buffered())
				}
				what(first.t)
				p.t.LoseConnection()
			})
			onLoop(r, r.HoldAlways)
			say(t, r, clients, "?")
			got, err := io.ReadAll(clients[0])
			if name != "aborted" && err != nil || !strings.HasPrefix(string(got), "first") {
				t.Errorf("%q and %v came", got, err)
			}
			if strings.Contains("written built shared", name) && !strings.HasPrefix(string(got), "firstsecond") {
				t.Errorf("%q came", got)
			}
		})
	}
}

// What is called when the callback has ended finds what it has written with the kernel.
func TestHeldAnswerAndAfterCallback(t *testing.T) {
	left := make(chan int, 1)
	r, _, clients := pens(t, 1, func(p *pen, _ string) {
		p.t.Write([]byte("answer"))
		p.conn().r.AfterCallback(func() { left <- p.t.Buffered() })
	})
	onLoop(r, r.HoldAlways)
	say(t, r, clients, "?")
	hear(t, clients[0], "answer")
	if n := <-left; n != 0 {
		t.Errorf("%d bytes still wait", n)
	}
}
