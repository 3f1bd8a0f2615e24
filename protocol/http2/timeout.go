package http2

import (
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file puts right, at the end of every callback, what follows from the state:
// the list that the connection is on, whether reading is paused, and its one timer.
// The timer is lazy: a deadline that moves away, as every request makes it do, is
// only noted; when the timer goes off too early it is set again.

// phase is what the client is given time for.
type phase uint8

const (
	phaseNone   phase = iota // nothing of the connection; streams have their own
	phaseFirst               // its preface
	phaseHead                // the rest of a header block
	phaseIdle                // the next request
	phaseLinger              // its end, after an error
)

// settle ends a callback.
func (c *Conn) settle() {
	if c.link.On() == nil {
		return
	}
	c.place()
	c.steer()
	c.watch()
	c.flags &^= served
}

// place puts the connection on the list where it belongs. The lists are in the
// order of the time since when.
func (c *Conn) place() {
	l := &c.f.busy
	if len(c.streams) == 0 && c.state < stateLinger && c.block == nil {
		l = &c.f.idle
	}
	if c.link.On() != l || c.is(served) {
		l.Put(c, &c.link)
	}
}

// watch keeps the deadline of the phase, and looks after the client's progress in
// taking what was written.
func (c *Conn) watch() {
	if p := c.nowPhase(); p != c.phase || c.is(served) && p == phaseIdle {
		c.phase = p
		c.deadline = c.deadlineOf(p)
	}
	c.due(c.deadline)
	c.due(c.watchQueue())
	if c.client != nil {
		c.due(c.client.nextPing())
	}
	if c.look != 0 && (c.timer == nil || c.armed > c.look) {
		c.arm(c.look)
	}
}

func (c *Conn) nowPhase() phase {
	switch {
	case c.state == stateLinger && c.is(finSent):
		return phaseLinger
	case c.state >= stateLinger:
		return phaseNone
	case !c.is(settled):
		return phaseFirst
	case c.block != nil:
		return phaseHead
	case len(c.streams) == 0:
		return phaseIdle
	}
	return phaseNone
}

// deadlineOf is when a phase that begins now ends; 0 for never.
func (c *Conn) deadlineOf(p phase) int64 {
	var d time.Duration
	switch p {
	case phaseFirst:
		d = c.f.set.FirstByteTimeout
	case phaseHead:
		d = c.f.set.HeadTimeout
	case phaseIdle:
		d = c.f.set.IdleTimeout
	case phaseLinger:
		d = c.f.set.LingerTimeout
	}
	if d == 0 {
		return 0
	}
	return c.f.now + int64(d)
}

// due has the timer look at when, or sooner; 0 is never.
func (c *Conn) due(when int64) {
	if when != 0 && (c.look == 0 || when < c.look) {
		c.look = when
	}
}

// bodyDeadline is when content that begins now has to have made progress.
func (f *Factory) bodyDeadline() int64 {
	if f.set.BodyTimeout == 0 {
		return 0
	}
	return f.now + int64(f.set.BodyTimeout)
}

// gain moves the deadline of content away by the time that n bytes may take, but
// not beyond what the client has without any.
func (s *Stream) gain(n int) {
	if s.deadline == 0 {
		return
	}
	set := &s.f.set
	most := s.f.now + int64(set.BodyTimeout)
	if set.MinBodyRate == 0 {
		s.deadline = most
		return
	}
	s.deadline = min(s.deadline+int64(n)*int64(time.Second)/int64(set.MinBodyRate), most)
}

// watchQueue notes since when the client has taken nothing, and returns when to
// look again; 0 when nothing waits for it.
func (c *Conn) watchQueue() (look int64) {
	limit := int64(c.f.set.WriteTimeout)
	waiting := int64(c.t.Buffered())
	if waiting == 0 || limit == 0 {
		c.stalled = 0
		return 0
	}
	if drained := c.queued - waiting; c.stalled == 0 || drained > c.drained {
		c.stalled = c.f.now
		c.drained = drained
	}
	// Progress is seen only by looking, so look more than once.
	return min(c.stalled+limit, c.f.now+limit/4)
}

// arm has onTimer called at when.
func (c *Conn) arm(when int64) {
	d := time.Duration(when - c.f.now)
	c.armed = when
	if c.timer == nil || !c.timer.Reset(d) {
		c.timer = c.f.loop.CallLater(d, c.onTimer)
	}
}

// onTimer does what is due, if anything.
func (c *Conn) onTimer() {
	c.timer = nil
	c.look = 0
	c.enter()
	now, limit := c.f.now, int64(c.f.set.WriteTimeout)
	c.flags |= running
	if c.deadline != 0 && now >= c.deadline {
		c.expire()
	}
	if c.goAwayAt != 0 && now >= c.goAwayAt {
		c.drainNow()
	}
	c.due(c.goAwayAt)
	c.lookAtStreams()
	if c.client != nil {
		c.client.ping()
	}
	if c.watchQueue() != 0 && now-c.stalled >= limit || c.closed != 0 && limit != 0 && now-c.closed >= limit {
		if c.client != nil {
			c.client.why = &protocol.LostError{Reason: "the server took nothing of the requests in time", Err: reactor.ErrTimeout}
		}
		c.abort()
	}
	c.flags &^= running
	c.endIfDone()
	c.settle()
	c.tell()
}

// expire ends a phase that has taken too long.
func (c *Conn) expire() {
	c.deadline = 0
	switch c.phase {
	case phaseFirst:
		c.bye(errSlowPreface.code, errSlowPreface.reason)
		c.loseStreams(errSlowPreface) // of a client
		c.lose()
	case phaseIdle, phaseLinger:
		c.lose()
	case phaseHead:
		c.fail(errBlockSlow)
	}
}

// lookAtStreams ends the exchanges whose client does not send, or does not take,
// and finds when the next is due.
func (c *Conn) lookAtStreams() {
	if c.closed != 0 && c.f.set.WriteTimeout != 0 {
		c.due(c.closed + int64(c.f.set.WriteTimeout))
	}
	c.eachOpen(c.lookAtStream)
}

// lookAtStream is lookAtStreams for one.
func (c *Conn) lookAtStream(s *Stream) {
	stall := int64(c.f.set.WriteTimeout)
	switch {
	case s.deadline != 0 && c.f.now >= s.deadline && c.client != nil:
		c.client.expire(s)
	case s.deadline != 0 && c.f.now >= s.deadline && s.mayBeSlow():
		s.deadline = c.f.bodyDeadline()
		c.due(s.deadline)
	case s.deadline != 0 && c.f.now >= s.deadline:
		c.refuseContent(s, errContentSlow)
	case s.stalled != 0 && stall != 0 && c.f.now >= s.stalled+stall:
		c.sendReset(s.id, codeCancel)
		c.loseStream(s, errStalled)
	default:
		c.due(s.deadline)
		if s.stalled != 0 && stall != 0 {
			c.due(s.stalled + stall)
		}
	}
}

// mayBeSlow tells whether the content of s has longer than its time: while it is us who keep
// the client from sending it; and when nobody wants it, until the answer, whose time is
// another, is sent.
func (s *Stream) mayBeSlow() bool {
	if s.is(discarding) {
		return !s.is(localEnded)
	}
	return s.c.recv <= 0 || s.recv <= 0
}
