package dev

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

// This file has each request watched on its way: here, and in the program, if that has a
// probe. The program knows by a field which request it is: the field has a key that only
// this process and the program know, and what a client sends under that name is dropped.

// watchOwn watches the exchange here.
func (x *record) watchOwn(r *resource.Request) {
	h := r.Head()
	if len(h.Field(probe.Field)) > 0 {
		dropField(h, probe.Field)
	}
	x.c.numbers++
	x.number = x.c.numbers
	x.c.watched[x.number] = x
	x.c.under[r] = x
	r.Watch(recordWatch{x, r})
}

// recordWatch is a record as a resource.Watcher.
type recordWatch struct {
	x *record
	r *resource.Request
}

// AnswerBegun is told to the record as an Observer.
func (w recordWatch) AnswerBegun(_ int, fields protocol.Fields) {
	if isEventStream(fields) {
		w.x.sse = true
		w.x.c.sse++
		w.x.c.open[w.x] = func() { w.r.Abort(replaced{}) }
	}
}

// Over keeps the timeline.
func (w recordWatch) Over(t *probe.Timeline) {
	if w.x.sse {
		w.x.c.sse--
		delete(w.x.c.open, w.x)
	}
	w.x.own = t
}

func isEventStream(fields protocol.Fields) bool {
	kind := fields.Get("Content-Type")
	return len(kind) >= 17 && protocol.EqualFold(kind[:17], "text/event-stream")
}

// withoutOurs is a timeline without the steps that are this package's.
func withoutOurs(t *probe.Timeline) *probe.Timeline {
	if t == nil {
		return nil
	}
	shown := *t
	shown.Steps = slices.DeleteFunc(slices.Clone(t.Steps), func(s probe.Step) bool { return strings.HasPrefix(strings.TrimPrefix(s.Type, "*"), "dev.") })
	return &shown
}

// unwatch forgets that x is watched.
func (c *recorder) unwatch(x *record) {
	delete(c.watched, x.number)
	x.own, x.inner = nil, nil
}

// mostSpan bounds what a program tells of a request, in bytes.
const mostSpan = 256 << 10

// span takes what a program tells of a request. It is kept with the record as it is: what is
// no JSON would spoil the page of that.
func (p *probes) span(x *probeLine, key string, data []byte) {
	if len(data) > mostSpan || !json.Valid(data) {
		return
	}
	n := int64(number(key))
	if r := p.s.front.dash.rec.watched[n]; r != nil && r.to == x && r.inner == nil {
		r.inner = json.RawMessage(data)
		if f := r.innerCame; f != nil {
			r.innerCame = nil
			f()
		}
	}
}

// marking has the program know which request it is that is passed on to it.
type marking struct {
	resource.Leaf
	g    *running
	root resource.Resource
}

// Pass marks the request, if there is somebody who takes the mark out again.
func (m marking) Pass(r *resource.Request) (resource.Resource, error) {
	c := m.g.s.front.dash.rec
	x := c.under[r]
	if x != nil {
		x.passed = true
	}
	if line := m.g.s.probes.of(m.g.pid()); x != nil && line != nil {
		h := r.Head()
		if x.to != nil { // the mark of a program that has ended
			dropField(h, probe.Field)
		}
		x.to = line
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(probe.Field), Value: []byte(line.key + "." + decimal(x.number))})
	}
	return m.root, nil
}

// Inner is what it stands in front of. See outline.
func (m marking) Inner() resource.Resource { return m.root }

// spanPatience is how long somebody who looks at a request waits for the program to tell of
// it.
const spanPatience = 60 * time.Millisecond

// whenWatched gives when what the program tells of x is there, or is not to be expected any
// more.
func (x *record) whenWatched() *reactor.Deferred[struct{}] {
	l := x.c.s.loop
	if x.to == nil || x.inner != nil || x.innerCame != nil || l.Now().Sub(x.began.Add(x.took)) > time.Second {
		return reactor.Succeeded(struct{}{})
	}
	d := reactor.NewDeferred[struct{}]()
	limit := l.CallLater(spanPatience, func() {
		x.innerCame = nil
		settleWith(d, struct{}{}, nil)
	})
	x.innerCame = func() {
		limit.Cancel()
		settleWith(d, struct{}{}, nil)
	}
	return d
}
