package reactor

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// This file holds the receivers of strings that have their length before them:
// as decimal digits (netstrings) or as a number of one, two or four bytes.

// DefaultMaxStringLength bounds a received string, in bytes.
const DefaultMaxStringLength = 99999

// Strings is what the receivers of strings have in common; the fields are set
// before ConnectionMade. Loop only.
type Strings struct {
	Framing

	// MaxLength bounds a string that comes, in bytes; 0 means
	// DefaultMaxStringLength, negative means no bound.
	MaxLength int
	// OnString is called with each string. data is valid until return. nil
	// drops them.
	OnString func(data []byte)
	// OnBad is called when what comes can not be cut any more: with
	// ErrFrameTooLong, or ErrBadFrame for a malformed netstring. No string
	// follows. nil loses the connection.
	OnBad func(err error)
}

// bad ends the cutting.
func (s *Strings) bad(err error) bool {
	s.end()
	if s.OnBad == nil {
		s.LoseConnection()
	} else {
		s.OnBad(err)
	}
	return false
}

// deliver takes a frame of rest: a string of size bytes, what stands before it
// and what stands behind it.
func (s *Strings) deliver(before, size, behind int) bool {
	data := s.rest[before : before+size]
	s.rest = s.rest[before+size+behind:]
	if s.OnString != nil {
		s.OnString(data)
	}
	return true
}

// numbered delivers one string whose length is a big-endian number of width
// bytes.
func (s *Strings) numbered(width int) bool {
	if len(s.rest) < width {
		return false
	}
	var number [8]byte
	copy(number[8-width:], s.rest)
	size := binary.BigEndian.Uint64(number[:])
	if size > uint64(orLimit(s.MaxLength, DefaultMaxStringLength)) {
		return s.bad(ErrFrameTooLong)
	}
	return len(s.rest)-width >= int(size) && s.deliver(width, int(size), 0)
}

func (s *Strings) sendNumbered(width int, data []byte) error {
	if uint64(len(data)) >= 1<<(8*width) {
		return ErrFrameTooLong
	}
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(len(data)))
	s.Write(append(append(s.AvailableBuffer(), number[8-width:]...), data...))
	return nil
}

// Int8StringReceiver receives strings of up to 255 bytes, each behind its length
// in one byte.
type Int8StringReceiver struct{ Strings }

// DataReceived delivers the strings in data.
func (r *Int8StringReceiver) DataReceived(data []byte) {
	if r.step == nil {
		r.step = r.next
	}
	r.feed(data)
}

func (r *Int8StringReceiver) next() bool { return r.numbered(1) }

// SendString writes data behind its length. Nothing is written when it is longer
// than 255 bytes: that is ErrFrameTooLong.
func (r *Int8StringReceiver) SendString(data []byte) error { return r.sendNumbered(1, data) }

// Int16StringReceiver receives strings of up to 65,535 bytes, each behind its
// length in two bytes, the high one first.
type Int16StringReceiver struct{ Strings }

// DataReceived delivers the strings in data.
func (r *Int16StringReceiver) DataReceived(data []byte) {
	if r.step == nil {
		r.step = r.next
	}
	r.feed(data)
}

func (r *Int16StringReceiver) next() bool { return r.numbered(2) }

// SendString writes data behind its length. Nothing is written when it is longer
// than 65,535 bytes: that is ErrFrameTooLong.
func (r *Int16StringReceiver) SendString(data []byte) error { return r.sendNumbered(2, data) }

// Int32StringReceiver receives strings, each behind its length in four bytes,
// the highest one first.
type Int32StringReceiver struct{ Strings }

// DataReceived delivers the strings in data.
func (r *Int32StringReceiver) DataReceived(data []byte) {
	if r.step == nil {
		r.step = r.next
	}
	r.feed(data)
}

func (r *Int32StringReceiver) next() bool { return r.numbered(4) }

// SendString writes data behind its length. Nothing is written when it has 4 GiB
// or more: that is ErrFrameTooLong.
func (r *Int32StringReceiver) SendString(data []byte) error { return r.sendNumbered(4, data) }

// NetstringReceiver receives netstrings: "5:hello,".
type NetstringReceiver struct{ Strings }

// DataReceived delivers the strings in data.
func (r *NetstringReceiver) DataReceived(data []byte) {
	if r.step == nil {
		r.step = r.next
	}
	r.feed(data)
}

// SendString writes data as a netstring. It has the result of the other
// receivers' SendString, and never fails.
func (r *NetstringReceiver) SendString(data []byte) error {
	b := strconv.AppendInt(r.AvailableBuffer(), int64(len(data)), 10)
	r.Write(append(append(append(b, ':'), data...), ','))
	return nil
}

func (r *NetstringReceiver) next() bool {
	size, before, err := netstringLength(r.rest, orLimit(r.MaxLength, DefaultMaxStringLength))
	switch {
	case err != nil:
		return r.bad(err)
	case before == 0 || len(r.rest)-before <= size:
		return false
	case r.rest[before+size] != ',':
		return r.bad(ErrBadFrame)
	}
	return r.deliver(before, size, 1)
}

// netstringLength reads the length at the start of in: digits without leading
// zeros, and a colon. before is how long that is; 0 means that more is to come.
func netstringLength(in []byte, limit int) (size, before int, err error) {
	for i, c := range in {
		switch {
		case c == ':' && i > 0:
			return size, i + 1, nil
		case c < '0' || c > '9' || i > 0 && bytes.HasPrefix(in, []byte("0")):
			return 0, 0, ErrBadFrame
		}
		if size = size*10 + int(c-'0'); size > limit {
			return 0, 0, ErrFrameTooLong
		}
	}
	return 0, 0, nil
}

var (
	_ Protocol = (*Int8StringReceiver)(nil)
	_ Protocol = (*Int16StringReceiver)(nil)
	_ Protocol = (*Int32StringReceiver)(nil)
	_ Protocol = (*NetstringReceiver)(nil)
)
