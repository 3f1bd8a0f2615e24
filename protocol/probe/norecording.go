//go:build !spindle_dev

package probe

import "context"

// recording is nothing: what records a program is linked only where the development server
// has built it.
func (p *probe) recording() {}

// Task is one exchange in a trace of the execution: a program that the development server
// has built notes it (see recording.go), any other does nothing.
type Task struct{}

// NewTask begins one.
func NewTask(context.Context, string, string) Task { return Task{} }

// Region has f called, noted as a part of the task. It has to begin and end on one goroutine.
func (t Task) Region(_ string, f func()) { f() }

// Begin notes that a part of the task begins, on this goroutine; end is called there, too.
func (t Task) Begin(string) (end func()) { return nothing }

// End ends the task.
func (t Task) End() {}

func nothing() {}
