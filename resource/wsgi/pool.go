package wsgi

import (
	"fmt"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file keeps the workers going: started, replaced, started again when they die, and
// ended with the loop.

// slot is the place of one worker.
type slot struct {
	app      *App
	name     string
	current  *worker // serves; nil while there is none
	next     *worker // loads
	failures int     // deaths soon after the start, one after the other
	unloaded bool    // the last of them could not load the application
	timer    *reactor.DelayedCall
}

// The pauses before a worker is started again.
const (
	firstPause = 100 * time.Millisecond
	crashPause = time.Second      // the longest, of an application that can be loaded
	longPause  = 30 * time.Second // the longest of one that can not
	longLife   = 10 * time.Second // after which a death begins a new count
)

// Start starts the workers; a request would, too. The Deferred, which is the same each
// time, gives what is known of the application when the first of them has loaded it, or
// fails with a *LoadError.
func (a *App) Start() *reactor.Deferred[Info] {
	if a.started != nil {
		return a.started
	}
	a.started = reactor.NewDeferred[Info]()
	for i := range max(a.Workers, 1) {
		a.slots = append(a.slots, &slot{app: a, name: fmt.Sprintf("worker %d", i+1)})
	}
	a.loop.AddSystemEventTrigger(reactor.During, reactor.Shutdown, a.Stop)
	for _, s := range a.slots {
		s.start()
	}
	return a.started
}

// Reload replaces every worker by one that loads the application anew, without a pause:
// the old ones go on until then. If it can not be loaded any more, that is logged, and
// tried again after pauses that grow.
func (a *App) Reload() {
	for _, s := range a.slots {
		s.start()
	}
}

// retry is Reload for an application that could not be loaded.
func (a *App) retry() {
	a.broken = nil
	a.Reload()
}

// Stop ends the workers when they have answered what they work on. The Deferred tells
// when the last has exited.
func (a *App) Stop() *reactor.Deferred[struct{}] {
	if a.stopped != nil {
		return a.stopped
	}
	a.stopped = reactor.NewDeferred[struct{}]()
	a.queue.failAll(busy("The application is being stopped."))
	for _, s := range a.slots {
		s.cancelTimer()
	}
	for _, w := range append([]*worker(nil), a.workers...) {
		w.stop()
	}
	a.checkStopped()
	return a.stopped
}

func (a *App) checkStopped() {
	if a.stopped != nil && len(a.workers) == 0 && !a.ended {
		a.ended = true
		a.stopped.Callback(struct{}{})
	}
}

// start starts a worker, unless one is being started.
func (s *slot) start() {
	s.cancelTimer()
	if s.next != nil || s.app.stopped != nil {
		return
	}
	a := s.app
	w := &worker{app: a, slot: s, name: s.name, started: a.loop.Now()}
	w.control = &control{w: w}
	if err := a.launch(w); err != nil {
		w.signal(syscall.SIGKILL)
		s.failed(&LoadError{Target: a.Target, Reason: err.Error()})
		return
	}
	s.next = w
	a.workers = append(a.workers, w)
	w.setTimer(or(a.StartTimeout, defaultStartTimeout), func() { w.takesTooLong(nil) })
}

func (s *slot) cancelTimer() {
	if s.timer != nil {
		s.timer.Cancel()
		s.timer = nil
	}
}

// startSoon starts a worker after a pause that grows with each failure.
func (s *slot) startSoon() {
	if s.timer != nil || s.next != nil || s.app.stopped != nil {
		return
	}
	longest := crashPause
	if s.unloaded {
		longest = longPause
	}
	pause := time.Duration(0)
	if s.failures > 1 {
		pause = min(firstPause<<min(s.failures-2, 16), longest)
	}
	s.timer = s.app.loop.CallLater(pause, s.start)
}

// loaded is told by the next worker that it serves.
func (s *slot) loaded(w *worker, i Info) {
	old := s.current
	s.current, s.next, s.unloaded = w, nil, false
	s.app.isLoaded(i)
	if old != nil {
		old.retire()
	}
}

// again starts another worker in place of w, which is given up without blame.
func (s *slot) again(w *worker) {
	if s.next == w {
		s.next = nil
		w.timer.Cancel()
		s.start()
	}
}

// replace starts a successor of w, which goes on until that has loaded the application.
func (s *slot) replace(w *worker) {
	if s.current == w && s.timer == nil {
		s.start()
	}
}

// lose is told by a worker that it serves no more.
func (s *slot) lose(w *worker) {
	if s.app.loop.Now().Sub(w.started) >= longLife {
		s.failures = 0
	}
	s.failures++
	switch w {
	case s.current:
		s.current = nil
		s.startSoon()
	case s.next: // that it has failed is told when its last words are there
	}
}

// ended is told by a worker whose process is no more.
func (s *slot) ended(w *worker, err error) {
	a := s.app
	for i, other := range a.workers {
		if other == w {
			a.workers = append(a.workers[:i], a.workers[i+1:]...)
			break
		}
	}
	switch {
	case s.next == w:
		s.next = nil
		if !w.stopping {
			s.failed(w.loadError(err))
		}
	case s.current == w:
		w.doomed = true
		s.lose(w)
	}
	a.checkStopped()
}

// failed is told of a worker that could not load the application.
func (s *slot) failed(err *LoadError) {
	a := s.app
	if a.told { // else Start tells
		a.log().Error(err.Error(), "worker", s.name)
	}
	a.canNotLoad(err)
	s.failures, s.unloaded = max(s.failures, 1)+1, true
	s.startSoon()
}

// isLoaded is told of each worker that has loaded the application.
func (a *App) isLoaded(i Info) {
	a.broken = nil
	if !a.told {
		a.told = true
		a.started.Callback(i)
	}
}

// canNotLoad is told of each that could not. While others serve, or may soon, the
// application is there.
func (a *App) canNotLoad(err *LoadError) {
	for _, s := range a.slots {
		if s.current != nil || s.next != nil {
			return
		}
	}
	a.broken = err
	a.queue.failAll(a.failure(500, "The application can not be loaded.", err, err.Trace))
	if !a.told {
		a.told = true
		a.started.Errback(err)
	}
}
