package reactortest

import (
	"net/netip"
	"os"
	"runtime/debug"
	"syscall"

	"spindle/reactor"
)

// The water marks of a Transport, in bytes: a push producer is paused when more
// than HighWater is left in the queue after a callback, and resumed when not
// more than LowWater is. They are the reactor's.
const (
	HighWater = 64 << 10
	LowWater  = 16 << 10
)

// spoilt is what lent bytes are overwritten with.
const spoilt = 0xDD

// Transport is a reactor.Transport in memory, and the other end of it. This file
// holds the side of the protocol, wire.go that of the test, step.go what happens
// when a callback has returned.
type Transport struct {
	// PeerAddr and HostAddr are the two ends as Peer and Host tell them.
	PeerAddr, HostAddr reactor.Addr

	loop  *Loop
	proto reactor.Protocol
	fresh bool   // proto has not had its ConnectionMade
	after func() // t.settle, bound once
	dirty bool   // after is in the loop's list

	out     outQueue
	ended   []func(error) // done functions of files that are with the kernel
	room    int           // bytes that the kernel still takes; below zero: no end
	wire    []byte        // with the kernel, and not yet taken by the test
	flushes int
	scratch []byte // what AvailableBuffer lends

	scratchLent bool

	inbox []byte // come from the peer, not yet read
	store []byte // where inbox begins, to be used again
	lent  []byte // what DataReceived is given
	split Split

	producer reactor.Producer
	push     reactor.PushProducer // producer, when it is one
	paused   bool                 // push has been told to pause
	asked    bool                 // a pull producer was asked and has not written yet
	late     []reactor.Producer   // registered after loss

	readingPaused bool
	peerDone      bool // the peer's end is behind what is in inbox
	readClosed    bool // the protocol has been told of it
	disconnecting bool
	writeClosing  bool
	writeClosed   bool
	aborted       bool
	reset         error // what the peer's reset is told as, once inbox is read
	reason        error // why the connection ends, as soon as one is known
	lost          bool  // ConnectionLost has been called

	pair   *Transport // the other end, when there is one
	window int        // bytes that inbox takes from pair
}

// Connect makes a connection of p on a loop of its own.
func Connect(p reactor.Protocol) *Transport { return NewLoop().Connect(p) }

// Connect makes a connection on l and has p.ConnectionMade called.
func (l *Loop) Connect(p reactor.Protocol) *Transport {
	t := l.NewTransport()
	t.Start(p)
	return t
}

// NewTransport makes a connection whose protocol is given later, by Start.
func (l *Loop) NewTransport() *Transport {
	t := &Transport{
		PeerAddr: reactor.Addr{IP: netip.AddrFrom4([4]byte{192, 0, 2, 7}), Port: 40000},
		HostAddr: reactor.Addr{IP: netip.AddrFrom4([4]byte{192, 0, 2, 1}), Port: 80},
		loop:     l, room: -1, split: Whole,
	}
	t.after = t.settle
	return t
}

// Write queues a copy of data.
func (t *Transport) Write(data []byte) {
	if t.open() && len(data) > 0 {
		t.out.write(data)
		t.wrote()
	}
	t.takeBack()
}

// AvailableBuffer lends a buffer, which is overwritten by the Write after it.
func (t *Transport) AvailableBuffer() []byte {
	if t.scratch == nil {
		t.scratch = make([]byte, 4096)
	}
	t.scratchLent = true
	return t.scratch[:0]
}

// takeBack spoils what AvailableBuffer lent.
func (t *Transport) takeBack() {
	if t.scratchLent {
		t.scratchLent = false
		spoil(t.scratch)
	}
}

// WriteShared queues data itself; that it stays unchanged is checked.
func (t *Transport) WriteShared(data []byte) {
	if t.open() && len(data) > 0 {
		t.out.writeShared(data)
		t.wrote()
	}
}

// WriteSequence queues copies of pieces.
func (t *Transport) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		t.Write(p)
	}
}

