package dev

import (
	"errors"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file deals with requests that a program did not answer since it has ended: the one that
// has killed it gets the page that says so, and one that waited while it was replaced is asked
// again of the program that came after it.

// endsSoon is how long after it was cut an exchange is taken for one that the end of the program
// has cut.
const endsSoon = 300 * time.Millisecond

// unanswered takes a request that g has not answered, if its end can be the reason. See
// Options.Proxy.
func (g *running) unanswered(r *resource.Request, err error) bool {
	s := g.s
	switch {
	case s.closing || r.Finished() || errors.Is(err, reactor.ErrTimeout):
		return false
	case s.current == generation(g):
		s.whenEnded(g, r, err)
		return true
	case s.failedAlone() || mayAskAgain(r):
		s.askAgain(r)
		return true
	}
	return false
}

// whenEnded answers r when g has ended; with err if it has not soon.
func (s *Supervisor) whenEnded(g *running, r *resource.Request, err error) {
	waiting := true
	fail := func() { r.Fail(&resource.Error{Status: 502, Err: err}) }
	late := s.loop.CallLater(endsSoon, func() {
		if waiting = false; !r.Finished() {
			fail()
		}
	})
	g.ended.Then(func(string) {
		if !waiting || r.Finished() {
			return
		}
		waiting = false
		late.Cancel()
		if s.failedAlone() || mayAskAgain(r) {
			s.askAgain(r)
		} else {
			fail()
		}
	}, nil)
}

// failedAlone tells whether what answers now is the page of the failure.
func (s *Supervisor) failedAlone() bool {
	return s.serves == nil && s.failure != nil && s.next == nil && !s.making
}

// mayAskAgain tells whether a request may be asked twice. RFC 9110 §9.2.1.
func mayAskAgain(r *resource.Request) bool {
	return (r.Method() == "GET" || r.Method() == "HEAD") && r.Head().ContentLength == 0 && !r.Head().Upgrade
}

// askAgain has r answered by what serves now, or next.
func (s *Supervisor) askAgain(r *resource.Request) {
	d := s.front.held(s.whatServes())
	r.NotifyFinish(func(err error) {
		if err != nil {
			d.Cancel()
		}
	})
	d.Then(func(res resource.Resource) {
		if r.Finished() {
			return
		}
		if x := s.front.dash.rec.under[r]; x != nil {
			x.generation = s.served()
		}
		renderBy(res, r)
	}, func(err error) {
		if !r.Finished() {
			r.Fail(err)
		}
	})
}

// renderBy has res answer r, as if the walk had come there.
func renderBy(res resource.Resource, r *resource.Request) {
	for {
		p, ok := res.(resource.Passer)
		if !ok {
			break
		}
		next, err := p.Pass(r)
		if err != nil {
			r.Fail(err)
			return
		}
		res = next
	}
	if x, ok := res.(resource.Renderer); ok {
		r.Answer(x.Render(r))
		return
	}
	r.Fail(&resource.Error{Status: 502})
}
