package http2

import (
	"crypto/tls"
	"os"
	"time"

	"spindle/reactor"
)

// This file makes a Stream a reactor.Transport, after a CONNECT was answered with
// 2xx: DATA frames carry what another protocol says (RFC 9113 §8.5, RFC 8441).

// tunnel is a stream as the Transport of another protocol. What it has in common
// with a Channel is the Stream's.
type tunnel struct {
	*Stream
	proto  reactor.Protocol
	target reactor.Protocol // of Switch, until the callback has returned
	unread []byte           // by Switch
	state  tunnelState
}

type tunnelState uint8

const (
	tunnelFresh   tunnelState = 1 << iota // ConnectionMade is to be called
	tunnelLosing                          // LoseConnection
	tunnelHalf                            // LoseWriteConnection
	tunnelHalfEnd                         // and it is through
	tunnelDone                            // ConnectionLost was called, or is to be
)

// startTunnel gives s to p, when the callback has returned.
func (s *Stream) startTunnel(p reactor.Protocol) {
	c := s.c
	s.stopProducer()
	s.rcv = nil
	s.deadline = 0
	s.answer = answerNone // the Channel does nothing any more
	s.tun = &tunnel{Stream: s, proto: p, state: tunnelFresh}
	if s.is(peerEnded) {
		s.flags |= endHeld // nobody has been told: the head may have ended the stream
	}
	c.post()
}

// goOn does what was put off to the end of the callback.
func (t *tunnel) goOn() {
	if t.target != nil {
		t.proto, t.target = t.target, nil
		t.state |= tunnelFresh
	}
	if t.state&tunnelFresh == 0 {
		t.closeIfDone()
		return
	}
	t.state &^= tunnelFresh
	t.flags &^= pausedBody
	t.in = append(t.unread, t.in...)
	t.unread = nil
	c := t.c
	t.proto.ConnectionMade(t)
	if !t.is(closed) {
		c.catchUp(t.Stream)
	}
}

// ended tells the protocol that the client sends no more.
func (t *tunnel) ended() {
	if p, ok := t.proto.(reactor.HalfCloseProtocol); ok {
		p.ReadConnectionLost()
		t.c.post()
		return
	}
	t.LoseConnection()
}

// lost tells the protocol that the stream is gone.
func (t *tunnel) lost(reason error) {
	if t.state&tunnelDone != 0 {
		return
	}
	t.state |= tunnelDone
	if t.target != nil {
		t.proto = t.target
		t.state |= tunnelFresh
	}
	if t.state&tunnelFresh != 0 {
		t.proto.ConnectionMade(t)
	}
	t.proto.ConnectionLost(reason)
}

// AvailableBuffer is an empty slice: a frame header goes before what is written.
func (t *tunnel) AvailableBuffer() []byte { return t.f.frameBuffer()[:0] }

// WriteSequence is Write for each of pieces.
func (t *tunnel) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		t.Write(p)
	}
}

// Write queues a copy of data.
func (t *tunnel) Write(data []byte) {
	t.write(data, false)
}

// WriteShared queues data itself when it is large.
func (t *tunnel) WriteShared(data []byte) {
	t.write(data, true)
}

func (t *tunnel) write(data []byte, shared bool) {
	if t.open() && len(data) > 0 {
		t.put(data, shared)
	}
}

// SendFile queues a part of f.
func (t *tunnel) SendFile(f *os.File, off, n int64, done func(err error)) {
	switch {
	case t.open() && n > 0:
		t.putFile(&filePiece{f: f, off: off, n: n, done: done})
	case done == nil:
	case t.open():
		t.f.loop.CallLater(0, func() { done(nil) })
	default:
		t.f.loop.CallLater(0, func() { done(reactor.ErrDone) })
	}
}

// RegisterProducer makes p the producer of what is written.
func (t *tunnel) RegisterProducer(p reactor.Producer) {
	if t.is(closed) || t.tun != t {
		t.f.loop.CallLater(0, p.StopProducing)
		return
	}
	t.register(p)
}

// UnregisterProducer ends it.
func (t *tunnel) UnregisterProducer() {
	if t.producer != nil {
		t.dropProducer()
		t.c.post()
	}
}

