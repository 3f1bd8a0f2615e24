package resource

import (
	"errors"
	"fmt"
	"os"

	"spindle/protocol"
	"spindle/reactor"
)

// This file sends the content of an answer, in pieces or whole, and ends it.

// holdBytes is how much of what is written is held back until the callback ends: an
// answer that is finished by then goes out with its length, not chunked.
const holdBytes = 4 << 10

// Write sends a copy of p as content; the head goes before the first. It fails after
// the exchange is over only, with ErrOver. Content is chunked unless
// SetContentLength was called or the answer is finished within the same callback.
func (r *Request) Write(p []byte) (int, error) {
	if r.isOver() {
		return 0, ErrOver
	}
	if r.hold(len(p)) {
		r.pending = append(r.pending, p...)
		return len(p), nil
	}
	if !r.startAnswer() {
		return 0, ErrOver
	}
	r.count(int64(len(p)))
	r.ch.Write(p)
	return len(p), nil
}

// WriteString is Write for a string.
func (r *Request) WriteString(s string) (int, error) {
	if !r.isOver() && r.hold(len(s)) {
		r.pending = append(r.pending, s...)
		return len(s), nil
	}
	return r.Write([]byte(s))
}

// hold tells whether n bytes more may wait until the callback ends.
func (r *Request) hold(n int) bool {
	return r.depth > 0 && !r.headSent && r.length < 0 && len(r.pending)+n <= holdBytes
}

// WriteShared is Write without a copy when p is large. p may be shared by many, and
// must not be changed by anybody afterwards.
func (r *Request) WriteShared(p []byte) {
	if r.isOver() || !r.startAnswer() {
		return
	}
	r.count(int64(len(p)))
	r.ch.WriteShared(p)
}

// SendHead sends the head now, before any content. Content is chunked unless
// SetContentLength was called.
func (r *Request) SendHead() {
	if !r.isOver() {
		r.startAnswer()
	}
}

// SendFile sends n bytes of f from offset off as content, without reading them where
// the connection allows it. f must stay open until done is called, on the loop: with
// nil, or with the error that ended it. Where the client is gone already done is not
// called; NotifyFinish tells in any case.
func (r *Request) SendFile(f *os.File, off, n int64, done func(err error)) {
	if r.isOver() || !r.startAnswer() {
		return
	}
	r.kept = true
	r.count(n)
	r.ch.SendFile(f, off, n, done)
}

// RegisterProducer has p asked for content as the client takes it; see
// reactor.Consumer. p writes to this Request.
func (r *Request) RegisterProducer(p reactor.Producer) {
	if r.isOver() || !r.startAnswer() {
		if r.phase >= failing {
			r.ch.Loop().CallLater(0, p.StopProducing)
		}
		return
	}
	r.kept = true
	r.producing = true
	r.ch.RegisterProducer(p)
}

// UnregisterProducer ends it.
func (r *Request) UnregisterProducer() {
	if r.producing {
		r.producing = false
		r.ch.UnregisterProducer()
	}
}

// Buffered is the number of bytes written and not yet with the kernel.
func (r *Request) Buffered() int {
	if r.phase == over {
		return 0
	}
	return r.ch.Buffered() + len(r.pending)
}

// count adds to the content written; that of an answer without content is not sent.
func (r *Request) count(n int64) {
	if r.head.Method != "HEAD" && !protocol.NoContent(r.status) {
		r.written += n
	}
}

// takeBack has content that the kernel never took not be counted as written.
func (r *Request) takeBack() {
	r.written -= min(r.written, int64(r.ch.Buffered()))
}

// BytesWritten is the content written so far, without framing. When the exchange is over
// and was cut, what the kernel had not taken by then is not in it.
func (r *Request) BytesWritten() int64 { return r.written }

// Answer ends the request as if Render had returned body and err: the way to answer
// later. body is not changed any more.
func (r *Request) Answer(body []byte, err error) {
	switch {
	case err == NotDoneYet:
	case err == nil:
		r.answerWith(body)
	case !r.isOver():
		r.Fail(err)
	}
}

// answerWith is Answer without an error.
func (r *Request) answerWith(body []byte) {
	switch {
	case r.phase >= failing:
		if body != nil { // else Render has finished by itself, and there is nothing to do
			r.usedLate()
		}
	case r.headSent || len(r.pending) > 0 || r.trailers != nil || r.length >= 0:
		r.answerRest(body)
	default:
		r.respond(body)
	}
}

