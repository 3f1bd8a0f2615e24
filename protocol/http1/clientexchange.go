package http1

import (
	"crypto/tls"
	"errors"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the side of a Client that who asks sees.

// Room is 1 while the connection is open and no exchange is in hand.
func (c *Client) Room() int {
	if c.state == clientIdle && c.rcv == nil && !c.is(cClosing|cEOF|cEnded) {
		return 1
	}
	return 0
}

// Busy is 1 while an exchange is in hand.
func (c *Client) Busy() int {
	if c.rcv != nil {
		return 1
	}
	return 0
}

// Reused tells whether an exchange has ended well.
func (c *Client) Reused() bool { return c.is(cReused) }

// Ended tells whether the connection is gone.
func (c *Client) Ended() bool { return c.is(cEnded) || c.state == clientGone }

// Watch names who is told of changes.
func (c *Client) Watch(w protocol.ClientWatcher) { c.watcher = w }

// Close ends the connection after the exchange in hand.
func (c *Client) Close() {
	c.flags |= cClosing
	if c.state == clientIdle && c.rcv == nil {
		c.state = clientGone
		c.t.LoseConnection()
	}
}

// Ask begins an exchange.
func (c *Client) Ask(h *protocol.RequestHead, r protocol.ClientReceiver) protocol.ClientChannel {
	if c.Room() == 0 {
		return nil
	}
	c.rcv, c.last = r, nil
	c.state = clientHead
	c.informational, c.stalled = 0, 0
	c.scan = headScan{}
	c.asked = asked{head: h.Method == "HEAD", connect: h.Method == "CONNECT", upgrade: h.Upgrade}
	c.promised = max(h.ContentLength, 0)
	switch {
	case h.ContentLength > 0:
		c.sending = answerLength
	case h.ContentLength < 0:
		c.sending = answerChunked
	default:
		c.sending = answerNone
	}
	c.t.Write(appendRequest(c.t.AvailableBuffer(), h))
	switch {
	case h.ExpectContinue && c.sending != answerNone:
		c.flags |= cWaiting
		c.extend(c.f.set.ContinueTimeout)
	case c.sending != answerNone:
		c.extend(c.f.set.WriteTimeout)
	default:
		c.extend(c.f.set.HeadTimeout)
	}
	c.watch()
	return c
}

// Write sends content.
func (c *Client) Write(data []byte) { c.write(data, false) }

// WriteShared sends content without a copy.
func (c *Client) WriteShared(data []byte) { c.write(data, true) }

func (c *Client) write(data []byte, shared bool) {
	if c.rcv == nil || c.sending == answerNone {
		return
	}
	if c.sending == answerLength {
		data = data[:min(int64(len(data)), c.promised)]
		c.promised -= int64(len(data))
	}
	if len(data) == 0 {
		return
	}
	if c.is(cWaiting) {
		c.held = append(c.held, data...)
		return
	}
	if c.state == clientHead {
		c.extend(c.f.set.WriteTimeout)
	}
	if c.sending == answerChunked {
		c.t.Write(appendChunk(c.t.AvailableBuffer(), len(data)))
	}
	if shared {
		c.t.WriteShared(data)
	} else {
		c.t.Write(data)
	}
	if c.sending == answerChunked {
		c.t.Write(append(c.t.AvailableBuffer(), "\r\n"...))
	}
}

// Finish ends the content of the request.
func (c *Client) Finish(trailers protocol.Fields) {
	switch {
	case c.rcv == nil || c.sending == answerNone:
		return
	case c.sending == answerLength && c.promised > 0:
		c.loseLater(&protocol.LostError{Reason: "less content was written than was promised"})
		return
	case c.is(cWaiting):
		c.flags |= cFinish
		return
	case c.sending == answerChunked:
		c.t.Write(appendLastChunk(c.t.AvailableBuffer(), trailers))
	}
	c.sending = answerNone
	if c.state == clientHead {
		c.extend(c.f.set.HeadTimeout)
	}
	c.settleLate()
}

// loseLater ends the exchange in the next turn: never from inside a call.
func (c *Client) loseLater(err *protocol.LostError) {
	rcv := c.rcv
	c.giveUp()
	c.t.Loop().CallLater(0, func() { rcv.ExchangeLost(err) })
}

// goOn sends the content that waited for 100 (Continue).
func (c *Client) goOn() {
	if !c.is(cWaiting) {
		return
	}
	c.flags &^= cWaiting
	if held := c.held; len(held) > 0 {
		c.held = nil
		c.promised += int64(len(held)) // they were counted when they came
		c.write(held, false)
	}
	if c.is(cFinish) {
		c.flags &^= cFinish
		c.Finish(nil)
		return
	}
	c.extend(c.f.set.WriteTimeout)
	if p := c.producer; p != nil {
		c.t.RegisterProducer(p)
		if push, ok := p.(reactor.PushProducer); ok {
			c.t.Loop().CallLater(0, push.ResumeProducing)
		}
	}
}

// Abort gives the exchange up.
func (c *Client) Abort(error) {
	if c.rcv != nil {
		c.giveUp()
	}
}

func (c *Client) giveUp() {
	c.endExchange()
	c.abandon()
}

// PauseBody stops the content of the answer.
func (c *Client) PauseBody() {
	if c.rcv != nil {
		c.flags |= cPaused
		c.settleLate()
	}
}

// ResumeBody starts it again.
func (c *Client) ResumeBody() {
	if !c.is(cPaused) {
		return
	}
	c.flags &^= cPaused
	c.extend(c.f.set.BodyTimeout)
	if !c.is(cRunning) {
		if len(c.in) > 0 || c.is(cEOF) {
			c.post()
		}
		c.settle()
	}
}

// settleLate ends what is not done inside a callback.
func (c *Client) settleLate() {
	if !c.is(cRunning) {
		c.settle()
	}
}

// RegisterProducer makes p the producer of the content of the request. While it waits for
// 100 (Continue) p is paused.
func (c *Client) RegisterProducer(p reactor.Producer) {
	if c.rcv == nil || c.sending == answerNone {
		if c.t != nil {
			c.t.Loop().CallLater(0, p.StopProducing)
		}
		return
	}
	if c.producer != nil {
		panic("http1: RegisterProducer: there is a producer already; unregister it first")
	}
	c.producer = p
	if !c.is(cWaiting) {
		c.t.RegisterProducer(p)
		return
	}
	if push, ok := p.(reactor.PushProducer); ok {
		c.t.Loop().CallLater(0, func() {
			if c.is(cWaiting) && c.producer == p {
				push.PauseProducing()
			}
		})
	}
}

// UnregisterProducer ends it.
func (c *Client) UnregisterProducer() {
	if c.producer != nil {
		c.producer = nil
		if !c.is(cWaiting) {
			c.t.UnregisterProducer()
		}
	}
}

// Switch gives the connection to p.
func (c *Client) Switch(p reactor.Protocol) {
	if c.rcv == nil {
		return
	}
	if c.state != clientSwitch || c.sending != answerNone {
		c.Abort(errors.New("http1: the protocol was switched before the server agreed"))
		return
	}
	c.endExchange()
	if c.is(cRunning) {
		c.switchTo = p
		return
	}
	c.handOver(p, c.in)
}

// Buffered is the number of bytes not yet with the kernel.
func (c *Client) Buffered() int { return c.t.Buffered() + len(c.held) }

// Peer is the address of the server.
func (c *Client) Peer() reactor.Addr { return c.t.Peer() }

// Host is the address of our end.
func (c *Client) Host() reactor.Addr { return c.t.Host() }

// Loop is where the connection lives. Any goroutine.
func (c *Client) Loop() reactor.Loop { return c.t.Loop() }

// TLS is the state of the connection, nil when it is not secure.
func (c *Client) TLS() *tls.ConnectionState {
	if s, ok := c.t.(reactor.ConnectionStater); ok {
		return s.ConnectionState()
	}
	return nil
}
