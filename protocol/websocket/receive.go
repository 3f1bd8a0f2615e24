package websocket

import (
	"slices"

	"github.com/gobwas/ws"
)

// This file takes apart what comes. A message in one frame that has come whole, the
// usual case, is unmasked into the scratch space of the loop and given away from there;
// what has come in part waits in an inbound.

// inbound is what a connection has received in part.
type inbound struct {
	next *inbound // in the Factory's list

	head     [maxHead]byte
	headLen  uint8
	inFrame  bool // frame is under way
	text     bool // the message is
	deflated bool // the message is
	partial  bool // a message is under way
	frame    ws.Header
	got      int64  // of its payload
	message  []byte // what has come of the message
	checked  int    // how much of it is known to be UTF-8
	control  []byte // what has come of a control frame
	rest     []byte // what comes behind, while nothing may be received
	counted  int    // bytes of message and rest in Factory.partial
}

// idle tells whether nothing has come in part.
func (in *inbound) idle() bool {
	return in.headLen == 0 && !in.inFrame && !in.partial && len(in.rest) == 0
}

// DataReceived takes bytes. See reactor.Protocol.
func (c *Conn) DataReceived(data []byte) {
	c.flags |= heard
	if c.flags&holding != 0 {
		c.hold(data)
		return
	}
	c.receive(data)
}

// receive takes data apart, frame by frame, until something is against it.
func (c *Conn) receive(data []byte) {
	for len(data) > 0 {
		switch {
		case c.state >= stateOver:
			return
		case c.state == stateOpen && (c.flags&(paused|choked) != 0 || c.t.Buffered() > c.f.set.MaxQueuedBytes):
			c.hold(data)
			return
		}
		var err *failure
		if data, err = c.step(data); err != nil {
			c.fail(err)
			return
		}
	}
	if c.in != nil && c.in.idle() {
		c.f.giveBack(c.in)
		c.in = nil
	}
}

// step takes a part of a frame, at most one, and returns what is behind it.
func (c *Conn) step(data []byte) (rest []byte, err *failure) {
	in := c.in
	if in != nil && in.inFrame {
		return c.payload(data)
	}
	var h ws.Header
	var n int
	if in == nil || in.headLen == 0 {
		h, n, err = parseHead(data)
	} else {
		had := int(in.headLen)
		have := had + copy(in.head[had:], data)
		if h, n, err = parseHead(in.head[:have]); n > 0 {
			n -= had
		}
	}
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		in = c.lend()
		in.headLen += uint8(copy(in.head[in.headLen:], data))
		return nil, nil
	}
	return c.begin(h, data[n:])
}

// lend is the inbound of the connection.
func (c *Conn) lend() *inbound {
	if c.in == nil {
		c.in = c.f.borrow()
	}
	return c.in
}

// begin begins a frame whose payload comes next.
func (c *Conn) begin(h ws.Header, data []byte) (rest []byte, err *failure) {
	under := ws.State(0)
	if c.in != nil {
		c.in.headLen = 0
		if c.in.partial {
			under = ws.StateFragmented
		}
	}
	if err = checkHead(&h, under, c.terms.on); err != nil {
		return nil, err
	}
	if !h.OpCode.IsControl() && h.Length > c.f.set.MaxFrameBytes {
		return nil, errFrameTooBig
	}
	whole := int64(len(data)) >= h.Length
	switch {
	case whole && h.OpCode.IsControl():
		return data[h.Length:], c.controlReceived(h.OpCode, c.unmask(data[:h.Length], h.Mask))
	case whole && h.Fin && h.OpCode != ws.OpContinuation:
		if h.Length > c.f.set.MaxMessageBytes {
			return nil, errTooBig
		}
		return data[h.Length:], c.complete(c.unmask(data[:h.Length], h.Mask), h.OpCode == ws.OpText, h.Rsv != 0, 0)
	}
	return c.beginPart(h, data)
}

// unmask is payload in the clear, in the scratch space of the loop.
func (c *Conn) unmask(payload []byte, mask [4]byte) []byte {
	f := c.f
	if cap(f.scratch) > maxScratch {
		f.scratch = nil
	}
	f.scratch = slices.Grow(f.scratch[:0], len(payload)+len(inflateTail))
	f.scratch = appendUnmasked(f.scratch, payload, mask, 0)
	return f.scratch
}

// beginPart begins a frame that has not come whole, or is a part of a message.
func (c *Conn) beginPart(h ws.Header, data []byte) (rest []byte, err *failure) {
	in := c.lend()
	in.frame, in.inFrame, in.got = h, true, 0
	if !h.OpCode.IsControl() {
		if h.OpCode != ws.OpContinuation {
			in.partial, in.text, in.deflated = true, h.OpCode == ws.OpText, h.Rsv != 0
			in.checked = 0
		}
		if int64(len(in.message))+h.Length > c.f.set.MaxMessageBytes {
			return nil, errTooBig
		}
	}
	return c.payload(data)
}

