package wsgi

import (
	"encoding/json"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is an exception of the application as a development server shows it.

// Exception is what a worker tells of one, with frames and their variables, secrets
// masked. All of it is bounded.
type Exception struct {
	Trace    string             `json:"-"`      // as Python prints it
	Causes   []ExceptionCause   `json:"causes"` // the exception itself first
	Frames   []ExceptionFrame   `json:"frames"` // of each cause, the one that raised it first
	Log      []ExceptionLine    `json:"log"`    // what this request has printed and logged
	Sections []ExceptionSection `json:"sections"`

	Environment []ExceptionPair `json:"environment"` // of the worker
	PID         int             `json:"-"`

	number  int      // under which its worker has it
	console *console // of that worker
}

// ExceptionCause is one link of a chain of exceptions.
type ExceptionCause struct {
	Type string `json:"type"`
	Text string `json:"text"`
	Link string `json:"link"` // to one before it: "because", "while handling", "holds"
}

// ExceptionFrame is one call, or a place in a template.
type ExceptionFrame struct {
	Function string              `json:"function"`
	File     string              `json:"file"`
	Line     int                 `json:"line"`
	Column   int                 `json:"column"` // in bytes from 1; 0 when it says nothing
	End      int                 `json:"end"`    // column behind it
	Cause    int                 `json:"cause"`  // which of Causes it is of
	Source   *ExceptionSource    `json:"source"` // of what is in no file
	Locals   []ExceptionVariable `json:"locals"`
}

// ExceptionSource is lines around a place.
type ExceptionSource struct {
	First int      `json:"first"` // number of the first
	Lines []string `json:"lines"`
}

// ExceptionVariable is a variable, or a part of one.
type ExceptionVariable struct {
	Name  string              `json:"name"`
	Type  string              `json:"type"`
	Text  string              `json:"text"`
	Lost  bool                `json:"lost"` // the text says why it is not its own
	Ref   int                 `json:"ref"`  // what to ask Parts for; 0: it has none
	Parts []ExceptionVariable `json:"parts"`
	More  int64               `json:"more"` // parts that are not among these
}

// ExceptionLine is a line that was printed or logged.
type ExceptionLine struct {
	After int64  `json:"after"` // µs since the request came
	Kind  string `json:"kind"`  // stdout, stderr, or the level
	Name  string `json:"name"`  // of the logger
	Text  string `json:"text"`
}

// ExceptionSection is what the framework knows of the request.
type ExceptionSection struct {
	Title string          `json:"title"`
	Pairs []ExceptionPair `json:"pairs"`
}

// ExceptionPair is a name with its value.
type ExceptionPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Run has an entry run in the worker, in the names of a frame, which is counted from 0.
// What it changes there stays for the next one. The error tells that nobody can run it any
// more. Loop only.
func (e *Exception) Run(frame int, source string) *reactor.Deferred[ConsoleAnswer] {
	return e.console.ask(question{Kept: e.number, Do: "run", Frame: frame, Source: source})
}

// Parts gives parts of a variable which has that Ref, from one on, in place of a value.
// Loop only.
func (e *Exception) Parts(ref, from int) *reactor.Deferred[ConsoleAnswer] {
	return e.console.ask(question{Kept: e.number, Do: "parts", Ref: ref, From: from})
}

// Kept tells whether the worker still has it. Loop only.
func (e *Exception) Kept() bool { return e.console != nil && !e.console.closed }

// exceptionOf reads the payload of a frame X over a link: the traceback, and behind a NUL
// what more there is.
func exceptionOf(payload []byte) *Exception {
	trace, more, ok := strings.Cut(string(payload), "\x00")
	var e struct {
		Exception
		Number int `json:"kept"`
	}
	if ok && json.Unmarshal([]byte(more), &e) != nil {
		e.Exception = Exception{}
	}
	e.Trace, e.number = trace, e.Number
	return &e.Exception
}

// refusedByWorker is the type of what a worker raises when the length of an answer is not as
// promised.
const refusedByWorker = "spindle_worker.Refused"

// failed answers for an exception of the worker w.
func (x *exchange) failed(w *worker, payload []byte) {
	e, a := exceptionOf(payload), w.app
	e.console, e.PID = w.console, w.process.Pid()
	if o := x.r.Origin(); o != nil && len(e.Causes) > 0 && e.Causes[0].Type == refusedByWorker {
		o.OriginFault(protocol.Fault{Kind: protocol.FaultLength, Text: e.Causes[0].Text})
	}
	if a.Failed != nil && len(e.Frames) > 0 && !x.headSent && !x.r.Finished() && a.Failed(x.r, e) {
		x.answered = true
		return
	}
	x.fail(a.appFailed(e.Trace))
}
