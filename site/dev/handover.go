package dev

import (
	"slices"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file decides when a generation is started, and which one answers.

// restart starts what was made once more.
func (s *Supervisor) restart() {
	if s.making {
		return // it will be started when it is made
	}
	if s.made.start == nil {
		s.make()
		return
	}
	s.start()
}

// Restart starts the program again; it is built first if it could not be. Loop only.
func (s *Supervisor) Restart() {
	if s.closing {
		return
	}
	s.stopped, s.byHand = false, true
	s.crashes = 0
	s.since = s.loop.Now()
	s.tell(Event{Kind: EventChange, Action: Restart.String()})
	s.restart()
}

// start begins the next generation. One that was being started is given up.
func (s *Supervisor) start() {
	if s.next != nil {
		s.retire(s.next)
		s.next, s.restored = nil, false
	}
	if s.current != nil && s.current.alone() {
		was := s.current
		s.current, s.serves = nil, nil
		s.front.dash.rec.closeBefore(s.answers + 1)
		was.over().Then(func(string) { s.startNow() }, nil)
		was.stop(s.opts.patience())
		return
	}
	s.startNow()
}

// startNow starts it.
func (s *Supervisor) startNow() {
	switch {
	case s.closing || s.stopped || s.next != nil:
		return
	case s.made.gone():
		s.make()
		return
	}
	s.number++
	n := s.number
	g, err := s.made.start(n)
	s.byHand = false
	if err != nil {
		s.failed(asFailure(err, "start"))
		return
	}
	s.next = g
	s.tell(Event{Kind: EventStart, Generation: n, PID: g.pid()})
	g.ready().Then(func(root resource.Resource) {
		s.debugger.attach(g, func() { s.isReady(n, g, root) })
	}, func(err error) { s.notReady(n, g, err) })
	g.over().Then(func(how string) { s.over(n, g, how) }, nil)
}

// isReady has g answer from now on.
func (s *Supervisor) isReady(n int, g generation, root resource.Resource) {
	if s.next != g {
		return
	}
	was := s.current
	s.current, s.serves, s.next, s.answers = g, root, nil, n
	if !s.restored {
		s.failure, s.good = nil, s.made
	}
	s.restored = false
	if s.checks.found[raceName] != nil {
		s.checks.settle(raceName, "another program runs", nil)
	}
	s.upSince = s.loop.Now()
	s.accepting()
	s.tell(Event{Kind: EventReady, Generation: n, PID: g.pid(), Took: s.upSince.Sub(s.since)})
	s.front.dash.rec.closeBefore(n)
	s.release()
	if s.opts.After != "" {
		s.runCommand(s.opts.After)
	}
	if was != nil {
		s.retire(was)
	}
}

// notReady is why a generation never came to answer.
func (s *Supervisor) notReady(n int, g generation, err error) {
	if s.next != g {
		return // it was given up
	}
	s.next = nil
	g.stop(0)
	if s.restored {
		s.restored = false
		return
	}
	f := asFailure(err, "start")
	f.Output, f.Ticket, f.pid = g.words(), s.diedOf(g.pid()), g.pid()
	s.describeEnd(f)
	s.failed(f)
}

// retire lets a generation finish what it has in hand.
func (s *Supervisor) retire(g generation) {
	s.draining = append(s.draining, g)
	g.stop(s.opts.patience())
}

// over deals with the end of a generation.
func (s *Supervisor) over(n int, g generation, how string) {
	if i := slices.Index(s.draining, g); i >= 0 {
		s.draining = slices.Delete(s.draining, i, i+1)
		s.tell(Event{Kind: EventStopped, Generation: n, PID: g.pid(), Text: how})
		return
	}
	if s.current != g || s.closing {
		return
	}
	s.current, s.serves = nil, nil
	s.accepting()
	s.tell(Event{Kind: EventExit, Generation: n, PID: g.pid(), Text: how})
	f := &Failure{Stage: "run", Title: "The program ended: " + how, Output: g.words(), Ticket: s.diedOf(g.pid()), pid: g.pid()}
	s.describeEnd(f)
	if s.next != nil || s.making {
		return
	}
	s.failed(f)
	s.startAfterCrash()
}

// startAfterCrash starts a program again that has ended after it had been at work for a
// while; one that ends again and again waits for a change.
func (s *Supervisor) startAfterCrash() {
	const workedAWhile, most = 3 * time.Second, 5
	if s.loop.Now().Sub(s.upSince) < workedAWhile || s.crashes >= most {
		return
	}
	s.crashes++
	n := s.number
	s.loop.CallLater(time.Duration(s.crashes)*500*time.Millisecond, func() {
		if s.number == n && s.current == nil && s.next == nil && !s.making && !s.closing {
			s.startNow()
		}
	})
}

// failed notes why there is nothing newer.
func (s *Supervisor) failed(f *Failure) {
	s.failure = f
	s.tell(Event{Kind: EventFailed, Failure: f, Took: s.loop.Now().Sub(s.since)})
	s.release()
	s.restore()
}

// restore starts the last program that worked, if it had to make room for one that does
// not.
func (s *Supervisor) restore() {
	if s.stopped || s.current != nil || s.next != nil || s.good.start == nil || s.failure.Stage != "start" {
		return
	}
	s.number++
	n := s.number
	g, err := s.good.start(n)
	if err != nil {
		return
	}
	s.next, s.restored = g, true
	g.ready().Then(func(root resource.Resource) {
		s.debugger.attach(g, func() { s.isReady(n, g, root) })
	}, func(err error) { s.notReady(n, g, err) })
	g.over().Then(func(how string) { s.over(n, g, how) }, nil)
}

// whatServes is what answers a request: a generation, the page of the failure, or, while
// there is neither, what comes first of them.
func (s *Supervisor) whatServes() *reactor.Deferred[resource.Resource] {
	if s.serves != nil {
		return reactor.Succeeded(s.serves)
	}
	if s.stopped {
		return reactor.Succeeded[resource.Resource](stoppedPage{s: s})
	}
	if s.failure != nil && s.next == nil && !s.making {
		return reactor.Succeeded[resource.Resource](failurePage{s})
	}
	d := reactor.NewDeferred[resource.Resource]()
	s.waiting = append(s.waiting, d)
	d.OnCancel(func() {
		s.waiting = slices.DeleteFunc(s.waiting, func(w *reactor.Deferred[resource.Resource]) bool { return w == d })
	})
	return d
}

// release lets those who wait go on.
func (s *Supervisor) release() {
	waiting := s.waiting
	s.waiting = nil
	for _, d := range waiting {
		if d.Settled() {
			continue
		}
		s.whatServes().Then(func(res resource.Resource) { settleWith(d, res, nil) }, nil)
	}
}
