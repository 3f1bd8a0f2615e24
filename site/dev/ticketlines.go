package dev

import (
	"strings"
	"time"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// This file gives a ticket the lines of its request: those that the program knows to be its
// own, and what else it has printed meanwhile.

// addLines does so for a ticket of which the program has told.
func (s *Supervisor) addLines(t *Ticket) {
	x := t.Report.Exchange
	if x == nil {
		return
	}
	said := x.Said
	if x.Said = nil; said == nil {
		said = &probe.Said{}
	}
	r := s.front.dash.rec.asked(t.Report.PID, said.Number)
	if r == nil {
		r = s.front.dash.rec.underWay(x.Method, x.Target)
	}
	began := time.Unix(0, said.Began)
	if r != nil {
		began = r.began
		t.Beside = s.besides(t, r, said, t.until)
	}
	t.Log = ownLines(said, began, t.ID)
}

// asked is the request that a program knows by that number; nil where it is none of its own.
func (c *recorder) asked(pid int, n string) *record {
	if x := c.watched[int64(number(n))]; x != nil && x.to != nil && x.to.pid == pid {
		return x
	}
	return nil
}

// ownLines is what a request has logged itself, but for the line with the id of its ticket:
// the page says what it says.
func ownLines(said *probe.Said, began time.Time, id string) (list []LogLine) {
	for _, l := range said.Own {
		for _, text := range linesOf(l) {
			if !strings.Contains(text, id) {
				list = append(list, LogLine{After: time.Unix(0, l.At).Sub(began), Kind: outputName(l.Errors), Text: plainText(text)})
			}
		}
	}
	return list[max(len(list)-mostLines, 0):]
}

func linesOf(l probe.Line) []string { return strings.Split(l.Text, "\n") }

func outputName(errors bool) string {
	if errors {
		return "stderr"
	}
	return "stdout"
}

// besides is what else the process of a ticket has printed since its request came, until
// then, the last of it: not what is known to be a request's, nor what tells of the panic.
func (s *Supervisor) besides(t *Ticket, r *record, said *probe.Said, until time.Time) (list []LogLine) {
	known := map[string]int{} // lines that are a request's
	for _, l := range append(said.Own, said.Others...) {
		for _, text := range linesOf(l) {
			known[text]++
		}
	}
	for _, e := range s.printed.list {
		if e.PID != t.Report.PID || e.Time.Before(r.began) || !until.IsZero() && e.Time.After(until.Add(moreLines)) || t.ID != "" && strings.Contains(e.Text, t.ID) {
			continue
		}
		if known[e.Text] > 0 {
			known[e.Text]--
			continue
		}
		list = append(list, LogLine{After: e.Time.Sub(r.began), Kind: outputName(e.Errors), Text: plainText(e.Text),
			Crowded: r.c.crowded(r, e.Time)})
	}
	list = withoutPanic(list)
	return list[max(len(list)-mostLines, 0):]
}

// lateLine is how long after its end a request may have printed what is read now.
const lateLine = 50 * time.Millisecond

// crowded tells whether the program had another request in hand than x at that time.
func (c *recorder) crowded(x *record, at time.Time) bool {
	for _, y := range c.under {
		if y != x && y.passed && !y.began.After(at) {
			return true
		}
	}
	for i := len(c.ring) - 1; i >= 0; i-- {
		if y := c.ring[i]; y != x && y.passed && !y.began.After(at) && y.began.Add(y.took+lateLine).After(at) {
			return true
		}
	}
	return false
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

// withoutPanic is the lines but for those from the panic on, where it was printed: the
// ticket has it otherwise.
func withoutPanic(lines []LogLine) (list []LogLine) {
	where := ""
	for _, l := range lines {
		if strings.Contains(l.Text, "http: panic serving ") || strings.Contains(l.Text, "[Recovery]") {
			where = l.Kind
			for n := len(list) - 1; n >= 0 && list[n].Kind == where && list[n].Text == ""; n-- { // gin begins with some
				list = list[:n]
			}
		}
		if l.Kind != where {
			list = append(list, l)
		}
	}
	return list
}
