package resource

import (
	"slices"
	"strings"

	"spindle/protocol"
)

// This file sets cookies. Request.Cookie reads those that the client sent.

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

// ReplaceCookie is SetCookie in place of a cookie of the same name, path and domain that was
// set in this answer before, of which a client should see one only (RFC 6265 §4.1.1).
func (r *Request) ReplaceCookie(c protocol.Cookie) {
	if r.tooLate() {
		return
	}
	r.fields = slices.DeleteFunc(r.fields, func(f protocol.Field) bool {
		return protocol.EqualFold(f.Name, "Set-Cookie") && samePlace(f.Value, c)
	})
	r.SetCookie(c)
}

// samePlace tells whether a client would keep c where it keeps the cookie of line.
func samePlace(line string, c protocol.Cookie) bool {
	path, domain := "", ""
	for part := range strings.SplitSeq(line, "; ") {
		if v, ok := strings.CutPrefix(part, "Path="); ok {
			path = v
		}
		if v, ok := strings.CutPrefix(part, "Domain="); ok {
			domain = v
		}
	}
	return strings.HasPrefix(line, c.Name+"=") && path == c.Path && strings.EqualFold(domain, c.Domain)
}
