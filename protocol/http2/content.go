package http2

import (
	"spindle/protocol"
)

// This file takes the content of requests, with flow control: what nobody has read
// yet is not given back to the window.

// beginData takes the header of a DATA frame (RFC 9113 §6.1), and the length of its
// padding. The content is taken as it comes, by stepData.
func (c *Conn) beginData(f frame, payload []byte) (int, *connError) {
	n, pad := headerLen, 0
	if f.has(flagPadded) {
		switch {
		case f.length == 0:
			return 0, errFrameSize
		case len(payload) == 0:
			return 0, nil
		case int(payload[0]) >= f.length:
			return 0, errPadding
		}
		pad = int(payload[0])
		n++
	}
	size := f.length - (n - headerLen) - pad
	if err := c.claim(f, size); err != nil {
		return 0, err
	}
	c.state = stateData
	c.dataLeft, c.padLeft = size, pad
	c.dataEnd = f.has(flagEndStream)
	c.giveBack(c.data, f.length-size) // padding is read by nobody
	if size == 0 && pad == 0 {
		c.endData()
	}
	return n, nil
}

// claim finds the stream of a DATA frame, and takes its length off the windows.
func (c *Conn) claim(f frame, size int) *connError {
	s := c.find(f.id)
	switch {
	case f.id == 0:
		return errOnZero
	case s == nil && c.isIdle(f.id):
		return errIdle
	case f.length > c.recv:
		return errWindowExceeded
	case s == nil && !c.mayLinger(f.id):
		return errClosedStream
	}
	c.recv -= f.length
	if s != nil {
		if err := c.claimStream(s, f, size); err != nil {
			return err
		}
		s = c.find(f.id)
	}
	c.data = s
	if size == 0 && !f.has(flagEndStream) {
		return c.annoyed(1)
	}
	return nil
}

// claimStream is claim for a stream that is open. It may end it.
func (c *Conn) claimStream(s *Stream, f frame, size int) *connError {
	switch {
	case c.client != nil && !s.is(answered):
		return c.malformed(s, errNoHead)
	case s.is(peerEnded):
		return c.streamError(s, codeStreamClosed, errStreamEnded)
	case f.length > s.recv:
		return c.streamError(s, codeFlowControl, errStreamWindow)
	case s.left >= 0 && int64(size) > s.left:
		return c.malformed(s, errLengthMismatch)
	}
	s.recv -= f.length
	if s.left > 0 {
		s.left -= int64(size)
	}
	return nil
}

// mayLinger tells whether frames may still come for a stream that is closed: we have reset
// it, or it came too late. As a client we let them pass always (RFC 9113 §5.1 leaves that
// open): nginx 1.22 sends an empty DATA frame behind the end of a stream.
func (c *Conn) mayLinger(id uint32) bool {
	return c.client != nil || c.wasReset(id) || c.isGone(id)
}

// isGone tells whether a stream came too late, after the last GOAWAY.
func (c *Conn) isGone(id uint32) bool { return c.is(finalSent) && id > c.goneID }

// stepData takes a piece of the DATA frame under way.
func (c *Conn) stepData(data []byte) int {
	n := min(len(data), c.dataLeft)
	if n > 0 {
		c.dataLeft -= n
		c.arrived(c.data, data[:n])
	}
	pad := min(len(data)-n, c.padLeft)
	c.padLeft -= pad
	if c.state == stateData && c.dataLeft == 0 && c.padLeft == 0 {
		c.endData()
	}
	return n + pad
}

// endData is the end of a DATA frame.
func (c *Conn) endData() {
	c.state = stateFrame
	s := c.data
	c.data = nil
	if s != nil && c.dataEnd {
		c.contentEnd(s, nil)
	}
}

// arrived takes content of s; nil when nobody wants it.
func (c *Conn) arrived(s *Stream, piece []byte) {
	switch {
	case s == nil:
		c.giveBack(nil, len(piece))
	case s.is(discarding):
		c.discard(s, len(piece))
	case s.is(pausedBody|held) || len(s.in) > 0: // and what is in goes before it
		s.gain(len(piece))
		s.in = append(s.in, piece...)
	default:
		s.gain(len(piece))
		c.deliver(s, piece)
	}
}

