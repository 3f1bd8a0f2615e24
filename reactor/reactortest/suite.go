package reactortest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
)

// Link makes connections for TestTransport. Both ends of one live on one loop.
// A panic in a callback must cost that connection only.
type Link interface {
	Loop() reactor.Loop
	// Connect connects two protocols, now or soon.
	Connect(client, server reactor.Protocol)
	// Do calls f on the loop, as one callback, and returns when it has returned.
	Do(f func())
	// Pass lets d pass on the loop, which turns meanwhile.
	Pass(d time.Duration)
	// Resets tells whether an abort reaches the other end as ECONNRESET; if
	// not, it looks like the end of the data there.
	Resets() bool
	// Holds is a number of bytes that is more than is on its way between two
	// ends of which one does not read.
	Holds() int
}

// TestTransport holds the transports that open's links make against the contract
// of reactor.Transport. It is what the sockets of the reactor and the Transport
// of this package both pass; a transport built on another one (TLS, a stream of
// a multiplexed connection) should pass it too.
func TestTransport(t *testing.T, open func(t *testing.T) Link) {
	cases := []struct {
		name string
		run  func(s *suite)
	}{
		{"lose delivers 20 MiB", loseDeliversAll},
		{"lose waits for the producer", loseWaitsForProducer},
		{"lose reads nothing more", loseReadsNothing},
		{"lose, then abort", loseThenAbort},
		{"write after lose", writeAfterLose},
		{"reply of 20 MiB to a half-closed client", replyToHalfClosed},
		{"reply to a half-closed client, without half-close", replyWithoutHalfClose},
		{"half-close by the server, 20 MiB back", serverHalfCloses},
		{"half-close of both", bothHalfClose},
		{"abort", abort},
		{"abort with a full queue", abortWhileBlocked},
		{"peer resets while reading is paused", resetWhilePaused},
		{"everything after loss", everythingAfterLoss},
		{"pause stops the reads", pauseStopsReads},
		{"pause inside a read", pauseInsideRead},
		{"push producer", pushProducer},
		{"pull producer", pullProducer},
		{"pull producer that writes later", pullProducerLater},
		{"producer and loss", producerAndLoss},
		{"second producer", secondProducer},
		{"relay", relay},
		{"writes keep their order", writesKeepOrder},
		{"writes of many sizes", writesOfManySizes},
		{"two connections written in turn", writtenInTurn},
		{"write copies", writeCopies},
		{"file", sendFile},
		{"file of no bytes", sendNoFile},
		{"file that shrinks", sendShrinkingFile},
		{"file and loss", sendFileLost},
		{"switch", switchProtocol},
		{"switch after the end of data", switchAfterEOF},
		{"switch and abort", switchAndAbort},
		{"switch while reading is paused", switchPaused},
		{"switch to a protocol that pauses reading", switchUnreadPaused},
		{"switch to a protocol that switches", switchTwice},
		{"panics", panics},
		{"addresses", addresses},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{T: t, link: open(t)}) })
	}
}

// suite is one case at work.
type suite struct {
	*testing.T
	link Link
	busy string // the callback that runs; loop only
}

// do calls f on the loop; nothing may be called back meanwhile.
func (s *suite) do(f func()) { s.link.Do(func() { s.callback("the test's own call", f) }) }

// callback runs f; s.busy finds callbacks that come from inside others.
func (s *suite) callback(name string, f func()) {
	if s.busy != "" {
		s.Errorf("%s came inside %s", name, s.busy)
	}
	s.busy = name
	defer func() { s.busy = "" }()
	f()
}

// until turns the loop until done, called there, is true.
func (s *suite) until(what string, done func() bool) {
	s.Helper()
	for range 20_000 {
		ok := false
		s.link.Do(func() { ok = done() })
		if ok {
			return
		}
		s.link.Pass(time.Millisecond)
	}
	s.Fatalf("waited in vain: %s", what)
}

// connect makes a connection of two probes and waits until both are made.
func (s *suite) connect(client, server reactor.Protocol) {
	s.Helper()
	s.link.Connect(client, server)
	c, v := probeOf(client), probeOf(server)
	s.until("the connection is made", func() bool { return c.tr != nil && v.tr != nil })
}

// ended waits until probes have lost their connection, once each, as wanted.
func (s *suite) ended(want error, probes ...*probe) {
	s.Helper()
	for _, p := range probes {
		s.until(p.name+" is lost", func() bool { return p.lost != nil })
	}
	s.link.Pass(5 * time.Millisecond)
	s.do(func() {
		for _, p := range probes {
			if n := strings.Count(p.events(), "lost"); n != 1 {
				s.Errorf("%s: ConnectionLost came %d times", p.name, n)
			}
			if want != nil && !errors.Is(p.lost, want) {
				s.Errorf("%s: lost with %v, want %v", p.name, p.lost, want)
			}
		}
	})
}

