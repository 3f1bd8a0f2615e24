package resource

import (
	"reflect"
	"time"

	"spindle/protocol"
	"spindle/protocol/probe"
)

// This file notes when what happens to an exchange, for a development server. Where nobody
// asks for it nothing is noted, and a clock is not read.

// Watcher is told how an exchange went. Its methods are called on the loop, and may call
// nothing of the Request.
type Watcher interface {
	// AnswerBegun sees the head of the answer; see Observer.
	AnswerBegun(status int, fields protocol.Fields)
	// Over is told when the last byte of the answer is with the kernel, or the exchange was
	// cut. t is its own from then on.
	Over(t *probe.Timeline)
}

// RenderWatcher is a Watcher that is also told when the resource is asked for an answer.
type RenderWatcher interface {
	Watcher
	// Rendering is called before Render, and what it returns after it.
	Rendering() (rendered func())
}

// SaidWatcher is a Watcher that knows what the exchange has logged; nil where it does not.
type SaidWatcher interface {
	Watcher
	Said() *probe.Said
}

// Watch has w told when what happens to the exchange from now on. To be called before the
// answer is begun, once: a Dispatcher does so for its Watch, a Pass for what lies below it.
func (r *Request) Watch(w Watcher) {
	if r.tooLate() || r.watched != nil {
		return
	}
	x := &watched{w: w, ch: r.ch, base: r.ch.Loop().Now()}
	x.t.Began = x.base.UnixNano()
	x.t.Head = x.since()
	r.watched = x
	r.look(x)
}

// watched is one exchange that somebody watches. It is an Observer of the answer.
type watched struct {
	w    Watcher
	ch   protocol.Channel
	base time.Time
	t    probe.Timeline
	left func() // what Rendering has given; nil but during Render
}

// mostSteps bounds what is told of a walk.
const mostSteps = 64

// since is the time now; at least 1, since 0 stands for never.
func (x *watched) since() int64 {
	now := x.ch.Loop().Now()
	if c, ok := x.ch.Loop().(interface{ ReadClock() time.Time }); ok {
		now = c.ReadClock()
	}
	return max(int64(now.Sub(x.base)), 1)
}

// step notes that the walk has come to res.
func (x *watched) step(res Resource, path []byte) {
	if len(x.t.Steps) < mostSteps {
		x.t.Steps = append(x.t.Steps, probe.Step{At: x.since(), Path: string(path), Type: reflect.TypeOf(res).String()})
	}
}

// rendering tells that the resource is asked.
func (x *watched) rendering() {
	x.t.Render = x.since()
	if w, ok := x.w.(RenderWatcher); ok {
		x.left = w.Rendering()
	}
}

// rendered tells that it has returned, or panicked, if it was asked.
func (x *watched) rendered() {
	if f := x.left; f != nil {
		x.left = nil
		f()
	}
}

// said is what it has logged, nil where that is not known.
func (x *watched) said() *probe.Said {
	if x == nil {
		return nil
	}
	if w, ok := x.w.(SaidWatcher); ok {
		return w.Said()
	}
	return nil
}

// AnswerBegun notes the head of the answer.
func (x *watched) AnswerBegun(status int, fields protocol.Fields) {
	x.t.Answer, x.t.Status = x.since(), status
	x.w.AnswerBegun(status, fields)
}

// The content is of no interest here.

func (x *watched) ContentReceived([]byte) {}
func (x *watched) ContentSent([]byte)     {}
func (x *watched) FileSent(int64)         {}

// end notes the end of the exchange, and waits for the kernel to take the answer.
func (x *watched) end(err error) {
	x.t.End = x.since()
	if err != nil {
		x.t.Lost = err.Error()
		x.w.Over(&x.t)
		return
	}
	l := x.ch.Loop()
	if a, ok := l.(interface{ AfterCallback(f func()) }); ok {
		a.AfterCallback(x.sent)
		return
	}
	l.CallLater(0, x.sent)
}

// While the client takes it slowly, it is asked again, so often, as long.
const (
	askSent  = 5 * time.Millisecond
	mostSent = int64(time.Minute)
)

// sent tells of the exchange if its answer is with the kernel, or looks again.
func (x *watched) sent() {
	switch now := x.since(); {
	case x.ch.Buffered() == 0:
		x.t.Sent = now
	case now-x.t.End < mostSent:
		x.ch.Loop().CallLater(askSent, x.sent)
		return
	}
	x.w.Over(&x.t)
}

var _ Observer = (*watched)(nil)
