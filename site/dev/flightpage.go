package dev

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file is what a page asks for about the last seconds of slow and failed requests:
//
//	GET  flights              the list
//	POST flights/clear        forgets all
//	GET  flights/3            what was read from one, in short
//	GET  flights/3/trace.out  the file, for go tool trace

// Recordings reads what a program has recorded. Its methods block, and are called on any
// goroutine but that of the loop.
type Recordings interface {
	// Trace reads a trace of the execution; root is the directory of what is developed.
	Trace(path, root string) (*TraceSummary, error)
	// Profile reads a profile of the CPU, and those of what was allocated before and after;
	// it writes what was allocated between the two to the file delta.
	Profile(cpu, before, after, delta, root string) (*ProfileSummary, error)
}

// TraceSummary is a trace in short.
type TraceSummary struct {
	Span       time.Duration    `json:"span"`
	Goroutines int              `json:"goroutines"`
	Procs      int              `json:"procs"` // that have run something at the same time, at most
	Running    time.Duration    `json:"running"`
	GC         []TraceSpan      `json:"gc"`       // cycles
	Pauses     []TraceSpan      `json:"pauses"`   // when the world stood still
	Requests   []TraceRequest   `json:"requests"` // in the order in which they began
	Longest    []TraceWait      `json:"longest"`  // what goroutines have waited for, the longest first
	Busiest    []TraceGoroutine `json:"busiest"`
}

// TraceSpan is a time from the beginning of the trace.
type TraceSpan struct {
	At   time.Duration `json:"at"`
	Took time.Duration `json:"took"`
	What string        `json:"what,omitempty"`
}

// TraceRequest is a request: a task of the trace.
type TraceRequest struct {
	What   string        `json:"what"`
	Number string        `json:"number,omitempty"` // by which the development server knows it
	At     time.Duration `json:"at"`
	Took   time.Duration `json:"took"`
	Open   bool          `json:"open,omitempty"` // it began before, or ended after the trace
	Parts  []TraceSpan   `json:"parts"`          // regions
	// What the goroutine of its parts did meanwhile.
	Running time.Duration `json:"running"`
	Ready   time.Duration `json:"ready"` // it could have run, and there was no processor
	System  time.Duration `json:"system"`
	Waits   []TraceWait   `json:"waits"`
}

// TraceWait is a time for which a goroutine has waited.
type TraceWait struct {
	Goroutine int64         `json:"goroutine"`
	At        time.Duration `json:"at"`
	Took      time.Duration `json:"took"`
	Why       string        `json:"why"`
	Stack     []TraceFrame  `json:"stack"`
}

// TraceGoroutine is what a goroutine did.
type TraceGoroutine struct {
	ID      int64         `json:"id"`
	Name    string        `json:"name"` // the function that it began with
	Running time.Duration `json:"running"`
	Ready   time.Duration `json:"ready"`
	System  time.Duration `json:"system"`
	Waiting time.Duration `json:"waiting"`
}

// TraceFrame is a call.
type TraceFrame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Own      bool   `json:"own,omitempty"` // of what is developed
}

// flightPages is the tree of them.
type flightPages struct {
	resource.Leaf
	s *Supervisor
	f *flights
}

// Pass finds what is asked for.
func (p flightPages) Pass(r *resource.Request) (resource.Resource, error) {
	rest := r.Postpath()
	switch {
	case len(rest) == 0:
		return jsonPage{of: func() any { return p.f.shown() }}, nil
	case len(rest) == 1 && rest[0] == "clear":
		return dashAction{s: p.s, do: p.f.clear}, nil
	case len(rest) > 2 || len(rest) == 2 && rest[1] != "trace.out":
		return nil, resource.ErrNotFound
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	y := p.f.find(id)
	if err != nil || y == nil {
		return nil, &resource.Error{Status: 404, Detail: "This trace is not kept any more."}
	}
	if len(rest) == 2 {
		return download{path: y.path, name: fmt.Sprintf("trace-%d.out", y.id)}, nil
	}
	return flightPage{s: p.s, y: y}, nil
}

// jsonPage is a value that is asked for.
type jsonPage struct {
	resource.Leaf
	of func() any
}

func (p jsonPage) RenderGET(r *resource.Request) ([]byte, error) { return sendJSON(r, p.of()) }

// download is a file of the private directory, which is small enough to be read whole.
type download struct {
	resource.Leaf
	path, name string
}

func (p download) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "application/octet-stream")
	r.SetField("X-Content-Type-Options", "nosniff")
	r.SetField("Content-Disposition", `attachment; filename="`+p.name+`"`)
	return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) { return os.ReadFile(p.path) }))
}

// flightPage is GET of one: it is read when somebody looks at it first.
type flightPage struct {
	resource.Leaf
	s *Supervisor
	y *flight
}

func (p flightPage) RenderGET(r *resource.Request) ([]byte, error) {
	y, reader := p.y, p.s.opts.Recordings
	show := func() ([]byte, error) {
		return json.Marshal(struct {
			shownFlight
			Number  string          `json:"number"`
			Path    string          `json:"path"`
			Summary json.RawMessage `json:"summary,omitempty"`
			Failed  string          `json:"failed,omitempty"`
		}{y.line(), decimal(y.x.number), y.path, y.summary, y.failed})
	}
	if reader == nil && y.failed == "" {
		y.failed = "What reads it is the spindle command, which is not in PATH: go install spindle/cmd/spindle. The file can be read by go tool trace."
	}
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	if y.summary != nil || y.failed != "" {
		return show()
	}
	done := reactor.NewDeferred[[]byte]()
	settle := func() {
		body, err := show()
		settleWith(done, body, err)
	}
	if y.askers = append(y.askers, settle); len(y.askers) == 1 {
		y.read(r.Loop(), reader, p.s.target.root())
	}
	return r.Later(done)
}

// read reads it, once for all who ask meanwhile.
func (y *flight) read(l reactor.Loop, reader Recordings, root string) {
	path := y.path
	told := func() {
		askers := y.askers
		y.askers = nil
		for _, settle := range askers {
			settle()
		}
	}
	reactor.DeferToThreadPool(l.ThreadPool(), func() (json.RawMessage, error) {
		v, err := reader.Trace(path, root)
		if err != nil {
			return nil, err
		}
		return json.Marshal(v)
	}).Then(func(v json.RawMessage) { y.summary = v; told() }, func(err error) { y.failed = "It can not be read: " + err.Error() + "."; told() })
}
