package dev

import (
	"strings"
	"testing"
	"time"

	"spindle/protocol/postmortem"
	"spindle/resource"
)

// The ticket of the end of a program has the one request that it had in hand, whether it
// comes before the end is known or after it, and the page of the end leads to it.
func TestEndOfProgramHasTicket(t *testing.T) {
	for _, late := range []bool{false, true} {
		m := supervised(t)
		c, at := m.s.front.dash.rec, m.Loop.Now()
		r := &record{c: c, began: at.Add(-time.Second), method: "GET", target: "/bill", passed: true, number: 1}
		done := &record{c: c, began: at.Add(-time.Second), took: time.Millisecond, passed: true}
		c.ring = append(c.ring, done)
		say := func(before time.Duration, text string) {
			m.s.printed.heard(Event{Kind: EventOutput, PID: 7, Time: at.Add(-before), Text: text, Errors: true})
		}
		say(20*time.Millisecond, "the bill of 4711")
		say(time.Millisecond, "panic: boom")
		say(time.Millisecond, "goroutine 7 [running]:")
		end := func() {
			m.s.failure = &Failure{Stage: "run", Title: "The program ended", pid: 7, Ticket: m.s.diedOf(7)}
		}
		if c.under[new(resource.Request)] = r; late {
			clear(c.under)
			r.took = time.Second + time.Millisecond
			c.ring = append(c.ring, r)
			end()
		}
		ticket := &Ticket{ID: "TICKET1", until: at, Report: postmortem.Report{PID: 7, Fatal: true, Causes: []postmortem.Cause{{Type: "panic", Text: "boom"}}}}
		if m.s.befell(ticket); !late {
			end()
		}
		if x := ticket.Report.Exchange; x == nil || x.Target != "/bill" {
			t.Errorf("late %t: %+v", late, x)
		}
		if len(ticket.Beside) != 1 || ticket.Beside[0].Text != "the bill of 4711" {
			t.Errorf("late %t: %+v", late, ticket.Beside)
		}
		if page := m.s.view().page(); !strings.Contains(page, Prefix+"tickets/TICKET1") {
			t.Errorf("late %t: %s", late, page)
		}
	}
}

// Of several requests it is not known which has ended the program.
func TestEndOfProgramAmongRequests(t *testing.T) {
	m := supervised(t)
	c, at := m.s.front.dash.rec, m.Loop.Now()
	for range 2 {
		c.under[new(resource.Request)] = &record{c: c, began: at.Add(-time.Second), passed: true}
	}
	if r := c.met(at); r != nil {
		t.Errorf("%+v", r)
	}
}
