package reactor

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// This file keeps a panic in code that is called back from ending anything
// else: it becomes an error, or a line in the log.

// PanicError is a panic of code that was called back, made an error.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // the stack at the panic
}

// Error names the value; the stack is left to whoever logs the error.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap is the value where it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// logPanic writes one line about p, which happened in what.
func logPanic(log *slog.Logger, what string, p *PanicError) {
	log.Error("reactor: panic in "+what, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
}

// loggerOf is the logger of a reactor, or the default of any other loop.
func loggerOf(l Loop) *slog.Logger {
	if r, ok := l.(*Reactor); ok {
		return r.logger()
	}
	return slog.Default()
}

// contained calls f and returns its panic, nil when there was none.
func contained(f func()) (p *PanicError) {
	defer func() {
		if v := recover(); v != nil {
			p = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// attempt calls f; its panic comes back as a *PanicError.
func attempt[T any](f func() (T, error)) (v T, err error) {
	if p := contained(func() { v, err = f() }); p != nil {
		var zero T
		return zero, p
	}
	return v, err
}
