package dev

import (
	"bytes"
	"os"
	"strings"
)

// This file reads the lines around a fault.

// Excerpt is some lines of a file.
type Excerpt struct {
	First int      `json:"first"` // number of the first line, from 1
	Lines []string `json:"lines"`
}

const (
	linesAround  = 4
	longestShown = 400
	largestShown = 4 << 20
)

// excerptOf is the lines around line; nil when the file can not be read. Blocks: not on
// the loop, but for what is in memory, as sources that were just built are.
func excerptOf(path string, line int) *Excerpt {
	if info, err := os.Stat(path); line < 1 || err != nil || info.Size() > largestShown {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	all := bytes.Split(data, []byte("\n"))
	if line > len(all) {
		return nil
	}
	e := &Excerpt{First: max(line-linesAround, 1)}
	for _, text := range all[e.First-1 : min(line+linesAround, len(all))] {
		if len(text) > longestShown {
			text = text[:longestShown]
		}
		e.Lines = append(e.Lines, strings.ToValidUTF8(strings.ReplaceAll(strings.TrimRight(string(text), "\r"), "\t", "    "), "�"))
	}
	return e
}

// rawLine is one line of a file, "" when it can not be read.
func rawLine(path string, line int) string {
	data, err := os.ReadFile(path)
	if err != nil || len(data) > largestShown {
		return ""
	}
	for n, text := range strings.Split(string(data), "\n") {
		if n+1 == line {
			return text
		}
	}
	return ""
}
