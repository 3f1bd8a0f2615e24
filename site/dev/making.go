package dev

import "errors"

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
	s.target.make().Then(func(m starter) {
		s.making = false
		s.made = m
		s.tell(Event{Kind: EventBuilt, Cached: m.cached, Took: s.loop.Now().Sub(began)})
		s.start()
	}, func(err error) {
		if errors.Is(err, errGivenUp) {
			return
		}
		s.making = false
		s.failed(asFailure(err, "build"))
	})
}
