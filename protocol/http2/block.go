package http2

import (
	"unsafe"

	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
)

// This file takes the fields of a header block one by one as they are decoded, and
// checks each (RFC 9113 §8.2, §8.3). What they mean together is judged in head.go.

// purpose is what a header block is decoded for.
type purpose uint8

const (
	forRequest  purpose = iota
	forTrailers         // of a stream that is open
	forAnswer           // of a client's stream
	forNobody           // the tables of the decoder must stay in step
)

// block is a header block under way, and the head or the trailers that it makes.
type block struct {
	next *block // in the factory's list

	id      uint32
	purpose purpose
	end     bool // the stream ends with it
	regular bool // a field that is no pseudo-header field has been
	over    bool // beyond maxBytes: what follows is decoded and dropped
	size    int  // of the fields, 32 bytes more for each (RFC 9113 §6.5.2)
	raw     int  // bytes of the block itself
	limit   int  // of size
	begun   int64

	seen     pseudo
	status   int // of an answer
	cookies  int
	hosts    int
	lengths  int
	path     []byte
	host     []byte
	length   []byte
	priority priority
	prioritized,
	expect bool
	err *protocol.Error // what is wrong, the first of it

	fields   []protocol.RawField
	trailers protocol.Fields
	head     protocol.Head
}

// pseudo is the pseudo-header fields that have been.
type pseudo uint8

const (
	hasMethod pseudo = 1 << iota
	hasScheme
	hasPath
	hasAuthority
	hasProtocol
	hasStatus
)

// reset makes b ready for another block. It keeps the memory of the fields.
func (b *block) reset() {
	clear(b.fields)
	*b = block{fields: b.fields[:0]}
}

// view is the bytes of s, which are not to be changed. The strings of the decoder
// are never changed either, so a view holds as long as somebody has it.
func view(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// onField takes a field from the decoder.
func (c *Conn) onField(f hpack.HeaderField) {
	b := c.block
	b.size += len(f.Name) + len(f.Value) + 32
	if b.size > b.limit {
		b.over = true
		c.dec.SetEmitEnabled(false)
		return
	}
	switch {
	case b.purpose == forNobody || b.err != nil:
	case len(f.Name) > 0 && f.Name[0] == ':':
		b.err = b.notePseudo(f.Name, f.Value)
	default:
		b.regular = true
		b.err = b.noteField(f.Name, f.Value)
	}
}

// notePseudo takes a pseudo-header field (RFC 9113 §8.3).
func (b *block) notePseudo(name, value string) *protocol.Error {
	if b.regular || b.purpose == forTrailers {
		return errPseudoOrder
	}
	if !protocol.IsValue(value) {
		return errValue
	}
	if b.purpose == forAnswer {
		return b.noteStatus(name, value)
	}
	var which pseudo
	switch name {
	case ":method":
		which = hasMethod
		b.head.Method = value
	case ":scheme":
		which = hasScheme
		b.head.Scheme = view(value)
	case ":path":
		which = hasPath
		b.path = view(value)
	case ":authority":
		which = hasAuthority
		b.head.Authority = view(value)
	case ":protocol":
		which = hasProtocol
		b.head.Protocol = view(value)
	default:
		return errPseudoUnknown
	}
	if b.seen&which != 0 {
		return errPseudoTwice
	}
	b.seen |= which
	return nil
}

// noteStatus takes the one pseudo-header field of an answer (RFC 9113 §8.3.2).
func (b *block) noteStatus(name, value string) *protocol.Error {
	switch {
	case name != ":status":
		return errPseudoUnknown
	case b.seen != 0:
		return errPseudoTwice
	}
	n, ok, _ := parseLength([]byte(value))
	if !ok || len(value) != 3 || n < 100 {
		return errStatus
	}
	b.seen, b.status = hasStatus, int(n)
	return nil
}

// noteField takes a field.
func (b *block) noteField(name, value string) *protocol.Error {
	if !isLowerToken(name) {
		return errName
	}
	if !protocol.IsValue(value) {
		return errValue
	}
	if err := b.noteOwn(name, value); err != nil {
		return err
	}
	if b.purpose == forTrailers {
		return b.noteTrailer(name, value)
	}
	b.fields = append(b.fields, protocol.RawField{Name: view(name), Value: view(value)})
	return nil
}

// isLowerToken tells whether s is a token without capitals (RFC 9113 §8.2.1).
func isLowerToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-'a' > 'z'-'a' && c != '-' && (c-'A' <= 'Z'-'A' || !protocol.IsTokenByte(c)) {
			return false
		}
	}
	return len(s) > 0
}

// noteOwn takes in a field if it is one of those that concern the message itself.
func (b *block) noteOwn(name, value string) *protocol.Error {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return errConnectionField // RFC 9113 §8.2.2
	case "content-length":
		b.lengths++
		b.length = view(value)
	}
	if b.purpose == forAnswer {
		return nil
	}
	switch name {
	case "te":
		if !protocol.EqualFold(value, "trailers") {
			return errTE
		}
	case "host":
		b.hosts++
		b.host = view(value)
	case "cookie":
		b.cookies++
	case "expect":
		if !protocol.EqualFold(value, "100-continue") {
			return errExpectation
		}
		b.expect = true
	case "priority":
		b.priority, b.prioritized = parsePriority(view(value)), true
	}
	return nil
}

// noteTrailer takes a trailer field (RFC 9110 §6.5.1).
func (b *block) noteTrailer(name, value string) *protocol.Error {
	switch protocol.JudgeTrailer(name) {
	case protocol.TrailerFraming:
		return errTrailerFraming
	case protocol.TrailerGood:
		b.trailers = append(b.trailers, protocol.Field{Name: name, Value: value})
	}
	return nil
}
