package http1

import "spindle/protocol"

// This file ends connections: with a refusal, with a time during which what the
// client goes on sending is read and dropped, so that it gets to see the answer
// and not a reset (RFC 9112 §9.6), or at once.

// refuse answers a head, or a connection, that does not get as far as the
// server. received is what there is of it.
func (c *Channel) refuse(e *protocol.Error, received []byte) {
	c.f.refused++
	c.f.server.HeadRefused(c.t.Peer(), e, received[:min(len(received), loggedBytes)])
	c.scan = headScan{}
	if e.Status == 0 {
		c.lose()
		return
	}
	if len(received) >= 5 && string(received[:5]) == "HEAD " {
		c.flags |= headMethod
	}
	c.sendRefusal(e)
	if e == errFull { // no place to linger
		c.lose()
		return
	}
	c.linger()
}

// fail ends the exchange in hand because its content can not be read. It is
// answered if it has not been; else the client sees that the answer is cut.
func (c *Channel) fail(e *protocol.Error) {
	rcv, answered := c.rcv, c.answer != answerHead
	open := c.answer != answerNone
	method := c.flags & headMethod
	c.endExchange()
	c.flags |= method
	switch {
	case !open:
		c.linger()
	case answered:
		c.abort()
	default:
		c.sendRefusal(e)
		c.linger()
	}
	if open {
		rcv.ConnectionLost(e)
	}
}

// sendRefusal writes the whole answer to a request that is refused.
func (c *Channel) sendRefusal(e *protocol.Error) {
	c.flags |= closing
	text := protocol.StatusText(e.Status)
	body := make([]byte, 0, 160)
	body = append(body, text...)
	body = append(body, ": "...)
	body = append(body, e.Reason...)
	body = append(body, '\n')
	fields := protocol.Fields{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	b := c.head(e.Status, fields, int64(len(body)))
	if !c.is(headMethod) {
		b = append(b, body...)
	}
	c.send(b)
	c.answer = answerNone
}

// linger closes our half, and reads and drops for a while what still comes.
func (c *Channel) linger() {
	if c.is(eof) || c.f.set.LingerTimeout == 0 || c.f.set.MaxLingerBytes == 0 {
		c.lose()
		return
	}
	c.unblock()
	c.giveBufferLater()
	c.giveDecoder()
	c.state = stateLinger
	c.left = c.f.set.MaxLingerBytes
	c.t.LoseWriteConnection()
}

// giveBufferLater gives the buffer back unless run is at work on it, which then
// does so itself.
func (c *Channel) giveBufferLater() {
	if !c.is(running) {
		c.giveBuffer()
	}
}

// stepLinger drops data.
func (c *Channel) stepLinger(data []byte) int {
	if c.left -= int64(len(data)); c.left < 0 {
		c.lose()
	}
	return len(data)
}

// lose closes the connection when everything is delivered.
func (c *Channel) lose() {
	if c.state >= stateSwitched {
		return
	}
	c.unblock()
	c.giveBufferLater()
	c.giveDecoder()
	c.state = stateClosed
	c.t.LoseConnection()
}

// abort ends the connection at once. A Receiver is told by ConnectionLost.
func (c *Channel) abort() {
	if c.state == stateSwitched {
		return
	}
	c.state = stateClosed
	c.t.AbortConnection()
}
