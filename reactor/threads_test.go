package reactor

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// busy fills the pool's threads with work that runs until release is closed.
func busy(t *testing.T, p *ThreadPool, n int) (release chan struct{}) {
	t.Helper()
	release = make(chan struct{})
	var started sync.WaitGroup
	for range n {
		started.Add(1)
		if err := p.CallInThread(func() { started.Done(); <-release }); err != nil {
			t.Fatal(err)
		}
	}
	started.Wait()
	return release
}

func TestDeferToThreadPool(t *testing.T) {
	l := newTestLoop()
	for want, f := range map[string]func() (int, error){
		"a ok 5":              func() (int, error) { return 5, nil },
		"a fail test failure": func() (int, error) { return 0, errTest },
		"a fail panic: oh":    func() (int, error) { panic("oh") },
		"a fail reactor: the work ended its goroutine": func() (int, error) { runtime.Goexit(); return 0, nil },
	} {
		var got []string
		d := DeferToThreadPool(l.pool, f).Then(note[int](&got, "a"))
		l.until(t, d.Settled)
		wantNotes(t, got, want)
	}
	l.pool.Stop()
}

func TestThreadPoolIsBounded(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = 3
	var now, most atomic.Int32
	var ds []*Deferred[int]
	for i := range 50 {
		ds = append(ds, DeferToThreadPool(l.pool, func() (int, error) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			runtime.Gosched()
			now.Add(-1)
			return i, nil
		}))
	}
	all := All(ds...)
	l.until(t, all.Settled)
	if most.Load() > 3 {
		t.Errorf("%d at once", most.Load())
	}
	all.Then(func(vs []int) {
		for i, v := range vs {
			if v != i {
				t.Errorf("result %d is %d", i, v)
			}
		}
	}, func(err error) { t.Error(err) })
	l.pool.Stop()
	if n := l.pool.Working(); n != 0 {
		t.Errorf("%d threads after Stop", n)
	}
}

func TestThreadPoolDefaults(t *testing.T) {
	l := newTestLoop()
	release := busy(t, l.pool, DefaultMaxThreads)
	for i := range DefaultMaxQueue {
		if err := l.pool.CallInThread(func() {}); err != nil {
			t.Fatalf("work %d: %v", i, err)
		}
	}
	if err := l.pool.CallInThread(func() {}); err != ErrPoolFull {
		t.Errorf("one too much: %v", err)
	}
	if w, q := l.pool.Working(), l.pool.Waiting(); w != DefaultMaxThreads || q != DefaultMaxQueue {
		t.Errorf("%d threads, %d waiting", w, q)
	}
	close(release)
	l.pool.Stop()
}

func TestThreadPoolFull(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads, l.pool.MaxQueue = 1, 1
	release := busy(t, l.pool, 1)
	var got []string
	waiting := DeferToThreadPool(l.pool, func() (int, error) { return 1, nil })
	waiting.Then(note[int](&got, "first"))
	DeferToThreadPool(l.pool, func() (int, error) { return 2, nil }).Then(note[int](&got, "second"))
	wantNotes(t, got, "second fail reactor: the thread pool's queue is full")
	waiting.Cancel() // makes room
	third := DeferToThreadPool(l.pool, func() (int, error) { return 3, nil }).Then(note[int](&got, "third"))
	close(release)
	l.until(t, third.Settled)
	wantNotes(t, got[1:], "first fail reactor: cancelled", "third ok 3")
	l.pool.Stop()
}

func TestThreadPoolWithoutQueue(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads, l.pool.MaxQueue = 1, -1
	release := busy(t, l.pool, 1)
	if err := l.pool.CallInThread(func() {}); err != ErrPoolFull {
		t.Errorf("got %v", err)
	}
	close(release)
	l.pool.Stop()
}