// answerRest ends an answer that has begun, or is not the plain case, with body.
func (r *Request) answerRest(body []byte) {
	if !r.headSent && r.length < 0 && r.trailers == nil {
		r.length = int64(len(r.pending) + len(body))
	}
	if len(body) > 0 {
		r.WriteShared(body)
	}
	if r.phase != over {
		r.Finish()
	}
}

// respond sends an answer whole.
func (r *Request) respond(body []byte) {
	if r.fault != nil {
		r.Fail(r.fault)
		return
	}
	status := r.Status()
	if protocol.NoContent(status) {
		body = nil
	}
	r.defaultType(len(body) > 0)
	r.headSent = true
	r.status = status
	r.count(int64(len(body)))
	r.ch.Respond(status, r.fields, body)
	r.end(nil)
}

// defaultType names the type of content that has none.
func (r *Request) defaultType(hasContent bool) {
	if hasContent && !r.untyped && !hasUsualType(r.fields) && !r.fields.Has("Content-Type") {
		r.fields = append(r.fields, protocol.Field{Name: "Content-Type", Value: textPlain})
	}
}

// hasUsualType tells whether there is a Content-Type whose name is written as nearly everyone
// writes it.
func hasUsualType(fields protocol.Fields) bool {
	for i := range fields {
		if fields[i].Name == "Content-Type" {
			return true
		}
	}
	return false
}

// startAnswer sends the head, and what was held back. It tells whether content may
// follow: not when a mistake made the answer an error page.
func (r *Request) startAnswer() bool {
	if r.headSent {
		return true
	}
	if r.fault != nil {
		r.Fail(r.fault)
		return false
	}
	r.status = r.Status()
	r.defaultType(!protocol.NoContent(r.status) && r.length != 0)
	r.headSent = true
	r.ch.WriteHead(r.status, r.fields, r.length)
	if len(r.pending) > 0 {
		r.count(int64(len(r.pending)))
		r.ch.Write(r.pending)
		r.pending = r.pending[:0]
	}
	return true
}

// Finish ends the answer. What was promised by SetContentLength and not written
// makes it a cut one.
func (r *Request) Finish() {
	if r.isOver() {
		return
	}
	if !r.headSent {
		if r.length < 0 && r.trailers == nil {
			r.length = int64(len(r.pending))
		}
		if !r.startAnswer() {
			return
		}
	}
	if r.isShort() {
		r.Abort(fmt.Errorf("resource: %d bytes promised, %d written", r.length, r.written))
		return
	}
	r.UnregisterProducer()
	r.ch.Finish(r.trailers)
	r.end(nil)
}

// isShort tells whether less content was written than promised.
func (r *Request) isShort() bool {
	return r.length > r.written && r.head.Method != "HEAD" && !protocol.NoContent(r.status)
}

// Abort gives the exchange up so that the client sees that it is cut. err is for
// the error log; with nil nothing is written there.
func (r *Request) Abort(err error) {
	if r.isOver() {
		return
	}
	if err != nil {
		r.reportCut(err)
	}
	r.abort(err)
}

func (r *Request) abort(err error) {
	if err == nil {
		err = reactor.ErrAborted
	}
	r.kept = true
	r.UnregisterProducer()
	r.takeBack()
	r.ch.Abort(err)
	r.end(err)
}

// Switch gives the connection to another protocol: 101 (Switching Protocols), or 200
// to CONNECT, with fields beside those that were set. p gets what the client sent behind the head. The
// exchange is over with it.
func (r *Request) Switch(p reactor.Protocol, fields protocol.Fields) {
	if r.tooLate() {
		return
	}
	if err := fields.Check(); err != nil {
		r.Fail(err)
		return
	}
	r.status = 101
	if r.head.Method == "CONNECT" {
		r.status = 200
	}
	r.kept = true
	r.headSent = true
	r.fields = append(r.fields, fields...)
	r.ch.WriteHead(r.status, r.fields, -1)
	r.ch.Switch(p)
	r.end(nil)
}

// Hijack gives the connection to p without an answer: what p writes is what the client
// sees, behind what was written so far, and p gets what the client sent behind the head.
// The exchange is over with it. It fails with ErrOver, and with errors.ErrUnsupported
// where the exchange has no connection of its own (HTTP/2).
func (r *Request) Hijack(p reactor.Protocol) error {
	if r.isOver() {
		return ErrOver
	}
	h, ok := r.ch.(protocol.Hijacker)
	if !ok {
		return errors.ErrUnsupported
	}
	if !r.headSent {
		r.status = 101 // for log and statistics
	}
	r.kept = true
	r.headSent = true
	r.UnregisterProducer()
	h.Hijack(p)
	r.end(nil)
	return nil
}
