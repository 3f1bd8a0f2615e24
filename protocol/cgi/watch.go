package cgi

import "time"

// This file puts right, at the end of every callback, the list that the connection is on
// and its one timer. A deadline that moves away is only noted; when the timer goes off too
// early it is set again.

// phase is what the web server is given time for.
type phase uint8

const (
	phaseNone phase = iota
	phaseHead       // the variables
	phaseBody       // content
	phaseIdle       // the next request
	phaseRest       // its end, behind an answer
)

// settle ends a callback.
func (c *Conn) settle() {
	if c.on == nil {
		return
	}
	l := &c.f.busy
	if c.state == stateIdle && c.framing.Between() && len(c.in) == 0 {
		l = &c.f.idle
	}
	if c.on != l {
		c.leaveList()
		c.enterList(l)
	}
	if c.f.draining && l == &c.f.idle {
		c.t.LoseConnection()
	}
	c.watch()
}

func (c *Conn) nowPhase() phase {
	switch c.state {
	case stateIdle:
		if c.is(begun) && c.framing.Between() {
			return phaseIdle
		}
		return phaseHead
	case stateBody:
		if !c.is(pausedBody) {
			return phaseBody
		}
	case stateRest:
		return phaseRest
	}
	return phaseNone
}

// watch keeps the deadline of the phase, and looks after the progress of what is written.
func (c *Conn) watch() {
	if p := c.nowPhase(); p != c.phase {
		c.phase = p
		c.due = c.f.after(c.timeOf(p))
	}
	next := c.due
	if look := c.watchQueue(); !look.IsZero() && (next.IsZero() || look.Before(next)) {
		next = look
	}
	if next.IsZero() || c.timer != nil && !c.armed.After(next) {
		return
	}
	if c.timer != nil {
		c.timer.Cancel()
	}
	c.armed = next
	c.timer = c.f.loop.CallLater(next.Sub(c.f.loop.Now()), c.onTimer)
}

func (c *Conn) timeOf(p phase) time.Duration {
	switch p {
	case phaseHead:
		return c.f.set.HeadTimeout
	case phaseBody:
		return c.f.set.BodyTimeout
	case phaseIdle:
		return c.f.set.IdleTimeout
	case phaseRest:
		return c.f.set.LingerTimeout
	}
	return 0
}

// gain moves the deadline of content away by the time that n bytes may take.
func (c *Conn) gain(n int) {
	s := &c.f.set
	if c.phase != phaseBody || c.due.IsZero() {
		return
	}
	most := c.f.after(s.BodyTimeout)
	if s.MinBodyRate > 0 {
		if due := c.due.Add(time.Duration(n) * time.Second / time.Duration(s.MinBodyRate)); due.Before(most) {
			most = due
		}
	}
	c.due = most
}

// watchQueue notes since when nothing was taken, and returns when to look again; the zero
// Time when nothing waits.
func (c *Conn) watchQueue() (look time.Time) {
	limit, waiting := c.f.set.WriteTimeout, int64(c.t.Buffered())
	if waiting == 0 || limit == 0 {
		c.stalled = time.Time{}
		return time.Time{}
	}
	now := c.f.loop.Now()
	if drained := c.sent - waiting; c.stalled.IsZero() || drained > c.drained {
		c.stalled, c.drained = now, drained
	}
	look = c.stalled.Add(limit)
	if soon := now.Add(limit / 4); soon.Before(look) {
		look = soon
	}
	return look
}

// onTimer does what is due, if anything.
func (c *Conn) onTimer() {
	c.timer = nil
	now := c.f.loop.Now()
	if !c.due.IsZero() && !now.Before(c.due) {
		c.due = time.Time{}
		c.expire()
	}
	if look := c.watchQueue(); !look.IsZero() && now.Sub(c.stalled) >= c.f.set.WriteTimeout {
		c.t.AbortConnection()
	}
	c.settle()
}

// expire ends a phase that has taken too long.
func (c *Conn) expire() {
	switch c.phase {
	case phaseHead, phaseRest:
		c.t.AbortConnection()
	case phaseIdle:
		c.t.LoseConnection()
	case phaseBody:
		c.fail(errSlow)
	}
}
