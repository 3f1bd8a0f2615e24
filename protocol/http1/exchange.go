package http1

import (
	"crypto/tls"
	"os"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the side of a Channel that its Receiver sees. What is called here
// from inside a callback of the channel's takes effect there; what is called
// later re-enters by post.

// Respond answers whole. It allocates nothing.
func (c *Channel) Respond(status int, fields protocol.Fields, body []byte) {
	if c.answer != answerHead {
		return
	}
	c.enterLate()
	if c.moreContent() && c.tooMuchLeft() {
		c.flags |= closing
	}
	b := c.head(status, fields, int64(len(body)))
	body = body[:c.promised] // a 205 has none
	switch {
	case c.answer != answerLength:
		c.send(b)
	case len(body) <= cap(b)-len(b):
		c.send(append(b, body...))
	case len(body) <= copiedAtMost:
		c.send(b)
		c.send(body)
	default:
		c.send(b)
		c.sendShared(body)
	}
	c.over()
}

// WriteHead starts an answer.
func (c *Channel) WriteHead(status int, fields protocol.Fields, length int64) {
	if c.answer != answerHead {
		return
	}
	c.enterLate()
	c.send(c.head(status, fields, length))
	c.settleLate()
}

// WriteInformational sends a 1xx answer.
func (c *Channel) WriteInformational(status int, fields protocol.Fields) {
	if c.answer != answerHead || c.is(http10) || status < 100 || status > 199 || status == 101 {
		return
	}
	if status == 100 {
		c.Continue()
		return
	}
	c.enterLate()
	b := appendStatusLine(c.t.AvailableBuffer(), status)
	for i := range fields {
		b = appendField(b, fields[i].Name, fields[i].Value)
	}
	c.send(append(b, "\r\n"...))
	c.settleLate()
}

// Continue sends 100 (Continue) if the client waits for it.
func (c *Channel) Continue() {
	if c.answer != answerHead || !c.is(waits) {
		return
	}
	c.enterLate()
	c.flags &^= waits
	c.send(append(c.t.AvailableBuffer(), "HTTP/1.1 100 Continue\r\n\r\n"...))
	c.settleLate()
}

// Write sends content.
func (c *Channel) Write(data []byte) { c.write(data, false) }

// WriteShared sends content without a copy.
func (c *Channel) WriteShared(data []byte) { c.write(data, true) }

func (c *Channel) write(data []byte, shared bool) {
	n := c.admit(int64(len(data)))
	if n == 0 {
		if len(data) > 0 {
			c.askAgain()
		}
		return
	}
	data = data[:n]
	c.enterLate()
	c.openChunk(n)
	if shared {
		c.sendShared(data)
	} else {
		c.send(data)
	}
	c.closeChunk()
	c.settleLate()
}

// SendFile sends a part of f as content.
func (c *Channel) SendFile(f *os.File, off, n int64, done func(err error)) {
	if c.answer == answerNone {
		return
	}
	n = c.admit(max(n, 0))
	if n == 0 {
		if done = c.unlessLost(done); done != nil {
			c.f.loop.CallLater(0, func() { done(nil) })
		}
		return
	}
	c.enterLate()
	c.openChunk(n)
	c.queued += n
	c.flags |= wrote
	c.t.SendFile(f, off, n, c.unlessLost(done))
	c.closeChunk()
	c.settleLate()
}

// unlessLost is done as it is called while the connection is there.
func (c *Channel) unlessLost(done func(err error)) func(err error) {
	if done == nil {
		return nil
	}
	return func(err error) {
		if c.link.On() != nil {
			done(err)
		}
	}
}

// admit is how much of n bytes of content may be sent now.
func (c *Channel) admit(n int64) int64 {
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
	case answerChunked, answerClose:
		return n
	}
	return 0
}

// askAgain has a pull producer asked again whose content was dropped: the
// transport has seen nothing of it, and would wait for it.
func (c *Channel) askAgain() {
	if _, push := c.producer.(reactor.PushProducer); c.producer != nil && !push {
		c.t.UnregisterProducer()
		c.t.RegisterProducer(c.producer)
	}
}

// openChunk and closeChunk stand around content, of n bytes, that is chunked.
func (c *Channel) openChunk(n int64) {
	if c.answer == answerChunked {
		c.send(appendChunk(c.t.AvailableBuffer(), int(n)))
	}
}

func (c *Channel) closeChunk() {
	if c.answer == answerChunked {
		c.send(append(c.t.AvailableBuffer(), "\r\n"...))
	}
}

// Finish ends the answer. One whose content is shorter than promised ends the
// connection, so that the client can see it.
func (c *Channel) Finish(trailers protocol.Fields) {
	switch c.answer {
	case answerNone:
		return
	case answerHead:
		c.complain("the answer was finished before it was begun")
		c.Respond(500, nil, nil)
		return
	}
	c.enterLate()
	switch c.answer {
	case answerLength:
		if c.promised > 0 {
			c.complain("less content was written than was promised")
			c.flags |= closing
		}
	case answerChunked:
		c.send(appendLastChunk(c.t.AvailableBuffer(), trailers))
	}
	c.over()
}

