package dev

import "spindle/resource"

// This file stops the program, and starts it again, when somebody asks for it.

// StopProgram ends the program that answers, after the requests under way, and starts none
// until StartProgram or Restart: changes are built, and wait. Loop only.
func (s *Supervisor) StopProgram() {
	if s.closing || s.stopped {
		return
	}
	s.stopped = true
	if s.next != nil {
		s.retire(s.next)
		s.next, s.restored = nil, false
	}
	if was := s.current; was != nil {
		s.current, s.serves = nil, nil
		s.front.dash.rec.closeBefore(s.answers + 1)
		s.retire(was)
	}
	s.accepting()
	s.notice("The program was stopped; it is started again when it is asked to be")
	s.release()
}

// StartProgram starts it again. Loop only.
func (s *Supervisor) StartProgram() {
	if s.stopped {
		s.Restart()
	}
}

// Stopped tells whether somebody has stopped the program. Loop only.
func (s *Supervisor) Stopped() bool { return s.stopped }

// stoppedPage answers while it is.
type stoppedPage struct {
	resource.Leaf
	s *Supervisor
}

// Render tells how to go on.
func (stoppedPage) Render(*resource.Request) ([]byte, error) {
	return nil, &resource.Error{Status: 503, Detail: "The program was stopped by hand. Start it again at " + Prefix + ", or with r in the terminal.",
		Fields: []resource.ErrorField{{Name: "Retry-After", Value: "5"}}}
}