// deliver gives content to whom it is for.
func (c *Conn) deliver(s *Stream, piece []byte) {
	id := s.id
	s.flags &^= waits
	if s.tun != nil {
		if s.tun.state&tunnelLosing == 0 { // then nothing is read any more
			s.tun.proto.DataReceived(piece)
		}
	} else if s.rcv != nil {
		s.rcv.BodyReceived(piece)
	}
	if c.find(id) != s {
		s = nil
	}
	c.giveBack(s, len(piece))
}

// discard drops content that nobody wants any more. Of too much of it the client is
// told.
func (c *Conn) discard(s *Stream, n int) {
	if s.discarded += int64(n); s.discarded > c.f.set.MaxDiscardBytes {
		c.giveBack(nil, n)
		c.cutContent(s)
		return
	}
	c.giveBack(s, n)
}

// cutContent has the client stop sending content that nobody wants (RFC 9113 §8.1).
// The answer goes on to its end; what more comes is dropped.
func (c *Conn) cutContent(s *Stream) {
	if s.is(peerEnded) {
		return
	}
	if s.is(localEnded) {
		c.sendReset(s.id, codeNo)
		c.close(s)
	}
}

// giveBack returns n bytes to the windows of s and of the connection. It tells the
// client when that is worth a frame.
func (c *Conn) giveBack(s *Stream, n int) {
	if c.unacked += n; c.unacked >= c.f.set.ConnWindowBytes/2 {
		c.recv += c.unacked
		c.write(appendWindow(c.t.AvailableBuffer(), 0, c.unacked))
		c.unacked = 0
	}
	if s == nil || s.is(peerEnded) {
		return
	}
	s.unacked += n
	if s.unacked < c.f.set.StreamWindowBytes/2 || s.left >= 0 && s.left <= int64(s.recv) {
		return // the rest of the content has room already
	}
	s.recv += s.unacked
	c.write(appendWindow(c.t.AvailableBuffer(), s.id, s.unacked))
	s.unacked = 0
}

// contentEnd is the end of what the client sends on s.
func (c *Conn) contentEnd(s *Stream, trailers protocol.Fields) {
	s.flags |= peerEnded
	s.deadline = 0
	switch {
	case s.left > 0:
		c.note(c.malformed(s, errLengthMismatch))
	case s.is(localEnded) && s.is(finishing) && s.tun == nil && (c.client == nil || s.is(connect)):
		c.close(s)
	case s.is(discarding):
	case s.is(pausedBody|held) || len(s.in) > 0:
		s.flags |= endHeld
		s.trailers = trailers
	default:
		c.tellEnd(s, trailers)
	}
}

// note fails the connection if there is an error, where none can be returned.
func (c *Conn) note(err *connError) {
	if err != nil {
		c.fail(err)
	}
}

// tellEnd tells that the content is complete.
func (c *Conn) tellEnd(s *Stream, trailers protocol.Fields) {
	s.flags &^= waits
	switch {
	case s.tun != nil:
		s.tun.ended()
	case c.client != nil:
		c.client.finished(s, trailers)
	case s.rcv != nil && !s.is(noContent):
		s.rcv.BodyFinished(trailers)
	}
}

// catchUp delivers what was kept while nobody wanted it.
func (c *Conn) catchUp(s *Stream) {
	if s.is(pausedBody|held) || len(s.in) == 0 && !s.is(endHeld) {
		return
	}
	id := s.id
	if in := s.in; len(in) > 0 {
		s.in = nil
		c.deliver(s, in)
	}
	if c.find(id) == s && s.is(endHeld) && !s.is(pausedBody) {
		s.flags &^= endHeld
		c.tellEnd(s, s.trailers)
	}
}

// refuseContent ends the exchange of s because its content can not be read. It is
// answered if it has not been; else the client sees that the answer is cut.
func (c *Conn) refuseContent(s *Stream, e *protocol.Error) {
	if c.client != nil {
		c.sendReset(s.id, codeCancel)
		c.loseStream(s, e)
		return
	}
	rcv, id, ended := s.rcv, s.id, s.is(peerEnded)
	answered := s.answer != answerHead
	code := codeCancel
	if s.is(localEnded) {
		code = codeNo // the answer is whole (RFC 9113 §8.1)
	}
	method := s.flags & headMethod
	if s.is(held) {
		rcv = nil
	}
	s.forget()
	if answered {
		c.sendReset(id, code)
	} else {
		c.sendRefusal(id, e, method != 0, ended)
	}
	c.close(s)
	if rcv != nil {
		rcv.ConnectionLost(e)
	}
}
