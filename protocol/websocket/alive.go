package websocket

import "time"

// This file is the one timer of a connection. A message costs it nothing: what happens
// sets flags, which the timer looks at when it fires.

// watch sets the timer for what the connection waits for now.
func (c *Conn) watch() {
	set := &c.f.set
	switch {
	case c.state == stateLost:
	case c.state != stateOpen:
		c.arm(set.CloseTimeout)
	case c.flags&choked != 0:
		c.queued = c.t.Buffered()
		c.arm(set.WriteTimeout)
	default:
		c.flags = c.flags&^pinged | heard
		if c.active == 0 {
			c.active = c.t.Loop().Now().UnixNano()
		}
		c.arm(c.interval())
	}
}

// interval is how often an open connection is looked at; 0: never.
func (c *Conn) interval() time.Duration {
	ping, idle := c.f.set.PingInterval, c.f.set.IdleTimeout
	if ping == 0 || idle > 0 && idle < ping {
		return idle
	}
	return ping
}

// arm sets the timer; 0: none.
func (c *Conn) arm(d time.Duration) {
	switch {
	case d == 0:
		c.unwatch()
	case c.timer == nil || !c.timer.Reset(d):
		c.timer = c.t.Loop().CallLater(d, c.tick)
	}
}

func (c *Conn) unwatch() {
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
}

// tick looks what has happened.
func (c *Conn) tick() {
	c.timer = nil
	switch {
	case c.state == stateLost:
	case c.state == stateOpen && c.flags&choked != 0 && c.t.Buffered() < c.queued:
		c.watch() // slow, but it takes something
	case c.state != stateOpen, c.flags&choked != 0, c.isDead():
		c.Abort()
	case c.isIdle():
		c.Close(CodeGoingAway, "no message for too long")
	case c.flags&pinged != 0:
		c.arm(c.f.set.PongTimeout)
	default:
		c.arm(c.interval())
	}
}

// isDead tells whether the client has not answered a ping. It pings one that is silent.
func (c *Conn) isDead() bool {
	if c.f.set.PingInterval == 0 {
		return false
	}
	if c.flags&(heard|paused) != 0 {
		c.flags &^= heard | pinged
		return false
	}
	if c.flags&pinged != 0 {
		return true
	}
	c.Ping(nil)
	if c.f.set.PongTimeout > 0 {
		c.flags |= pinged
	}
	return false
}

// isIdle tells whether there was no message for too long.
func (c *Conn) isIdle() bool {
	if c.f.set.IdleTimeout == 0 {
		return false
	}
	now := c.t.Loop().Now().UnixNano()
	if c.flags&busy != 0 {
		c.flags &^= busy
		c.active = now
	}
	return time.Duration(now-c.active) >= c.f.set.IdleTimeout
}
