package http2

import (
	"encoding/binary"
	"time"
)

// This file takes the frames that concern the connection, or the life of a stream.

// drainPing is what the PING behind the first GOAWAY carries. When it comes back,
// every stream that the client had opened before it knew has come (RFC 9113 §6.8).
var drainPing = [pingLen]byte{'s', 'p', 'i', 'n', 'd', 'l', 'e', 1}

// drainWait is how long the client may take to send it back.
const drainWait = time.Second

// drain sends the first GOAWAY.
func (c *Conn) drain() {
	c.flags |= draining
	if !c.is(settled) {
		c.bye(codeNo, "")
		return
	}
	b := appendGoAway(c.t.AvailableBuffer(), maxStreamID, codeNo, "")
	b = appendFrame(b, pingLen, framePing, 0, 0)
	c.write(append(b, drainPing[:]...))
	c.goAwayAt = c.f.now + int64(drainWait)
	c.due(c.goAwayAt)
}

// drainNow sends the second one: no later stream is taken.
func (c *Conn) drainNow() {
	c.goAwayAt = 0
	if !c.is(finalSent) {
		c.bye(codeNo, "")
	}
}

// takeSettings takes the client's settings, and says so (RFC 9113 §6.5).
func (c *Conn) takeSettings(f frame, payload []byte) *connError {
	switch {
	case f.id != 0:
		return errNotOnZero
	case f.has(flagAck) && f.length != 0, f.length%settingLen != 0:
		return errFrameSize
	case f.has(flagAck):
		return c.annoyed(1)
	}
	for ; len(payload) > 0; payload = payload[settingLen:] {
		id, value := binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])
		if err := c.takeSetting(id, value); err != nil {
			return err
		}
	}
	c.write(appendFrame(c.t.AvailableBuffer(), 0, frameSettings, flagAck, 0))
	if c.is(settled) {
		return c.annoyed(1)
	}
	c.flags |= settled
	if c.upgrade != nil {
		c.beginUpgrade()
	}
	return nil
}

func (c *Conn) takeSetting(id uint16, value uint32) *connError {
	switch id {
	case settingMaxStreams:
		if c.client != nil {
			c.client.most = int(min(value, without))
			c.flags |= changed
		}
	case settingTableSize:
		c.encoder().resize(int(min(value, maxTable)))
	case settingEnablePush, settingConnect, settingNoPriorities:
		if value > 1 || value == 1 && id == settingEnablePush && c.client != nil {
			return errSetting
		}
		if id == settingConnect && c.client != nil {
			c.client.extended = value == 1
		}
	case settingInitialWindow:
		if value > maxWindow {
			return errInitialWindow
		}
		return c.moveWindows(int(value))
	case settingMaxFrame:
		if value < maxFrame || value > 1<<24-1 {
			return errSetting
		}
		// Longer frames would gain little, and keep others waiting.
		c.peerFrame = maxFrame
	}
	return nil
}

// moveWindows makes size the window of new streams, and changes those of the open
// ones by the difference (RFC 9113 §6.9.2).
func (c *Conn) moveWindows(size int) *connError {
	by := size - c.peerFirst
	c.peerFirst = size
	for _, s := range c.streams {
		if s.window += by; s.window > maxWindow {
			return errInitialWindow
		}
		c.windowMoved(s)
	}
	return nil
}

// windowMoved puts s where its new window has it.
func (c *Conn) windowMoved(s *Stream) {
	if s.window > 0 {
		s.stalled = 0
	} else {
		c.unready(s)
	}
	c.makeReady(s)
}

// takePing answers (RFC 9113 §6.7).
func (c *Conn) takePing(f frame, payload []byte) *connError {
	switch {
	case f.id != 0:
		return errNotOnZero
	case f.length != pingLen:
		return errFrameSize
	case f.has(flagAck):
		if c.client != nil {
			c.client.pinged = 0
		}
		if c.goAwayAt != 0 && string(payload) == string(drainPing[:]) {
			c.drainNow()
		}
		return c.annoyed(1)
	}
	b := appendFrame(c.t.AvailableBuffer(), pingLen, framePing, flagAck, 0)
	c.write(append(b, payload...))
	return c.annoyed(1)
}

// takeGoAway does nothing on the server's side: the client opens no more streams, and
// closes when the last one is done (RFC 9113 §6.8).
func (c *Conn) takeGoAway(f frame, payload []byte) *connError {
	switch {
	case f.id != 0:
		return errNotOnZero
	case f.length < 8:
		return errFrameSize
	case c.client != nil:
		c.client.goAway(binary.BigEndian.Uint32(payload)&^reservedBit, errCode(binary.BigEndian.Uint32(payload[4:])))
	}
	return c.annoyed(1)
}

