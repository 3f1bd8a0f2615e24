package reactortest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"spindle/reactor"
)

func TestClockRunsCallsInOrder(t *testing.T) {
	c := NewClock()
	var log []string
	note := func(name string) func() {
		return func() { log = append(log, fmt.Sprint(name, "@", c.Now().Sub(Start))) }
	}
	c.CallLater(2*time.Second, note("b"))
	c.CallLater(time.Second, func() {
		note("a")()
		c.CallLater(0, note("a0"))
		c.CallLater(500*time.Millisecond, note("a2"))
	})
	c.CallLater(4*time.Second, note("late"))
	gone := c.CallLater(time.Second, note("cancelled"))
	gone.Cancel()
	c.Advance(3 * time.Second)
	want(t, "calls", strings.Join(log, " "), "a@1s a0@1s a2@1.5s b@2s")
	if c.Pending() != 1 || c.Now().Sub(Start) != 3*time.Second {
		t.Errorf("pending %d, now %v", c.Pending(), c.Now())
	}
}

func TestClockFindsEndlessCall(t *testing.T) {
	c := NewClock()
	var again func()
	again = func() { c.CallLater(0, again) }
	again()
	mustPanic(t, "without end", func() { c.Advance(0) })
}

func TestLoopPostsInOrderInALaterTurn(t *testing.T) {
	l := NewLoop()
	var log []string
	l.CallFromThread(func() {
		l.CallFromThread(func() { log = append(log, "c") })
		log = append(log, "a")
	})
	l.CallFromThread(func() { log = append(log, "b") })
	l.Turn()
	want(t, "first turn", strings.Join(log, ""), "ab")
	if !l.Turn() || l.Turn() {
		t.Error("the second turn has work, the third has none")
	}
	want(t, "second turn", strings.Join(log, ""), "abc")
	l.Close()
	l.CallFromThread(func() { t.Error("called after the end") })
	l.Run()
}

func TestWaitForGoroutines(t *testing.T) {
	l := NewLoop()
	var all sync.WaitGroup
	n := 0
	for range 8 {
		all.Go(func() { l.CallFromThread(func() { n++ }) })
	}
	l.WaitFor(func() bool { return n == 8 })
	all.Wait()
	l.Patience = time.Millisecond
	mustPanic(t, "does not come", func() { l.WaitFor(func() bool { return false }) })
}

func TestThreadPoolPostsToTheLoop(t *testing.T) {
	l := NewLoop()
	defer l.Close()
	got := 0
	reactor.DeferToThreadPool(l.ThreadPool(), func() (int, error) { return 42, nil }).
		Then(func(n int) { got = n }, nil)
	l.WaitFor(func() bool { return got != 0 })
	if got != 42 {
		t.Errorf("got %d", got)
	}
}

func TestSyncThreads(t *testing.T) {
	l := NewLoop()
	l.SyncThreads = true
	var got []int
	for n := range 20 {
		reactor.DeferToThreadPool(l.ThreadPool(), func() (int, error) { return n, nil }).
			Then(func(n int) { got = append(got, n) }, nil)
	}
	l.Run()
	want(t, "results", fmt.Sprint(got), "[0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19]")
	held := make(chan struct{})
	if err := l.ThreadPool().CallInThread(func() { <-held }); err != nil {
		t.Fatal(err)
	}
	l.Patience = time.Millisecond
	mustPanic(t, "does not end", l.Run)
	close(held)
	l.Close()
}

func TestLoopFindsEndlessTurns(t *testing.T) {
	l := NewLoop()
	var again func()
	again = func() { l.CallFromThread(again) }
	again()
	mustPanic(t, "never becomes idle", l.Run)
}

func TestTurnInsideCallbackPanics(t *testing.T) {
	l := NewLoop()
	l.CallFromThread(func() { l.Turn() })
	mustPanic(t, "inside a callback", l.Run)
}

func TestSystemEvents(t *testing.T) {
	l := NewLoop()
	var log []string
	add := func(p reactor.Phase, name string) reactor.TriggerID {
		return l.AddSystemEventTrigger(p, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
			log = append(log, name)
			return nil
		})
	}
	add(reactor.After, "after")
	add(reactor.Before, "before")
	add(reactor.During, "during 1")
	gone := add(reactor.During, "gone")
	add(reactor.During, "during 2")
	l.AddSystemEventTrigger(reactor.Before, reactor.Startup, func() *reactor.Deferred[struct{}] {
		t.Error("the wrong event")
		return nil
	})
	l.RemoveSystemEventTrigger(gone)
	var held *reactor.Deferred[struct{}]
	l.AddSystemEventTrigger(reactor.During, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		held = reactor.NewDeferred[struct{}]()
		return held
	})
	if l.Fire(reactor.Shutdown, func() { log = append(log, "over") }) {
		t.Error("over while a Deferred is awaited")
	}
	want(t, "held", strings.Join(log, ", "), "before, during 1, during 2")
	held.Callback(struct{}{})
	want(t, "order", strings.Join(log, ", "), "before, during 1, during 2, after, over")
	if !l.Fire(reactor.Shutdown, nil) {
		t.Error("the second time there is nothing to wait for")
	}
}
