package resource

import (
	"fmt"
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file sets what goes before the content of an answer: status and fields. The
// content is in write.go.

// textPlain is the type of content of which nobody said the type. It is not HTML,
// so that what a client sent can not come back as a page with a script.
const textPlain = "text/plain; charset=utf-8"

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
	switch {
	case r.tooLate() || !r.d.fine.knows(name, value) && !r.fieldIsFine(name, value):
	case len(r.fields) == 0:
		r.fields = append(r.fields, protocol.Field{Name: name, Value: value})
	default:
		r.fields.Set(name, value)
	}
}

// AddField adds a field to the answer, beside others of that name; see SetField.
func (r *Request) AddField(name, value string) {
	if !r.tooLate() && (r.d.fine.knows(name, value) || r.fieldIsFine(name, value)) {
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

// AddFields is AddField for each of list, which was checked beforehand (Fields.Check, or the
// parser of an answer that is passed on). list is not kept.
func (r *Request) AddFields(list protocol.Fields) {
	if !r.tooLate() {
		r.fields = append(r.fields, list...)
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

// fieldIsFine tells whether a field can be stored. Content-Length is not stored, but the same
// as SetContentLength.
func (r *Request) fieldIsFine(name, value string) bool {
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
	r.d.fine.learn(name, value)
	return true
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

// SetTrailer sets a field that follows the content, in place of those of that name, where
// the protocol can carry it.
func (r *Request) SetTrailer(name, value string) {
	if r.mayTrail(name, value) {
		r.trailers.Set(name, value)
	}
}

// AddTrailer adds one beside those of that name.
func (r *Request) AddTrailer(name, value string) {
	if r.mayTrail(name, value) {
		r.trailers.Add(name, value)
	}
}

func (r *Request) mayTrail(name, value string) bool {
	if r.isOver() {
		return false
	}
	if err := protocol.CheckField(name, value); err != nil {
		r.mistake(err)
		return false
	}
	return true
}

// EarlyHints sends 103 (Early Hints) with a Link field for each of links, such as
// "</style.css>; rel=preload; as=style", before the answer (RFC 8297).
func (r *Request) EarlyHints(links ...string) {
	if r.tooLate() {
		return
	}
	hints := make(protocol.Fields, 0, len(links))
	for _, l := range links {
		hints.Add("Link", l)
	}
	r.WriteInformational(103, hints)
}

// WriteInformational sends a 1xx answer before the answer, not 101. RFC 9110 §15.2.
func (r *Request) WriteInformational(status int, fields protocol.Fields) {
	if r.tooLate() {
		return
	}
	if err := fields.Check(); err != nil {
		r.mistake(err)
		return
	}
	r.ch.WriteInformational(status, fields)
}

// Untyped leaves content without a Content-Type as it is: for an answer that somebody
// else has made whole.
func (r *Request) Untyped() { r.untyped = true }

// tooLate tells whether head fields can not be set any more.
func (r *Request) tooLate() bool { return (r.headSent || r.phase >= failing) && r.setLate() }

func (r *Request) setLate() bool {
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