// takeWindow opens the client's window (RFC 9113 §6.9).
func (c *Conn) takeWindow(f frame, payload []byte) *connError {
	if f.length != windowLen {
		return errFrameSize
	}
	n := int(binary.BigEndian.Uint32(payload) &^ reservedBit)
	if err := c.annoyed(1); err != nil {
		return err
	}
	if f.id == 0 {
		return c.openWindow(n)
	}
	s := c.find(f.id)
	switch {
	case s == nil && c.isIdle(f.id):
		return errIdle
	case s == nil:
		return nil // it is closed, and the client did not know
	case n == 0 || s.window+n > maxWindow:
		code := codeFlowControl
		if n == 0 {
			code = codeProtocol
		}
		return c.streamError(s, code, errWindowOverflow)
	}
	s.window += n
	c.windowMoved(s)
	return nil
}

func (c *Conn) openWindow(n int) *connError {
	switch {
	case n == 0:
		return errWindowZero
	case c.window+n > maxWindow:
		return errWindowTooLarge
	}
	c.window += n
	c.closed = 0
	return nil
}

// isIdle tells whether the client, which may be us, has not opened that stream yet.
func (c *Conn) isIdle(id uint32) bool { return id > c.lastID || id&1 == 0 }

// takeReset ends a stream that the client wants no more (RFC 9113 §6.4).
func (c *Conn) takeReset(f frame, payload []byte) *connError {
	switch {
	case f.id == 0:
		return errOnZero
	case f.length != resetLen:
		return errFrameSize
	case c.isIdle(f.id):
		return errIdle
	}
	if s := c.find(f.id); s != nil {
		reason := errReset
		if c.client != nil {
			reason = resetBy(errCode(binary.BigEndian.Uint32(payload)))
		}
		c.loseStream(s, reason)
	}
	return c.annoyed(1)
}

// takePriority checks what RFC 7540 had, and nobody uses any more.
func (c *Conn) takePriority(f frame, payload []byte) *connError {
	switch {
	case f.id == 0:
		return errOnZero
	case f.length != priorityLen:
		// RFC 9113 §6.3 wants no more than a stream error, and there may be no stream.
		return errFrameSize
	}
	if dependsOn(payload) == f.id {
		if s := c.find(f.id); s != nil {
			return c.streamError(s, codeProtocol, errDependsOnItself)
		}
		if c.isIdle(f.id) {
			return errIdleOnItself // an idle stream can not be reset
		}
	}
	return c.annoyed(1)
}

// dependsOn is the stream of a priority field of RFC 7540.
func dependsOn(b []byte) uint32 { return binary.BigEndian.Uint32(b) &^ reservedBit }

// takeUpdate takes a new priority of a stream, which may be still to come (RFC 9218
// §7.1).
func (c *Conn) takeUpdate(f frame, payload []byte) *connError {
	switch {
	case f.id != 0:
		return errNotOnZero
	case f.length < 4:
		return errFrameSize
	}
	if c.client != nil {
		return errFromServer
	}
	id := binary.BigEndian.Uint32(payload) &^ reservedBit
	if id == 0 || id&1 == 0 {
		return errStreamID
	}
	p := parsePriority(payload[4:])
	if s := c.find(id); s != nil {
		c.prioritize(s, p)
	} else if id > c.lastID {
		c.rememberUpdate(id, p)
	}
	return c.annoyed(1)
}

// resetSet is the streams that we have reset lately while their client may not
// have known: what still comes for them is dropped in silence (RFC 9113 §5.1).
type resetSet struct {
	ids  []uint32
	next int
}

// mostResets is how many are remembered: as many as may be in flight.
const mostResets = 512

func (r *resetSet) add(id uint32) {
	if len(r.ids) < mostResets {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % mostResets
}

// wasReset tells whether id is one of them.
func (c *Conn) wasReset(id uint32) bool {
	if c.resets == nil {
		return false
	}
	for _, known := range c.resets.ids {
		if known == id {
			return true
		}
	}
	return false
}

// sendReset resets a stream.
func (c *Conn) sendReset(id uint32, code errCode) {
	if c.resets == nil {
		c.resets = new(resetSet)
	}
	c.resets.add(id)
	c.write(appendReset(c.t.AvailableBuffer(), id, code))
}

// streamError resets s for what its client has done wrong (RFC 9113 §5.4.2). To
// make us reset a stream is as cheap for a client as to reset it itself, so it
// costs as much.
func (c *Conn) streamError(s *Stream, code errCode, e error) *connError {
	c.sendReset(s.id, code)
	c.loseStream(s, e)
	return c.annoyed(1)
}
