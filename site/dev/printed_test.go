package dev

import (
	"slices"
	"testing"

	"spindle/protocol/postmortem"
)

// What is printed of a panic, in whatever order with what the program tells of it, is one
// ticket; where the value is not known it has the text of what was printed.
func TestPrintedPanicThatIsTold(t *testing.T) {
	for _, row := range []struct {
		name, printed, told string
		want                []string
	}{
		{"told and printed", "no such item", "no such item", []string{"no such item"}},
		{"the last line of it", "b", "a\nb", []string{"a"}},
		{"not told", "no such item", "", []string{"no such item"}},
		{"another one", "no such item", "out of paper", []string{"no such item", "out of paper"}},
		{"the value is not known", "no such item", postmortem.NotKnown, []string{"no such item"}},
	} {
		m := supervised(t)
		m.s.printedPanic(&panicText{by: "gin", message: row.printed, frames: []Frame{{Function: "main.f", File: "/x.go", Line: 1}}}, 7)
		if row.told != "" {
			ticket := &Ticket{Report: postmortem.Report{PID: 7, Panic: true, Goroutine: 3, Causes: []postmortem.Cause{{Text: row.told}}}}
			m.s.printed.name(ticket, m.Loop.Now())
			m.s.tickets.add(ticket, m.Loop.Now())
		}
		m.Loop.Advance(2 * moreLines)
		var got []string
		for _, t := range m.s.tickets.list {
			got = append(got, t.Title())
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %q", row.name, got)
		}
	}
}
