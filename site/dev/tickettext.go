package dev

import (
	"fmt"
	"strings"

	"spindle/protocol/postmortem"
)

// This file is a ticket for a terminal, or for a report to somebody else.

// text is the whole of it.
func (v *ticketView) text() string {
	v.t = v.t.whole()
	t := v.t
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.kind(), t.Title())
	for i, c := range t.Report.Causes {
		if i > 0 {
			b.WriteString(linkText(c) + ": ")
		}
		fmt.Fprintf(&b, "%s (%s)\n", c.Text, c.Type)
	}
	fmt.Fprintf(&b, "ticket: %s\n", t.ID)
	for i := range t.Frames {
		if i > 0 && t.Frames[i].Cause != t.Frames[i-1].Cause {
			fmt.Fprintf(&b, "\n--- %s\n", t.Report.Causes[t.Frames[i].Cause].Type)
		}
		v.frameText(&b, &t.Frames[i])
	}
	if t.Why != "" {
		fmt.Fprintf(&b, "\nwithout variables: %s\n", t.Why)
	}
	for _, p := range t.logParts() {
		b.WriteString("\n" + strings.ToLower(p.title[:1]) + p.title[1:])
		if p.note != "" {
			b.WriteString(" (" + p.note + ")")
		}
		b.WriteString("\n")
		for _, l := range p.lines {
			b.WriteString("  " + strings.TrimLeft(l.text(), " ") + "\n")
		}
	}
	if x := t.Report.Exchange; x != nil {
		fmt.Fprintf(&b, "\n%s %s %s\n", x.Method, x.Target, x.Version)
		for _, list := range [][]postmortem.Pair{x.Fields, x.Cookies, x.Form, x.Session} {
			for _, p := range list {
				fmt.Fprintf(&b, "  %s: %s\n", p.Name, p.Value)
			}
		}
		for _, s := range t.Sections {
			b.WriteString("  " + s.Title + "\n")
			for _, p := range s.Pairs {
				fmt.Fprintf(&b, "    %s: %s\n", p.Name, p.Value)
			}
		}
	}
	return b.String()
}

// frameText appends a frame: with source and variables when it is of the program itself.
func (v *ticketView) frameText(b *strings.Builder, f *Frame) {
	fmt.Fprintf(b, "\n%s\n  %s:%d\n", f.Function, v.shownPath(f.File), f.Line)
	if !f.Own {
		return
	}
	if e := f.excerpt(); e != nil {
		for i, line := range e.Lines {
			mark := " "
			if e.First+i == f.Line {
				mark = ">"
			}
			fmt.Fprintf(b, "  %s %4d | %s\n", mark, e.First+i, line)
		}
	}
	for _, list := range [][]Value{f.Args, f.Locals} {
		for _, x := range list {
			fmt.Fprintf(b, "    %s = %s  (%s)\n", x.Name, x.Text, x.Type)
		}
	}
}