// Abort resets the connection.
func (c *Channel) Abort(error) {
	if c.answer != answerNone {
		c.enterLate()
		c.endExchange()
		c.abort()
		c.settleLate()
	}
}

// over goes on after the answer is done.
func (c *Channel) over() {
	if c.is(switching) {
		c.flags |= closing // nobody was there to switch to
	}
	c.endExchange()
	switch {
	case c.is(closing):
		c.state = stateClosing
	case !c.moreContent():
		c.state = c.afterExchange()
	case c.tooMuchLeft():
		c.state = stateClosing
	default:
		c.state = stateDiscard
		if c.dec != nil {
			c.left = c.f.set.MaxDiscardBytes
		}
	}
	if c.is(running) {
		return
	}
	if c.in != nil && c.state != stateClosing {
		c.post()
	}
	c.conclude(len(c.unread()))
	c.settle()
}

// endExchange forgets the Receiver, and a producer that it has left.
func (c *Channel) endExchange() {
	if c.producer != nil {
		c.t.UnregisterProducer()
		c.f.loop.CallLater(0, c.producer.StopProducing)
	}
	c.rcv, c.producer, c.answer = nil, nil, answerNone
	c.flags &^= exchangeFlags
}

// moreContent tells whether content of the request is still to come.
func (c *Channel) moreContent() bool {
	return c.state == stateBody && (c.left > 0 || c.dec != nil)
}

// tooMuchLeft tells whether that is not worth being read for the sake of the
// connection. A client that was not told to go on may never send it.
func (c *Channel) tooMuchLeft() bool {
	return c.is(waits) || c.left > c.f.set.MaxDiscardBytes || c.f.set.MaxDiscardBytes == 0
}

// PauseBody stops the content.
func (c *Channel) PauseBody() {
	if c.answer != answerNone && c.state == stateBody {
		c.enterLate()
		c.flags |= pausedBody
		c.settleLate()
	}
}

// ResumeBody starts it again.
func (c *Channel) ResumeBody() {
	if c.answer == answerNone || !c.is(pausedBody) {
		return
	}
	c.flags &^= pausedBody
	if c.is(running) {
		return
	}
	c.enter()
	if c.in != nil || c.is(eof) {
		c.post()
	}
	c.settle()
}

// RegisterProducer makes p the producer of the content. It is the transport's
// own while the exchange lasts.
func (c *Channel) RegisterProducer(p reactor.Producer) {
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
func (c *Channel) UnregisterProducer() {
	if c.producer != nil {
		c.producer = nil
		c.t.UnregisterProducer()
	}
}

// Switch gives the connection to p.
func (c *Channel) Switch(p reactor.Protocol) {
	if c.answer == answerNone {
		return
	}
	if c.answer != answerEmpty || !c.is(switching) || c.state != stateAnswer {
		c.complain("the protocol was switched without a 101 or a 2xx to CONNECT, or before the content was read")
		c.Abort(nil)
		return
	}
	c.endExchange()
	c.state = stateSwitched
	if c.is(running) {
		c.f.switchTo = p
		return
	}
	c.handOver(p, c.unread())
}

// Hijack gives the connection to p without an answer. See protocol.Hijacker.
func (c *Channel) Hijack(p reactor.Protocol) bool {
	if c.answer == answerNone {
		return false
	}
	c.endExchange()
	c.state = stateSwitched
	if c.is(running) {
		c.f.switchTo = p
	} else {
		c.handOver(p, c.unread())
	}
	return true
}

// handOver makes p the protocol of the transport.
func (c *Channel) handOver(p reactor.Protocol, unread []byte) {
	if c.is(pausedRead) {
		c.flags &^= pausedRead
		c.t.ResumeReading()
	}
	c.t.Switch(p, unread)
	c.release()
}

// HeadSent tells whether the head of the answer is on its way.
func (c *Channel) HeadSent() bool { return c.answer != answerHead }

// Buffered is the number of bytes not yet with the kernel.
func (c *Channel) Buffered() int { return c.t.Buffered() }

// Peer is the address of the client.
func (c *Channel) Peer() reactor.Addr { return c.t.Peer() }

// Host is the address that the client has connected to.
func (c *Channel) Host() reactor.Addr { return c.t.Host() }

// Loop is where the connection lives.
func (c *Channel) Loop() reactor.Loop { return c.f.loop }

// TLS is the state of the connection, nil when it is not secure.
func (c *Channel) TLS() *tls.ConnectionState {
	if s, ok := c.t.(reactor.ConnectionStater); ok {
		return s.ConnectionState()
	}
	return nil
}

// enterLate and settleLate stand around what a Receiver does outside of a
// callback of the channel's.
func (c *Channel) enterLate() {
	if !c.is(running) {
		c.enter()
	}
}

func (c *Channel) settleLate() {
	if !c.is(running) {
		c.settle()
	}
}

// complain logs what a resource does wrong.
func (c *Channel) complain(text string) {
	c.f.set.Logger.Warn("http1: "+text, "peer", c.t.Peer().String())
}
