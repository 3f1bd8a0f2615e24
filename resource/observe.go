package resource

import (
	"os"

	"spindle/protocol"
	"spindle/reactor"
)

// This file lets somebody see an exchange go by, as it is, without changing anything of it
// or holding it up: who wants to change it is a Filter.

// Observer sees the content of one exchange. Its methods are called on the loop, and may
// call nothing of the Request that answers it.
type Observer interface {
	// ContentReceived sees a piece of the content of the request. p is valid until return.
	ContentReceived(p []byte)
	// AnswerBegun sees the head of the answer. fields are valid until return. An answer by
	// a protocol that was switched to, or that had no head, has none.
	AnswerBegun(status int, fields protocol.Fields)
	// ContentSent sees a piece of the content of the answer. p is valid until return.
	ContentSent(p []byte)
	// FileSent tells of n bytes of content that come from a file, and are not seen.
	FileSent(n int64)
}

// SwitchObserver is an Observer that also sees the connection given to another protocol.
type SwitchObserver interface {
	Observer
	// Switched is given the protocol that takes the connection, and returns the one that
	// does: p itself, or one that stands before p and passes everything on.
	Switched(p reactor.Protocol) reactor.Protocol
}

// OriginObserver is an Observer that also hears what the answer was before who passed it on
// made it right: an application behind a proxy, or in a worker.
type OriginObserver interface {
	Observer
	// OriginHead sees the head as it came, with the fields of the connection. h is valid
	// until return.
	OriginHead(h *protocol.ResponseHead)
	// OriginFault hears of a fault that can not be seen any more, also after the end of the
	// exchange.
	OriginFault(f protocol.Fault)
}

// Origin is who is to hear what an answer was before it is made right; nil for nobody.
func (r *Request) Origin() OriginObserver {
	o, _ := r.observer.(OriginObserver)
	return o
}

// Observe has o see the exchange; a second call replaces who sees the content of the
// request. To be called before the answer is begun, in a Pass most often. Where there is a
// Filter, who was added later sees the answer earlier.
func (r *Request) Observe(o Observer) {
	if r.tooLate() {
		return
	}
	r.observer = o
	r.look(o)
}

// look has o see the answer.
func (r *Request) look(o Observer) {
	seen := &observed{Channel: r.ch, o: o}
	if h, ok := r.ch.(protocol.Hijacker); ok {
		r.ch = &observedConn{seen, h}
		return
	}
	r.ch = seen
}

// observed is a Channel that an Observer looks at.
type observed struct {
	protocol.Channel
	o Observer
}

// Respond answers whole.
func (c *observed) Respond(status int, fields protocol.Fields, body []byte) {
	if !c.HeadSent() {
		c.o.AnswerBegun(status, fields)
		c.o.ContentSent(body)
	}
	c.Channel.Respond(status, fields, body)
}

// WriteHead starts an answer.
func (c *observed) WriteHead(status int, fields protocol.Fields, length int64) {
	if !c.HeadSent() {
		c.o.AnswerBegun(status, fields)
	}
	c.Channel.WriteHead(status, fields, length)
}

// Write sends data.
func (c *observed) Write(data []byte) {
	c.o.ContentSent(data)
	c.Channel.Write(data)
}

// WriteShared sends data.
func (c *observed) WriteShared(data []byte) {
	c.o.ContentSent(data)
	c.Channel.WriteShared(data)
}

// SendFile sends a piece of a file.
func (c *observed) SendFile(f *os.File, off, n int64, done func(err error)) {
	c.o.FileSent(n)
	c.Channel.SendFile(f, off, n, done)
}

// Switch gives the connection away.
func (c *observed) Switch(p reactor.Protocol) { c.Channel.Switch(c.switched(p)) }

// switched is what takes the connection in the place of p.
func (c *observed) switched(p reactor.Protocol) reactor.Protocol {
	if o, ok := c.o.(SwitchObserver); ok {
		return o.Switched(p)
	}
	return p
}

// observedConn is one whose connection can be given away.
type observedConn struct {
	*observed
	conn protocol.Hijacker
}

// Hijack gives the connection away without an answer.
func (c *observedConn) Hijack(p reactor.Protocol) bool { return c.conn.Hijack(c.switched(p)) }

var _ protocol.Hijacker = (*observedConn)(nil)
