package http2

import (
	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
)

// This file takes HEADERS and CONTINUATION, and begins the exchanges.

// maxTable is the size of both dynamic tables, in bytes as RFC 7541 §4.1 counts.
const maxTable = 4096

// takeHeaders begins a header block (RFC 9113 §6.2).
func (c *Conn) takeHeaders(f frame, payload []byte) *connError {
	switch {
	case f.id == 0:
		return errOnZero
	case f.id&1 == 0:
		return errStreamID
	}
	payload, err := unpad(f, payload)
	if err != nil {
		return err
	}
	itself := false
	if f.has(flagPriority) {
		if len(payload) < priorityLen {
			return errFrameSize
		}
		itself = dependsOn(payload) == f.id
		payload = payload[priorityLen:]
	}
	b, err := c.beginBlock(f)
	if err != nil {
		return err
	}
	if itself {
		b.err = errDependsOnItself
	}
	return c.addBlock(payload, f.has(flagEndHeaders))
}

// beginBlock decides what the header block is for.
func (c *Conn) beginBlock(f frame) (*block, *connError) {
	what, limit := forRequest, c.f.set.MaxFieldBytes
	if c.client != nil && c.isIdle(f.id) {
		return nil, errIdle
	}
	if f.id <= c.lastID {
		s := c.find(f.id)
		switch {
		case s == nil && !c.mayLinger(f.id), s != nil && s.is(peerEnded):
			return nil, errClosedStream
		case s == nil:
			what = forNobody
		case c.client != nil && !s.is(answered):
			what = forAnswer
		default:
			what, limit = forTrailers, c.f.set.MaxTrailerBytes
		}
	} else {
		c.lastID = f.id
		if c.isGone(f.id) {
			what = forNobody
		}
	}
	b := c.f.takeBlock()
	b.id, b.purpose, b.limit = f.id, what, limit
	b.end = f.has(flagEndStream)
	b.begun = c.f.now
	c.block = b
	return b, nil
}

// takeContinuation goes on with one (RFC 9113 §6.10).
func (c *Conn) takeContinuation(f frame, payload []byte) *connError {
	if c.block == nil {
		return errContinuation
	}
	// A block in crumbs brings nothing forward, and the decoder copies what it has of
	// an unfinished string with each of them.
	if err := c.annoyed(1); err != nil {
		return err
	}
	return c.addBlock(payload, f.has(flagEndHeaders))
}

// addBlock decodes a fragment of the block under way.
func (c *Conn) addBlock(fragment []byte, last bool) *connError {
	b := c.block
	if b.raw += len(fragment); b.raw > 2*c.f.set.MaxFieldBytes {
		return errBlockTooLong
	}
	if c.dec == nil {
		c.dec = hpack.NewDecoder(maxTable, c.onField)
		c.dec.SetMaxStringLength(2 * c.f.set.MaxFieldBytes)
	}
	if _, err := c.dec.Write(fragment); err != nil {
		return errCompression
	}
	if !last {
		return nil
	}
	if c.dec.Close() != nil {
		return errCompression
	}
	c.dec.SetEmitEnabled(true)
	c.block = nil
	err := c.endBlock(b)
	c.f.giveBlock(b)
	return err
}

// endBlock does what a complete block is for.
func (c *Conn) endBlock(b *block) *connError {
	switch b.purpose {
	case forTrailers:
		return c.endTrailers(b)
	case forRequest:
		return c.endRequest(b)
	case forAnswer:
		return c.endAnswer(b)
	}
	return c.annoyed(1)
}

// endTrailers is the end of the content with trailers behind it.
func (c *Conn) endTrailers(b *block) *connError {
	s := c.find(b.id)
	switch {
	case s == nil:
		return nil
	case b.err != nil:
		return c.malformed(s, b.err)
	case !b.end:
		return c.malformed(s, errTrailerEnd)
	case b.over:
		c.refuseContent(s, errTrailersLong)
		return c.annoyed(1)
	}
	c.contentEnd(s, b.trailers)
	return nil
}

// endRequest begins an exchange, unless there is something wrong with it.
func (c *Conn) endRequest(b *block) *connError {
	if len(c.streams) >= c.f.set.MaxStreams {
		c.refuse(errTooManyOpen, b)
		c.sendReset(b.id, codeRefused)
		return c.annoyed(1)
	}
	malformed, refused := b.err, (*protocol.Error)(nil)
	switch {
	case malformed == errExpectation:
		malformed, refused = nil, b.err
	case malformed == nil && b.over:
		refused = errListTooLong
	case malformed == nil:
		malformed, refused = c.f.judge(b)
	}
	if malformed != nil {
		c.refuse(malformed, b)
		c.sendReset(b.id, codeProtocol)
		return c.annoyed(1)
	}
	if refused != nil {
		c.refuse(refused, b)
		c.sendRefusal(b.id, refused, b.head.Method == "HEAD", b.end)
		return c.annoyed(1)
	}
	c.begin(b)
	return nil
}

// malformed resets a stream for what is wrong with its content (RFC 9113 §8.1.1).
func (c *Conn) malformed(s *Stream, e *protocol.Error) *connError {
	return c.streamError(s, codeProtocol, e)
}

// refuse tells the server of a request that does not get as far as a Receiver.
func (c *Conn) refuse(e *protocol.Error, b *block) {
	c.f.refused++
	c.f.server.HeadRefused(c.t.Peer(), e, b.path[:min(len(b.path), loggedBytes)])
}

// begin makes the request of a header block a Stream.
func (c *Conn) begin(b *block) { c.open(b.id, &b.head, b.end, c.firstPriority(b)) }

// open makes a request a Stream, and gives it to a new Receiver. end: there is no
// content.
func (c *Conn) open(id uint32, h *protocol.Head, end bool, p priority) {
	f := c.f
	f.requests++
	c.flags |= served
	s := f.takeStream()
	s.c, s.f, s.id = c, f, id
	s.window, s.recv = c.peerFirst, f.set.StreamWindowBytes
	s.left = h.ContentLength
	s.answer = answerHead
	s.flags = flagsOf(h, end)
	s.priority = p
	c.streams = append(c.streams, s)
	if h.Method == "CONNECT" {
		s.left = -1
		s.flags |= pausedBody // until there is somebody to take it
	}
	if c.waiting > int64(f.set.MaxQueuedBytes) || c.held > 0 {
		s.held = h.Clone()
		s.flags |= held
		c.held++
		return
	}
	c.awaitContent(s)
	c.give(s, h)
}

// awaitContent begins the time of the content of s. A tunnel has none.
func (c *Conn) awaitContent(s *Stream) {
	if !s.is(peerEnded|connect) && s.left != 0 {
		s.deadline = c.f.bodyDeadline()
		c.due(s.deadline)
	}
}

// flagsOf is the flags of an exchange with that head.
func flagsOf(h *protocol.Head, end bool) (f streamFlags) {
	switch h.Method {
	case "HEAD":
		f = headMethod
	case "CONNECT":
		f = connect
	}
	if h.ExpectContinue {
		f |= waits
	}
	if h.ContentLength == 0 {
		f |= noContent
	}
	if end {
		f |= peerEnded
	}
	return f
}

// give gives the head to a Receiver. One that answers at once leaves nobody who
// knows the Stream.
func (c *Conn) give(s *Stream, h *protocol.Head) {
	s.flags |= giving
	s.rcv = c.f.server.NewReceiver(s)
	s.rcv.HeadReceived(h)
	s.flags &^= giving
	if s.is(closed) && s.is(answeredAtOnce) {
		c.f.giveStream(s)
	}
}
