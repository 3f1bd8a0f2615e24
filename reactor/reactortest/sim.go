package reactortest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

// Sim runs many connections to one factory through a bad day on the network,
// drawn from a seed: reads cut anywhere, short writes, full kernel buffers,
// clients that stall, half-close or go away, resets, time that jumps, and all of
// it in random order. In the end every connection must be gone, every client
// content, and nothing left behind. The same seed gives the same run:
//
//	go test -run TestX -sim.runs=1000          # look for a failure
//	go test -run TestX -sim.seed=17 -v         # play it again, with its events
type Sim struct {
	// Factory makes the server, anew for each run.
	Factory func(l *Loop) reactor.Factory
	// Client makes the other end of a connection. All that it draws must come
	// from r.
	Client func(r *rand.Rand) SimClient
	// Check, when set, is called at the end of a run, when all connections
	// are gone.
	Check func() error

	// Conns is the number of connections in one run; 0 means 20.
	Conns int
	// Runs is the number of runs, with the seeds 1 to Runs; 0 means 50.
	// -sim.runs goes before.
	Runs int
	// MaxBuffered bounds, in bytes, what the server may have queued for one
	// connection; 0 means no bound.
	MaxBuffered int
	// HalfClose lets clients close their sending half after their last byte;
	// they expect their answers all the same.
	HalfClose bool
	// NoLoss leaves out the resets and the jumps of time, so that every client
	// gets all that it wants.
	NoLoss bool
	// Timers is the number of timers that the factory itself leaves pending.
	Timers int
	// Grace is how long, in the loop's time, the server may take to end what
	// clients have left behind; 0 means 10 minutes.
	Grace time.Duration
}

// simFlags are the flags of a test binary that uses this package.
var simFlags = newSimFlags()

type simFlagSet struct {
	seed *uint64
	runs *int
}

func newSimFlags() (f simFlagSet) {
	if !testing.Testing() {
		return simFlagSet{seed: new(uint64), runs: new(int)}
	}
	return simFlagSet{
		seed: flag.Uint64("sim.seed", 0, "run reactortest.Sim with this seed only, and tell its events"),
		runs: flag.Int("sim.runs", 0, "how many seeds reactortest.Sim runs; 0 means what the test says"),
	}
}

// Run makes the runs and fails t at the first seed that goes wrong.
func (s *Sim) Run(t testing.TB) {
	t.Helper()
	if one := *simFlags.seed; one != 0 {
		trace, err := s.RunSeed(one)
		t.Logf("sim: events of seed %d:\n%s", one, strings.Join(trace, "\n"))
		if err != nil {
			t.Errorf("sim: seed %d: %v", one, err)
		}
		return
	}
	for seed := uint64(1); seed <= uint64(s.runs()); seed++ {
		if trace, err := s.RunSeed(seed); err != nil {
			t.Errorf("sim: seed %d: %v\nlast events:\n%s\nplay it again: go test -run '^%s$' -sim.seed=%d -v",
				seed, err, strings.Join(tail(trace, 25), "\n"), t.Name(), seed)
			return
		}
	}
}

func (s *Sim) runs() int {
	switch {
	case *simFlags.runs > 0:
		return *simFlags.runs
	case s.Runs > 0:
		return s.Runs
	default:
		return 50
	}
}

// RunSeed makes one run. It returns what happened, and what went wrong.
func (s *Sim) RunSeed(seed uint64) (trace []string, err error) {
	r := &simRun{Sim: s, rand: rand.New(rand.NewPCG(seed, 0x51ed)), loop: NewLoop()}
	r.loop.Stepwise, r.loop.SyncThreads = true, true
	r.loop.shuffle = r.rand.Shuffle
	r.loop.OnPanic = func(v any, stack []byte) { r.fail("panic: %v\n%s", v, stack) }
	defer func() {
		if v := recover(); v != nil {
			r.fail("panic: %v\n%s", v, debug.Stack())
		}
		r.loop.Close()
		trace, err = r.trace, r.err
	}()
	r.run()
	return
}

