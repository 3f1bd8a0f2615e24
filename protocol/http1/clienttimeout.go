package http1

import (
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file ends what takes a Client too long. There is one timer for each connection,
// and it is lazy: a deadline that moves away is only noted, and the timer that goes off
// too early is set again.

// extend gives the server d from now on; 0 is for ever.
func (c *Client) extend(d time.Duration) {
	if d == 0 {
		c.deadline = time.Time{}
		return
	}
	c.deadline = c.t.Loop().Now().Add(d)
}

// watch has the timer go off by the deadline.
func (c *Client) watch() {
	if c.deadline.IsZero() || c.timer != nil && !c.timer.Time().After(c.deadline) {
		return
	}
	d := c.deadline.Sub(c.t.Loop().Now())
	if c.timer == nil || !c.timer.Reset(d) {
		c.timer = c.t.Loop().CallLater(d, c.onTimer)
	}
}

// onTimer does what is due, if anything.
func (c *Client) onTimer() {
	c.timer = nil
	if c.deadline.IsZero() || c.state == clientGone {
		return
	}
	if !c.t.Loop().Now().Before(c.deadline) {
		c.expire()
		c.changed()
	}
	if c.state != clientGone {
		c.watch()
	}
}

// expire decides what it means that the deadline has passed.
func (c *Client) expire() {
	waiting := c.t.Buffered()
	slower := waiting == 0 || c.stalled != 0 && waiting >= c.stalled
	c.stalled = waiting
	switch {
	case c.is(cWaiting):
		c.goOn()
	case c.state >= clientLength && c.is(cPaused), c.state == clientSwitch:
		c.extend(c.f.set.BodyTimeout) // it is we who wait
	case c.state >= clientLength:
		c.expired("no content of the answer came")
	case waiting > 0 && !slower:
		c.extend(c.f.set.WriteTimeout)
	case waiting > 0:
		c.expired("the server took nothing of the request")
	case c.sending != answerNone:
		c.extend(c.f.set.WriteTimeout) // whose content does not come; that is not the server's fault
	default:
		c.expired("there was no answer")
	}
}

func (c *Client) expired(what string) {
	c.lose(&protocol.LostError{Reason: what + " in time", Err: reactor.ErrTimeout})
}
