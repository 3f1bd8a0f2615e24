package cgi

import (
	"crypto/tls"
	"os"
	"strconv"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the side of a Conn that its Receiver sees. See protocol.Channel for what
// each method does.

// Respond answers whole.
func (c *Conn) Respond(status int, fields protocol.Fields, body []byte) {
	if c.answer != answerHead {
		return
	}
	b := c.head(status, fields, int64(len(body)))
	switch {
	case c.answer != answerLength:
		c.send(b)
	case len(body) <= 4<<10:
		c.send(append(b, body...))
	default:
		c.send(b)
		c.sendShared(body)
	}
	c.finish()
}

// WriteHead starts an answer.
func (c *Conn) WriteHead(status int, fields protocol.Fields, length int64) {
	if c.answer == answerHead {
		c.send(c.head(status, fields, length))
		c.settleLate()
	}
}

// head is the head of the answer. Server, Date and what is about the connection are the
// web server's affair.
func (c *Conn) head(status int, fields protocol.Fields, length int64) []byte {
	if status < 200 || status > 999 {
		c.complain("the answer had the impossible status " + strconv.Itoa(status))
		status, length = 500, 0
	}
	b := append(make([]byte, 0, 512), "Status: "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(append(b, ' '), protocol.StatusText(status)...), "\r\n"...)
	for i := range fields {
		if f := &fields[i]; !isOwn(f.Name) {
			b = append(append(append(b, f.Name...), ": "...), f.Value...)
			b = append(b, "\r\n"...)
		}
	}
	c.promised = max(length, 0)
	switch {
	case protocol.NoContent(status):
		c.answer, length = answerEmpty, -1
	case c.is(headMethod):
		c.answer = answerEmpty
	case length >= 0:
		c.answer = answerLength
	default:
		c.answer = answerOpen
	}
	if length >= 0 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), length, 10), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// isOwn tells whether a field is the web server's own affair. Status would be read as that
// of the answer.
func isOwn(name string) bool {
	switch len(name) {
	case 6:
		return protocol.EqualFold(name, "status")
	case 7:
		return protocol.EqualFold(name, "upgrade")
	case 10:
		return protocol.EqualFold(name, "connection") || protocol.EqualFold(name, "keep-alive")
	case 14:
		return protocol.EqualFold(name, "content-length")
	case 17:
		return protocol.EqualFold(name, "transfer-encoding")
	}
	return false
}

// WriteInformational does nothing: no web server passes it on.
func (c *Conn) WriteInformational(int, protocol.Fields) {}

// Continue does nothing: the web server has done it.
func (c *Conn) Continue() {}

// send writes a part of the answer, in pieces.
func (c *Conn) send(b []byte) {
	for len(b) > 0 {
		n := min(len(b), c.framing.Most())
		c.before(n)
		c.Send(b[:n])
		b = b[n:]
	}
}

// sendShared is send without a copy.
func (c *Conn) sendShared(b []byte) {
	for len(b) > 0 {
		n := min(len(b), c.framing.Most())
		c.before(n)
		c.sent += int64(n)
		c.t.WriteShared(b[:n:n])
		b = b[n:]
	}
}

// before writes what stands before a piece.
func (c *Conn) before(n int) {
	if b := c.framing.AppendBefore(c.t.AvailableBuffer(), n); len(b) > 0 {
		c.Send(b)
	}
}

// Write sends content.
func (c *Conn) Write(data []byte) { c.write(data, c.send) }

// WriteShared sends content without a copy.
func (c *Conn) WriteShared(data []byte) { c.write(data, c.sendShared) }

func (c *Conn) write(data []byte, send func([]byte)) {
	n := c.admit(int64(len(data)))
	if n == 0 {
		if len(data) > 0 {
			c.askAgain()
		}
		return
	}
	send(data[:n])
	c.settleLate()
}

// admit is how much of n bytes of content may be sent now.
func (c *Conn) admit(n int64) int64 {
	switch c.answer {
	case answerHead:
		c.complain("content was written before the head, and dropped")
	case answerLength:
		if n > c.promised {
			c.complain("more content was written than was promised, and dropped")
			n = c.promised
		}
		c.promised -= n
		return n
	case answerOpen:
		return n
	}
	return 0
}

// askAgain has a pull producer asked again whose content was dropped: the transport has
// seen nothing of it, and would wait for it.
func (c *Conn) askAgain() {
	if _, push := c.producer.(reactor.PushProducer); c.producer != nil && !push {
		c.t.UnregisterProducer()
		c.t.RegisterProducer(c.producer)
	}
}

// SendFile sends a part of f as content, one piece after the other.
func (c *Conn) SendFile(f *os.File, off, n int64, done func(err error)) {
	if c.answer == answerNone {
		return
	}
	tell := func(err error) {
		if done != nil && c.on != nil {
			done(err)
		}
	}
	if n = c.admit(max(n, 0)); n == 0 {
		c.f.loop.CallLater(0, func() { tell(nil) })
		return
	}
	for n > 0 {
		piece := min(n, int64(c.framing.Most()))
		c.before(int(piece))
		c.sent += piece
		var last func(error)
		if n -= piece; n == 0 {
			last = tell
		}
		c.t.SendFile(f, off, piece, last)
		off += piece
	}
	c.settleLate()
}

