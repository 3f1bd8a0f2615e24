package resource

import (
	"fmt"
	"time"

	"spindle/protocol"
)

// This file settles conditional requests: the resource names its validators, the
// request's conditions decide (RFC 9110 §13).

// SetLastModified sets Last-Modified, in whole seconds, and applies the conditions of
// the request. When it returns true the answer is settled, 304 or 412, and nothing is
// left to do: return nil, nil. Called again, the later time stands. A resource that
// has a tag too calls SetETag first, since conditions on the tag come before those on
// the time.
func (r *Request) SetLastModified(t time.Time) (settled bool) {
	if r.tooLate() {
		return false
	}
	if t = t.Truncate(time.Second); !t.Before(r.modified) {
		r.modified = t
	}
	r.SetField("Last-Modified", string(protocol.AppendDate(nil, r.modified)))
	return r.applyConditions()
}

// SetETag sets ETag, as `"x"` or `W/"x"`, and applies the conditions of the request;
// see SetLastModified.
func (r *Request) SetETag(tag string) (settled bool) {
	if r.tooLate() {
		return false
	}
	if !protocol.IsETag(tag) {
		r.mistake(fmt.Errorf("resource: SetETag(%.80q): not an entity tag", tag))
		return false
	}
	r.SetField("ETag", tag)
	return r.applyConditions()
}

// applyConditions sets the status that the request's conditions ask for, now that more
// is known of the representation.
func (r *Request) applyConditions() bool {
	if r.condition != 0 && r.status == r.condition {
		r.status = 0 // what was decided before is decided again
	}
	if r.Status()/100 != 2 {
		return false
	}
	v := protocol.Validators{ETag: r.fields.Get("ETag"), Modified: r.modified}
	if r.condition = protocol.Precondition(r.head, v, r.Now()); r.condition != 0 {
		r.status = r.condition
	}
	return r.condition != 0
}
