package dev

import (
	"slices"
	"strings"
)

// This file compares two answers line by line.

// diffLine is one line of a comparison.
type diffLine struct {
	Op   string `json:"op"` // "=" in both, "-" in the old one, "+" in the new one
	Text string `json:"text"`
}

// The bounds of a comparison: the work is the product of what is left when the equal lines
// at both ends are taken off.
const (
	mostDiffCells = 4 << 20
	mostDiffLines = 20000
)

// diffLines compares old and fresh. note says what could not be done.
func diffLines(old, fresh string) (list []diffLine, note string) {
	a, b := textLines(old), textLines(fresh)
	if len(a)+len(b) > mostDiffLines {
		return nil, "The answers are too long to be compared."
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, line := range a[:head] {
		list = append(list, diffLine{"=", line})
	}
	list = append(list, diffMiddle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, line := range a[len(a)-tail:] {
		list = append(list, diffLine{"=", line})
	}
	return list, ""
}

func textLines(s string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
}

// diffMiddle finds the longest lines that both have in the same order. Where that is too
// much work all of a goes and all of b comes.
func diffMiddle(a, b []string) (list []diffLine) {
	if len(a)*len(b) > mostDiffCells {
		return slices.Concat(diffAll("-", a), diffAll("+", b))
	}
	width := len(b) + 1
	common := make([]int32, (len(a)+1)*width) // of a from i on and b from j on
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			list = append(list, diffLine{"=", a[i]})
			i, j = i+1, j+1
		case common[(i+1)*width+j] >= common[i*width+j+1]:
			list = append(list, diffLine{"-", a[i]})
			i++
		default:
			list = append(list, diffLine{"+", b[j]})
			j++
		}
	}
	return slices.Concat(list, diffAll("-", a[i:]), diffAll("+", b[j:]))
}

func diffAll(op string, lines []string) (list []diffLine) {
	for _, line := range lines {
		list = append(list, diffLine{op, line})
	}
	return list
}
