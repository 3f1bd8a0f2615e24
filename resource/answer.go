package resource

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// This file makes the answer: status and fields, then content in pieces or whole.

// textPlain is the type of content of which nobody said the type. It is not HTML,
// so that what a client sent can not come back as a page with a script.
const textPlain = "text/plain; charset=utf-8"

// holdBytes is how much of what is written is held back until the callback ends: an
// answer that is finished by then goes out with its length, not chunked.
const holdBytes = 4 << 10

// SetStatus sets the status of the answer, 200 to 599.
func (r *Request) SetStatus(code int) {
	if r.tooLate() {
		return
	}
	if code < 200 || code > 599 {
		r.mistake(fmt.Errorf("resource: SetStatus(%d): not the status of an answer", code))
		return
	}
	r.status = code
}

// Status is the status of the answer: that set, else 200; 0 when the exchange ended
// without an answer.
func (r *Request) Status() int {
	switch {
	case r.phase == over && !r.headSent:
		return 0
	case r.status == 0:
		return 200
	}
	return r.status
}

// SetField sets a field of the answer, in place of others of that name. A name or
// value that can not be sent makes the answer a 500. After the head was sent it does
// nothing.
func (r *Request) SetField(name, value string) {
	if r.fieldIsFine(name, value) {
		r.fields.Set(name, value)
	}
}

// AddField adds a field to the answer, beside others of that name; see SetField.
func (r *Request) AddField(name, value string) {
	if r.fieldIsFine(name, value) {
		r.fields.Add(name, value)
	}
}

// SetFields is SetField for each of list, whose names differ and which was checked
// beforehand (Fields.Check), as what is made once and sent often is. list is not
// kept.
func (r *Request) SetFields(list protocol.Fields) {
	if r.tooLate() {
		return
	}
	if len(r.fields) == 0 {
		r.fields = append(r.fields, list...)
		return
	}
	for _, f := range list {
		r.fields.Set(f.Name, f.Value)
	}
}

// DelField takes the fields of that name out of the answer.
func (r *Request) DelField(name string) {
	if r.tooLate() {
		return
	}
	if strings.EqualFold(name, "Content-Length") {
		r.length = -1
	}
	r.fields.Del(name)
}

// ResponseField is the first field of that name that was set for the answer, ""
// when there is none.
func (r *Request) ResponseField(name string) string { return r.fields.Get(name) }

// ResponseFields is the fields that were set for the answer. They are the Request's
// own: valid until the next one is set, and not to be changed.
func (r *Request) ResponseFields() protocol.Fields { return r.fields }

// fieldIsFine tells whether a field can be stored now. Content-Length is not
// stored, but the same as SetContentLength.
func (r *Request) fieldIsFine(name, value string) bool {
	if r.tooLate() {
		return false
	}
	if err := protocol.CheckField(name, value); err != nil {
		r.mistake(err)
		return false
	}
	if len(name) == len("Content-Length") && strings.EqualFold(name, "Content-Length") {
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			r.mistake(fmt.Errorf("resource: Content-Length %q is not a number of bytes", value))
			return false
		}
		r.length = int64(n)
		return false
	}
	return true
}

// SetCookie sends a cookie, beside others. One that a browser would not take
// (Cookie.Check) makes the answer a 500.
func (r *Request) SetCookie(c protocol.Cookie) {
	if r.tooLate() {
		return
	}
	line, err := c.Append(nil)
	if err != nil {
		r.mistake(err)
		return
	}
	r.fields.Add("Set-Cookie", string(line))
}

// SetContentLength promises n bytes of content. What is written beyond is dropped;
// an answer that ends before is cut so that the client sees it.
func (r *Request) SetContentLength(n int64) {
	if r.tooLate() {
		return
	}
	if n < 0 {
		r.mistake(fmt.Errorf("resource: SetContentLength(%d)", n))
		return
	}
	r.length = n
}

// SetTrailer adds a field that follows the content, where the protocol can carry it.
func (r *Request) SetTrailer(name, value string) {
	if r.isOver() {
		return
	}
	if err := protocol.CheckField(name, value); err != nil {
		r.mistake(err)
		return
	}
	r.trailers.Add(name, value)
}

// EarlyHints sends 103 (Early Hints) with a Link field for each of links, such as
// "</style.css>; rel=preload; as=style", before the answer (RFC 8297).
func (r *Request) EarlyHints(links ...string) {
	if r.tooLate() {
		return
	}
	hints := make(protocol.Fields, 0, len(links))
	for _, l := range links {
		if err := protocol.CheckField("Link", l); err != nil {
			r.mistake(err)
			return
		}
		hints.Add("Link", l)
	}
	r.ch.WriteInformational(103, hints)
}

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

// SendFile sends n bytes of f from offset off as content, without reading them where
// the connection allows it. f must stay open until done is called, on the loop: with
// nil, or with the error that ended it. After the client is gone done is not called;
// NotifyFinish tells.
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
		if r.phase == over {
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

// BytesWritten is the content written so far, without framing.
func (r *Request) BytesWritten() int64 { return r.written }

// Answer ends the request as if Render had returned body and err: the way to answer
// later. body is not changed any more.
func (r *Request) Answer(body []byte, err error) {
	switch {
	case err == NotDoneYet || r.phase == over && err == nil && body == nil:
		// Nothing to do: Render finished by itself and returns nil, nil.
	case r.isOver():
	case err != nil:
		r.Fail(err)
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
	if hasContent && !r.fields.Has("Content-Type") {
		r.fields = append(r.fields, protocol.Field{Name: "Content-Type", Value: textPlain})
	}
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
		r.Abort(fmt.Errorf("resource: %s: %d bytes promised, %d written", r.describe(), r.length, r.written))
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
// the log; nil is fine.
func (r *Request) Abort(err error) {
	if r.isOver() {
		return
	}
	if err == nil {
		err = reactor.ErrAborted
	}
	r.kept = true
	r.UnregisterProducer()
	r.ch.Abort(err)
	r.end(err)
}

// Switch gives the connection to another protocol: 101 (Switching Protocols) with
// fields, or 200 to CONNECT. p gets what the client sent behind the head. The
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
	r.ch.WriteHead(r.status, fields, -1)
	r.ch.Switch(p)
	r.end(nil)
}

// tooLate tells whether head fields can not be set any more.
func (r *Request) tooLate() bool {
	if r.isOver() {
		return true
	}
	if r.headSent && r.d.Debug {
		r.d.log().Warn("resource: status or fields set after the head was sent",
			"request", r.describe(), "at", place(caller()))
	}
	return r.headSent
}

// mistake keeps what is wrong with the answer until it is sent.
func (r *Request) mistake(err error) {
	if r.fault == nil {
		r.fault = err
	}
}
