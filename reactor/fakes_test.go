package reactor

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// This file holds the small doubles of the tests inside this package, which
// cannot import reactortest.

// memoryClock is a Clock whose time stands until it is advanced.
type memoryClock struct {
	*Timers
	at time.Time
}

func newMemoryClock() *memoryClock {
	c := &memoryClock{at: time.Unix(1_000_000, 0)}
	c.Timers = NewTimers(c.Now, nil)
	return c
}

func (c *memoryClock) Now() time.Time { return c.at }

// Advance lets d pass, stopping at each call that is due on the way.
func (c *memoryClock) Advance(d time.Duration) {
	end := c.at.Add(d)
	for when, ok := c.Next(); ok && !when.After(end); when, ok = c.Next() {
		if when.After(c.at) {
			c.at = when
		}
		mark := c.Mark()
		for f := c.PopDue(c.at, mark); f != nil; f = c.PopDue(c.at, mark) {
			f()
		}
		if d == 0 {
			return // one turn
		}
	}
	c.at = end
}

// Jump lets d pass at once, as a callback that holds the loop does.
func (c *memoryClock) Jump(d time.Duration) { c.at = c.at.Add(d) }

// testLoop is a Loop that the test's own goroutine turns; timers are those of a
// memoryClock.
type testLoop struct {
	*memoryClock
	SystemEvents
	pool   *ThreadPool
	mu     sync.Mutex
	posted []func()
	woken  chan struct{} // holds one when something was posted
}

func newTestLoop() *testLoop {
	l := &testLoop{memoryClock: newMemoryClock(), woken: make(chan struct{}, 1)}
	l.pool = NewThreadPool(l)
	return l
}

func (l *testLoop) ThreadPool() *ThreadPool { return l.pool }

func (l *testLoop) AddSystemEventTrigger(p Phase, e Event, f func() *Deferred[struct{}]) TriggerID {
	return l.Add(p, e, f)
}

func (l *testLoop) RemoveSystemEventTrigger(id TriggerID) { l.Remove(id) }

func (l *testLoop) CallFromThread(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// turn calls what was posted so far.
func (l *testLoop) turn() {
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

// until turns the loop until done is true.
func (l *testLoop) until(t *testing.T, done func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for l.turn(); !done(); l.turn() {
		select {
		case <-l.woken:
		case <-limit.C:
			t.Fatal("the loop waits in vain")
		}
	}
}

// logged catches what is logged until the test ends.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func catchLog(t *testing.T) *logged {
	l := &logged{}
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(l, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return l
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// panicOf returns what f panics with, nil when it does not.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