// Finish ends the answer.
func (c *Conn) Finish(protocol.Fields) {
	switch {
	case c.answer == answerNone:
	case c.answer == answerHead:
		c.complain("the answer was finished before it was begun")
		c.Respond(500, nil, nil)
	case c.answer == answerLength && c.promised > 0:
		c.complain("less content was written than was promised")
		c.Abort(nil)
	default:
		c.finish()
	}
}

// finish ends an answer that is whole. A connection that does not end with it goes on with
// the next request; content of this one that still comes is dropped by the Framing.
func (c *Conn) finish() {
	unread := (c.state == stateBody && c.left != 0 || c.framing.Pending()) && !c.is(eof)
	if b := c.framing.AppendEnd(c.t.AvailableBuffer()); len(b) > 0 {
		c.Send(b)
	}
	c.endExchange()
	switch {
	case c.framing.Keeps() && !c.f.draining && !c.is(eof):
		c.state = stateIdle
	case unread:
		c.state = stateRest
		c.t.LoseWriteConnection()
	default:
		c.state = stateEnd
		c.t.LoseConnection()
	}
	c.goOn()
	c.settleLate()
}

// endExchange forgets the Receiver, and a producer that it has left.
func (c *Conn) endExchange() {
	if c.producer != nil {
		c.t.UnregisterProducer()
		c.f.loop.CallLater(0, c.producer.StopProducing)
	}
	c.rcv, c.producer, c.answer = nil, nil, answerNone
	c.left, c.state = 0, stateIdle
	c.env.Reset()
}

// goOn reads on.
func (c *Conn) goOn() {
	if !c.is(pausedBody) {
		return
	}
	c.flags &^= pausedBody
	c.t.ResumeReading()
	if !c.is(running|posted) && (len(c.in) > 0 || c.is(eof)) {
		c.flags |= posted
		c.f.loop.CallLater(0, c.resume)
	}
}

// Abort gives the exchange up: the web server sees its connection reset, and so that the
// answer is cut.
func (c *Conn) Abort(error) {
	if c.answer != answerNone {
		c.endExchange()
		c.state = stateEnd
		c.t.AbortConnection()
	}
}

// PauseBody stops the content.
func (c *Conn) PauseBody() {
	if c.answer != answerNone && c.state == stateBody && !c.is(pausedBody) {
		c.flags |= pausedBody
		c.t.PauseReading()
		c.settleLate()
	}
}

// ResumeBody starts it again.
func (c *Conn) ResumeBody() {
	if c.answer != answerNone {
		c.goOn()
		c.settleLate()
	}
}

// RegisterProducer makes p the producer of the content. It is the transport's own while
// the exchange lasts.
func (c *Conn) RegisterProducer(p reactor.Producer) {
	if c.answer == answerNone {
		if c.f.loop != nil {
			c.f.loop.CallLater(0, p.StopProducing)
		}
		return
	}
	c.t.RegisterProducer(p)
	c.producer = p
}

// UnregisterProducer ends it.
func (c *Conn) UnregisterProducer() {
	if c.producer != nil {
		c.producer = nil
		c.t.UnregisterProducer()
	}
}

// Switch aborts: a gateway passes no other protocol on.
func (c *Conn) Switch(reactor.Protocol) {
	if c.answer != answerNone {
		c.complain("the protocol was switched, which a gateway can not")
		c.Abort(nil)
	}
}

// HeadSent tells whether the head of the answer is on its way.
func (c *Conn) HeadSent() bool { return c.answer != answerHead }

// Buffered is the number of bytes not yet with the kernel.
func (c *Conn) Buffered() int { return c.t.Buffered() }

// Peer is the client, as the web server tells; the web server itself when it does not.
func (c *Conn) Peer() reactor.Addr {
	if c.peer.IP.IsValid() {
		return c.peer
	}
	return c.t.Peer()
}

// Host is the address that the client has connected to, as the web server tells.
func (c *Conn) Host() reactor.Addr {
	if c.host.IP.IsValid() {
		return c.host
	}
	return c.t.Host()
}

// Loop is where the connection lives.
func (c *Conn) Loop() reactor.Loop { return c.f.loop }

// TLS is not nil when the web server says that the client's connection is secure.
func (c *Conn) TLS() *tls.ConnectionState { return c.secure }

// complain logs what a resource does wrong.
func (c *Conn) complain(text string) {
	c.f.set.Logger.Warn(c.f.name+": "+text, "peer", c.t.Peer().String())
}

func (c *Conn) settleLate() {
	if !c.is(running) {
		c.settle()
	}
}
