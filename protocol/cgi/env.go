package cgi

import (
	"bytes"
	"iter"
	"strings"

	"spindle/protocol"
)

// Env is an environment: variables in order, in one piece of memory, so that one Env
// can serve many requests without allocations. The zero value is empty and ready.
type Env struct {
	text []byte
	ends []int // of a name, of its value, of the next name, …
	bad  string
}

// Reset takes all variables out, and keeps the memory.
func (e *Env) Reset() { e.text, e.ends, e.bad = e.text[:0], e.ends[:0], "" }

// Len is the number of variables.
func (e *Env) Len() int { return len(e.ends) / 2 }

// Size is the number of bytes of their names and values.
func (e *Env) Size() int { return len(e.text) }

// Add adds a variable. One whose value has CR, LF or NUL, or whose name is empty or
// has "=", is left out and told by Bad.
func (e *Env) Add(name, value string) {
	if !e.fine(name, strings.ContainsAny(value, "\r\n\x00")) {
		return
	}
	e.text = append(e.text, name...)
	e.ends = append(e.ends, len(e.text))
	e.text = append(e.text, value...)
	e.ends = append(e.ends, len(e.text))
}

// AddBytes is Add for bytes, which are copied.
func (e *Env) AddBytes(name string, value []byte) {
	if !e.fine(name, bytes.ContainsAny(value, "\r\n\x00")) {
		return
	}
	e.text = append(e.text, name...)
	e.ends = append(e.ends, len(e.text))
	e.text = append(e.text, value...)
	e.ends = append(e.ends, len(e.text))
}

func (e *Env) fine(name string, badValue bool) bool {
	if badValue || name == "" || strings.ContainsAny(name, "=\r\n\x00") {
		e.bad = name
		return false
	}
	return true
}

// Bad is the name of a variable that was left out, "" when there was none.
func (e *Env) Bad() string { return e.bad }

// All goes over names and values, in order. They are the Env's own: valid until it is
// changed.
func (e *Env) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		from := 0
		for i := 0; i < len(e.ends); i += 2 {
			if !yield(e.text[from:e.ends[i]], e.text[e.ends[i]:e.ends[i+1]]) {
				return
			}
			from = e.ends[i+1]
		}
	}
}

// Lookup is the value of the first variable of that name; ok is false when there is
// none. It is the Env's own.
func (e *Env) Lookup(name string) (value []byte, ok bool) {
	for n, v := range e.All() {
		if string(n) == name {
			return v, true
		}
	}
	return nil, false
}

// Get is Lookup as a string, "" when there is none.
func (e *Env) Get(name string) string {
	v, _ := e.Lookup(name)
	return string(v)
}

// Strings is the variables as a process takes them, "name=value" each.
func (e *Env) Strings() []string {
	list := make([]string, 0, e.Len())
	for name, value := range e.All() {
		list = append(list, string(name)+"="+string(value))
	}
	return list
}

// AddFields adds the fields of a request as HTTP_ variables (RFC 3875 §4.1.18), those
// of one name joined, in the order in which each name first came. Left out are:
//
//   - Proxy, which would be HTTP_PROXY, and has no meaning;
//   - names with other bytes than letters, digits and hyphens, since two different
//     fields must not become one variable;
//   - Content-Type and Content-Length, which have variables of their own;
//   - what is about the connection only (Connection, Transfer-Encoding, …), and
//     Proxy-Authorization, which is not meant for the application;
//   - Authorization, unless authorization is set.
func (e *Env) AddFields(h *protocol.Head, authorization bool) {
	for i := range h.Fields {
		name := h.Fields[i].Name
		if !passes(name) || !authorization && protocol.EqualFold(name, "authorization") || cameBefore(h, i) {
			continue
		}
		e.text = appendVarName(e.text, name)
		e.ends = append(e.ends, len(e.text))
		e.text = appendJoined(e.text, h, i)
		e.ends = append(e.ends, len(e.text))
	}
}

// passes tells whether a field of that name becomes a variable.
func passes(name []byte) bool {
	for _, c := range name {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	switch len(name) {
	case 2:
		return !protocol.EqualFold(name, "te")
	case 5:
		return !protocol.EqualFold(name, "proxy")
	case 6:
		return !protocol.EqualFold(name, "expect")
	case 7:
		return !protocol.EqualFold(name, "trailer") && !protocol.EqualFold(name, "upgrade")
	case 10:
		return !protocol.EqualFold(name, "connection") && !protocol.EqualFold(name, "keep-alive")
	case 12:
		return !protocol.EqualFold(name, "content-type")
	case 14:
		return !protocol.EqualFold(name, "content-length")
	case 16:
		return !protocol.EqualFold(name, "proxy-connection")
	case 17:
		return !protocol.EqualFold(name, "transfer-encoding")
	case 19:
		return !protocol.EqualFold(name, "proxy-authorization")
	}
	return len(name) > 0
}

// cameBefore tells whether a field before i has the same name: then it is joined
// there.
func cameBefore(h *protocol.Head, i int) bool {
	for j := range h.Fields[:i] {
		if len(h.Fields[j].Name) == len(h.Fields[i].Name) && protocol.EqualFold(h.Fields[j].Name, h.Fields[i].Name) {
			return true
		}
	}
	return false
}

// appendVarName appends the variable's name: X-Token becomes HTTP_X_TOKEN.
func appendVarName(dst, name []byte) []byte {
	dst = append(dst, "HTTP_"...)
	for _, c := range name {
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendJoined appends the values of all fields named as field i, in one: a list with
// commas, and cookies with semicolons (RFC 6265 §5.4).
func appendJoined(dst []byte, h *protocol.Head, i int) []byte {
	name := h.Fields[i].Name
	between := ", "
	if protocol.EqualFold(name, "cookie") {
		between = "; "
	}
	dst = append(dst, h.Fields[i].Value...)
	for _, f := range h.Fields[i+1:] {
		if len(f.Name) == len(name) && protocol.EqualFold(f.Name, name) {
			dst = append(append(dst, between...), f.Value...)
		}
	}
	return dst
}
