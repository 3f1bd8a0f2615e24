package main

import (
	"io"
	"time"

	"spindle/reactor"
)

// terminalOut gathers what the terminal is to show: a request should not wait for its line
// in the log, and a terminal that scrolls should not take the core that the program needs.
// Loop only.
type terminalOut struct {
	w     io.Writer
	clock reactor.Clock
	text  []byte
	timer *reactor.DelayedCall
}

const (
	shownWithin    = 20 * time.Millisecond
	gatheredAtMost = 16 << 10
)

// Write takes text that is shown soon.
func (o *terminalOut) Write(p []byte) (int, error) {
	o.text = append(o.text, p...)
	switch {
	case len(o.text) > gatheredAtMost:
		o.flush()
	case o.timer == nil:
		o.timer = o.clock.CallLater(shownWithin, o.flush)
	}
	return len(p), nil
}

// flush shows it now.
func (o *terminalOut) flush() {
	if o.timer != nil {
		o.timer.Cancel()
		o.timer = nil
	}
	if len(o.text) > 0 {
		_, _ = o.w.Write(o.text) // nobody is left to be told
		o.text = o.text[:0]
	}
}
