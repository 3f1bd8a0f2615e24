package resource

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file holds the life of a Request, from the head to the end of the exchange.
// What was asked is read by asked.go, args.go, content.go; the answer is made by
// answer.go and fail.go.

// Request is one exchange: what was asked, and the way to answer. It is a
// protocol.Receiver. Loop only.
//
// After the exchange is over its methods do nothing and harm nothing; in debug mode
// (Dispatcher.Debug) such a use is logged with the place where it was finished.
// A Request that is answered inside Render serves the next one afterwards: who keeps
// it longer returns NotDoneYet.
type Request struct {
	d     *Dispatcher
	ch    protocol.Channel
	head  *protocol.Head // its bytes are the read buffer's until HeadReceived returns, then its own
	nodes []node         // of the walk, in debug mode
	res   Resource       // what the walk has found, nil before

	used   int   // bytes of the path that the walk has used up
	turns  uint8 // how often Redispatch was called
	depth  uint8 // how many of our callbacks are under way: then what is written may wait
	phase  phase
	kept   bool // somebody may hold this Request beyond its end
	status int
	fault  error // the first mistake made with the answer, which becomes its error page

	fields    protocol.Fields // of the answer, checked
	trailers  protocol.Fields
	modified  time.Time // of SetLastModified
	condition int       // the status that the conditions of the request ask for
	pending   []byte    // written and held back until the callback ends
	headSent  bool
	untyped   bool // content without a Content-Type stays so
	producing bool
	length    int64 // promised by SetContentLength, -1 when not
	written   int64 // bytes of content

	body    content
	started time.Time // zero unless somebody is told of the end

	id       string
	believed string // scheme, by Believe; "" when nobody said
	failed   bool   // the answer is an error page
	cancel   context.CancelFunc
	ctx      context.Context
	onFinish []func(error)
	onLost   func(error)
	onHalf   func() // of NotifyHalfClose
	observer Observer
	watched  *watched // nil unless somebody wants to know when what happens
	ending   error    // what they are told
	overAt   uintptr  // in debug mode, where it was finished
}

// phase is how far an exchange has come.
type phase uint8

const (
	walking    phase = iota // looking for the resource
	collecting              // the content is coming in, for Render
	streaming               // the content goes to the resource as it comes; Render has been called
	rendering               // Render has been called
	failing                 // a development server makes the page of the error; see awaitPage
	over                    // answered, aborted or lost
)

// reset makes r ready for an exchange on c. What it owns is used again.
func (r *Request) reset(c protocol.Channel) {
	d, fields, pending := r.d, r.fields[:0], r.pending[:0]
	*r = Request{} // in place: a literal with fields would be built beside it and copied
	r.d, r.ch, r.head, r.length, r.fields, r.pending = d, c, &noHead, -1, fields, pending
}

// noHead stands in where there is no head. It is never written to.
var noHead protocol.Head

// HeadReceived finds the resource and, when there is no content to wait for, has it
// answer. See protocol.Receiver.
func (r *Request) HeadReceived(h *protocol.Head) {
	r.head = h
	if r.d.Finished != nil {
		r.started = r.ch.Loop().Now()
	}
	if f := r.d.Watch; f != nil {
		if w := f(r); w != nil {
			r.Watch(w)
		}
	}
	r.guarded(stepBegin)
	if !r.giveBack() {
		r.head = h.Clone()
	}
}

// giveBack has r serve the next exchange, if this one is over and nobody can hold r.
func (r *Request) giveBack() bool {
	if r.phase != over || r.kept || r.d.Debug {
		return false
	}
	r.head = &noHead
	r.d.reclaim(r)
	return true
}

// BodyReceived takes a piece of the content. See protocol.Receiver.
func (r *Request) BodyReceived(data []byte) {
	if r.phase >= failing || r.body.early || r.body.dropped {
		return
	}
	if r.observer != nil {
		r.observer.ContentReceived(data)
	}
	r.body.arrived = data
	r.guarded(stepContent)
	r.body.arrived = nil
}

