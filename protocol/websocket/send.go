package websocket

import (
	"unsafe"

	"github.com/gobwas/ws"

	"spindle/protocol"
)

// This file sends. What is sent in one callback leaves in one system call when that
// callback ends.

// Send sends a copy of data as a message. What is Text must be UTF-8, which is not
// checked. After Close it does nothing.
func (c *Conn) Send(kind Kind, data []byte) {
	if c.state != stateOpen {
		return
	}
	c.flags |= busy
	op := ws.OpBinary
	if kind == Text {
		op = ws.OpText
	}
	if c.terms.on && len(data) >= c.f.set.deflate.MinBytes {
		if z := c.deflate(data); z != nil {
			c.write(op, true, z)
			c.keep(data)
			return
		}
	}
	c.write(op, false, data)
}

// SendText is Send for a string.
func (c *Conn) SendText(s string) { c.Send(Text, unsafe.Slice(unsafe.StringData(s), len(s))) }

// SendPrepared sends m, which many get: it is encoded, and compressed, once for all of
// the same terms.
func (c *Conn) SendPrepared(m *protocol.Message) {
	if c.state != stateOpen {
		return
	}
	c.flags |= busy
	key := formKey(0)
	if c.terms.on && len(m.Data) >= c.f.set.deflate.MinBytes {
		key = formKey(c.terms.outBits)
	}
	frame := m.Form(key)
	if frame == nil {
		frame = c.f.encode(m, key)
		m.SetForm(key, frame)
	}
	c.t.WriteShared(frame)
	if frame[0]&(rsv1<<4) != 0 {
		c.keep(m.Data)
	}
}

// formKey is the form of a protocol.Message: the bits of the window that it is
// compressed with, 0 when it is not.
type formKey uint8

// encode is m as a frame. What compression does not make smaller is not compressed.
func (f *Factory) encode(m *protocol.Message, key formKey) []byte {
	op, data, compressed := ws.OpText, m.Data, false
	if m.Binary {
		op = ws.OpBinary
	}
	if key != 0 {
		if z := f.deflate(uint8(key), nil, data); z != nil {
			data, compressed = z, true
		}
	}
	frame := make([]byte, 0, maxHead+len(data))
	return append(appendHead(frame, op, compressed, len(data)), data...)
}

// Ping sends a ping with data, 125 bytes at most; what is more is cut off. The answer
// is not told, but counts as a sign of life.
func (c *Conn) Ping(data []byte) {
	if c.state == stateOpen {
		c.write(ws.OpPing, false, data[:min(len(data), maxControl)])
	}
}

// write sends a frame.
func (c *Conn) write(op ws.OpCode, compressed bool, payload []byte) {
	b := appendHead(c.t.AvailableBuffer(), op, compressed, len(payload))
	if len(payload) <= cap(b)-len(b) {
		c.t.Write(append(b, payload...))
		return
	}
	c.t.Write(b)
	c.t.Write(payload)
}

// deflate is data compressed, nil when that would be no smaller.
func (c *Conn) deflate(data []byte) []byte {
	if c.terms.outKeep == 0 {
		return c.f.deflate(c.terms.outBits, nil, data)
	}
	return c.f.deflate(c.terms.outBits, c.context.out, data)
}

// keep makes data, which was sent compressed, the context of the next message. (What
// is sent uncompressed is no context. RFC 7692 §7.2.)
func (c *Conn) keep(data []byte) {
	if c.terms.outKeep != 0 {
		c.context.out = slide(c.context.out, data, c.terms.outKeep)
	}
}
