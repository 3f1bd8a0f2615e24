package reactor

import "time"

// This file has answers wait for each other. Where many connections are ready at once, what
// each callback has written stays in the scratch buffer, and leaves when all of them had
// their turn, one write(2) behind the other: a client on this machine that sleeps is woken
// once for all of them and not once for each, and the code that reads and the code that
// writes stay in the processor's caches. Where few are ready, or callbacks take long, every
// callback's bytes leave when it ends.

const (
	crowdAtLeast = 4                      // events of a turn from which on answers wait
	crowdEvery   = 113                    // events from one look at how many are ready to the next, while none wait; a prime, so as not to fall in step with them
	heldAtMost   = 200 * time.Microsecond // from the first answer that waits to the moment when all leave
	heldRoom     = 16 << 10               // of scratch buffer is left to who comes behind; else all leave
)

// crowd is how many connections are ready in a turn, which the poller does not tell: what is
// posted comes behind all that was ready before.
type crowd struct {
	events  int           // since the last call of ended, or the last look
	waiting bool          // ended is posted
	many    bool          // the last turn that was counted had at least least
	slow    bool          // callbacks of the turn take too long for answers to wait
	least   int           // crowdAtLeast; a test has all answers wait
	atMost  time.Duration // heldAtMost; a test has them wait longer
	ended   func()        // Reactor.turnEnded, made once
}

// held is what one connection has written.
type held struct {
	c    *Conn
	data []byte // a part of the reactor's arena
}

// count notes that a connection was ready.
func (r *Reactor) count() {
	r.crowd.events++
	if !r.crowd.many && r.crowd.events >= crowdEvery {
		r.awaitEnd()
	}
}

// awaitEnd has turnEnded called behind all that is ready now.
func (r *Reactor) awaitEnd() {
	if k := &r.crowd; !k.waiting {
		k.waiting, k.events = true, 0
		r.posted.post(k.ended)
	}
}

// turnEnded sends what waits, and notes how many events the turn had.
func (r *Reactor) turnEnded() {
	k := &r.crowd
	k.many = k.events >= k.least && !k.slow
	k.waiting, k.slow, k.events = false, false, 0
	r.flushHeld()
}

// hold has what c wrote in the callback that ends now wait.
func (r *Reactor) hold(c *Conn) {
	if len(r.held) == 0 {
		r.heldSince = r.Now()
		r.awaitEnd()
	}
	c.state |= holding
	r.held = append(r.held, held{c, r.scratch})
	r.owner, r.scratch = nil, r.scratch[len(r.scratch):]
	if cap(r.scratch) < heldRoom {
		r.flushHeld()
	}
}

// heldEnough sends what waits when it has waited long enough. It is asked after each
// callback, whatever that was of. Where that is so after few of them nothing waits until the
// next look: who comes behind may take as long.
func (r *Reactor) heldEnough() {
	if r.ReadClock().Sub(r.heldSince) <= r.crowd.atMost {
		return
	}
	if len(r.held) < crowdAtLeast {
		r.crowd.many, r.crowd.slow = false, true
	}
	r.flushHeld()
}

// canHold tells whether c has written something and wants nothing else.
func (c *Conn) canHold() bool {
	const harmless = readable | inPending | inNext | writeEvent
	return c.r.owner == c && c.state&^harmless == 0 && c.out == nil && c.more == nil &&
		len(c.r.scratch) > 0 && len(c.r.soon) == 0
}

// flushHeld sends all that waits.
func (r *Reactor) flushHeld() {
	if len(r.held) == 0 {
		return
	}
	for i, h := range r.held {
		r.held[i] = held{}
		h.c.state &^= holding
		h.c.flushBytes(h.data)
	}
	r.held = r.held[:0]
	if r.owner == nil {
		r.scratch = r.arena
	}
}

// heldBytes is how many bytes of c wait.
func (r *Reactor) heldBytes(c *Conn) int {
	for _, h := range r.held {
		if h.c == c {
			return len(h.data)
		}
	}
	return 0
}
