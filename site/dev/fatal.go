package dev

import (
	"strings"
	"time"

	"spindle/protocol/probe"
)

// This file keeps what a program tells of the panic that ends it: the request that it has
// met, as far as that is known, and the way from the page of its end to the ticket.

// befell has a ticket be that of the end of its process, which may be over.
func (s *Supervisor) befell(t *Ticket) {
	s.died = t
	if r := s.front.dash.rec.met(t.until); r != nil {
		t.Report.Exchange = r.exchange()
		t.Beside = beforeEnd(s.besides(t, r, &probe.Said{}, t.until))
	}
	if f := s.failure; f != nil && f.pid != 0 && f.pid == t.Report.PID {
		shown := *f // others may read it
		shown.Ticket = t.ID
		s.failure = &shown
		s.live.Broadcast(message("failed", map[string]any{"title": shown.Title}))
	}
}

// beforeEnd is the lines in front of why the program ends, which the ticket has otherwise.
func beforeEnd(lines []LogLine) []LogLine {
	for i, l := range lines {
		if strings.HasPrefix(l.Text, "panic: ") || strings.HasPrefix(l.Text, "fatal error: ") {
			return lines[:i]
		}
	}
	return lines
}

// diedOf is the id of the ticket of the end of a process; "" when there is none.
func (s *Supervisor) diedOf(pid int) string {
	if s.died == nil || s.died.Report.PID != pid {
		return ""
	}
	return s.died.ID
}

// met is the one request that the program had in hand when it ended, at that time; of
// several it is not known which has ended it.
func (c *recorder) met(at time.Time) (found *record) {
	const soon = 3 * time.Second
	n := 0
	for _, x := range c.under {
		if x.passed && x.status == 0 && !x.began.After(at) {
			found, n = x, n+1
		}
	}
	for _, x := range c.ring {
		if end := x.began.Add(x.took); x.passed && !x.began.After(at) && !end.Before(at) && end.Sub(at) < soon {
			found, n = x, n+1
		}
	}
	if n != 1 {
		return nil
	}
	return found
}