// received waits until p has n bytes of the pattern.
func (s *suite) received(p *probe, n int) {
	s.Helper()
	s.until(fmt.Sprintf("%s has %d bytes", p.name, n), func() bool { return p.got >= n || p.lost != nil })
	s.do(func() {
		if p.got != n || p.wrong >= 0 {
			s.Errorf("%s: received %d bytes, want %d; first wrong byte at %d", p.name, p.got, n, p.wrong)
		}
	})
}

// reset waits until p has lost its connection by an abort of the other end.
func (s *suite) reset(p *probe) {
	s.Helper()
	if s.link.Resets() {
		s.ended(syscall.ECONNRESET, p)
	} else {
		s.ended(nil, p)
	}
}

func (s *suite) logged(p *probe, want string) {
	s.Helper()
	s.do(func() {
		if got := p.events(); got != want {
			s.Errorf("%s:\n got %s\nwant %s", p.name, got, want)
		}
	})
}

// probe is one end of a connection: a protocol that writes down what it is told
// and checks it. It does not know half-closes; halfProbe does.
type probe struct {
	s     *suite
	name  string
	tr    reactor.Transport
	log   []string
	sent  int // bytes of the pattern
	got   int
	wrong int // where the first byte is that is not of the pattern; -1
	text  []byte
	lost  error

	on     map[string]func() // by event: made, data, eof, half, lost, pause, resume, stop, done
	onData func(data []byte)
}

func (s *suite) probe(name string) *probe {
	return &probe{s: s, name: name, wrong: -1, on: map[string]func(){}}
}

// events is the log; runs of the same event are one.
func (p *probe) events() string {
	var out []string
	for _, e := range p.log {
		if len(out) == 0 || out[len(out)-1] != e {
			out = append(out, e)
		}
	}
	return strings.Join(out, " ")
}

func (p *probe) event(name string) {
	p.log = append(p.log, name)
	p.s.callback(p.name+": "+name, func() {
		if f := p.on[name]; f != nil {
			f()
		}
	})
}

func (p *probe) ConnectionMade(t reactor.Transport) {
	p.tr = t
	p.event("made")
}

func (p *probe) DataReceived(data []byte) {
	if len(data) == 0 {
		p.s.Errorf("%s: DataReceived with nothing", p.name)
	}
	if p.wrong < 0 {
		p.wrong = firstWrong(p.got, data)
	}
	p.got += len(data)
	if len(p.text) < 1<<10 {
		p.text = append(p.text, data...)
	}
	if p.onData != nil {
		p.s.callback(p.name+": data", func() { p.onData(data) })
		p.log = append(p.log, "data")
		return
	}
	p.event("data")
}

func (p *probe) ConnectionLost(reason error) {
	p.lost = reason
	p.event("lost")
}

// done is a done function of SendFile.
func (p *probe) done(err error) {
	if err != nil {
		p.event("failed")
		return
	}
	p.event("done")
}

// write writes the next n bytes of the pattern.
func (p *probe) write(n int) {
	p.tr.Write(pattern(p.sent, n))
	p.sent += n
}

// halfProbe is a probe that goes on with one half.
type halfProbe struct{ *probe }

func (p halfProbe) ReadConnectionLost()  { p.event("eof") }
func (p halfProbe) WriteConnectionLost() { p.event("half") }

// pushProbe and pullProbe make a probe a producer.
type pushProbe struct{ *probe }

func (p pushProbe) PauseProducing()  { p.event("pause") }
func (p pushProbe) ResumeProducing() { p.event("resume") }
func (p pushProbe) StopProducing()   { p.event("stop") }

type pullProbe struct{ *probe }

func (p pullProbe) ResumeProducing() { p.event("resume") }
func (p pullProbe) StopProducing()   { p.event("stop") }

func probeOf(p reactor.Protocol) *probe {
	if h, ok := p.(halfProbe); ok {
		return h.probe
	}
	return p.(*probe)
}

// The pattern is a sequence of bytes without order that comes again after a prime
// number of them, so that a piece out of place is seen.
const patternPeriod = 65521

// patternTable is the pattern, twice.
var patternTable = sync.OnceValue(func() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, patternPeriod)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return append(b, b...)
})

func pattern(off, n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		start := (off + len(b)) % patternPeriod
		b = append(b, patternTable()[start:start+min(n-len(b), patternPeriod)]...)
	}
	return b
}

// firstWrong is the place of the first byte of data that is not that of the
// pattern from off; -1 when there is none.
func firstWrong(off int, data []byte) int {
	for i := 0; i < len(data); i += patternPeriod {
		start, n := (off+i)%patternPeriod, min(len(data)-i, patternPeriod)
		want := patternTable()[start : start+n]
		if bytes.Equal(data[i:i+n], want) {
			continue
		}
		for k := range want {
			if data[i+k] != want[k] {
				return off + i + k
			}
		}
	}
	return -1
}
