package dev

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// This file finds places in what linters, type checkers and test runners of any language print.

var (
	// app.py:3:1: F401 'os' imported but unused; main.go:3:1: …; app.py:3: error: …
	lintPlace = pattern{text: `^\s*((?:[A-Za-z]:)?[^\s:][^:]*\.\w+):(\d+)(?::(\d+))?:? (.+)$`}
	// --> app.py:3:1, below the message, as ruff, rustc and others have it
	lintArrow = pattern{text: `^\s*-->\s+([^\s:][^:]*\.\w+):(\d+)(?::(\d+))?$`}
)

// parseLintOutput finds the faults in what a command printed, run in dir: lines with the place
// of a file that is there.
func parseLintOutput(out, dir string) (faults []Fault) {
	before := ""
	for line := range strings.Lines(stripANSI(out)) {
		line = strings.TrimRight(line, "\r\n")
		m := lintPlace.get().FindStringSubmatch(line)
		if m == nil {
			if m = lintArrow.get().FindStringSubmatch(line); m != nil {
				m = append(m, before)
			}
		}
		if m != nil && len(faults) < mostFaults {
			f := Fault{File: m[1], Message: m[4]}
			if !filepath.IsAbs(f.File) {
				f.File = filepath.Join(dir, f.File)
			}
			f.Line, _ = strconv.Atoi(m[2])
			f.Column, _ = strconv.Atoi(m[3])
			if info, err := os.Stat(f.File); err == nil && info.Mode().IsRegular() {
				faults = append(faults, f)
			}
		}
		if text := strings.TrimSpace(line); text != "" {
			before = text
		}
	}
	return faults
}
