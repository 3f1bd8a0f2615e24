package wsgi

import (
	"encoding/json"
	"strings"
)

// This file is an exception of the application as a development server shows it.

// Exception is what a worker tells of one: when it runs with SPINDLE_DEV in its
// environment, with frames and their variables, secrets masked. All of it is bounded.
type Exception struct {
	Trace  string           `json:"-"`      // as Python prints it
	Causes []ExceptionCause `json:"causes"` // the exception itself first
	Frames []ExceptionFrame `json:"frames"` // that of the exception first
}

// ExceptionCause is one link of a chain of exceptions.
type ExceptionCause struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// ExceptionFrame is one call.
type ExceptionFrame struct {
	Function string              `json:"function"`
	File     string              `json:"file"`
	Line     int                 `json:"line"`
	Locals   []ExceptionVariable `json:"locals"`
}

// ExceptionVariable is a variable.
type ExceptionVariable struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Text string `json:"text"`
}

// exceptionOf reads the payload of a frame X over a link: the traceback, and behind a NUL
// what more there is.
func exceptionOf(payload []byte) *Exception {
	trace, more, ok := strings.Cut(string(payload), "\x00")
	e := new(Exception)
	if ok && json.Unmarshal([]byte(more), e) != nil {
		e = new(Exception)
	}
	e.Trace = trace
	return e
}

// failed answers for an exception.
func (x *exchange) failed(a *App, payload []byte) {
	e := exceptionOf(payload)
	if a.Failed != nil && len(e.Frames) > 0 && !x.headSent && !x.r.Finished() && a.Failed(x.r, e) {
		x.answered = true
		return
	}
	x.fail(a.appFailed(e.Trace))
}
