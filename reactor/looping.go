package reactor

import "time"

// LoopingCall calls a function again and again, at whole intervals counted from
// its start, so that it does not drift: a call that is late is followed by one at
// the next whole interval, and those that have passed are left out. Loop only.
type LoopingCall struct {
	clock    Clock
	f        func(count int) *Deferred[struct{}]
	interval time.Duration
	origin   time.Time // intervals are counted from here
	last     time.Time // of the last call; by now counted
	call     *DelayedCall
	end      *Deferred[struct{}] // nil when it does not run
	busy     bool                // f, or the Deferred it returned, is not done
	stopping bool                // Stop was called while busy
}

// NewLoopingCall makes one that calls f.
func NewLoopingCall(c Clock, f func()) *LoopingCall {
	return NewCountingCall(c, func(int) *Deferred[struct{}] { f(); return nil })
}

// NewCountingCall makes one that tells f how many intervals have passed since
// its last call: 1, or more when some were left out. When f returns a Deferred,
// the next call waits for it, and its failure ends the loop.
func NewCountingCall(c Clock, f func(count int) *Deferred[struct{}]) *LoopingCall {
	return &LoopingCall{clock: c, f: f}
}

// Start begins: with a first call at once, from inside Start, or after the first
// interval. An interval of zero is a call in every turn of the loop. The result
// comes when the loop has ended: by Stop, or as the failure of f (for a panic a
// *PanicError). To start what runs, or with a negative interval, panics.
func (l *LoopingCall) Start(interval time.Duration, now bool) *Deferred[struct{}] {
	if l.end != nil || interval < 0 {
		panic("reactor: a LoopingCall started twice, or with a negative interval")
	}
	end := NewDeferred[struct{}]()
	l.end, l.interval, l.stopping = end, interval, false
	l.origin = l.clock.Now()
	l.last = l.origin
	if now {
		l.last = l.origin.Add(-interval)
		l.tick()
	} else {
		l.schedule()
	}
	return end
}

// Running tells whether it has started and not ended.
func (l *LoopingCall) Running() bool { return l.end != nil && !l.stopping }

// Stop ends it. When a Deferred of f is being waited for, the result of Start
// comes after that one. It does nothing when it does not run.
func (l *LoopingCall) Stop() {
	switch {
	case l.end == nil:
	case l.busy:
		l.stopping = true
	default:
		l.finish(nil)
	}
}

// Reset counts the intervals from now on: the next call is one interval away.
func (l *LoopingCall) Reset() {
	if !l.Running() {
		return
	}
	l.origin = l.clock.Now()
	l.last = l.origin
	if !l.busy {
		l.call.Cancel()
		l.schedule()
	}
}

func (l *LoopingCall) finish(err error) {
	if l.call != nil {
		l.call.Cancel()
	}
	end := l.end
	l.call, l.end, l.stopping = nil, nil, false
	end.settle(struct{}{}, err)
}

// schedule arms the call at the next whole interval.
func (l *LoopingCall) schedule() {
	wait := l.interval
	if l.interval > 0 {
		// A clock that was set back makes a negative rest: then a whole
		// interval, not more.
		wait -= max(l.clock.Now().Sub(l.origin)%l.interval, 0)
	}
	l.call = l.clock.CallLater(wait, l.tick)
}

// tick makes one call.
func (l *LoopingCall) tick() {
	count := l.count()
	l.call, l.busy = nil, true
	d, err := attempt(func() (*Deferred[struct{}], error) { return l.f(count), nil })
	if d == nil {
		l.done(err)
		return
	}
	d.Then(func(struct{}) { l.done(nil) }, l.done)
}

// done is called when a call is over.
func (l *LoopingCall) done(err error) {
	l.busy = false
	if err != nil || l.stopping {
		l.finish(err)
		return
	}
	l.schedule()
}

// count is how many intervals have ended since the last call.
func (l *LoopingCall) count() int {
	now := l.clock.Now()
	before := l.last
	l.last = now
	if l.interval == 0 {
		return 1
	}
	return max(l.index(now)-l.index(before), 1)
}

// index is the number of the interval that t is in.
func (l *LoopingCall) index(t time.Time) int {
	since := t.Sub(l.origin)
	if since < 0 {
		since -= l.interval - 1 // round down
	}
	return int(since / l.interval)
}

// DeferLater makes a Deferred of f's result, with f called after a time. Nil
// means the zero value. Cancelling it cancels the call. Loop only.
func DeferLater[T any](c Clock, after time.Duration, f func() (T, error)) *Deferred[T] {
	d := NewDeferred[T]()
	call := c.CallLater(after, func() {
		if f == nil {
			f = func() (v T, err error) { return v, nil }
		}
		d.settle(attempt(f))
	})
	return d.OnCancel(func() { call.Cancel() })
}
