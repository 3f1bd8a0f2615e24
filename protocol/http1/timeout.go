package http1

import "time"

// This file puts right, at the end of every callback, what follows from the
// state: the list the channel is on, whether reading is paused, and the one timer
// of the connection. The timer is lazy: a deadline that moves away, as every
// request makes it do, is only noted; when the timer goes off too early it is set
// again.

// phase is what the client is given time for.
type phase uint8

const (
	phaseNone   phase = iota // nothing: it is not its turn
	phaseFirst               // the first byte of the connection
	phaseHead                // the rest of a head
	phaseBody                // content
	phaseIdle                // the next request
	phaseLinger              // its end, after a refusal
	phaseGone                // to be told of an answer, after its end: see HalfCloseTimeout
)

// settle ends a callback.
func (c *Channel) settle() {
	if c.link.On() == nil {
		return
	}
	c.place()
	c.steer()
	c.watch()
	c.flags &^= served
}

// place puts the channel on the list where it belongs. The lists are in the
// order of the time since when.
func (c *Channel) place() {
	l := &c.f.busy
	if c.state == stateHead && !c.is(blocked|posted) {
		l = &c.f.idle
	}
	if c.link.On() != l || c.is(served) {
		l.Put(c, &c.link)
	}
}

// steer pauses reading while nobody takes what comes.
func (c *Channel) steer() {
	paused := c.is(blocked)
	switch {
	case c.state == stateBody:
		paused = c.is(pausedBody)
	case c.state == stateAnswer, c.is(posted):
		paused = paused || len(c.unread()) >= c.f.set.MaxPipelinedBytes
	}
	if paused == c.is(pausedRead) {
		return
	}
	c.flags ^= pausedRead
	if paused {
		c.t.PauseReading()
	} else {
		c.t.ResumeReading()
	}
}

// watch keeps the deadline of the phase and looks after the client's progress in
// taking what was written.
func (c *Channel) watch() {
	if p := c.nowPhase(); p != c.phase || c.is(served) {
		c.phase = p
		c.deadline = c.f.deadlineOf(p)
	}
	next := c.deadline
	if look := c.watchQueue(); look != 0 && (next == 0 || look < next) {
		next = look
	}
	if next == 0 || c.timer != nil && c.armed <= next {
		return
	}
	c.arm(next)
}

func (c *Channel) nowPhase() phase {
	switch c.state {
	case stateHead:
		switch {
		case c.is(blocked):
			return phaseNone
		case c.in != nil:
			return phaseHead
		case c.is(fresh):
			return phaseFirst
		}
		return phaseIdle
	case stateBody, stateDiscard:
		if !c.is(pausedBody) {
			return phaseBody
		}
	case stateAnswer:
		if c.is(eof) {
			return phaseGone
		}
	case stateLinger:
		if c.is(finSent) {
			return phaseLinger
		}
	}
	return phaseNone
}

// deadlineOf is when a phase that begins now ends; 0 for never.
func (f *Factory) deadlineOf(p phase) int64 {
	var d time.Duration
	switch p {
	case phaseFirst:
		d = f.set.FirstByteTimeout
	case phaseHead:
		d = f.set.HeadTimeout
	case phaseBody:
		d = f.set.BodyTimeout
	case phaseIdle:
		d = f.set.IdleTimeout
	case phaseLinger:
		d = f.set.LingerTimeout
	case phaseGone:
		d = f.set.HalfCloseTimeout
	}
	if d == 0 {
		return 0
	}
	return f.now + int64(d)
}

// gain moves the deadline of content away by the time that n bytes may take, but
// not beyond what the client has without any.
func (c *Channel) gain(n int) {
	s := &c.f.set
	if c.phase != phaseBody || c.deadline == 0 {
		return
	}
	most := c.f.now + int64(s.BodyTimeout)
	if s.MinBodyRate == 0 {
		c.deadline = most
		return
	}
	c.deadline = min(c.deadline+int64(n)*int64(time.Second)/int64(s.MinBodyRate), most)
}

// watchQueue notes since when the client has taken nothing, and returns when to
// look again; 0 when nothing waits for it.
func (c *Channel) watchQueue() (look int64) {
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
func (c *Channel) arm(when int64) {
	d := time.Duration(when - c.f.now)
	c.armed = when
	if c.timer == nil || !c.timer.Reset(d) {
		c.timer = c.f.loop.CallLater(d, c.onTimer)
	}
}

// onTimer does what is due, if anything.
func (c *Channel) onTimer() {
	c.timer = nil
	c.enter()
	if c.deadline != 0 && c.f.now >= c.deadline {
		c.expire()
	}
	if c.watchQueue() != 0 && c.f.now-c.stalled >= int64(c.f.set.WriteTimeout) {
		c.abort()
	}
	c.settle()
}

// expire ends a phase that has taken too long.
func (c *Channel) expire() {
	c.deadline = 0
	switch c.phase {
	case phaseFirst, phaseIdle, phaseLinger:
		c.lose()
	case phaseGone:
		c.expireGone()
	case phaseHead:
		c.refuse(errHeadSlow, c.unread())
	case phaseBody:
		c.fail(errContentSlow)
	}
}

// expireGone gives a client up that has closed its half, unless it was sent something
// meanwhile. Only that shows whether it is there: what it is sent when it is not ends the
// connection.
func (c *Channel) expireGone() {
	if !c.is(wrote) && c.t.Buffered() == 0 {
		c.abort()
		return
	}
	c.flags &^= wrote
	c.deadline = c.f.deadlineOf(phaseGone)
}
