//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package reactor

import "time"

// waker wakes the loop for its timers: a timer of the runtime that posts.
type waker struct {
	t *time.Timer
}

func (r *Reactor) openWaker() error { return nil }

// wakeIn has the loop woken after d.
func (r *Reactor) wakeIn(d time.Duration) {
	if r.waker.t != nil {
		r.waker.t.Reset(d)
		return
	}
	r.waker.t = time.AfterFunc(d, func() { r.poller.post(r.runTimers) })
}

func (r *Reactor) closeWaker() {
	if r.waker.t != nil {
		r.waker.t.Stop()
	}
}
