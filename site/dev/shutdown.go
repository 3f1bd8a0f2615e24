package dev

import (
	"os"

	"spindle/reactor"
)

// shutdown ends everything when the reactor stops.
func (s *Supervisor) shutdown() *reactor.Deferred[struct{}] {
	s.closing = true
	if s.watcher != nil {
		s.watcher.Close()
	}
	s.target.cancel()
	if t, ok := s.target.(*goTarget); ok {
		t.builder.close()
	}
	for _, c := range s.commands {
		c.kill()
	}
	s.checks.kill()
	s.debugger.close()
	done := reactor.NewDeferred[struct{}]()
	end := func() {
		if s.reports != nil {
			s.reports.close()
		}
		if s.probes != nil {
			s.probes.close()
		}
		_ = os.RemoveAll(s.base)
		done.Callback(struct{}{})
	}
	reactor.All(s.endings()...).Then(func([]struct{}) { end() }, func(error) { end() })
	return done
}

// endings asks everything that runs to end, and gives when each has.
func (s *Supervisor) endings() (list []*reactor.Deferred[struct{}]) {
	patience := s.opts.patience()
	for _, b := range s.companions {
		list = append(list, b.stop(patience))
	}
	for _, t := range s.tasks {
		list = append(list, t.stop(patience))
	}
	for _, g := range append([]generation{s.current, s.next}, s.draining...) {
		if g == nil {
			continue
		}
		d := reactor.NewDeferred[struct{}]()
		g.over().Then(func(string) { d.Callback(struct{}{}) }, nil)
		g.stop(patience)
		list = append(list, d)
	}
	return list
}
