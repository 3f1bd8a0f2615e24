package reactortest

import (
	"slices"
	"syscall"

	"spindle/reactor"
)

// This file is the side of the test: the peer, the network and the kernel.

// Start gives the connection its protocol and has ConnectionMade called.
func (t *Transport) Start(p reactor.Protocol) {
	t.proto, t.fresh = p, true
	t.touch()
	t.loop.testSide()
}

// SetSplit says how what is delivered is cut into reads; Whole by default.
func (t *Transport) SetSplit(s Split) { t.split = s }

// Deliver has data arrive from the peer. data is copied.
func (t *Transport) Deliver(data []byte) {
	t.loop.testSide()
	if !t.peerDone && t.reason == nil {
		t.arrive(data)
	}
	t.loop.testSide()
}

// DeliverString is Deliver.
func (t *Transport) DeliverString(data string) { t.Deliver([]byte(data)) }

// DeliverEOF has the end of the peer's data arrive.
func (t *Transport) DeliverEOF() {
	t.loop.testSide()
	t.peerDone = true
	t.touch()
	t.loop.testSide()
}

// Lose breaks the connection for reason, at once; nil means ErrDone. What was
// delivered and not read is lost with it.
func (t *Transport) Lose(reason error) {
	t.loop.testSide()
	if reason == nil {
		reason = reactor.ErrDone
	}
	t.end(reason)
	t.loop.testSide()
}

// Reset breaks the connection as a peer's reset does: with ECONNRESET.
func (t *Transport) Reset() { t.Lose(syscall.ECONNRESET) }

// SetCapacity bounds the kernel: it takes n bytes more, then none until Drain.
// Below zero there is no bound, which is the default.
func (t *Transport) SetCapacity(n int) {
	t.loop.testSide()
	t.room = n
	t.touch()
	t.loop.testSide()
}

// Drain has the peer read n bytes, so that the kernel takes n more. Without a
// bound it does nothing.
func (t *Transport) Drain(n int) {
	t.loop.testSide()
	if t.room >= 0 {
		t.SetCapacity(t.room + n)
	}
}

// Bytes returns all that the kernel has been given since the last Take.
func (t *Transport) Bytes() []byte {
	t.loop.testSide()
	return slices.Clip(t.wire)
}

// Take returns Bytes and forgets them.
func (t *Transport) Take() []byte {
	b := t.Bytes()
	t.wire = nil
	return b
}

// String returns Bytes as a string.
func (t *Transport) String() string { return string(t.Bytes()) }

// TakeString returns Take as a string.
func (t *Transport) TakeString() string { return string(t.Take()) }

// Discard forgets Bytes and keeps the memory, for tests that count allocations.
func (t *Transport) Discard() {
	t.loop.testSide()
	t.wire = t.wire[:0]
}

// Flushes is how many times the kernel has been given something: system calls.
func (t *Transport) Flushes() int {
	t.loop.testSide()
	return t.flushes
}

// Disconnecting tells whether LoseConnection was called, or the connection has ended.
func (t *Transport) Disconnecting() bool { return t.disconnecting || t.reason != nil }

// Aborted tells whether AbortConnection was called, or a file cut it short.
func (t *Transport) Aborted() bool { return t.aborted }

// ReadingPaused tells whether PauseReading was called last.
func (t *Transport) ReadingPaused() bool { return t.readingPaused }

// WriteClosed tells whether the peer has seen the end of our data: after
// LoseWriteConnection or LoseConnection, and all that was written before.
func (t *Transport) WriteClosed() bool {
	t.loop.testSide()
	return t.writeClosed || t.lost && !t.aborted
}

// Lost tells whether ConnectionLost has been called, and what it was told.
func (t *Transport) Lost() (reason error, lost bool) {
	t.loop.testSide()
	if !t.lost {
		return nil, false
	}
	return t.reason, true
}

// Closed tells whether ConnectionLost has been called.
func (t *Transport) Closed() bool {
	t.loop.testSide()
	return t.lost
}

// Unread is the number of bytes delivered and not yet given to the protocol.
func (t *Transport) Unread() int { return len(t.inbox) }

// Protocol is the protocol of the connection; after Switch the new one.
func (t *Transport) Protocol() reactor.Protocol { return t.proto }

// Producer is the producer that is registered, nil when there is none, and
// whether it is a push producer that was told to pause.
func (t *Transport) Producer() (p reactor.Producer, paused bool) { return t.producer, t.paused }

// arrive puts data behind what has come.
func (t *Transport) arrive(data []byte) {
	t.inbox = append(t.inbox, data...)
	if cap(t.inbox) > cap(t.store) {
		t.store = t.inbox[:0]
	}
	t.touch()
}
