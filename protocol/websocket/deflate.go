package websocket

import (
	"bytes"
	"io"
	"slices"

	"github.com/gobwas/ws/wsflate"
	"github.com/klauspost/compress/flate"
)

// This file compresses and inflates messages with the coders of the loop. What a
// connection keeps between two messages is the context: the last bytes of what was
// sent and received, with which a coder begins.

// context is the windows of one connection.
type context struct {
	out, in []byte
}

// slide puts data behind window and returns its last bytes, 2 to the power of bits at
// most.
func slide(window, data []byte, bits uint8) []byte {
	size := 1 << bits
	if len(data) >= size {
		return append(window[:0], data[len(data)-size:]...)
	}
	if over := len(window) + len(data) - size; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	return append(window, data...)
}

// sink takes what a deflater writes.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// deflater is the coder for windows of one size.
type deflater struct {
	*wsflate.Writer
	core *deflateCore
}

// deflateCore is a flate.Writer that a wsflate.Writer resets with a context.
type deflateCore struct {
	*flate.Writer
	context []byte
}

func (d *deflateCore) Reset(w io.Writer) { d.ResetDict(w, d.context) }

func newDeflater(bits uint8, level int) *deflater {
	d := &deflater{core: new(deflateCore)}
	d.Writer = wsflate.NewWriter(io.Discard, func(w io.Writer) wsflate.Compressor {
		var err error
		if bits == maxBits {
			d.core.Writer, err = flate.NewWriter(w, level)
		} else {
			d.core.Writer, err = flate.NewWriterWindow(w, 1<<bits)
		}
		if err != nil {
			panic(err) // level and size were checked
		}
		return d.core
	})
	return d
}

// deflate compresses data as a message that begins with this context. The result is
// valid until the next call; nil when it would be no smaller.
func (f *Factory) deflate(bits uint8, context, data []byte) []byte {
	d := f.deflater[bits]
	if d == nil {
		d = newDeflater(bits, f.set.deflate.Level)
		f.deflater[bits] = d
	}
	if cap(f.deflated) > maxScratch {
		f.deflated = nil
	}
	f.deflated = f.deflated[:0]
	d.core.context = context
	d.Reset(&f.deflated)
	if _, err := d.Write(data); err != nil || d.Flush() != nil || len(f.deflated) >= len(data) {
		return nil
	}
	return f.deflated
}

// inflater is the decoder of a loop.
type inflater struct {
	flate io.ReadCloser
	src   bytes.Reader
}

// inflateTail ends what is inflated: what the compressor has left out, and an empty
// last block. RFC 7692 §7.2.2.
const inflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflate is the message whose compressed form is payload, which it may append to. It
// is valid until the next call.
func (f *Factory) inflate(context, payload []byte) ([]byte, *failure) {
	i := f.inflater
	if i == nil {
		i = new(inflater)
		i.flate = flate.NewReader(&i.src)
		f.inflater = i
	}
	i.src.Reset(append(payload, inflateTail...))
	if i.flate.(flate.Resetter).Reset(&i.src, context) != nil {
		return nil, errNotDeflate
	}
	out := f.inflated[:0]
	if cap(out) > maxScratch {
		out = nil
	}
	for {
		if len(out) == cap(out) {
			out = slices.Grow(out, max(firstBuffer, len(out)))
		}
		n, err := i.flate.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		f.inflated = out
		switch {
		case int64(len(out)) > f.set.MaxMessageBytes:
			return nil, errTooBig
		case err == io.EOF && i.atEnd():
			return out, nil
		case err != nil:
			return nil, errNotDeflate
		}
	}
}

// atEnd tells whether nothing of the payload is left: the tail is used up, or was not
// looked at because a block of the payload was marked as the last. Behind that there is
// one octet more. RFC 7692 §7.2.3.5.
func (i *inflater) atEnd() bool {
	left := i.src.Len() - len(inflateTail)
	return left == -len(inflateTail) || left == 0 || left == 1
}
