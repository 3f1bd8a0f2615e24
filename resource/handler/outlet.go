package handler

import (
	"os"
	"sync"
	"time"

	"spindle/reactor"
)

// This file carries what goroutines want done to the loop: in order, in one turn for all
// that has gathered, and not faster than the client takes what is written.

// outlet is a queue of calls. It is the producer of what they write to, which so tells
// how far the client is.
type outlet struct {
	loop   reactor.Loop
	mu     sync.Mutex
	cond   sync.Cond
	calls  []func()
	spare  []func()
	queued int  // bytes that they bring
	posted bool // run will be called
	paused bool // the client has enough to take
	err    error
	until  deadline
	stop   func() // of StopProducing
}

func (o *outlet) init(l reactor.Loop, stop func()) {
	o.loop, o.stop = l, stop
	o.cond.L = &o.mu
}

// post has f called on the loop, after all that was posted before. Any goroutine.
func (o *outlet) post(f func()) {
	o.mu.Lock()
	o.add(f)
	o.mu.Unlock()
}

func (o *outlet) add(f func()) {
	o.calls = append(o.calls, f)
	if !o.posted {
		o.posted = true
		o.loop.CallFromThread(o.run)
	}
}

// send is post for a call that writes n bytes. It waits until there is room for them, and
// fails, without the call, when there is nobody any more or the deadline has passed.
// Blocks: not on the loop.
func (o *outlet) send(n int, f func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (o.paused || o.queued > highWater) && o.err == nil && !o.until.passed {
		o.cond.Wait()
	}
	if err := o.failure(); err != nil {
		return err
	}
	o.queued += n
	o.add(f)
	return nil
}

// failure is why nothing can be written any more.
func (o *outlet) failure() error {
	switch {
	case o.err != nil:
		return o.err
	case o.until.passed:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// failed is failure. Any goroutine.
func (o *outlet) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failure()
}

// await waits until done holds, which is asked under the mutex, or nobody is there. Blocks:
// not on the loop.
func (o *outlet) await(done func() bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !done() && o.err == nil {
		o.cond.Wait()
	}
	if !done() {
		return o.err
	}
	return nil
}

// tell changes what await asks for.
func (o *outlet) tell(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	o.cond.Broadcast()
}

// fail has all further sends fail.
func (o *outlet) fail(err error) {
	o.tell(func() {
		if o.err == nil {
			o.err = err
		}
		o.until.stop()
	})
}

// setDeadline bounds the time that sending may wait; the zero time ends the bound.
func (o *outlet) setDeadline(t time.Time) {
	o.tell(func() { o.until.set(t, &o.cond) })
}

// run makes the calls. Loop only.
func (o *outlet) run() {
	o.mu.Lock()
	calls := o.calls
	o.calls, o.spare = o.spare[:0], nil
	o.queued, o.posted = 0, false
	o.mu.Unlock()
	o.cond.Broadcast()
	for i, f := range calls {
		calls[i] = nil
		f()
	}
	o.mu.Lock()
	o.spare = calls[:0]
	o.mu.Unlock()
}

// PauseProducing has sends wait. See reactor.PushProducer.
func (o *outlet) PauseProducing() { o.tell(func() { o.paused = true }) }

// ResumeProducing lets them go on.
func (o *outlet) ResumeProducing() { o.tell(func() { o.paused = false }) }

// StopProducing tells that the client has gone.
func (o *outlet) StopProducing() { o.stop() }

var _ reactor.PushProducer = (*outlet)(nil)
