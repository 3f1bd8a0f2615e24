package dev

import "spindle/protocol/postmortem"

// This file is what is known of the frames of a panic, and who can tell it.

// Inspector looks into programs that run. Its methods block, and are called on any
// goroutine but that of the loop.
type Inspector interface {
	// Prepare makes the first look at the program in a file as fast as the others.
	Prepare(path string) error
	// Expect is told that the debug information of the program at path will be in another file,
	// and whole, once and by any goroutine, of that, or why there is none. It does not block.
	Expect(path string) (whole func(path string, err error))
	// Capture copies the memory of a process whose goroutine is parked. The process may go
	// on when it returns.
	Capture(pid int, goroutine int64) (Moment, error)
	// PID is the process that it has for it, 0 while there is none. It does not block.
	PID() int
}

// Moment is a copy of a process. Its methods block. Any goroutine.
type Moment interface {
	// Frames is the frames of the goroutine, that of the panic first.
	Frames() ([]Frame, error)
	// Panicked is where the value is that the goroutine has panicked with: the words of an
	// interface, zero where that is not known. It is known when Frames has returned.
	Panicked() postmortem.Place
	// Eval evaluates an expression in a frame, which is counted from 0.
	Eval(frame int, expression string) (Value, error)
}

// Frame is one call.
type Frame struct {
	Function string   `json:"function"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"` // in bytes from 1; 0: not known, or it says nothing
	End      int      `json:"end,omitempty"`    // the column behind what Column begins
	Cause    int      `json:"cause,omitempty"`  // which of the causes it belongs to
	Source   *Excerpt `json:"source,omitempty"` // of what is in no file
	Own      bool     `json:"own,omitempty"`    // of what is developed, not of a library
	Args     []Value  `json:"args,omitempty"`
	Locals   []Value  `json:"locals,omitempty"`
	Why      string   `json:"why,omitempty"` // there are no variables
}

// Value is a variable or a part of one.
type Value struct {
	Name       string  `json:"name,omitempty"`
	Type       string  `json:"type,omitempty"`
	Text       string  `json:"text"` // on one line
	Parts      []Value `json:"parts,omitempty"`
	More       int64   `json:"more,omitempty"` // parts that were not read
	Unreadable bool    `json:"unreadable,omitempty"`
	Shadowed   bool    `json:"shadowed,omitempty"`
	Ref        int     `json:"ref,omitempty"` // what to ask a Talk for to get the parts; 0: they are here
}
