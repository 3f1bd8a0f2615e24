package dev

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// This file reads what the race detector prints while a program runs (--race).

const (
	raceFence  = "=================="
	raceBegins = "WARNING: DATA RACE"
	raceName   = "race detector"
	mostRace   = 400 // lines
)

// raceReader finds the reports among the lines of a program.
type raceReader struct {
	lines []string // of the one that is being read; nil outside of one
	armed bool     // the line before was a fence
}

// line takes a line, and gives a report when it ends with it.
func (r *raceReader) line(text string) (report []string) {
	switch {
	case r.lines == nil:
		if r.armed && text == raceBegins {
			r.lines = []string{text}
		}
		r.armed = text == raceFence
	case text == raceFence || len(r.lines) == mostRace:
		report, r.lines, r.armed = r.lines, nil, false
	default:
		r.lines = append(r.lines, text)
	}
	return report
}

// raceFailure is a report as it is shown: of each of the two accesses the first frame that is
// below root.
func raceFailure(lines []string, root string) *Failure {
	f := &Failure{Stage: "race", Title: "Two goroutines use the same variable at the same time", Output: strings.Join(lines, "\n"), Dir: root}
	what, placed := "", false
	for _, line := range lines {
		if !strings.HasPrefix(line, " ") && strings.HasSuffix(line, ":") { // of an access, or of where a goroutine was made
			what, placed = strings.TrimSuffix(line, ":"), false
			continue
		}
		path, number, ok := racePlace(line)
		access := strings.Contains(what, "rite at ") || strings.Contains(what, "ead at ")
		if ok && access && !placed && below(path, root) {
			placed = true
			f.Faults = append(f.Faults, Fault{File: path, Line: number, Message: accessText(what)})
		}
	}
	if n := len(f.Faults); n > 0 {
		f.Faults[n-1].Mend = "guard it by a mutex, or let one goroutine own it and be asked through a channel; a resource of Spindle runs on its loop alone"
	}
	return f
}

// accessText is an access without the address and the goroutine, which are others each time.
func accessText(what string) string {
	what, _, _ = strings.Cut(what, " at 0x")
	return strings.ToLower(what) + " by one of them"
}

// racePlace is the place in a line such as "      /app/main.go:12 +0x44".
func racePlace(line string) (path string, number int, ok bool) {
	path, _, _ = strings.Cut(strings.TrimSpace(line), " +0x")
	i := strings.LastIndexByte(path, ':')
	if i < 0 || !filepath.IsAbs(path) {
		return "", 0, false
	}
	number, err := strconv.Atoi(path[i+1:])
	return path[:i], number, err == nil
}

// raced notes a report of the program that answers, or is to. The same places come again and
// again; they are told once.
func (s *Supervisor) raced(lines []string) {
	f := raceFailure(lines, s.target.root())
	was := s.checks.found[raceName]
	if was == nil {
		s.checks.settle(raceName, f.Title, f)
		return
	}
	fresh := slices.DeleteFunc(f.Faults, func(x Fault) bool {
		return slices.ContainsFunc(was.Faults, func(y Fault) bool { return x.File == y.File && x.Line == y.Line })
	})
	if len(fresh) > 0 && len(was.Faults) < mostFaults {
		f.Faults = append(slices.Clone(was.Faults), fresh...)
		s.checks.settle(raceName, f.Title, f)
	}
}
