package dev

import (
	"errors"
	"time"
)

// This file decides how the target is made when something has changed.

// make has the target made, and started when it is.
func (s *Supervisor) make() {
	s.target.cancel()
	s.making = true
	s.tell(Event{Kind: EventBuild})
	if s.opts.Before == "" {
		s.makeNow()
		return
	}
	s.before()
}

// before runs the command that comes before a build.
func (s *Supervisor) before() {
	text := s.opts.Before
	if was := s.commands[text]; was != nil {
		was.kill()
	}
	run, err := runCommand(s.loop, s.target.root(), s.env(), "/bin/sh", "-c", text)
	if err != nil {
		s.making = false
		s.failed(asFailure(err, "build"))
		return
	}
	s.commands[text] = run
	run.result.Then(func(c *command) {
		if s.commands[text] != c || c.killed {
			return
		}
		delete(s.commands, text)
		if !c.ok() {
			s.making = false
			out := string(c.errs) + string(c.out)
			s.failed(&Failure{Stage: "build", Title: text + ": " + c.status.String(), Output: out, Faults: parseGoOutput(out, s.target.root()), Dir: s.target.root()})
			return
		}
		s.makeNow()
	}, nil)
}

// makeNow makes the target.
func (s *Supervisor) makeNow() {
	began := s.loop.Now()
	s.tellSlow(began, slowMaking)
	s.target.make().Then(func(m starter) {
		s.making = false
		s.slow.Cancel()
		s.made = m
		s.tell(Event{Kind: EventBuilt, Cached: m.cached, Text: m.how, Took: s.loop.Now().Sub(began)})
		s.start()
	}, func(err error) {
		if errors.Is(err, errGivenUp) {
			return
		}
		s.making = false
		s.slow.Cancel()
		s.failed(asFailure(err, "build"))
	})
}

const (
	slowMaking = 2 * time.Second // of which nothing is told
	tellMaking = time.Second     // between words about one that is slower
)

// tellSlow tells, after a time, and then again and again, that the target is still being
// made.
func (s *Supervisor) tellSlow(began time.Time, after time.Duration) {
	if s.slow != nil {
		s.slow.Cancel()
	}
	s.slow = s.loop.CallLater(after, func() {
		if !s.making {
			return
		}
		e := Event{Kind: EventBuilding, Took: s.loop.Now().Sub(began)}
		if t, ok := s.target.(*goTarget); ok {
			e.Text = t.builder.progress.String()
		}
		s.tell(e)
		s.tellSlow(began, tellMaking)
	})
}
