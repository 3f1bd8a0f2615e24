//go:build !spindle_dev

package probe

import "context"

// recording is nothing: what records a program is linked only where the development server
// has built it.
func (p *probe) recording() {}

// Task is one exchange, in a trace of the execution and in what is logged: a program that the development server
// has built notes it (see recording.go and ear.go), any other does nothing.
type Task struct{}

// NewTask begins one.
func NewTask(context.Context, string, string) Task { return Task{} }

// Begin notes that a part of the task begins, on this goroutine; end is called there, too.
func (t Task) Begin(string) (end func()) { return nothing }

// End ends the task.
func (t Task) End() {}

// Said is nothing.
func (t Task) Said() *Said { return nil }

// SaidHere is nothing.
func SaidHere() *Said { return nil }

func nothing() {}