// simRun is one run.
type simRun struct {
	*Sim
	rand    *rand.Rand
	loop    *Loop
	factory reactor.Factory
	made    int
	live    []*simConn
	trace   []string
	err     error // the first thing that went wrong
}

func (r *simRun) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, a...)
		r.note("FAILED")
	}
}

func (r *simRun) note(format string, a ...any) {
	r.trace = append(r.trace, fmt.Sprintf("%9.3fs ", r.loop.Now().Sub(Start).Seconds())+fmt.Sprintf(format, a...))
}

func (r *simRun) run() {
	r.factory = r.Factory(r.loop)
	starter, _ := r.factory.(reactor.FactoryStarter)
	if starter != nil {
		starter.StartFactory(r.loop)
	}
	conns := orDefault(r.Conns, 20)
	for step := 0; step < 200*conns && r.err == nil; step++ {
		if r.made == conns && len(r.live) == 0 {
			break
		}
		r.step(conns)
	}
	r.calm()
	if starter != nil && r.err == nil {
		starter.StopFactory()
	}
	r.loop.Run()
	r.checkEnd()
}

// step lets one thing happen.
func (r *simRun) step(conns int) {
	switch n := r.rand.IntN(100); {
	case r.made < conns && (len(r.live) == 0 || n < 5):
		r.open()
	case n < 25:
		r.loop.Turn()
	case n < 30:
		r.pass(time.Duration(r.rand.IntN(50)) * time.Millisecond)
	case n < 31 && !r.NoLoss:
		r.pass(time.Duration(r.rand.IntN(120)) * time.Second)
	case len(r.live) > 0:
		r.live[r.rand.IntN(len(r.live))].act()
	}
	r.sweep()
}

func (r *simRun) pass(d time.Duration) {
	r.note("%v pass", d)
	r.loop.Advance(d)
}

func (r *simRun) open() {
	c := &simConn{run: r, id: r.made, client: r.Client(r.rand), tr: r.loop.NewTransport()}
	r.made++
	c.tr.PeerAddr.Port += uint16(c.id)
	p := r.factory.BuildProtocol(c.tr.PeerAddr)
	if p == nil {
		c.note("refused")
		c.ended(ServerAborted)
		return
	}
	c.note("made")
	r.live = append(r.live, c)
	c.tr.SetSplit(Cut(r.rand.Uint64()))
	c.tr.Start(p)
	c.resize()
}

// sweep takes the connections out that have ended.
func (r *simRun) sweep() {
	live := r.live[:0]
	for _, c := range r.live {
		c.check()
		if !c.over {
			live = append(live, c)
		}
	}
	r.live = live
}

// calm brings all connections to their end: the network works again, and what
// nobody ends is ended by the server's time-outs within Grace.
func (r *simRun) calm() {
	r.note("calm")
	grace := r.Grace
	if grace == 0 {
		grace = 10 * time.Minute
	}
	for waited := time.Duration(0); r.err == nil && len(r.live) > 0; {
		moved := false
		for _, c := range r.live {
			moved = c.calm() || moved
		}
		moved = r.loop.Turn() || moved
		r.sweep()
		if moved {
			continue
		}
		if waited >= grace {
			break
		}
		waited += grace / 20
		r.pass(grace / 20)
		r.sweep()
	}
	for _, c := range r.live {
		c.stuck()
	}
}

func (r *simRun) checkEnd() {
	if r.err != nil {
		return
	}
	if n := r.loop.Pending(); n != r.Timers {
		r.fail("%d timers are left behind, want %d", n, r.Timers)
	}
	if r.Check == nil {
		return
	}
	if err := r.Check(); err != nil {
		r.fail("check at the end: %v", err)
	}
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

func tail(s []string, n int) []string { return s[max(len(s)-n, 0):] }

var errStuck = errors.New("the connection is stuck")