func TestCancelledWorkDoesNotRun(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = 1
	release := busy(t, l.pool, 1)
	ran := false
	d := DeferToThreadPool(l.pool, func() (int, error) { ran = true; return 0, nil })
	d.Cancel()
	close(release)
	l.pool.Stop()
	l.turn()
	if ran {
		t.Error("cancelled work ran")
	}
}

func TestCancelledWhileRunning(t *testing.T) {
	l := newTestLoop()
	var got []string
	started, release := make(chan struct{}), make(chan struct{})
	d := DeferToThreadPool(l.pool, func() (int, error) { close(started); <-release; return 1, nil })
	d.Then(note[int](&got, "a"))
	<-started
	d.Cancel()
	close(release)
	l.pool.Stop()
	l.turn()
	wantNotes(t, got, "a fail reactor: cancelled")
}

func TestThreadPoolStop(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = 1
	release := busy(t, l.pool, 1)
	var got []string
	d := DeferToThreadPool(l.pool, func() (int, error) { return 1, nil }).Then(note[int](&got, "dropped"))
	if err := l.pool.CallInThread(func() { t.Error("dropped work ran") }); err != nil {
		t.Fatal(err)
	}
	stopped := l.pool.BeginStop()
	l.until(t, d.Settled)
	if stopped.Settled() {
		t.Error("stopped while work runs")
	}
	DeferToThreadPool(l.pool, func() (int, error) { return 1, nil }).Then(note[int](&got, "late"))
	if err := l.pool.CallInThread(func() {}); err != ErrPoolStopped {
		t.Errorf("late: %v", err)
	}
	close(release)
	l.until(t, stopped.Settled)
	wantNotes(t, got, "dropped fail reactor: the thread pool has stopped", "late fail reactor: the thread pool has stopped")
	l.pool.Stop()
	if !l.pool.BeginStop().Settled() {
		t.Error("a stopped pool does not say so at once")
	}
}

func TestThreadsEndWhenIdle(t *testing.T) {
	l := newTestLoop()
	close(busy(t, l.pool, 4))
	l.pool.ended.Wait()
	if n := l.pool.Working(); n != 0 {
		t.Errorf("%d threads have nothing to do", n)
	}
}

func TestThreadThatExitsLeavesTheQueueToOthers(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = 1
	release := busy(t, l.pool, 1)
	var got []string
	a := DeferToThreadPool(l.pool, func() (int, error) { runtime.Goexit(); return 0, nil })
	b := DeferToThreadPool(l.pool, func() (int, error) { return 2, nil }).Then(note[int](&got, "b"))
	close(release)
	l.until(t, b.Settled)
	a.Then(nil, func(err error) {
		if !errors.Is(err, ErrWorkExited) {
			t.Error(err)
		}
	})
	wantNotes(t, got, "b ok 2")
	l.pool.Stop()
}

func TestPanicInThreadIsLogged(t *testing.T) {
	log := catchLog(t)
	l := newTestLoop()
	if err := l.pool.CallInThread(func() { panic("oh dear") }); err != nil {
		t.Fatal(err)
	}
	l.pool.Stop()
	if !strings.Contains(log.String(), "oh dear") || !strings.Contains(log.String(), "threads_test.go") {
		t.Errorf("log %s", log)
	}
}

func TestThreadPoolStartsInOrder(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = 1
	release := busy(t, l.pool, 1)
	var order []int // one thread
	for i := range 20 {
		if err := l.pool.CallInThread(func() { order = append(order, i) }); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	l.pool.ended.Wait()
	for i, v := range order {
		if i != v {
			t.Fatalf("order %v", order)
		}
	}
	if len(order) != 20 {
		t.Errorf("order %v", order)
	}
}

func TestThreadPoolHasAtLeastOneThread(t *testing.T) {
	l := newTestLoop()
	l.pool.MaxThreads = -3
	d := DeferToThreadPool(l.pool, func() (int, error) { return 1, nil })
	l.until(t, d.Settled)
	l.pool.Stop()
}
