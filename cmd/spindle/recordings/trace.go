package recordings

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/exp/trace"

	"spindle/site/dev"
)

// How much of a trace is told.
const (
	mostRequests = 100
	mostWaits    = 12 // of the trace, and of a request
	mostBusy     = 12
	mostPauses   = 60
	mostStack    = 24
	mostRegions  = 40 // of a request
)

// Trace reads a trace of the execution. See dev.Recordings.
func (Reader) Trace(path, root string) (*dev.TraceSummary, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readTrace(f, root)
}

// goroutine is one, and what it does now.
type goroutine struct {
	dev.TraceGoroutine
	state   trace.GoState
	since   trace.Time
	whole   bool // since is when it has come to that, not when the trace begins
	why     string
	stack   trace.Stack
	regions []trace.TaskID // that are open on it, the innermost last
	began   []trace.Time   // when each of them did
}

// task is a request under way, or over.
type task struct {
	dev.TraceRequest
	id trace.TaskID
}

// wait is one whose stack has not been read yet.
type wait struct {
	dev.TraceWait
	stack trace.Stack
}

// reading is a trace that is being read.
type reading struct {
	root       string
	begun      bool
	first      trace.Time
	last       trace.Time
	goroutines map[trace.GoID]*goroutine
	tasks      map[trace.TaskID]*task
	order      []*task
	waits      []wait
	ranges     map[string]trace.Time // that are open, by name
	running    int
	out        dev.TraceSummary
}

func readTrace(in io.Reader, root string) (*dev.TraceSummary, error) {
	r, err := trace.NewReader(in)
	if err != nil {
		return nil, err
	}
	x := &reading{root: root, goroutines: map[trace.GoID]*goroutine{}, tasks: map[trace.TaskID]*task{}, ranges: map[string]trace.Time{}}
	for {
		e, err := r.ReadEvent()
		if errors.Is(err, io.EOF) {
			return x.end(), nil
		}
		if err != nil {
			return nil, err
		}
		x.event(&e)
	}
}

// event takes one.
func (x *reading) event(e *trace.Event) {
	if e.Kind() == trace.EventSync {
		return
	}
	if !x.begun {
		x.begun, x.first = true, e.Time()
	}
	x.last = e.Time()
	switch e.Kind() {
	case trace.EventStateTransition:
		x.transition(e)
	case trace.EventTaskBegin:
		x.taskBegins(e)
	case trace.EventTaskEnd:
		if t := x.tasks[e.Task().ID]; t != nil {
			t.Took, t.Open = x.at(e.Time())-t.At, false
		}
	case trace.EventLog:
		if t := x.tasks[e.Log().Task]; t != nil && e.Log().Category == "request" {
			t.Number = e.Log().Message
		}
	case trace.EventRegionBegin:
		g := x.of(e.Goroutine())
		x.account(g, e.Time())
		g.regions, g.began = append(g.regions, e.Region().Task), append(g.began, e.Time())
	case trace.EventRegionEnd:
		x.regionEnds(e)
	case trace.EventRangeBegin, trace.EventRangeActive:
		x.ranges[e.Range().Name] = e.Time()
	case trace.EventRangeEnd:
		x.rangeEnds(e)
	}
}

func (x *reading) at(t trace.Time) time.Duration { return t.Sub(x.first) }

func (x *reading) of(id trace.GoID) *goroutine {
	g := x.goroutines[id]
	if g == nil {
		g = &goroutine{since: x.first}
		g.ID = int64(id)
		x.goroutines[id] = g
	}
	return g
}

// transition notes that a goroutine does something else from now on.
func (x *reading) transition(e *trace.Event) {
	st := e.StateTransition()
	if st.Resource.Kind != trace.ResourceGoroutine {
		return
	}
	g := x.of(st.Resource.Goroutine())
	from, to := st.Goroutine()
	if from == to {
		return
	}
	x.account(g, e.Time())
	if g.Name == "" {
		for f := range st.Stack.Frames() {
			g.Name = f.Func // the outermost
		}
	}
	g.state, g.whole, g.why, g.stack = to, from != trace.GoUndetermined, st.Reason, e.Stack()
	if g.stack == trace.NoStack {
		g.stack = st.Stack
	}
	switch {
	case to == trace.GoRunning:
		x.running++
		x.out.Procs = max(x.out.Procs, x.running)
	case from == trace.GoRunning:
		x.running--
	}
}

// account adds what g did up to now.
func (x *reading) account(g *goroutine, now trace.Time) {
	took := now.Sub(g.since)
	began := g.since
	g.since = now
	if took <= 0 {
		return
	}
	var t *task
	if n := len(g.regions); n > 0 {
		t = x.tasks[g.regions[n-1]]
	}
	var own *dev.TraceRequest
	if t != nil {
		own = &t.TraceRequest
	} else {
		own = new(dev.TraceRequest)
	}
	switch g.state {
	case trace.GoRunning:
		g.Running += took
		own.Running += took
		x.out.Running += took
	case trace.GoRunnable:
		g.Ready += took
		own.Ready += took
	case trace.GoSyscall:
		g.System += took
		own.System += took
		x.waited(g, t, began, took, "in a system call")
	case trace.GoWaiting:
		g.Waiting += took
		x.waited(g, t, began, took, g.why)
	}
}