// BodyFinished takes the end of the content. See protocol.Receiver.
func (r *Request) BodyFinished(trailers protocol.Fields) {
	if r.phase >= failing || r.body.early || r.body.dropped {
		return
	}
	r.body.trailers = trailers
	r.body.complete = true
	if r.watched != nil {
		r.watched.t.Content = r.watched.since()
	}
	r.guarded(stepComplete)
	r.giveBack()
}

// ConnectionLost ends the exchange. See protocol.Receiver.
func (r *Request) ConnectionLost(err error) {
	if r.phase == over {
		return
	}
	if err == nil {
		err = reactor.ErrDone
	}
	r.kept = true
	r.body.failed(r, err)
	r.takeBack()
	if errors.Is(err, reactor.ErrAborted) && errors.Is(err, io.ErrUnexpectedEOF) { // a file became shorter
		r.reportCut(err)
	}
	r.end(err)
}

// ReadConnectionLost tells that the client sends no more. See
// protocol.HalfCloseReceiver.
func (r *Request) ReadConnectionLost() {
	if f := r.onHalf; f != nil && r.phase != over {
		r.onHalf = nil
		f()
	}
}

// NotifyHalfClose has f called on the loop when the client of HTTP/1 closes its sending
// half before the answer is finished. Most such clients have gone altogether, which
// NotifyFinish tells only when the answer can not be delivered; some wait for the answer.
func (r *Request) NotifyHalfClose(f func()) {
	r.kept = true
	r.onHalf = f
}

// A step is a piece of work that may run code of the application. They are numbers
// and not functions so that none is allocated.
type step uint8

const (
	stepBegin step = iota
	stepContent
	stepComplete
	stepSpill
	stepGoOn
)

// guarded runs a step: a panic in it costs this exchange only, and what it wrote
// leaves when it ends.
func (r *Request) guarded(s step) {
	r.depth++
	defer r.stepEnds()
	switch s {
	case stepBegin:
		if r.used = r.head.Base; r.isAsterisk() {
			r.answerAsterisk()
		} else {
			r.goOn(r.d.Root)
		}
	case stepGoOn:
		res := r.res
		r.res = nil
		r.goOn(res)
	case stepContent:
		r.takeContent(r.body.arrived)
	case stepComplete:
		r.contentComplete()
	case stepSpill:
		r.spill()
	}
}

func (r *Request) stepEnds() {
	if p := recover(); p != nil {
		r.kept = true // whatever was under way may have it
		r.failAnyhow(r.recovered(p))
	}
	r.depth--
	if r.depth == 0 && len(r.pending) > 0 && r.phase < failing {
		r.startAnswer()
	}
}

// goOn walks on from res, and goes on when the walk is at its end.
func (r *Request) goOn(res Resource) {
	res, err := r.walk(res)
	if err != nil {
		r.Fail(err)
		return
	}
	if res != nil {
		r.res = res
		r.found()
	}
}

// found asks the resource whether it wants the request, and then its content if
// there is any.
func (r *Request) found() {
	if h, ok := r.res.(HeadReceiver); ok {
		if err := h.HeadReceived(r); err != nil {
			r.Fail(err)
		}
		if r.phase >= failing {
			return
		}
	}
	if r.head.ContentLength == 0 {
		r.render()
		return
	}
	r.wantContent()
}

// render has the resource answer.
func (r *Request) render() {
	if r.phase != streaming {
		r.phase = rendering
	}
	w := r.watched
	if w != nil {
		w.rendering()
	}
	body, err := call(r.res, r.head.Method, r)
	if w != nil {
		w.rendered()
		w.t.Rendered, w.t.Later = w.since(), err == NotDoneYet && r.phase != over
	}
	if err == NotDoneYet {
		r.kept = true
		return
	}
	if err != nil {
		r.failAnyhow(err)
		return
	}
	r.answerWith(body)
}

// answerAsterisk answers OPTIONS for the server as a whole (RFC 9110 §9.3.7).
func (r *Request) answerAsterisk() {
	if r.head.Method != "OPTIONS" {
		r.Fail(&Error{Status: 405, Fields: []ErrorField{{"Allow", "OPTIONS"}}})
		return
	}
	r.SetField("Allow", allMethods)
	r.SetStatus(204)
	r.Answer(nil, nil)
}

