package protocol

import "iter"

// Version is the protocol of a request.
type Version uint8

// The versions.
const (
	HTTP10 Version = 10
	HTTP11 Version = 11
	HTTP2  Version = 20
)

// Dotted is the version as CGI and logs have it, which take it apart as one digit, a dot and
// another: "HTTP/1.0", "HTTP/1.1", "HTTP/2.0".
func (v Version) Dotted() string {
	switch v {
	case HTTP10:
		return "HTTP/1.0"
	case HTTP2:
		return "HTTP/2.0"
	}
	return "HTTP/1.1"
}

// TargetForm is the form of a request target (RFC 9112 §3.2).
type TargetForm uint8

// The four forms.
const (
	OriginForm TargetForm = iota
	AbsoluteForm
	AuthorityForm
	AsteriskForm
)

// RawField is one field of a received head, as it stands in the read buffer.
type RawField struct {
	Name, Value []byte
}

// Head is a received head, checked. Its bytes belong to the read buffer: see
// Receiver.HeadReceived.
type Head struct {
	Method        string // known ones are constants, others copied; case kept
	Target        []byte // as received
	Form          TargetForm
	Scheme        []byte // of an absolute target or HTTP/2's :scheme; nil otherwise
	Authority     []byte // of the target if it has one, else the Host field; may be empty
	Path          []byte // still percent-encoded; "*" for asterisk-form; empty for authority-form
	Query         []byte // what follows "?", nil when there is no "?"
	Base          int    // bytes of Path that lead to where we are: of a web server in front, which has used them up
	Version       Version
	Fields        []RawField
	ContentLength int64 // 0: no content; -1: not known beforehand (chunked)
	// Content is the whole content if it has come with the head, nil otherwise. Who
	// uses it in HeadReceived, and does not answer there, is given it again by
	// BodyReceived.
	Content        []byte
	ExpectContinue bool   // the client waits for 100 (Continue)
	KeepAlive      bool   // the client wants the connection to last
	Upgrade        bool   // Connection lists "upgrade" and Upgrade is there
	Protocol       []byte // what an extended CONNECT asks for (":protocol", RFC 8441); nil otherwise
}

// Field is the first field of that name (case-blind), nil when there is none. A
// field that is there and empty is not nil.
func (h *Head) Field(name string) []byte {
	for i := range h.Fields {
		f := &h.Fields[i]
		if len(f.Name) == len(name) && EqualFold(f.Name, name) {
			if f.Value == nil {
				return []byte{}
			}
			return f.Value
		}
	}
	return nil
}

// FieldAll goes over the values of all fields of that name, in order.
func (h *Head) FieldAll(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range h.Fields {
			f := &h.Fields[i]
			if len(f.Name) == len(name) && EqualFold(f.Name, name) && !yield(f.Value) {
				return
			}
		}
	}
}

// fieldCount is the last field of that name and how many there are.
func (h *Head) fieldCount(name string) (value []byte, n int) {
	for v := range h.FieldAll(name) {
		value = v
		n++
	}
	return value, n
}

// Clone copies the head and all its bytes, in a constant number of allocations.
func (h *Head) Clone() *Head {
	c := new(Head)
	*c = *h
	c.Content = nil
	size := len(h.Target) + len(h.Scheme) + len(h.Authority) + len(h.Path) + len(h.Query) + len(h.Protocol)
	for i := range h.Fields {
		size += len(h.Fields[i].Name) + len(h.Fields[i].Value)
	}
	room := make([]byte, 0, size)
	for _, part := range [...]*[]byte{&c.Target, &c.Scheme, &c.Authority, &c.Path, &c.Query, &c.Protocol} {
		*part, room = keep(room, *part)
	}
	c.Fields = make([]RawField, len(h.Fields))
	for i := range h.Fields {
		c.Fields[i].Name, room = keep(room, h.Fields[i].Name)
		c.Fields[i].Value, room = keep(room, h.Fields[i].Value)
	}
	return c
}

// keep copies b to the end of room, which has the space, and returns the copy
// (nil stays nil) and what is room now.
func keep(room, b []byte) (kept, rest []byte) {
	if b == nil {
		return nil, room
	}
	n := len(room)
	room = append(room, b...)
	return room[n:len(room):len(room)], room
}
