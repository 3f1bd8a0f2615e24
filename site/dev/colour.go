package dev

import (
	"strings"
	"sync"
)

// This file keeps sources that were coloured: pages of panics show the same frames again
// and again, and colouring takes longer than all else in them.

// colours is what was coloured. Any goroutine.
type colours struct {
	colour func(name string, lines []string) []string

	mu   sync.Mutex
	kept map[string][]string
}

// mostColoured is how many excerpts are kept before all are forgotten.
const mostColoured = 300

// newColours remembers for colour; nil where that is nil.
func newColours(colour func(string, []string) []string) func(string, []string) []string {
	if colour == nil {
		return nil
	}
	c := &colours{colour: colour, kept: map[string][]string{}}
	return c.lines
}

// lines is colour's result.
func (c *colours) lines(name string, lines []string) []string {
	key := name + "\n" + strings.Join(lines, "\n")
	c.mu.Lock()
	list, ok := c.kept[key]
	c.mu.Unlock()
	if ok {
		return list
	}
	list = c.colour(name, lines)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= mostColoured {
		clear(c.kept)
	}
	c.kept[key] = list
	return list
}

// colourAhead colours the sources of frames, so that a page of them is there sooner. The
// channel is closed when it is done.
func (s *Supervisor) colourAhead(frames []Frame) chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // whoever makes the page meets it again, and tells
		v := failureView{highlight: s.opts.Highlight}
		for i := range frames {
			if e := frames[i].excerpt(); e != nil {
				v.coloured(frames[i].sourceName(), e.Lines)
			}
		}
	}()
	return done
}
