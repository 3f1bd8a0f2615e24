package protocol

import (
	"fmt"
	"iter"
	"strings"
)

// This file holds the heads of a client's exchange: the one that it sends and the one
// that it receives.

// RequestHead is the head of a request that is to be sent.
type RequestHead struct {
	Method string
	Scheme string // "http" or "https": of HTTP/2's :scheme and of an absolute target
	// Authority is the host, with its port if it is not the usual one: the Host field or
	// :authority. Of CONNECT it is the target.
	Authority string
	// Target is path and query as they go out, beginning with a slash; "*" for OPTIONS of
	// the server as a whole; not used for CONNECT without Protocol.
	Target string
	// Absolute has HTTP/1.1 send the absolute form, as a proxy wants it.
	Absolute bool
	// Fields are the others. Host, Content-Length, Transfer-Encoding, Keep-Alive and
	// Connection in it are the connection's own affair and are left out; so are, unless
	// Upgrade is set, Upgrade fields.
	Fields Fields
	// ContentLength is 0 for no content, -1 when its length is not known beforehand.
	ContentLength int64
	// ExpectContinue has the content wait for 100 (Continue); Expect is sent.
	ExpectContinue bool
	// Upgrade asks for what the Upgrade field in Fields names (HTTP/1.1 only).
	Upgrade bool
	// Protocol is the :protocol of an extended CONNECT (RFC 8441; HTTP/2 only).
	Protocol string
}

// Check tells what is wrong with a head that must not be sent.
func (h *RequestHead) Check() error {
	if !IsToken(h.Method) {
		return fmt.Errorf("protocol: method %s is not a token", Quote(h.Method))
	}
	if h.Authority == "" && h.Method == "CONNECT" || !ValidAuthority([]byte(h.Authority)) {
		return fmt.Errorf("protocol: %s is not an authority", Quote(h.Authority))
	}
	if h.Method == "CONNECT" && h.Protocol == "" {
		return h.Fields.Check()
	}
	if !validSentTarget(h.Target) {
		return fmt.Errorf("protocol: %s is not a target", Quote(h.Target))
	}
	return h.Fields.Check()
}

// validSentTarget wants what our own server would take.
func validSentTarget(t string) bool {
	if t == "*" {
		return true
	}
	if t == "" || t[0] != '/' {
		return false
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// RawFields are the fields of a received head, as they stand in the read buffer.
type RawFields []RawField

// Get is the first value of that name (case-blind), nil when there is none.
func (f RawFields) Get(name string) []byte {
	for i := range f {
		if len(f[i].Name) == len(name) && EqualFold(f[i].Name, name) {
			if f[i].Value == nil {
				return []byte{}
			}
			return f[i].Value
		}
	}
	return nil
}

// All goes over the values of all fields of that name, in order.
func (f RawFields) All(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range f {
			if len(f[i].Name) == len(name) && EqualFold(f[i].Name, name) && !yield(f[i].Value) {
				return
			}
		}
	}
}

// List is the value of a field that is a list, over all its lines; see Head.List.
func (f RawFields) List(name string) []byte {
	h := Head{Fields: f}
	return h.List(name)
}

// Text appends a copy of the fields to dst, in one piece of memory.
func (f RawFields) Text(dst Fields) Fields {
	size := 0
	for i := range f {
		size += len(f[i].Name) + len(f[i].Value)
	}
	var room strings.Builder
	room.Grow(size)
	for i := range f {
		room.Write(f[i].Name)
		room.Write(f[i].Value)
	}
	all := room.String()
	for i := range f {
		n, v := len(f[i].Name), len(f[i].Value)
		dst = append(dst, Field{all[:n], all[n : n+v]})
		all = all[n+v:]
	}
	return dst
}

// ResponseHead is the head of a received answer, checked. Its bytes belong to the read
// buffer: see ClientReceiver.HeadReceived.
type ResponseHead struct {
	Status  int // 100 to 999
	Reason  []byte
	Version Version
	Fields  RawFields
	// ContentLength is that of the content that follows, -1 when it is not known
	// beforehand; 0 when there is none (204, 304, an answer to HEAD, whatever their
	// Content-Length field says).
	ContentLength int64
	// Switching tells that the connection is no longer HTTP: 101, or 2xx to CONNECT.
	Switching bool
}
