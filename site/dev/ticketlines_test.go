package dev

import (
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
	"spindle/resource"
)

// The lines of a ticket: those of the request, without them those that may be, without those
// of others.
func TestLinesOfTicket(t *testing.T) {
	m := supervised(t)
	c, began := m.s.front.dash.rec, m.Loop.Now()
	to := &probeLine{pid: 7}
	r := &record{c: c, began: began, method: "GET", target: "/x", number: 5, to: to, passed: true}
	other := &record{c: c, began: began.Add(10 * time.Millisecond), took: 20 * time.Millisecond, number: 4, passed: true}
	c.watched[5], c.under[new(resource.Request)], c.ring = r, r, []*record{other}
	say := func(after time.Duration, pid int, text string) {
		m.s.printed.heard(Event{Kind: EventOutput, PID: pid, Time: began.Add(after), Text: text})
	}
	say(-time.Millisecond, 7, "before")
	say(1*time.Millisecond, 7, "alone")
	say(15*time.Millisecond, 7, "logged")
	say(15*time.Millisecond, 7, "logged") // once by each
	say(16*time.Millisecond, 7, "\x1b[31mwho\x1b[0m")
	say(40*time.Millisecond, 7, "soon after the other")
	say(16*time.Millisecond, 8, "another process")
	say(90*time.Millisecond, 7, "alone again")
	line := func(after time.Duration, text string) probe.Line {
		return probe.Line{At: began.Add(after).UnixNano(), Text: text, Errors: true}
	}
	say(200*time.Millisecond, 7, "later")
	ticket := &Ticket{ID: "TICKET1", until: began.Add(100 * time.Millisecond), Report: postmortem.Report{PID: 7, Exchange: &postmortem.Exchange{Said: &probe.Said{Number: "5", Began: began.UnixNano(),
		Own: []probe.Line{line(14*time.Millisecond, "logged\nand more"), line(15*time.Millisecond, "failed TICKET1")}, Others: []probe.Line{line(15*time.Millisecond, "logged")}}}}}
	m.s.addLines(ticket)
	show := func(list []LogLine) (texts []string) {
		for _, l := range list {
			texts = append(texts, l.at()+" "+l.Kind+" "+l.doubt()+l.Text)
		}
		return texts
	}
	if got := show(ticket.Log); !slices.Equal(got, []string{"+14.0 ms stderr logged", "+14.0 ms stderr and more"}) {
		t.Errorf("%q", got)
	}
	if got := show(ticket.Beside); !slices.Equal(got, []string{"+1.0 ms stdout alone", "+16.0 ms stdout ? who", "+40.0 ms stdout ? soon after the other", "+90.0 ms stdout alone again"}) {
		t.Errorf("%q", got)
	}
	v := &ticketView{t: ticket}
	for _, page := range []string{v.text(), v.page()} {
		for _, want := range []string{"hat this request has said", "hat else the program has printed while it ran", "lines with a ? may be of other requests"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s is not in %s", want, page)
			}
		}
	}
	if n := strings.Count(v.page(), "<time>+14.0 ms</time>"); n != 1 {
		t.Errorf("the stamp of two lines stands there %d times", n)
	}
	if ticket.Report.Exchange.Said != nil {
		t.Error("the lines are twice in the ticket")
	}
}

// A program that accepts by itself is not seen from here: what it tells is all.
func TestLinesWithoutRecord(t *testing.T) {
	m := supervised(t)
	at := m.Loop.Now()
	ticket := &Ticket{Report: postmortem.Report{PID: 7, Exchange: &postmortem.Exchange{Method: "GET", Target: "/x",
		Said: &probe.Said{Began: at.UnixNano(), Own: []probe.Line{{At: at.Add(time.Millisecond).UnixNano(), Text: "logged"}}}}}}
	ticket.ID = "TICKET1"
	m.s.addLines(ticket)
	if len(ticket.Log) != 1 || ticket.Log[0].After != time.Millisecond || ticket.Beside != nil {
		t.Errorf("%+v", ticket)
	}
}

// An exception is called by its type, a panic by what it says.
func TestTitleOfTicket(t *testing.T) {
	for _, row := range []struct {
		typed      bool
		text, want string
	}{{true, "'nothere'", "KeyError: 'nothere'"}, {true, "", "KeyError"}, {true, "a\nb", "KeyError: a"}, {false, "oh\ndear", "oh"}} {
		k := &Ticket{Typed: row.typed, Report: postmortem.Report{Causes: []postmortem.Cause{{Type: "KeyError", Text: row.text}}}}
		if k.Title() != row.want {
			t.Errorf("%q: %q", row.text, k.Title())
		}
	}
}

// What gin and net/http print of a panic is not among the lines.
func TestWithoutPanic(t *testing.T) {
	out, errs := func(text string) LogLine { return LogLine{Kind: "stdout", Text: text} }, func(text string) LogLine { return LogLine{Kind: "stderr", Text: text} }
	got := withoutPanic([]LogLine{errs("a"), out(""), errs(""), errs(""), errs("2026/11/27 [Recovery] panic recovered:"), errs("stack"), out("b")})
	if want := []LogLine{errs("a"), out(""), out("b")}; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
