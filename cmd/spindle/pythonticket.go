package main

import (
	"time"

	"spindle/protocol/postmortem"
	"spindle/reactor"
	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file is an exception of a Python application as the development server shows it,
// and its console.

// pythonTicket is all that the worker has told.
func pythonTicket(e *wsgi.Exception) *dev.Ticket {
	t := &dev.Ticket{Typed: true, Report: postmortem.Report{PID: e.PID, Stack: e.Trace, Environment: pythonPairs(e.Environment)}}
	for _, c := range e.Causes {
		t.Report.Causes = append(t.Report.Causes, postmortem.Cause{Type: c.Type, Text: c.Text, Link: c.Link})
	}
	for _, f := range e.Frames {
		frame := dev.Frame{Function: f.Function, File: f.File, Line: f.Line, Column: f.Column, End: f.End, Cause: f.Cause, Locals: pythonValues(f.Locals)}
		if f.Source != nil {
			frame.Source = &dev.Excerpt{First: f.Source.First, Lines: f.Source.Lines}
		}
		t.Frames = append(t.Frames, frame)
	}
	for _, l := range e.Log {
		t.Log = append(t.Log, dev.LogLine{After: time.Duration(l.After) * time.Microsecond, Kind: l.Kind, Name: l.Name, Text: l.Text})
	}
	for _, s := range e.Sections {
		t.Sections = append(t.Sections, dev.Section{Title: s.Title, Pairs: pythonPairs(s.Pairs)})
	}
	return t
}

func pythonPairs(list []wsgi.ExceptionPair) (pairs []postmortem.Pair) {
	for _, p := range list {
		pairs = append(pairs, postmortem.PairOf(p.Name, p.Value))
	}
	return pairs
}

func pythonValues(list []wsgi.ExceptionVariable) (values []dev.Value) {
	for i := range list {
		values = append(values, pythonValue(&list[i]))
	}
	return values
}

func pythonValue(v *wsgi.ExceptionVariable) dev.Value {
	return dev.Value{Name: v.Name, Type: v.Type, Text: v.Text, Unreadable: v.Lost, Ref: v.Ref, More: v.More, Parts: pythonValues(v.Parts)}
}

// pythonTalk is its console. It implements dev.Talk.
type pythonTalk struct{ e *wsgi.Exception }

// Kept tells whether the worker is there.
func (t pythonTalk) Kept() bool { return t.e.Kept() }

// Run runs an entry.
func (t pythonTalk) Run(frame int, source string) *reactor.Deferred[dev.Said] {
	return said(t.e.Run(frame, source))
}

// Parts opens a value.
func (t pythonTalk) Parts(ref, from int) *reactor.Deferred[dev.Said] {
	return said(t.e.Parts(ref, from))
}

func said(d *reactor.Deferred[wsgi.ConsoleAnswer]) *reactor.Deferred[dev.Said] {
	s := reactor.NewDeferred[dev.Said]().OnCancel(d.Cancel)
	d.Then(func(a wsgi.ConsoleAnswer) {
		answer := dev.Said{Output: a.Output, Error: a.Error, More: a.More, Parts: pythonValues(a.Parts), Left: a.Left}
		if a.Value != nil {
			v := pythonValue(a.Value)
			answer.Value = &v
		}
		s.Callback(answer)
	}, s.Errback)
	return s
}
