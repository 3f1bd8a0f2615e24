package reactortest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

// The server of these tests answers "N\n" with N bytes, in order, and closes
// after "quit\n". Its flaws are switched on one by one; Sim must find each.
type flaws struct {
	perRead    bool // takes each read for a whole line
	keepsLent  bool // keeps the bytes of a read beyond the call
	leaksTimer bool // leaves its time-out behind
	noTimer    bool // has no time-out
	staysPause bool // pauses reading and forgets to go on
	reads      bool // goes on reading whatever is queued
	dropsTail  bool // aborts and does not close
	swaps      bool // answers two requests of one read in the wrong order
	panics     bool // panics when it is lost before its first request
	deaf       bool // does not end after the peer's half-close
}

type counter struct {
	flaws
	l    reactor.Loop
	t    reactor.Transport
	buf  []byte
	idle *reactor.DelayedCall
	work int
	held bool // reading is paused until the queue is empty
}

func (c *counter) ConnectionMade(t reactor.Transport) {
	c.t = t
	if !c.noTimer {
		c.idle = t.Loop().CallLater(time.Minute, t.AbortConnection)
	}
}

func (c *counter) DataReceived(data []byte) {
	if c.idle != nil {
		c.idle.Reset(time.Minute)
	}
	if c.keepsLent && len(c.buf) == 0 {
		c.buf = data
	} else {
		c.buf = append(c.buf, data...)
	}
	if c.perRead && data[len(data)-1] != '\n' {
		c.buf = append(c.buf, '\n')
	}
	c.serve()
}

// serve answers all that is there, unless too much is queued.
func (c *counter) serve() {
	for !c.held {
		line, rest, ok := bytes.Cut(c.buf, []byte("\n"))
		if !ok {
			return
		}
		if second, rest2, ok := bytes.Cut(rest, []byte("\n")); ok && c.swaps {
			c.answer(second)
			rest = rest2
		}
		c.answer(line)
		c.buf = append(c.buf[:0:0], rest...)
		if c.t.Buffered() > 0 && !c.reads {
			c.hold()
		}
	}
}

func (c *counter) answer(line []byte) {
	c.work++
	var n int
	if _, err := fmt.Sscan(string(line), &n); err == nil {
		c.t.Write(bytes.Repeat([]byte{'0' + byte(n%10)}, n))
		return
	}
	if c.dropsTail {
		c.t.AbortConnection()
	}
	c.t.LoseConnection()
}

// hold stops reading until the queue is empty: then the transport asks.
func (c *counter) hold() {
	c.held = true
	c.t.PauseReading()
	c.t.RegisterProducer(c)
}

func (c *counter) ResumeProducing() {
	c.t.UnregisterProducer()
	c.held = false
	if !c.staysPause {
		c.t.ResumeReading()
	}
	c.serve()
}
func (c *counter) StopProducing() {}

func (c *counter) ReadConnectionLost() {
	if !c.deaf {
		c.t.LoseConnection()
	}
}
func (c *counter) WriteConnectionLost() {}

func (c *counter) ConnectionLost(error) {
	if c.panics && c.work == 0 {
		panic("lost before the first request")
	}
	if c.idle != nil && !c.leaksTimer {
		c.idle.Cancel()
	}
}

// counterClient draws a script for a counter.
func counterClient(r *rand.Rand) SimClient {
	var out, want bytes.Buffer
	for range 1 + r.IntN(5) {
		n := r.IntN(1 << r.IntN(18))
		fmt.Fprintln(&out, n)
		want.Write(bytes.Repeat([]byte{'0' + byte(n%10)}, n))
	}
	quit := r.IntN(2) == 0
	if quit {
		out.WriteString("quit\n")
	}
	return &Script{Out: out.Bytes(), Want: want.Bytes(), KeepOpen: quit}
}

func counterSim(f flaws) *Sim {
	return &Sim{
		Factory: func(l *Loop) reactor.Factory {
			return reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return &counter{flaws: f, l: l} })
		},
		Client:      counterClient,
		MaxBuffered: 1 << 17,
		HalfClose:   true,
		NoLoss:      true,
	}
}

func TestSimPassesAGoodServer(t *testing.T) {
	s := counterSim(flaws{})
	s.Run(t)
	s.NoLoss = false
	s.Client = func(r *rand.Rand) SimClient { return anyEnd{counterClient(r).(*Script)} }
	s.Run(t)
}

