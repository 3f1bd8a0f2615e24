package reactor

// This file tells the producer of a connection when to go on.

const (
	highWater = 64 << 10 // queued bytes above which a push producer is paused
	lowWater  = 16 << 10 // below which it is resumed
	pullTurn  = 16       // pieces asked of a pull producer in one turn
)

// RegisterProducer makes p the producer. Loop only.
func (c *Conn) RegisterProducer(p Producer) {
	c.r.loop.check()
	if c.state&(lost|failed) != 0 {
		c.r.later(p.StopProducing)
		return
	}
	m := c.extra()
	if m.producer != nil {
		panic("reactor: RegisterProducer: there is a producer already; unregister it first")
	}
	m.producer = p
	m.push, _ = p.(PushProducer)
	m.paused, m.asked = false, false
	c.touch()
}

// UnregisterProducer ends it. Loop only.
func (c *Conn) UnregisterProducer() {
	c.r.loop.check()
	if c.more == nil || c.more.producer == nil {
		return
	}
	c.more.producer, c.more.push = nil, nil
	c.touch()
}

// tellProducer is called after a flush.
func (c *Conn) tellProducer() {
	m := c.more
	if m == nil || m.producer == nil {
		return
	}
	if m.push == nil {
		c.pull(m)
		return
	}
	switch n := c.queued(); {
	case !m.paused && n > highWater:
		m.paused = true
		m.push.PauseProducing()
	case m.paused && n <= lowWater:
		m.paused = false
		m.push.ResumeProducing()
	}
}

// pull asks a pull producer for pieces while the kernel takes them.
func (c *Conn) pull(m *connMore) {
	for range pullTurn {
		if m.producer == nil || m.push != nil || m.asked || !c.idleOut() || c.state&(failed|lost) != 0 {
			return
		}
		m.asked = true
		m.producer.ResumeProducing()
		c.flushAll()
	}
	c.r.again(c)
}
