package reactor

import (
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// This file watches the loop from outside: a callback that holds it too long is
// logged with the loop's stack, while it still runs.

const slowCallback = 100 * time.Millisecond

// watchdog looks at a counter that is odd while a callback runs.
type watchdog struct {
	beat   uint64 // the loop's own copy
	shared atomic.Uint64
	loop   string // "goroutine 7 [" of the loop
	asleep atomic.Bool
	wake   chan struct{} // of one, for who is asleep
	told   atomic.Pointer[func(Slow)]
}

func (w *watchdog) begin() {
	w.beat++
	w.shared.Store(w.beat)
	if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watchdog) end() {
	w.beat++
	w.shared.Store(w.beat)
}

// start begins to watch the calling goroutine; what it returns ends that.
func (w *watchdog) start(r *Reactor) (stop func()) {
	w.beat &^= 1
	w.shared.Store(w.beat)
	limit := r.SlowCallback
	if limit == 0 {
		limit = slowCallback
	}
	if limit < 0 {
		return func() {}
	}
	w.loop = goroutineHeader()
	w.asleep.Store(false)
	w.wake = make(chan struct{}, 1)
	done := make(chan struct{})
	go w.watch(r, limit, done)
	return func() { close(done) }
}

// watch looks twice in limit, so that a callback is seen at the latest after one
// and a half times as long. While nothing happens it sleeps: an idle program costs nothing.
func (w *watchdog) watch(r *Reactor, limit time.Duration, done chan struct{}) {
	tick := time.NewTicker(limit / 2)
	defer tick.Stop()
	var seen, told uint64
	var same int
	var since time.Time // when seen was seen first
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		switch now := w.shared.Load(); {
		case now&1 == 0 && now == seen:
			if !w.sleep(now, done) {
				return
			}
			tick.Reset(limit / 2)
		case now&1 == 0 || now != seen:
			if told == seen && told != 0 {
				w.tell(Slow{Number: told, Held: time.Since(since), Over: true})
				told = 0
				tick.Reset(limit / 2)
			}
			seen, same, since = now, 0, time.Now()
		case same < 1:
			same++
		case told != now:
			told = now
			stack := w.stack()
			r.logger().Warn("reactor: a callback holds the loop", "longer", limit.String(), "stack", stack)
			w.tell(Slow{Number: now, Held: time.Since(since), Stack: stack})
			tick.Reset(max(limit/20, time.Millisecond))
		}
	}
}

// sleep waits until the loop calls something, or is done; it tells whether to go on.
func (w *watchdog) sleep(seen uint64, done chan struct{}) bool {
	w.asleep.Store(true)
	if w.shared.Load() != seen && w.asleep.CompareAndSwap(true, false) {
		return true // it has begun meanwhile, and may not have known
	}
	select {
	case <-done:
		return false
	case <-w.wake:
		return true
	}
}

// stack is that of the loop at this moment.
func (w *watchdog) stack() string {
	buf := make([]byte, 256<<10)
	all := string(buf[:runtime.Stack(buf, true)])
	i := strings.Index(all, w.loop)
	if i < 0 {
		return ""
	}
	all = all[i:]
	if end := strings.Index(all, "\n\n"); end >= 0 {
		all = all[:end]
	}
	return all
}

// goroutineHeader is how a stack dump of the calling goroutine begins.
func goroutineHeader() string {
	var buf [64]byte
	text := string(buf[:runtime.Stack(buf[:], false)])
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return "goroutine ? ["
	}
	if _, err := strconv.Atoi(fields[1]); err != nil {
		return "goroutine ? ["
	}
	return "goroutine " + fields[1] + " ["
}