// idle are reasons to wait that say nothing.
func idle(why string) bool {
	return strings.HasPrefix(why, "GC ") || strings.HasPrefix(why, "system ") || strings.Contains(why, "idle") || strings.Contains(why, "force gc")
}

// waited keeps the longest waits.
func (x *reading) waited(g *goroutine, t *task, began trace.Time, took time.Duration, why string) {
	if idle(why) {
		return
	}
	w := wait{TraceWait: dev.TraceWait{Goroutine: g.ID, At: x.at(began), Took: took, Why: why}, stack: g.stack}
	if t != nil {
		if n := len(t.Waits); n < mostWaits || took > t.Waits[n-1].Took {
			w.Stack = x.frames(w.stack)
			t.Waits = longest(append(t.Waits, w.TraceWait), func(w dev.TraceWait) time.Duration { return w.Took })
		}
	}
	if n := len(x.waits); (g.whole || t != nil) && (n < mostWaits || took > x.waits[n-1].Took) {
		x.waits = longest(append(x.waits, w), func(w wait) time.Duration { return w.Took })
	}
}

// longest keeps the longest of list, which has one more than it may have.
func longest[T any](list []T, of func(T) time.Duration) []T {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(of(b), of(a)) })
	return list[:min(len(list), mostWaits)]
}

func (x *reading) frames(s trace.Stack) (list []dev.TraceFrame) {
	for f := range s.Frames() {
		if list = append(list, frameOf(f.Func, f.File, int(f.Line), x.root)); len(list) == mostStack {
			break
		}
	}
	return list
}

// taskBegins notes a request.
func (x *reading) taskBegins(e *trace.Event) {
	t := &task{id: e.Task().ID}
	t.What, t.At, t.Open = e.Task().Type, x.at(e.Time()), true
	t.Parts, t.Waits = []dev.TraceSpan{}, []dev.TraceWait{}
	x.tasks[t.id] = t
	x.order = append(x.order, t)
	if len(x.order) > mostRequests { // the newest are what was asked for
		delete(x.tasks, x.order[0].id)
		x.order = x.order[1:]
	}
}

// regionEnds notes a part of a request.
func (x *reading) regionEnds(e *trace.Event) {
	g := x.of(e.Goroutine())
	x.account(g, e.Time())
	n := len(g.regions)
	if n == 0 {
		return // it began before the trace
	}
	began := g.began[n-1]
	if t := x.tasks[g.regions[n-1]]; t != nil && len(t.Parts) < mostRegions {
		t.Parts = append(t.Parts, dev.TraceSpan{At: x.at(began), Took: e.Time().Sub(began), What: e.Region().Type})
	}
	g.regions, g.began = g.regions[:n-1], g.began[:n-1]
}

// rangeEnds notes a cycle of the collector, or a pause.
func (x *reading) rangeEnds(e *trace.Event) {
	name := e.Range().Name
	began, ok := x.ranges[name]
	delete(x.ranges, name)
	if !ok {
		return
	}
	s := dev.TraceSpan{At: x.at(began), Took: e.Time().Sub(began)}
	if why, is := strings.CutPrefix(name, "stop-the-world"); is {
		s.What = strings.Trim(why, " ()")
		x.out.Pauses = append(x.out.Pauses, s)
	} else if name == "GC concurrent mark phase" {
		x.out.GC = append(x.out.GC, s)
	}
}

// end is what was read.
func (x *reading) end() *dev.TraceSummary {
	for _, g := range x.goroutines {
		x.account(g, x.last)
		for i, id := range g.regions { // that are not over
			if t := x.tasks[id]; t != nil {
				t.Parts = append(t.Parts, dev.TraceSpan{At: x.at(g.began[i]), Took: x.last.Sub(g.began[i])})
			}
		}
		x.out.Busiest = append(x.out.Busiest, g.TraceGoroutine)
	}
	slices.SortFunc(x.out.Busiest, func(a, b dev.TraceGoroutine) int {
		return cmp.Or(cmp.Compare(b.Running, a.Running), cmp.Compare(a.ID, b.ID))
	})
	x.out.Span, x.out.Goroutines = x.at(x.last), len(x.goroutines)
	x.out.Busiest = x.out.Busiest[:min(len(x.out.Busiest), mostBusy)]
	for _, t := range x.order {
		if t.Open {
			t.Took = x.at(x.last) - t.At
		}
		x.out.Requests = append(x.out.Requests, t.TraceRequest)
	}
	for _, w := range x.waits {
		w.Stack = x.frames(w.stack)
		x.out.Longest = append(x.out.Longest, w.TraceWait)
	}
	x.out.Pauses = x.out.Pauses[max(0, len(x.out.Pauses)-mostPauses):]
	return &x.out
}