// open tells whether what is written still goes anywhere: after LoseConnection only
// if it comes from a producer that it waits for.
func (t *tunnel) open() bool {
	return !t.is(closed) && t.tun == t && (t.state&(tunnelLosing|tunnelHalf) == 0 || t.producer != nil)
}

// LoseConnection delivers what was written, then ends the stream.
func (t *tunnel) LoseConnection() {
	if t.state&tunnelLosing == 0 && t.tun == t && !t.is(closed) {
		t.state |= tunnelLosing
		t.c.post()
	}
}

// LoseWriteConnection delivers what was written, then ends our half.
func (t *tunnel) LoseWriteConnection() {
	if t.state&tunnelHalf == 0 && t.tun == t && !t.is(closed) {
		t.state |= tunnelHalf
		t.c.post()
	}
}

// AbortConnection resets the stream.
func (t *tunnel) AbortConnection() {
	if t.is(closed) || t.tun != t {
		return
	}
	c := t.c
	c.enterLate()
	t.dropFiles(reactor.ErrAborted)
	t.forget()
	c.sendReset(t.id, codeCancel)
	c.close(t.Stream)
	c.f.loop.CallLater(0, func() { t.lost(reactor.ErrAborted) })
	c.settleLate()
}

// closeIfDone ends what was asked to end once no producer is left: END_STREAM goes
// behind what is queued.
func (t *tunnel) closeIfDone() {
	if t.state&(tunnelLosing|tunnelHalf) == 0 || t.producer != nil || t.is(finishing|closed) {
		if t.is(localEnded) {
			t.sentEnd()
		}
		return
	}
	t.flags |= finishing
	if len(t.out) == 0 {
		t.c.endLocal(t.Stream)
	}
}

// sentEnd goes on after END_STREAM was sent.
func (t *tunnel) sentEnd() {
	switch {
	case t.is(closed):
	case t.state&tunnelLosing != 0:
		t.finish()
	case t.state&tunnelHalfEnd == 0:
		t.state |= tunnelHalfEnd
		if t.c.is(running) { // else the protocol has called
			t.tellHalf()
		} else {
			t.c.f.loop.CallLater(0, t.tellHalf)
		}
	case t.is(peerEnded):
		t.finish()
	}
}

// tellHalf tells that our half is closed.
func (t *tunnel) tellHalf() {
	if p, ok := t.proto.(reactor.HalfCloseProtocol); ok && !t.is(closed) {
		p.WriteConnectionLost()
	}
	if t.is(peerEnded) && !t.is(closed) {
		t.c.post()
	}
}

// tunnelLinger is how long the other side may take to end its half, when nobody reads it
// any more.
const tunnelLinger = 5 * time.Second

// finish is the clean end. When the other side has not ended its half yet the stream
// stays until it does, and what comes is dropped: a reset could overtake, at the other
// side, what has been sent.
func (t *tunnel) finish() {
	c := t.c
	if t.is(peerEnded) {
		c.close(t.Stream)
	} else {
		t.tun = nil
		t.flags &^= pausedBody | catching | endHeld
		t.flags |= discarding
		c.dropIn(t.Stream)
		t.deadline = c.f.now + int64(tunnelLinger)
		c.due(t.deadline)
	}
	c.f.loop.CallLater(0, func() { t.lost(reactor.ErrDone) })
}

// PauseReading keeps what the client sends, within its window.
func (t *tunnel) PauseReading() {
	if t.tun == t {
		t.flags |= pausedBody
	}
}

// ResumeReading brings it.
func (t *tunnel) ResumeReading() {
	if t.is(pausedBody) && t.tun == t && !t.is(closed) {
		t.resumeIn()
	}
}

// Switch makes p the protocol of the stream.
func (t *tunnel) Switch(p reactor.Protocol, unread []byte) {
	if t.is(closed) || t.tun != t {
		return
	}
	t.target = p
	if t.is(peerEnded) {
		t.flags |= endHeld // p is to be told itself
	}
	t.unread = append(t.unread, unread...)
	t.unacked -= len(unread) // it goes through deliver again
	t.c.unacked -= len(unread)
	t.flags |= pausedBody
	t.c.post()
}

// ConnectionState is that of the connection, nil when it is not secure.
func (t *tunnel) ConnectionState() *tls.ConnectionState { return t.TLS() }

var _ reactor.Transport = (*tunnel)(nil)