// SendFile queues a part of f, which is read when the kernel takes it.
func (t *Transport) SendFile(f *os.File, off, n int64, done func(err error)) {
	if done == nil {
		done = func(error) {}
	}
	t.wrote()
	if !t.open() {
		t.ended = append(t.ended, func(error) { done(t.gone()) })
		return
	}
	t.out.sendFile(f, off, max(n, 0), done)
}

// Buffered is the number of bytes queued, of files too.
func (t *Transport) Buffered() int { return t.out.size }

// LoseConnection closes when all is delivered and no producer is left.
func (t *Transport) LoseConnection() {
	if t.reason == nil {
		t.disconnecting = true
		t.touch()
	}
}

// LoseWriteConnection closes the sending half when all is delivered.
func (t *Transport) LoseWriteConnection() {
	if t.reason == nil && !t.writeClosing {
		t.writeClosing = true
		t.touch()
	}
}

// AbortConnection drops the queue and ends the connection.
func (t *Transport) AbortConnection() {
	if t.reason == nil {
		t.aborted = true
		t.end(reactor.ErrAborted)
	}
}

// PauseReading keeps what is delivered in the inbox.
func (t *Transport) PauseReading() { t.readingPaused = true }

// ResumeReading brings what is in the inbox when the callback has returned.
func (t *Transport) ResumeReading() {
	t.readingPaused = false
	t.touch()
}

// RegisterProducer makes p the producer; a second one panics.
func (t *Transport) RegisterProducer(p reactor.Producer) {
	if t.producer != nil {
		panic("reactor: RegisterProducer: there is a producer already")
	}
	t.touch()
	if t.reason != nil {
		t.late = append(t.late, p)
		return
	}
	t.producer = p
	t.push, _ = p.(reactor.PushProducer)
	t.paused, t.asked = false, false
}

// UnregisterProducer ends it.
func (t *Transport) UnregisterProducer() {
	t.producer, t.push, t.paused = nil, nil, false
	t.touch()
}

// Switch gives the connection to p when the callback has returned.
func (t *Transport) Switch(p reactor.Protocol, unread []byte) {
	if t.lost {
		return
	}
	t.proto, t.fresh = p, true
	t.readClosed = false // p is to be told itself
	t.inbox = append(append([]byte(nil), unread...), t.inbox...)
	t.store = t.inbox
	t.touch()
}

// Peer is PeerAddr.
func (t *Transport) Peer() reactor.Addr { return t.PeerAddr }

// Host is HostAddr.
func (t *Transport) Host() reactor.Addr { return t.HostAddr }

// Loop is the *Loop of the connection.
func (t *Transport) Loop() reactor.Loop { return t.loop }

// open tells whether what is written still goes anywhere: after LoseConnection
// and LoseWriteConnection only if it comes from a producer that they wait for.
func (t *Transport) open() bool {
	switch {
	case t.reason != nil || t.writeClosed:
		return false
	case t.disconnecting || t.writeClosing:
		return t.producer != nil
	}
	return true
}

// wrote notes that there is something to flush.
func (t *Transport) wrote() {
	t.asked = false
	t.touch()
}

// gone is why nothing can be written.
func (t *Transport) gone() error {
	if t.reason != nil {
		return t.reason
	}
	return syscall.EPIPE
}

// end ends the connection for reason, when the callback has returned.
func (t *Transport) end(reason error) {
	if t.reason == nil {
		t.reason = reason
		t.touch()
	}
}

// touch has settle called when the current callback has returned.
func (t *Transport) touch() {
	if !t.dirty {
		t.dirty = true
		t.loop.soon = append(t.loop.soon, t.after)
	}
}

// guard runs one callback of the connection; see Loop.OnPanic.
func (t *Transport) guard(f func()) {
	if t.loop.OnPanic != nil {
		defer func() {
			if v := recover(); v != nil {
				t.loop.OnPanic(v, debug.Stack())
				t.end(reactor.ErrAborted)
			}
		}()
	}
	f()
}

func spoil(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = spoilt
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

var _ reactor.Transport = (*Transport)(nil)
