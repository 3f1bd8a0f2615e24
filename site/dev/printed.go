package dev

import (
	"strings"
	"time"

	"spindle/protocol/postmortem"
)

// This file joins what a program prints with its tickets: the lines of the request, and
// panics that are known by their text alone.

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

// since is what a process has printed since a time, the last of it, but for lines with the
// id of a ticket: they say what its page says.
func (p *printed) since(pid int, began time.Time, id string) (lines []LogLine) {
	for _, e := range p.list {
		if e.PID != pid || e.Time.Before(began) || id != "" && strings.Contains(e.Text, id) {
			continue
		}
		kind := "stdout"
		if e.Errors {
			kind = "stderr"
		}
		lines = append(lines, LogLine{After: e.Time.Sub(began), Kind: kind, Text: plainText(e.Text)})
	}
	return lines[max(len(lines)-mostLines, 0):]
}

// underWay is the youngest request that is not answered and was asked for so; nil when
// there is none. Without a method any will do, if there is but one.
func (c *recorder) underWay(method, target string) (found *record) {
	if method == "" && len(c.under) != 1 {
		return nil
	}
	for _, x := range c.under {
		same := method == "" || x.method == method && postmortem.MaskTarget(x.target) == target
		if same && x.status == 0 && (found == nil || x.began.After(found.began)) {
			found = x
		}
	}
	return found
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

// addLines gives a ticket what was printed while its request ran. Others may have run at
// the same time.
func (s *Supervisor) addLines(t *Ticket) {
	x := t.Report.Exchange
	if x == nil {
		return
	}
	if r := s.front.dash.rec.underWay(x.Method, x.Target); r != nil {
		t.Log, t.shared = s.printed.since(t.Report.PID, r.began, t.ID), true
	}
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
		t.Log, t.shared = withoutPanic(s.printed.since(pid, r.began, "")), true
	}
	t.judge(s.target.root())
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

// withoutPanic is the lines but for those from the panic on, where it was printed: the
// ticket has it otherwise.
func withoutPanic(lines []LogLine) (list []LogLine) {
	where := ""
	for _, l := range lines {
		if strings.Contains(l.Text, "http: panic serving ") || strings.Contains(l.Text, "[Recovery]") {
			where = l.Kind
		}
		if l.Kind != where {
			list = append(list, l)
		}
	}
	return list
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