// payload takes what has come of the payload of the frame under way.
func (c *Conn) payload(data []byte) (rest []byte, err *failure) {
	in := c.in
	n := min(in.frame.Length-in.got, int64(len(data)))
	data, rest = data[:n], data[n:]
	if in.frame.OpCode.IsControl() {
		in.control = appendUnmasked(in.control, data, in.frame.Mask, in.got)
	} else if err = c.collect(data); err != nil {
		return nil, err
	}
	in.got += n
	if in.got < in.frame.Length {
		return rest, nil
	}
	in.inFrame = false
	switch {
	case in.frame.OpCode.IsControl():
		payload := in.control
		in.control = in.control[:0]
		return rest, c.controlReceived(in.frame.OpCode, payload)
	case in.frame.Fin:
		return rest, c.collected()
	}
	return rest, nil
}

// collect takes a piece of a message.
func (c *Conn) collect(data []byte) *failure {
	in, f := c.in, c.f
	f.partial += int64(len(data))
	in.counted += len(data)
	if f.partial > f.set.MaxPartialBytes {
		return errTooMuch
	}
	if in.message == nil {
		in.message = make([]byte, 0, max(firstBuffer, min(int(in.frame.Length), maxSpare)))
	}
	in.message = appendUnmasked(in.message, data, in.frame.Mask, in.got)
	if in.text && !in.deflated {
		n, ok := checkUTF8(in.message[in.checked:])
		if !ok {
			return errNotUTF8
		}
		in.checked += n
	}
	return nil
}

// collected gives a message away that has come in parts.
func (c *Conn) collected() *failure {
	in := c.in
	message := in.message
	in.message = nil // a handler that fails leaves it to nobody
	in.partial = false
	err := c.complete(message, in.text, in.deflated, in.checked)
	c.f.partial -= int64(in.counted - len(in.rest))
	in.counted = len(in.rest)
	if cap(message) <= maxSpare {
		in.message = message[:0]
	}
	return err
}

// complete gives a message away. checked is how much of a text is known to be UTF-8.
func (c *Conn) complete(message []byte, text, deflated bool, checked int) (err *failure) {
	if deflated {
		if message, err = c.inflate(message); err != nil {
			return err
		}
	}
	kind := Binary
	if text {
		kind = Text
		if n, ok := checkUTF8(message[checked:]); !ok || checked+n < len(message) {
			return errNotUTF8
		}
	}
	if c.state == stateOpen {
		c.flags |= busy
		c.h.MessageReceived(c, kind, message)
	}
	return nil
}

// inflate undoes the compression of a message.
func (c *Conn) inflate(message []byte) ([]byte, *failure) {
	if c.terms.inKeep == 0 {
		return c.f.inflate(nil, message)
	}
	plain, err := c.f.inflate(c.context.in, message)
	if err == nil {
		c.context.in = slide(c.context.in, plain, c.terms.inKeep)
	}
	return plain, err
}

// controlReceived deals with a control frame. RFC 6455 §5.5.
func (c *Conn) controlReceived(op ws.OpCode, payload []byte) *failure {
	switch op {
	case ws.OpPing:
		if c.state == stateOpen {
			c.write(ws.OpPong, false, payload)
		}
	case ws.OpClose:
		return c.closeReceived(payload)
	}
	return nil // a pong, asked for or not: it was heard
}

// hold keeps data until receiving may go on.
func (c *Conn) hold(data []byte) {
	in := c.lend()
	in.rest = append(in.rest, data...)
	in.counted += len(data)
	c.f.partial += int64(len(data))
	c.flags |= holding
	c.t.PauseReading()
	if c.flags&(paused|choked) == 0 {
		c.goOnLater()
	}
}

// goOnLater has goOn called in a later turn.
func (c *Conn) goOnLater() {
	if c.flags&waiting == 0 {
		c.flags |= waiting
		c.t.Loop().CallLater(0, c.goOn)
	}
}

// goOn receives what was held.
func (c *Conn) goOn() {
	c.flags &^= waiting
	if c.state == stateLost || c.flags&(paused|choked) != 0 || c.flags&holding == 0 {
		return
	}
	in := c.in
	rest := in.rest
	in.rest = nil
	in.counted -= len(rest)
	c.f.partial -= int64(len(rest))
	c.flags &^= holding
	c.receive(rest)
	if c.flags&(holding|paused|choked) == 0 && c.state != stateLost {
		c.t.ResumeReading()
	}
}
