package dev

import (
	"strings"
	"time"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// This file keeps what programs have printed last, and makes tickets of panics that are
// known by their text alone.

// printed is the last lines of programs. Loop only.
type printed struct {
	list  []Event
	panic printedText // the last
}

// printedText is what a process has said of a panic, and when.
type printedText struct {
	pid  int
	text string
	at   time.Time
}

const (
	keptPrinted = 1000
	mostLines   = 200 // of a ticket
)

// heard takes an event.
func (p *printed) heard(e Event) {
	if e.Kind != EventOutput || e.PID == 0 {
		return
	}
	if len(p.list) >= 2*keptPrinted {
		p.list = append(p.list[:0], p.list[len(p.list)-keptPrinted:]...)
	}
	p.list = append(p.list, e)
}

// justFailed is the request that was in vain and ended next to a time; nil when none did.
func (c *recorder) justFailed(at time.Time) (found *record) {
	nearest := time.Second
	for _, x := range c.ring {
		away := x.began.Add(x.took).Sub(at).Abs()
		if (x.status >= 500 || x.lost != "") && away < nearest {
			found, nearest = x, away
		}
	}
	return found
}

// whyPrinted is why a panic that was printed has no variables.
func (s *Supervisor) whyPrinted() string {
	const printed = "what is here is what the program has printed"
	t, ok := s.target.(*goTarget)
	switch {
	case !ok:
		return printed
	case t.builder.witness.why != "":
		return printed + ", since " + t.builder.witness.why
	case t.builder.witness.overlay != "":
		return printed + ", since nobody has answered the request with a status of 500 or more while the frames were there"
	}
	return printed + "; wrap the handler with report.Handler of spindle/site/dev/report to see them"
}

// printedPanic keeps a ticket of a panic that a program has printed.
func (s *Supervisor) printedPanic(p *panicText, pid int) {
	now := s.loop.Now()
	s.printed.panic = printedText{pid, p.message, now}
	t := &Ticket{Frames: p.frames, Why: s.whyPrinted()}
	t.Report = postmortem.Report{PID: pid, Panic: true, Causes: []postmortem.Cause{{Type: "panic", Text: p.message}}, Stack: p.stack.String()}
	r := s.front.dash.rec.underWay(p.method, postmortem.MaskTarget(p.target))
	s.loop.CallLater(moreLines, func() { s.keepPrinted(t, r, now) })
}

// moreLines is how long what was printed before a panic may come after it: by another pipe.
const moreLines = 30 * time.Millisecond

// keepPrinted keeps such a ticket, with its request, nil where that is not known, unless the
// program tells of the panic itself. It was printed at a time.
func (s *Supervisor) keepPrinted(t *Ticket, r *record, printed time.Time) {
	pid, now := t.Report.PID, s.loop.Now()
	if s.reports.speaking(pid) && now.Sub(printed) < reportPatience {
		s.loop.CallLater(moreLines, func() { s.keepPrinted(t, r, printed) })
		return
	}
	if s.knows(t.Title(), pid, printed) {
		return
	}
	if r == nil { // its answer had begun when the panic was printed
		r = s.front.dash.rec.justFailed(printed)
	}
	if r != nil {
		t.Report.Exchange = r.exchange()
		t.Beside = s.besides(t, r, &probe.Said{}, now)
	}
	t.judge(s.roots()...)
	s.tickets.add(t, now)
	s.tell(Event{Kind: EventTicket, Name: t.ID, Text: t.Title(), PID: pid})
}

// name gives a ticket whose value nobody knows the text that was printed just before.
func (p *printed) name(t *Ticket, now time.Time) {
	last := &p.panic
	if c := t.Report.Causes; len(c) > 0 && c[0].Text == postmortem.NotKnown && last.pid == t.Report.PID && now.Sub(last.at) < time.Second {
		c[0].Text = last.text
	}
}

// knows tells whether a program has told itself of a panic that it has printed: at about
// that time, with the same end, which is all that gin prints of a text of several lines.
func (s *Supervisor) knows(title string, pid int, printed time.Time) bool {
	const soon = 10 * time.Second // a page may take so long
	for _, t := range s.tickets.list {
		if t.Report.Goroutine == 0 || t.Report.PID != pid || t.Time.Sub(printed).Abs() > soon || len(t.Report.Causes) == 0 {
			continue
		}
		if text := t.Report.Causes[0].Text; t.Title() == title || strings.HasSuffix(text, title) {
			return true
		}
	}
	return false
}

// exchange is the request as it is shown with a ticket.
func (x *record) exchange() *postmortem.Exchange {
	e := &postmortem.Exchange{Method: x.method, Target: postmortem.MaskTarget(x.target), Version: x.version, Host: x.authority, Peer: x.client}
	for _, f := range x.fields {
		if !strings.EqualFold(f.Name, "Cookie") {
			e.Fields = append(e.Fields, postmortem.PairOf(f.Name, f.Value))
		}
	}
	return e
}