// anyEnd forgives that the server aborts, by its time-out.
type anyEnd struct{ *Script }

func (a anyEnd) Ended(how SimEnd) error {
	if how == ServerAborted {
		return nil
	}
	return a.Script.Ended(how)
}

func TestSimFindsFlaws(t *testing.T) {
	for _, c := range []struct {
		flaws flaws
		word  string // in the error
		lossy bool
	}{
		{flaws{perRead: true}, "", false},
		{flaws{keepsLent: true}, "", false},
		{flaws{leaksTimer: true}, "timers are left behind", false},
		{flaws{staysPause: true}, "after", false},
		{flaws{staysPause: true, noTimer: true}, "stuck", false},
		{flaws{reads: true}, "queued, more than", false},
		{flaws{dropsTail: true}, "server aborted", false},
		{flaws{swaps: true}, "want", false},
		{flaws{panics: true}, "panic: lost before the first request", true},
		{flaws{deaf: true, noTimer: true}, "stuck", false},
	} {
		s := counterSim(c.flaws)
		s.NoLoss = !c.lossy
		if c.lossy {
			s.Client = func(r *rand.Rand) SimClient { return anyEnd{counterClient(r).(*Script)} }
		}
		seed, err := firstFailure(s)
		if err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%+v: found %v, want an error with %q", c.flaws, err, c.word)
			continue
		}
		_, again := s.RunSeed(seed)
		if again == nil || firstLine(again) != firstLine(err) {
			t.Errorf("%+v: seed %d: first %v\nthen %v", c.flaws, seed, err, again)
		}
	}
}

func firstLine(err error) string { s, _, _ := strings.Cut(err.Error(), "\n"); return s }

func firstFailure(s *Sim) (seed uint64, err error) {
	for seed = 1; seed <= 50 && err == nil; seed++ {
		_, err = s.RunSeed(seed)
	}
	return seed - 1, err
}

func TestSimPlaysTheSameAgain(t *testing.T) {
	s := counterSim(flaws{})
	s.NoLoss = false
	s.Client = func(r *rand.Rand) SimClient { return anyEnd{counterClient(r).(*Script)} }
	a, err := s.RunSeed(7)
	b, _ := s.RunSeed(7)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("two runs of one seed differ: %d and %d events, %v", len(a), len(b), err)
	}
	if c, _ := s.RunSeed(8); reflect.DeepEqual(a, c) {
		t.Error("two seeds gave the same run")
	}
}

// failures is a testing.TB that keeps what Run reports.
type failures struct {
	testing.TB
	text string
}

func (f *failures) Errorf(format string, a ...any) { f.text += fmt.Sprintf(format, a...) }
func (f *failures) Name() string                   { return "TestX" }
func (f *failures) Helper()                        {}

func TestSimTellsHowToReplay(t *testing.T) {
	if *simFlags.seed != 0 {
		t.Skip("one seed is being replayed")
	}
	s := counterSim(flaws{swaps: true})
	seed, _ := firstFailure(s)
	f := &failures{TB: t}
	s.Run(f)
	want := fmt.Sprintf("go test -run '^TestX$' -sim.seed=%d -v", seed)
	if !strings.Contains(f.text, want) || !strings.Contains(f.text, "client sends") {
		t.Errorf("report:\n%s\nwant %q", f.text, want)
	}
}

func TestSimChecks(t *testing.T) {
	starts := 0
	s := counterSim(flaws{})
	s.Conns, s.Runs = 3, 2
	s.Check = func() error { return errors.New("left over") }
	if _, err := s.RunSeed(1); err == nil || !strings.Contains(err.Error(), "left over") {
		t.Errorf("Check's error: %v", err)
	}
	s.Check = nil
	s.Factory = func(l *Loop) reactor.Factory { return &startedFactory{l: l, n: &starts} }
	s.Run(t)
	if *simFlags.runs == 0 && *simFlags.seed == 0 && starts != 2*2*100 {
		t.Errorf("starts %d", starts)
	}
	s.Timers = 1
	if _, err := s.RunSeed(1); err == nil {
		t.Error("a timer that is promised and not there goes unnoticed")
	}
}

type startedFactory struct {
	l *Loop
	n *int
}

func (f *startedFactory) BuildProtocol(reactor.Addr) reactor.Protocol { return &counter{} }
func (f *startedFactory) StartFactory(reactor.Loop)                   { *f.n += 100 }
func (f *startedFactory) StopFactory()                                { *f.n += 100 }
