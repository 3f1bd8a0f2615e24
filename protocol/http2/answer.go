package http2

import (
	"strconv"

	"spindle/protocol"
)

// This file writes the heads of answers, and trailers.

// own is what the fields of an answer say of what is the stream's affair.
type own uint8

const (
	ownServer own = 1 << iota // there is a Server field
	ownDate                   // there is a Date field
	ownClose                  // Connection lists "close"
)

// appendHead appends the head of the answer, and sets s.answer to what its content
// is. length is -1 when it is not known.
func (s *Stream) appendHead(b []byte, status int, fields protocol.Fields, length int64) []byte {
	if status < 200 || status > 999 {
		s.complain("the answer had the impossible status " + strconv.Itoa(status))
		status, length = 500, 0
	}
	c := s.c
	own := lookAt(fields)
	s.answer = s.framing(status, &length)
	s.promised = 0
	if s.answer == answerLength {
		s.promised = length
	}
	var flags uint8
	if s.answer == answerEmpty && !s.is(switching) || s.answer == answerLength && length == 0 {
		flags = flagEndStream
		s.flags |= localEnded
	}
	start := len(b)
	b = appendFrame(b, 0, frameHeaders, flagEndHeaders|flags, s.id)
	e := c.encoder()
	b = e.begin(b)
	b = appendStatus(b, status)
	b = s.appendOwn(b, e, own)
	b = e.appendFields(b, fields)
	if length >= 0 && !s.is(switching) && !protocol.NoContent(status) {
		b = appendLength(b, length)
	}
	if own&ownClose != 0 {
		s.closing()
	}
	return c.endHeaders(b, start)
}

// closing ends the connection after the streams that are open, since an answer says
// "Connection: close".
func (s *Stream) closing() {
	if c := s.c; !c.is(draining) {
		c.flags |= closeAsked
		c.post()
	}
}

// framing decides what the content of an answer is (RFC 9110 §6.4.1).
func (s *Stream) framing(status int, length *int64) answer {
	tunnel := s.is(connect) && status/100 == 2
	if tunnel {
		s.flags |= switching
	}
	switch {
	case s.is(headMethod) || tunnel || protocol.NoContent(status):
		return answerEmpty
	case status == 205: // RFC 9110 §15.3.6
		*length = 0
		return answerLength
	case *length >= 0:
		return answerLength
	}
	return answerUnknown
}

// lookAt finds what concerns the stream among the fields.
func lookAt(fields protocol.Fields) (o own) {
	for i := range fields {
		switch name := fields[i].Name; len(name) {
		case 4:
			if protocol.EqualFold(name, "date") {
				o |= ownDate
			}
		case 6:
			if protocol.EqualFold(name, "server") {
				o |= ownServer
			}
		case 10:
			if protocol.EqualFold(name, "connection") && protocol.HasMember([]byte(fields[i].Value), "close") {
				o |= ownClose
			}
		}
	}
	return o
}

// isOwn tells whether the field of that name is written by the stream itself, or
// belongs to connections of HTTP/1 (RFC 9113 §8.2.2).
func isOwn(name string) bool {
	switch len(name) {
	case 7:
		return protocol.EqualFold(name, "upgrade")
	case 10:
		return protocol.EqualFold(name, "connection") || protocol.EqualFold(name, "keep-alive")
	case 14:
		return protocol.EqualFold(name, "content-length")
	case 16:
		return protocol.EqualFold(name, "proxy-connection")
	case 17:
		return protocol.EqualFold(name, "transfer-encoding")
	}
	return false
}

// appendOwn appends Server and Date where they are not among the fields.
func (s *Stream) appendOwn(b []byte, e *encoder, o own) []byte {
	f := s.f
	if o&ownServer == 0 && f.set.ServerName != "-" {
		b = e.append(b, "server", f.set.ServerName)
	}
	if o&ownDate == 0 {
		f.refresh()
		b = e.append(b, "date", f.date)
	}
	return b
}

// endHeaders writes the length of the header block that begins at start. One that
// is longer than a frame goes on in CONTINUATION.
func (c *Conn) endHeaders(b []byte, start int) []byte {
	n := len(b) - start - headerLen
	if n <= c.peerFrame {
		putLength(b[start:], n)
		return b
	}
	block := append([]byte(nil), b[start+headerLen:]...)
	b = b[:start+headerLen+copy(b[start+headerLen:], block[:c.peerFrame])]
	putLength(b[start:], c.peerFrame)
	b[start+4] &^= flagEndHeaders
	id := uint32(b[start+5])<<24 | uint32(b[start+6])<<16 | uint32(b[start+7])<<8 | uint32(b[start+8])
	for block = block[c.peerFrame:]; len(block) > 0; {
		n, flags := min(len(block), c.peerFrame), uint8(0)
		if n == len(block) {
			flags = flagEndHeaders
		}
		b = append(appendFrame(b, n, frameContinuation, flags, id), block[:n]...)
		block = block[n:]
	}
	return b
}

// appendInformational appends the head of a 1xx answer.
func (s *Stream) appendInformational(b []byte, status int, fields protocol.Fields) []byte {
	start := len(b)
	b = appendFrame(b, 0, frameHeaders, flagEndHeaders, s.id)
	e := s.c.encoder()
	b = e.begin(b)
	b = appendStatus(b, status)
	b = e.appendFields(b, fields)
	return s.c.endHeaders(b, start)
}

// appendTrailers appends the fields behind the content, which end the stream.
func (s *Stream) appendTrailers(b []byte, fields protocol.Fields) []byte {
	start := len(b)
	b = appendFrame(b, 0, frameHeaders, flagEndHeaders|flagEndStream, s.id)
	e := s.c.encoder()
	b = e.begin(b)
	for i := range fields {
		f := &fields[i]
		if protocol.JudgeTrailer(f.Name) == protocol.TrailerGood && protocol.CheckField(f.Name, f.Value) == nil {
			b = e.append(b, f.Name, f.Value)
		}
	}
	return s.c.endHeaders(b, start)
}
