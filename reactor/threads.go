package reactor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// This file holds the work that blocks: a bounded set of goroutines, and the
// way of their results back to the loop.

// Errors of a ThreadPool.
var (
	// ErrPoolFull refuses work when MaxQueue pieces wait already.
	ErrPoolFull = errors.New("reactor: the thread pool's queue is full")
	// ErrPoolStopped is the end of work that was still waiting at Stop, and
	// refuses what comes later.
	ErrPoolStopped = errors.New("reactor: the thread pool has stopped")
	// ErrWorkExited is the failure of work that ended its goroutine
	// (runtime.Goexit) and so has no result.
	ErrWorkExited = errors.New("reactor: the work ended its goroutine")
)

// Defaults of a ThreadPool.
const (
	DefaultMaxThreads = 10
	DefaultMaxQueue   = 10000
)

// ThreadPool is a bounded set of goroutines for work that blocks. They are
// started when there is work and end when there is none. The fields may be set
// until the first use.
type ThreadPool struct {
	// MaxThreads bounds how many work at once; 0 means DefaultMaxThreads.
	MaxThreads int
	// MaxQueue bounds how many pieces of work wait for a thread; 0 means
	// DefaultMaxQueue, negative means none may wait.
	MaxQueue int

	loop Loop

	mu      sync.Mutex
	queue   []*work // waiting, oldest first
	threads int     // goroutines that run
	stopped bool
	gone    atomic.Int32   // pieces taken back since the last purge
	ended   sync.WaitGroup // done when the last goroutine is
}

// work is one piece of it. Exactly one of run and drop is called, unless it was
// taken back.
type work struct {
	run   func()
	drop  func(err error) // tells that it never ran; may be nil
	taken atomic.Bool     // by a thread, or back by whoever cancelled it
}

// NewThreadPool makes a pool whose results are posted to l. No goroutine runs
// until there is work.
func NewThreadPool(l Loop) *ThreadPool { return &ThreadPool{loop: l} }

// CallInThread calls f on a thread of the pool, after the work that was given
// before it has been started. A panic of f is logged. It is refused with
// ErrPoolFull or ErrPoolStopped. Any goroutine.
func (p *ThreadPool) CallInThread(f func()) error {
	return p.add(&work{run: func() {
		if err := contained(f); err != nil {
			logPanic(loggerOf(p.loop), "a thread's work", err)
		}
	}})
}

// Working is how many threads run, Waiting how much work waits for one. Any
// goroutine.
func (p *ThreadPool) Working() int { p.mu.Lock(); defer p.mu.Unlock(); return p.threads }

// Waiting is how many pieces of work wait for a thread. Any goroutine.
func (p *ThreadPool) Waiting() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.queue) }

// Stop lets the running work end and drops what waits: its Deferreds fail with
// ErrPoolStopped. Blocks: not on the loop.
func (p *ThreadPool) Stop() {
	p.refuse()
	p.ended.Wait()
}

// BeginStop is Stop for the loop: it does not wait; its Deferred has its result
// when the running work has ended. Loop only.
func (p *ThreadPool) BeginStop() *Deferred[struct{}] {
	p.refuse()
	d := NewDeferred[struct{}]()
	if p.Working() == 0 {
		d.Callback(struct{}{})
		return d
	}
	go func() {
		p.ended.Wait()
		p.loop.CallFromThread(func() { d.Callback(struct{}{}) })
	}()
	return d
}

// refuse ends the taking of work and drops what waits.
func (p *ThreadPool) refuse() {
	p.mu.Lock()
	p.stopped = true
	dropped := p.queue
	p.queue = nil
	p.mu.Unlock()
	for _, w := range dropped {
		if !w.taken.Swap(true) && w.drop != nil {
			w.drop(ErrPoolStopped)
		}
	}
}

func (p *ThreadPool) add(w *work) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return ErrPoolStopped
	case p.threads < max(orDefault(p.MaxThreads, DefaultMaxThreads), 1):
		p.threads++
		p.ended.Add(1)
		go p.work(w)
		return nil
	case len(p.queue) >= max(orDefault(p.MaxQueue, DefaultMaxQueue), 0) && !p.purge():
		return ErrPoolFull
	}
	p.queue = append(p.queue, w)
	return nil
}

// purge takes cancelled work out of the queue. It tells whether there was any.
func (p *ThreadPool) purge() bool {
	if p.gone.Swap(0) == 0 {
		return false
	}
	kept := p.queue[:0]
	for _, w := range p.queue {
		if !w.taken.Load() {
			kept = append(kept, w)
		}
	}
	purged := len(kept) < len(p.queue)
	clear(p.queue[len(kept):])
	p.queue = kept
	return purged
}

// work is the life of one thread.
func (p *ThreadPool) work(w *work) {
	defer p.leave()
	for ; w != nil; w = p.next() {
		if !w.taken.Swap(true) {
			w.run()
		}
	}
}

// next takes the oldest work that waits; nil when there is none.
func (p *ThreadPool) next() *work {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pop()
}

func (p *ThreadPool) pop() *work {
	if len(p.queue) == 0 {
		p.queue = nil
		return nil
	}
	w := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return w
}

// leave ends a thread; it also runs when work has ended the goroutine, and then
// leaves what waits to another one.
func (p *ThreadPool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.pop(); w != nil {
		go p.work(w)
		return
	}
	p.threads--
	p.ended.Done()
}

// DeferToThreadPool calls f on a thread of p; its result comes on the loop of
// p. A panic of f is its failure, as a *PanicError; ErrPoolFull and
// ErrPoolStopped are there at once. Cancelling it takes f back while it waits;
// when f runs already, its result is dropped. Loop only.
func DeferToThreadPool[T any](p *ThreadPool, f func() (T, error)) *Deferred[T] {
	d := NewDeferred[T]()
	post := func(v T, err error) {
		p.loop.CallFromThread(func() { d.settle(v, err) })
	}
	w := &work{
		run:  func() { resultOf(f, post) },
		drop: func(err error) { var zero T; post(zero, err) },
	}
	if err := p.add(w); err != nil {
		d.Errback(err)
		return d
	}
	return d.OnCancel(func() {
		if !w.taken.Swap(true) {
			p.gone.Add(1)
		}
	})
}

// resultOf gives f's result to post, also when f panics or ends its goroutine.
func resultOf[T any](f func() (T, error), post func(T, error)) {
	var v T
	err := ErrWorkExited
	defer func() { post(v, err) }()
	v, err = attempt(f)
}

// BlockingCallFromThread calls f on the loop of l and waits for the result of
// its Deferred, as long as ctx allows; then the Deferred is cancelled. A nil
// Deferred is the zero value. Blocks: not on the loop.
func BlockingCallFromThread[T any](ctx context.Context, l Loop, f func() *Deferred[T]) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	var d *Deferred[T] // loop only
	l.CallFromThread(func() {
		var err error
		if d, err = attempt(func() (*Deferred[T], error) { return f(), nil }); d == nil {
			done <- result{err: err}
			return
		}
		d.Then(func(v T) { done <- result{v: v} }, func(err error) { done <- result{err: err} })
	})
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		l.CallFromThread(func() {
			if d != nil {
				d.Cancel()
			}
		})
		var zero T
		return zero, ctx.Err()
	}
}

// orDefault is n, or what 0 stands for.
func orDefault(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}
