package http2

// This file tells producers when to go on, begins what had to wait, and makes the
// connection the transport's producer for as long as something waits for it.

// producersDue tells whether a producer is to be told something.
func (c *Conn) producersDue() bool {
	for _, s := range c.streams {
		if s.producer != nil && s.producerDue() {
			return true
		}
	}
	return false
}

// producerDue is producersDue for one stream.
func (s *Stream) producerDue() bool {
	switch {
	case s.push == nil:
		return !s.is(producerAsked) && s.hungry() && s.c.t.Buffered() < sendMark
	case s.is(producerPaused):
		return s.queued <= lowWater
	}
	return s.queued > highWater
}

// hungry tells whether a pull producer could be asked as far as the client goes.
func (s *Stream) hungry() bool {
	open := s.window > 0 && s.c.window > 0 || s.answer == answerEmpty // what is dropped needs no window
	return s.producer != nil && s.push == nil && len(s.out) == 0 && open && !s.heldBack()
}

// tellProducers tells them to pause, to go on, or to write a piece.
func (c *Conn) tellProducers() {
	for range pullRounds {
		if c.producers == 0 || !c.tellRound() {
			return
		}
		c.pump()
	}
	if c.producersDue() {
		c.post()
	}
}

func (c *Conn) tellRound() (told bool) {
	for i := 0; i < len(c.streams); i++ {
		s := c.streams[i]
		if s.producer == nil || !s.producerDue() {
			continue
		}
		told = true
		switch {
		case s.push == nil:
			s.flags |= producerAsked
			s.producer.ResumeProducing()
		case s.is(producerPaused):
			s.flags &^= producerPaused
			s.producer.ResumeProducing()
		default:
			s.flags |= producerPaused
			s.push.PauseProducing()
		}
	}
	return told
}

// giveHeld begins the exchanges that had to wait until enough was sent.
func (c *Conn) giveHeld() {
	for c.held > 0 && c.waiting <= int64(c.f.set.MaxQueuedBytes) {
		for _, s := range c.streams {
			if s.is(held) {
				c.begun(s)
				break
			}
		}
	}
}

// begun begins the exchange of s, and gives it the content that has come meanwhile.
func (c *Conn) begun(s *Stream) {
	h := s.held
	s.held = nil
	s.flags &^= held
	c.held--
	c.awaitContent(s)
	c.give(s, h)
	if s.c == c && !s.is(closed) {
		c.catchUp(s)
	}
}

// goOn does what was put off.
func (c *Conn) goOn() {
	if c.is(closeAsked) {
		c.flags &^= closeAsked
		if !c.is(draining) && c.state < stateLinger {
			c.drain()
		}
	}
	for i := 0; i < len(c.streams); {
		s := c.streams[i]
		if s.is(catching) {
			s.flags &^= catching
			c.catchUp(s)
		}
		if s.tun != nil {
			s.tun.goOn()
		}
		if i < len(c.streams) && c.streams[i] == s {
			i++
		}
	}
}

// work does what follows from what has come, while callbacks may be made.
func (c *Conn) work() {
	if c.state >= stateLinger {
		return
	}
	c.pump()
	c.tellProducers()
	c.giveHeld()
}

// ask makes us the transport's producer: it tells when it has delivered everything.
func (c *Conn) ask() {
	if !c.is(asking) {
		c.flags |= asking
		c.t.RegisterProducer((*drainer)(c))
	}
}

// release ends it.
func (c *Conn) release() {
	if c.is(asking) {
		c.flags &^= asking
		c.t.UnregisterProducer()
	}
}

// drainer is a Conn as the pull producer of its transport.
type drainer Conn

// ResumeProducing goes on with what waits for the transport.
func (d *drainer) ResumeProducing() {
	c := (*Conn)(d)
	c.unblock()
	c.enter()
	c.run(c.unread())
}

// StopProducing does nothing: ConnectionLost follows.
func (d *drainer) StopProducing() {}

// steer pauses reading, and asks the transport, as far as there is a reason.
func (c *Conn) steer() {
	if c.state >= stateLinger {
		return
	}
	want := c.is(blocked) || c.ready != nil && c.ready.len > 0 && c.window > 0
	if c.producers > 0 && c.hungry() {
		want = true
	}
	if want {
		c.ask()
	} else {
		c.release()
	}
	if c.is(blocked) == c.is(pausedRead) {
		return
	}
	c.flags ^= pausedRead
	if c.is(pausedRead) {
		c.t.PauseReading()
	} else {
		c.t.ResumeReading()
	}
}

// hungry tells whether a pull producer is to be asked when the transport has room. For
// one that waits for the client's window the time runs.
func (c *Conn) hungry() (any bool) {
	for _, s := range c.streams {
		switch {
		case s.producer == nil || s.push != nil || len(s.out) > 0 || s.is(producerAsked) || s.heldBack():
		case s.hungry():
			any = true
		case s.window <= 0:
			c.stall(s)
		default:
			c.shut()
		}
	}
	return any
}
