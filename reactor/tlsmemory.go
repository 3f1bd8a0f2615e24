package reactor

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// This file gives back what crypto/tls keeps of a connection's input: the buffer of
// its longest record, and that of its handshake, for as long as it lives. A browser's
// first message makes them 4 KiB, as much as all the rest of an idle connection; an
// upload makes them 16 KiB and more. There is no method for it. The buffers are found
// by name and type; an empty buffer is like a new one, so nothing changes but the
// memory. With a crypto/tls that has other fields nothing is given back.

// largestIdle is how large a buffer an idle connection may keep: what a request needs
// is not made anew for each.
const largestIdle = 2 << 10

// tlsFields are where a tls.Conn has them, 0 where they were not found.
var tlsFields = struct{ raw, hand, input uintptr }{
	raw:   fieldOf[bytes.Buffer]("rawInput"),
	hand:  fieldOf[bytes.Buffer]("hand"),
	input: fieldOf[bytes.Reader]("input"), // reads in rawInput
}

// fieldOf is the offset of a field of tls.Conn that has that name and is a T.
func fieldOf[T any](name string) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		return 0
	}
	return f.Offset
}

// trimTLS gives the buffers of c back, if they are empty and larger than most. The
// handshake is over, and the caller is the loop.
func trimTLS(c *tls.Conn, most int) {
	f := &tlsFields
	if f.raw == 0 || f.hand == 0 || f.input == 0 {
		return
	}
	raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), f.raw))
	hand := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), f.hand))
	input := (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c), f.input))
	if raw.Cap() > most && raw.Len() == 0 && input.Len() == 0 {
		*raw, *input = bytes.Buffer{}, bytes.Reader{}
	}
	if hand.Cap() > most && hand.Len() == 0 {
		*hand = bytes.Buffer{}
	}
}