// end is the end of the exchange: err is nil when it was answered.
func (r *Request) end(err error) {
	r.phase = over
	if r.watched != nil {
		r.watched.end(err)
	}
	if r.d.Debug {
		r.overAt = caller()
	}
	if r.d.Finished != nil {
		r.d.Finished(r, err)
	}
	r.body.release(r)
	if r.cancel != nil {
		r.cancel()
	}
	if len(r.onFinish) > 0 {
		r.ending = err
		r.ch.Loop().CallLater(0, r.tellFinish)
	}
	if f := r.onLost; f != nil {
		r.onLost = nil
		if err != nil {
			r.ch.Loop().CallLater(0, func() { f(err) })
		}
	}
}

// tellFinish calls those who asked by NotifyFinish, in the order they asked.
func (r *Request) tellFinish() {
	told := r.onFinish
	r.onFinish = nil
	for _, f := range told {
		f(r.ending)
	}
}

// NotifyFinish has f called on the loop, in the turn after the exchange is over:
// with nil when it was answered, else with the reason why not (the client is gone).
// One of HTTP/1 that closes its end may still wait for the answer: it is told of as gone
// only when Site.HalfCloseTimeout is over, or when what is written to it comes back as
// refused; NotifyHalfClose tells at once.
// After the end f is called too.
func (r *Request) NotifyFinish(f func(err error)) {
	r.kept = true
	r.onFinish = append(r.onFinish, f)
	if r.phase == over && len(r.onFinish) == 1 {
		r.ch.Loop().CallLater(0, r.tellFinish)
	}
}

// NotifyLost is NotifyFinish for one who wants to know only of an exchange that was not
// answered: the usual end costs nothing then. A second call replaces the first. After the
// end it does nothing.
func (r *Request) NotifyLost(f func(err error)) {
	if !r.isOver() {
		r.kept = true
		r.onLost = f
	}
}

// Context is cancelled when the exchange is over, as NotifyFinish tells it, for whatever
// works on it elsewhere. Loop only; the context itself is for any goroutine.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		r.kept = true
		r.ctx, r.cancel = context.WithCancel(context.Background())
		if r.phase == over {
			r.cancel()
		}
	}
	return r.ctx
}

// Finished tells whether the exchange is over: answered, aborted or lost; or nearly so, when
// it has failed and a development server makes the page.
func (r *Request) Finished() bool { return r.phase >= failing }

// isOver is Finished for methods that then do nothing. In debug mode it logs who
// came too late.
func (r *Request) isOver() bool { return r.phase >= failing && r.usedLate() }

// usedLate is isOver of an exchange that is.
func (r *Request) usedLate() bool {
	if r.phase == over && r.d.Debug {
		r.d.log().Warn("resource: a request is used after its end",
			"request", r.describe(), "used", place(caller()), "finished", place(r.overAt))
	}
	return true
}

// describe is method and target for a log line.
func (r *Request) describe() string {
	return r.head.Method + " " + protocol.Quote(r.head.Target)
}

// caller is the first place outside of this file's package that leads here.
func caller() uintptr {
	var pcs [16]uintptr
	for _, most := range [...]int{3, len(pcs)} { // hardly ever is more needed, and each costs
		n := runtime.Callers(3, pcs[:most])
		for _, pc := range pcs[:n] {
			if f := runtime.FuncForPC(pc - 1); f != nil && !isOurs(f.Name()) {
				return pc
			}
		}
	}
	return pcs[0]
}

// isOurs tells whether the function is a method of Request: then who called it is
// of interest.
func isOurs(function string) bool {
	const prefix = "spindle/resource.(*Request)."
	return len(function) > len(prefix) && function[:len(prefix)] == prefix
}

// place is file and line of pc.
func place(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return frame.File + ":" + strconv.Itoa(frame.Line)
}

var (
	_ protocol.Receiver          = (*Request)(nil)
	_ protocol.HalfCloseReceiver = (*Request)(nil)
)
