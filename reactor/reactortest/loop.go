package reactortest

import (
	"runtime"
	"sync"
	"time"

	"spindle/reactor"
)

// Loop is a reactor.Loop in memory. It turns when the test says so: Run turns
// it until it is idle, and so does everything of the test's side, unless Stepwise
// is set.
type Loop struct {
	*Clock
	// Stepwise keeps the loop from turning by itself after what the test's
	// side does: only Turn, Run and Advance turn it then.
	Stepwise bool
	// OnPanic, when set, is told of a panic in a callback of a connection,
	// which then costs that connection only, as in the real reactor. nil lets
	// it through to the test.
	OnPanic func(value any, stack []byte)
	// SyncThreads has every turn wait for the work that threads have, of which
	// there is one only: so nobody needs WaitFor, and a run is the same each
	// time. To be set before ThreadPool is used.
	SyncThreads bool
	// Patience is how long WaitFor waits, in real time; 0 means 10 seconds.
	Patience time.Duration

	mu     sync.Mutex
	posted []func()
	ended  bool
	wake   chan struct{} // holds one when something was posted

	depth   int                              // callbacks that are running, one inside the other
	soon    []func()                         // to be done when the current callback has returned
	done    int                              // how many of soon have been
	next    []func()                         // to be done in the next turn
	shuffle func(n int, swap func(i, j int)) // mixes next, when set
	pool    *reactor.ThreadPool
	events  reactor.SystemEvents
}

// NewLoop makes a loop with a clock that stands at Start.
func NewLoop() *Loop {
	l := &Loop{Clock: NewClock(), wake: make(chan struct{}, 1)}
	l.Clock.run, l.Clock.idle = l.event, func() { l.Run() }
	return l
}

// CallFromThread calls f in a later turn. Any goroutine.
func (l *Loop) CallFromThread(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.posted = append(l.posted, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Turn turns the loop once: what was posted, the timers that are due, and what
// the turn before left for this one. It tells whether there was anything.
func (l *Loop) Turn() bool {
	l.mustBeOutside("Turn")
	worked := l.settle()
	l.awaitThreads()
	for _, f := range l.takePosted() {
		worked = true
		l.event(f)
	}
	worked = l.Clock.round() || worked
	next := l.next
	l.next = nil
	if l.shuffle != nil {
		l.shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
	}
	for _, f := range next {
		worked = true
		l.event(f)
	}
	return worked
}

// Run turns the loop until it is idle: what is left then waits for time to pass,
// for another goroutine, or for the test.
func (l *Loop) Run() {
	for turns := 0; l.Turn(); turns++ {
		if turns > maxRounds {
			panic("reactortest: the loop never becomes idle")
		}
	}
}

// WaitFor turns the loop until done, waiting for what other goroutines post. It
// panics when that takes longer than Patience.
func (l *Loop) WaitFor(done func() bool) {
	late := l.patience()
	defer late.Stop()
	for l.Run(); !done(); l.Run() {
		select {
		case <-l.wake:
		case <-late.C:
			panic("reactortest: what WaitFor waits for does not come")
		}
	}
}

func (l *Loop) patience() *time.Timer {
	if l.Patience == 0 {
		return time.NewTimer(10 * time.Second)
	}
	return time.NewTimer(l.Patience)
}

// ThreadPool is a real pool of threads; WaitFor waits for its results.
func (l *Loop) ThreadPool() *reactor.ThreadPool {
	if l.pool == nil {
		l.pool = reactor.NewThreadPool(l)
		if l.SyncThreads {
			l.pool.MaxThreads = 1
		}
	}
	return l.pool
}

// awaitThreads waits until all work is done and its results are posted.
func (l *Loop) awaitThreads() {
	if !l.SyncThreads || l.pool == nil || l.pool.Working() == 0 {
		return
	}
	late := l.patience()
	defer late.Stop()
	for l.pool.Working() > 0 {
		select {
		case <-late.C:
			panic("reactortest: a thread's work does not end")
		default:
			runtime.Gosched()
		}
	}
}

// Close ends the loop: what is posted from now on is dropped, and the threads
// end. It fires no event; see Fire.
func (l *Loop) Close() {
	l.mu.Lock()
	l.ended, l.posted = true, nil
	l.mu.Unlock()
	if l.pool != nil {
		l.pool.Stop()
		l.pool = nil
	}
}

// event runs f as one callback of the loop, and then what follows from it.
func (l *Loop) event(f func()) {
	l.callback(f)
	l.settle()
}

// callback runs f; whatever it does to a transport waits until it has returned.
func (l *Loop) callback(f func()) {
	l.depth++
	defer func() { l.depth-- }()
	f()
}

// settle does what was put off to the end of the callback. It tells whether
// there was anything. Inside a callback it does nothing.
func (l *Loop) settle() (worked bool) {
	if l.depth > 0 {
		return false
	}
	for l.done < len(l.soon) {
		f := l.soon[l.done]
		l.done++
		l.callback(f)
		worked = true
	}
	clear(l.soon)
	l.soon, l.done = l.soon[:0], 0
	return worked
}

// testSide is called by everything of the test's side, before it looks at the
// state and after it has changed it.
func (l *Loop) testSide() {
	switch {
	case l.depth > 0: // called by a protocol of the test: the callback goes on
	case l.Stepwise:
		l.settle()
	default:
		l.Run()
	}
}

func (l *Loop) takePosted() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.posted
	l.posted = nil
	return f
}

func (l *Loop) mustBeOutside(name string) {
	if l.depth > 0 {
		panic("reactortest: " + name + " called inside a callback")
	}
}

var _ reactor.Loop = (*Loop)(nil)
