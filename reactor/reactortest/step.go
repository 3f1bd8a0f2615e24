package reactortest

import (
	"bytes"
	"fmt"

	"spindle/reactor"
)

// This file is what happens to a Transport when a callback has returned: what
// was written goes to the kernel, then the protocol is told, in one further
// callback after the other, what has come of it all.

// settle goes on until nothing more follows by itself.
func (t *Transport) settle() {
	t.dirty = false
	for t.flush(); t.step(); t.flush() {
	}
	t.askLater()
}

// step makes at most one callback. It tells whether it did something.
func (t *Transport) step() bool {
	switch {
	case len(t.ended) > 0:
		done := t.ended[0]
		t.ended = t.ended[1:]
		t.guard(func() { done(nil) })
	case len(t.late) > 0:
		p := t.late[0]
		t.late = t.late[1:]
		t.guard(p.StopProducing)
	case t.lost:
		return false
	case t.fresh:
		t.fresh = false
		t.guard(func() { t.proto.ConnectionMade(t) })
	case t.reason != nil:
		t.lose()
	case t.stepProducer(), t.stepClose(), t.stepRead():
	default:
		return false
	}
	return true
}

// flush gives the kernel what it takes.
func (t *Transport) flush() {
	if t.reason != nil || t.out.size == 0 && len(t.out.segments) == 0 {
		return
	}
	if t.pair != nil {
		t.room = max(t.pair.window-len(t.pair.inbox), 0)
	}
	before := len(t.wire)
	wire, err := t.out.moveTo(t.wire, t.room, &t.ended)
	t.wire = wire
	if n := len(wire) - before; n > 0 {
		t.flushes++
		if t.room > 0 {
			t.room -= n
		}
	}
	if err != nil {
		t.failFile(err)
	}
	t.carry()
}

// failFile ends the connection because the file in front could not be sent.
func (t *Transport) failFile(err error) {
	done := t.out.segments[0].done
	t.out.segments[0].done = nil
	t.ended = append(t.ended, func(error) { done(err) })
	t.aborted = true
	t.end(fmt.Errorf("%w: a file is shorter than promised: %w", reactor.ErrAborted, err))
}

// stepProducer pauses or resumes a push producer.
func (t *Transport) stepProducer() bool {
	switch {
	case t.push == nil:
		return false
	case !t.paused && t.out.size > HighWater:
		t.paused = true
		t.guard(t.push.PauseProducing)
	case t.paused && t.out.size <= LowWater:
		t.paused = false
		t.guard(t.push.ResumeProducing)
	default:
		return false
	}
	return true
}

// askLater has a pull producer asked in the next turn, if it is time.
func (t *Transport) askLater() {
	p := t.producer
	if p == nil || t.push != nil || t.out.size > 0 || t.asked {
		return
	}
	t.asked = true
	t.loop.next = append(t.loop.next, func() {
		if t.producer == p {
			t.guard(p.ResumeProducing)
			t.touch()
		}
	})
}

// stepClose closes what is to be closed and has been delivered.
func (t *Transport) stepClose() bool {
	if len(t.out.segments) > 0 || t.producer != nil {
		return false
	}
	switch {
	case t.disconnecting, t.writeClosed && t.readClosed:
		t.reason = reactor.ErrDone
	case t.writeClosing && !t.writeClosed:
		t.writeClosed = true
		t.carry()
		if p, ok := t.proto.(reactor.HalfCloseProtocol); ok {
			t.guard(p.WriteConnectionLost)
		}
	default:
		return false
	}
	return true
}

// stepRead brings what has come from the peer.
func (t *Transport) stepRead() bool {
	switch {
	case t.disconnecting || t.readingPaused:
		return t.stepReset()
	case len(t.inbox) > 0:
		t.read(min(max(t.split(len(t.inbox)), 1), len(t.inbox)))
	case t.stepReset():
	case t.peerDone && !t.readClosed:
		t.readClosed = true
		t.told()
	default:
		return false
	}
	return true
}

// read brings n bytes. They are lent, so they are spoilt afterwards; and the
// protocol may not have changed them.
func (t *Transport) read(n int) {
	data := t.inbox[:n]
	t.lent = append(t.lent[:0], data...)
	t.inbox = t.inbox[n:]
	t.guard(func() { t.proto.DataReceived(t.lent) })
	if !bytes.Equal(data, t.lent) {
		panic("reactortest: DataReceived changed the bytes that it was lent")
	}
	spoil(t.lent)
	if len(t.inbox) == 0 {
		t.inbox = t.store[:0]
	}
	if t.pair != nil {
		t.pair.touch()
	}
}

// told tells the protocol that the peer sends no more.
func (t *Transport) told() {
	if p, ok := t.proto.(reactor.HalfCloseProtocol); ok {
		t.guard(p.ReadConnectionLost)
	} else {
		t.LoseConnection()
	}
}

// stepReset ends the connection if the peer has reset it.
func (t *Transport) stepReset() bool {
	if t.reset == nil {
		return false
	}
	t.end(t.reset)
	return true
}

// lose ends the connection: files, producer and protocol are told why.
func (t *Transport) lose() {
	t.lost = true
	for _, done := range t.out.drop() {
		t.guard(func() { done(t.reason) })
	}
	if p := t.producer; p != nil {
		t.producer, t.push = nil, nil
		t.guard(p.StopProducing)
	}
	t.guard(func() { t.proto.ConnectionLost(t.reason) })
	t.inbox, t.store, t.lent = nil, nil, nil
	t.carry()
}
