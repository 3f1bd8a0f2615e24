package reactor

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"time"
)

// This file holds the result that comes later. What makes one Deferred out of
// others is in combine.go, what makes one of blocking work in threads.go.

// ErrCancelled is the failure of a Deferred that was cancelled.
var ErrCancelled = errors.New("reactor: cancelled")

// ErrTimeout is the failure of what took too long. To errors.Is it is
// os.ErrDeadlineExceeded too, and its Timeout method answers true.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string        { return "reactor: timed out" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// Deferred is a result that comes later, on the loop: a value by Callback or an
// error by Errback, once. Any number of functions may wait for it (Then); all
// are told the same result, in the order in which they were added. To make
// another result of it, see Map, Chain and Rescue.
//
// The functions are called from inside Callback or Errback, and, where the
// result is there already, from inside Then. This is the one place where the
// reactor calls back from inside a call, as Twisted does.
//
// The zero Deferred is ready for use. It may not be copied. Loop only.
type Deferred[T any] struct {
	state   deferredState
	running bool // waiting functions are being called, further up this stack
	handled bool // a fail function has been told the error
	late    bool // was cancelled: what Callback or Errback bring now is dropped
	value   T
	err     error
	cause   error // what Cancel or Timeout fail with, while they run
	then    []waiter[T]
	cancel  func()
	report  *runtime.Cleanup // writes the log line of an unhandled failure
}

type deferredState uint8

const (
	resultPending deferredState = iota
	resultThere
	resultFailed
)

// waiter is one pair of functions that wait for a result.
type waiter[T any] struct {
	ok    func(T)
	fail  func(error)
	aside bool // fail is bookkeeping: an error told to it is not handled yet
}

// NewDeferred makes a Deferred that has no result yet.
func NewDeferred[T any]() *Deferred[T] { return &Deferred[T]{} }

// Succeeded makes a Deferred that has its value already.
func Succeeded[T any](v T) *Deferred[T] {
	return &Deferred[T]{state: resultThere, value: v}
}

// Failed makes a Deferred that has failed already.
func Failed[T any](err error) *Deferred[T] {
	d := &Deferred[T]{}
	d.Errback(err)
	return d
}

// Then has ok called with the value or fail with the error; either may be nil.
// It returns d, whose result stays what it is. When the result is there
// already they are called at once.
//
// A panic of ok is given to its fail as a *PanicError, so that whoever waits
// for an answer gets one; with no fail, and for a panic of fail, it is logged.
// A failure that no fail has been told of is logged when d is garbage, unless
// it is ErrCancelled.
func (d *Deferred[T]) Then(ok func(T), fail func(error)) *Deferred[T] {
	return d.wait(waiter[T]{ok: ok, fail: fail})
}

func (d *Deferred[T]) wait(w waiter[T]) *Deferred[T] {
	d.then = append(d.then, w)
	if d.state != resultPending {
		d.run()
	}
	return d
}

// Callback gives the value. A second result panics; one that comes after
// Cancel is dropped.
func (d *Deferred[T]) Callback(v T) { d.settle(v, nil) }

// Errback gives the error, which may not be nil. A second result panics; one
// that comes after Cancel is dropped.
func (d *Deferred[T]) Errback(err error) {
	if err == nil {
		panic("reactor: Errback without an error")
	}
	var zero T
	d.settle(zero, err)
}

// settle gives v, or err where it is not nil.
func (d *Deferred[T]) settle(v T, err error) {
	if d.state != resultPending {
		if d.late {
			return
		}
		panic("reactor: this Deferred has its result already")
	}
	if d.cause != nil && errors.Is(err, ErrCancelled) {
		err = d.cause
	}
	if err != nil {
		d.state, d.err = resultFailed, err
	} else {
		d.state, d.value = resultThere, v
	}
	d.cancel = nil
	d.run()
}

// run tells the result to all that wait, also to those that are added meanwhile.
func (d *Deferred[T]) run() {
	if d.running {
		return
	}
	d.running = true
	for len(d.then) > 0 {
		w := d.then[0]
		d.then = d.then[1:]
		d.tell(w)
	}
	d.then = nil
	d.running = false
	d.watch()
}

func (d *Deferred[T]) tell(w waiter[T]) {
	err := d.err
	if d.state == resultThere {
		if w.ok == nil {
			return
		}
		p := contained(func() { w.ok(d.value) })
		if p == nil {
			return
		}
		if w.fail == nil {
			logPanic(slog.Default(), "a Deferred's function", p)
			return
		}
		err = p
	}
	if w.fail == nil {
		return
	}
	d.handled = d.handled || !w.aside
	if p := contained(func() { w.fail(err) }); p != nil {
		logPanic(slog.Default(), "a Deferred's function", p)
	}
}

// watch has a failure that nobody was told of logged when d is garbage, and
// takes that back when somebody was.
func (d *Deferred[T]) watch() {
	unhandled := d.state == resultFailed && !d.handled && !errors.Is(d.err, ErrCancelled)
	switch {
	case unhandled && d.report == nil:
		c := runtime.AddCleanup(d, logUnhandled, d.err)
		d.report = &c
	case !unhandled && d.report != nil:
		d.report.Stop()
		d.report = nil
	}
}

// logUnhandled is called on a goroutine of the runtime.
func logUnhandled(err error) {
	var p *PanicError
	if errors.As(err, &p) {
		logPanic(slog.Default(), "work that nobody waited for", p)
		return
	}
	slog.Error("reactor: a Deferred failed and nobody was told", "err", err)
}

// Settled tells whether the result is there.
func (d *Deferred[T]) Settled() bool { return d.state != resultPending }

// OnCancel names the function that stops the work when d is cancelled; a second
// call replaces it. It may give the result itself. It is not called once the
// result is there. It returns d.
func (d *Deferred[T]) OnCancel(f func()) *Deferred[T] {
	if d.state == resultPending {
		d.cancel = f
	}
	return d
}

// Cancel asks whoever works on it to stop (see OnCancel). Unless that gives
// another result, d fails with ErrCancelled before Cancel returns; what the
// work brings later is dropped. It does nothing when the result is there.
func (d *Deferred[T]) Cancel() { d.abandon(ErrCancelled) }

// Timeout cancels d when it has no result after a time, and makes the failure
// ErrTimeout. It returns d.
func (d *Deferred[T]) Timeout(c Clock, after time.Duration) *Deferred[T] {
	if d.state != resultPending {
		return d
	}
	call := c.CallLater(after, func() { d.abandon(ErrTimeout) })
	return d.wait(waiter[T]{
		ok:    func(T) { call.Cancel() },
		fail:  func(error) { call.Cancel() },
		aside: true,
	})
}

func (d *Deferred[T]) abandon(cause error) {
	if d.state != resultPending || d.cause != nil {
		return
	}
	d.cause = cause
	if f := d.cancel; f != nil {
		d.cancel = nil
		if p := contained(f); p != nil {
			logPanic(slog.Default(), "a Deferred's OnCancel function", p)
		}
	}
	if d.state == resultPending {
		d.Errback(cause)
	}
	d.late, d.cause = true, nil
}
