package http2

import "spindle/protocol"

// This file takes the answers that a Client gets.

// answering is a ClientStream as the Receiver of what comes on its stream.
type answering ClientStream

// HeadReceived is not called: heads of answers are given by endAnswer.
func (*answering) HeadReceived(*protocol.Head) {}

// BodyReceived brings content.
func (x *answering) BodyReceived(data []byte) { x.rcv.BodyReceived(data) }

// BodyFinished is the end of an answer that is whole.
func (x *answering) BodyFinished(trailers protocol.Fields) { x.rcv.BodyFinished(trailers) }

// ConnectionLost is the end of one that is not.
func (x *answering) ConnectionLost(reason error) { x.rcv.ExchangeLost(x.k.lost(x.s, reason)) }

// endAnswer takes the head of an answer, or of an informational one before it.
func (c *Conn) endAnswer(b *block) *connError {
	s := c.find(b.id)
	if s == nil {
		return nil
	}
	x := (*ClientStream)(s.rcv.(*answering))
	h, err := c.judgeAnswer(s, x, b)
	if err != nil {
		return c.malformed(s, err)
	}
	if b.status < 200 {
		c.client.informational(s, x, h)
		return nil
	}
	s.flags |= answered
	s.flags &^= waits
	s.deadline = 0
	if h.Switching {
		s.flags |= switching | pausedBody // until there is somebody to take it
	} else if !b.end && !s.is(pausedBody) {
		s.deadline = c.client.within(c.client.f.set.BodyTimeout)
	}
	x.rcv.HeadReceived(h)
	if b.end && c.find(b.id) == s {
		c.contentEnd(s, nil)
	}
	return nil
}

// judgeAnswer finds what the fields of an answer mean together, and how long its content
// is (RFC 9113 §8.1.1, §8.3.2).
func (c *Conn) judgeAnswer(s *Stream, x *ClientStream, b *block) (*protocol.ResponseHead, *protocol.Error) {
	set := &c.client.f.set
	h := &protocol.ResponseHead{Status: b.status, Version: protocol.HTTP2, Fields: b.fields}
	switch {
	case b.err != nil:
		return nil, b.err
	case b.seen&hasStatus == 0:
		return nil, errPseudoMissing
	case b.over:
		return nil, errListTooLong
	case len(b.fields) > set.MaxFields:
		return nil, errManyFields
	case b.status == 101:
		return nil, errSwitching
	case b.status < 200 && b.end:
		return nil, errTrailerEnd
	case b.status < 200:
		if x.informational++; x.informational > set.MaxInformational {
			return nil, errInformational
		}
		return h, nil
	case s.is(connect) && b.status < 300:
		h.Switching = true
		return h, nil
	}
	return h, s.judgeLength(h, x, b)
}

// judgeLength finds how long the content of an answer is.
func (s *Stream) judgeLength(h *protocol.ResponseHead, x *ClientStream, b *block) *protocol.Error {
	length := int64(-1)
	if b.lengths > 1 {
		return errLength
	}
	if b.lengths == 1 {
		n, ok, big := parseLength(b.length)
		if !ok || big {
			return errLength
		}
		length = n
	}
	switch {
	case x.head || protocol.NoContent(h.Status):
		length = 0
	case b.end && length > 0:
		return errLengthMismatch
	case b.end:
		length = 0
	}
	h.ContentLength, s.left = length, length
	return nil
}

// informational tells of a 1xx answer.
func (k *Client) informational(s *Stream, x *ClientStream, h *protocol.ResponseHead) {
	if s.is(localEnded) {
		s.deadline = k.within(k.f.set.HeadTimeout)
	}
	if h.Status == 100 {
		k.goOn(s)
	}
	x.rcv.InformationalReceived(h)
}

// finished is the end of an answer that is whole. What is left of the request is not
// sent.
func (k *Client) finished(s *Stream, trailers protocol.Fields) {
	c, rcv := k.c, s.rcv
	if !s.is(localEnded) {
		c.sendReset(s.id, codeCancel)
	}
	s.forget()
	c.close(s)
	c.pleased(1)
	k.reused = true
	if rcv != nil {
		rcv.BodyFinished(trailers)
	}
}
