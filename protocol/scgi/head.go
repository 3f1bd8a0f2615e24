package scgi

import (
	"bytes"
	"errors"
	"strconv"

	"spindle/protocol/cgi"
)

// AppendHead appends the netstring of env, whose first variable is CONTENT_LENGTH, with
// SCGI=1 added.
func AppendHead(dst []byte, env *cgi.Env) []byte {
	const one = "SCGI\x001\x00"
	dst = strconv.AppendInt(dst, int64(env.Size()+2*env.Len()+len(one)), 10)
	dst = append(dst, ':')
	first := true
	for name, value := range env.All() {
		dst = append(append(dst, name...), 0)
		dst = append(append(dst, value...), 0)
		if first {
			dst, first = append(dst, one...), false
		}
	}
	return append(dst, ',')
}

// Errors of a head.
var (
	ErrNetstring = errors.New("scgi: the request does not begin with a netstring")
	ErrTooLong   = errors.New("scgi: the variables are longer than allowed")
	ErrHead      = errors.New("scgi: the variables are not names and values with NUL behind each, CONTENT_LENGTH first and SCGI among them")
)

// HeadReader takes the netstring off the front of a connection, however it is cut. The
// zero value, with Max set, is ready.
type HeadReader struct {
	// Max is how many bytes the variables may have.
	Max int

	size   int
	digits int
	text   []byte
	inside bool // the colon has come
}

// Read takes n bytes of data, which is not empty. done tells that env has been filled in,
// and that what follows is content.
func (h *HeadReader) Read(data []byte, env *cgi.Env) (n int, done bool, err error) {
	for !h.inside {
		if n == len(data) {
			return n, false, nil
		}
		if err := h.digit(data[n]); err != nil {
			return n, false, err
		}
		n++
	}
	take := min(h.size+1-len(h.text), len(data)-n)
	h.text = append(h.text, data[n:n+take]...)
	n += take
	if len(h.text) <= h.size {
		return n, false, nil
	}
	if h.text[h.size] != ',' {
		return n, false, ErrNetstring
	}
	err = parse(h.text[:h.size], env)
	h.text = nil
	return n, err == nil, err
}

// digit takes a byte before the variables.
func (h *HeadReader) digit(c byte) error {
	switch {
	case c == ':' && h.digits > 0:
		h.inside = true
		return nil
	case c < '0' || c > '9' || h.digits == 1 && h.size == 0: // no leading zeros
		return ErrNetstring
	}
	h.digits++
	if h.size = h.size*10 + int(c-'0'); h.size > h.Max {
		return ErrTooLong
	}
	return nil
}

// parse reads the variables.
func parse(text []byte, env *cgi.Env) error {
	scgi := false
	for first := true; len(text) > 0; first = false {
		name, rest, ok := bytes.Cut(text, []byte{0})
		value, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(name) == 0 || first && string(name) != "CONTENT_LENGTH" {
			return ErrHead
		}
		if string(name) == "SCGI" {
			scgi = string(value) == "1"
		}
		env.AddBytes(string(name), value)
		text = rest
	}
	if !scgi {
		return ErrHead
	}
	return nil
}
