package protocol

import (
	"bytes"
	"strings"
	"time"
)

// This file decides about conditional requests (RFC 9110 §13). It is pure: the
// head, what is known of the representation, and the time go in; a status
// comes out.

// Validators is what is known of the representation that a request selects.
type Validators struct {
	ETag     string    // as in the field, `"x"` or `W/"x"`; "" means none
	Modified time.Time // the zero time means not known
	Missing  bool      // there is no representation yet (a PUT that creates)
}

// IsETag tells whether s is an entity tag, weak or strong (RFC 9110 §8.8.3).
func IsETag[T text](s T) bool {
	if len(s) >= 2 && s[0] == 'W' && s[1] == '/' {
		s = s[2:]
	}
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && all(s[1:len(s)-1], etagChar)
}

// Precondition says what the conditions of a request make of it, in the order of
// RFC 9110 §13.2.2: 0, go on (If-Range is RangesOf's); 304, the client's
// copy is fresh; 412, a condition is false. Ask only when the answer without
// conditions would be a 2xx. A field that can not be read is as if it were not
// there if it could only save work; one that guards (If-Match) is false.
func Precondition(h *Head, v Validators, now time.Time) (status int) {
	switch h.Method {
	case "CONNECT", "OPTIONS", "TRACE": // RFC 9110 §13.2.1
		return 0
	}
	read := h.Method == "GET" || h.Method == "HEAD"
	if h.Field("If-Match") != nil {
		if !matchAny(h, "If-Match", v, strongMatch) {
			return 412
		}
	} else if t, ok := dateField(h, "If-Unmodified-Since", now); ok && v.dated() && v.modifiedAfter(t) {
		return 412
	}
	if h.Field("If-None-Match") != nil {
		switch matched := matchAny(h, "If-None-Match", v, weakMatch); {
		case matched && read:
			return 304
		case matched:
			return 412
		}
	} else if t, ok := dateField(h, "If-Modified-Since", now); ok && read && v.dated() && !v.modifiedAfter(t) {
		return 304
	}
	return 0
}

func (v Validators) dated() bool { return !v.Missing && !v.Modified.IsZero() }

// modifiedAfter compares in seconds, which is what a date in a field has.
func (v Validators) modifiedAfter(t time.Time) bool { return v.Modified.Unix() > t.Unix() }

// dateField reads a date. A field that is there twice is a list of dates, which
// is none (RFC 9110 §13.1.3).
func dateField(h *Head, name string, now time.Time) (t time.Time, ok bool) {
	value, n := h.fieldCount(name)
	if n != 1 {
		return t, false
	}
	return ParseDate(value, now)
}

// matchAny tells whether one of the tags that the client names is v's, or the
// client says "*" and there is a representation. A list ends where it has not
// the form of one.
func matchAny(h *Head, name string, v Validators, match func(tag []byte, etag string) bool) bool {
	if v.Missing {
		return false
	}
	for list := range h.FieldAll(name) {
		if string(TrimBlank(list)) == "*" {
			return true
		}
		for len(list) > 0 && v.ETag != "" {
			n := spanETag(list)
			if n > 0 && match(list[:n], v.ETag) {
				return true
			}
			if list = bytes.TrimLeft(list[n:], " \t"); len(list) > 0 && list[0] != ',' {
				break
			}
			list = bytes.TrimLeft(list, ", \t")
		}
	}
	return false
}

// spanETag is the length of the entity tag that s starts with, 0 for none. A
// comma and a backslash in a tag are like any other byte.
func spanETag(s []byte) int {
	n := 0
	if len(s) >= 2 && s[0] == 'W' && s[1] == '/' {
		n = 2
	}
	if n >= len(s) || s[n] != '"' {
		return 0
	}
	for n++; n < len(s); n++ {
		if s[n] == '"' {
			return n + 1
		}
		if class[s[n]]&etagChar == 0 {
			return 0
		}
	}
	return 0
}

// strongMatch and weakMatch are the comparisons of RFC 9110 §8.8.3.2.
func strongMatch(tag []byte, etag string) bool {
	return tag[0] == '"' && string(tag) == etag
}

func weakMatch(tag []byte, etag string) bool {
	if tag[0] == 'W' {
		tag = tag[2:]
	}
	return string(tag) == strings.TrimPrefix(etag, "W/")
}

// rangeStillGood tells whether If-Range, if it is there, lets a range be sent
// (RFC 9110 §13.1.5): the strong tag of the whole that the client has a part of,
// or its exact date. A date is strong enough only when its second is over.
func rangeStillGood(h *Head, v Validators, now time.Time) bool {
	value, n := h.fieldCount("If-Range")
	if n == 0 {
		return true
	}
	if n == 1 && IsETag(value) {
		return v.ETag != "" && strongMatch(value, v.ETag)
	}
	t, ok := dateField(h, "If-Range", now)
	return ok && v.dated() && v.Modified.Unix() == t.Unix() && now.Unix() > t.Unix()
}
