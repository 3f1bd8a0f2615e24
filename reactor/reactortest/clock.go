package reactortest

import (
	"time"

	"spindle/reactor"
)

// Start is the time at which every Clock begins: a Monday, in UTC.
var Start = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// maxRounds bounds what may happen at one instant, so that a call which makes
// itself again with no delay fails the test and does not hang it.
const maxRounds = 100_000

// Clock is a reactor.Clock whose time passes when the test says so.
type Clock struct {
	now    time.Time
	timers *reactor.Timers
	run    func(f func()) // how a due call is called
	idle   func()         // brings what belongs to the instant to an end
}

// NewClock makes a clock that stands at Start.
func NewClock() *Clock {
	c := &Clock{now: Start, idle: func() {}}
	c.run = func(f func()) { f() }
	c.timers = reactor.NewTimers(c.Now, nil)
	return c
}

// Now is the time of the clock.
func (c *Clock) Now() time.Time { return c.now }

// CallLater has f called when the clock has been moved on by d.
func (c *Clock) CallLater(d time.Duration, f func()) *reactor.DelayedCall {
	return c.timers.CallLater(d, f)
}

// Pending is the number of calls that are still to come.
func (c *Clock) Pending() int { return c.timers.Pending() }

// Next is when the first of them is due; ok is false when there is none.
func (c *Clock) Next() (when time.Time, ok bool) { return c.timers.Next() }

// Advance moves the clock on by d and makes the calls that come due on the way,
// each at its own time, also those that are made on the way. Advance(0) makes
// those that are due now. A call made with no delay, again and again, panics.
func (c *Clock) Advance(d time.Duration) {
	end := c.now.Add(d)
	for c.idle(); ; c.idle() {
		when, ok := c.timers.Next()
		if !ok || when.After(end) {
			break
		}
		if when.After(c.now) {
			c.now = when.In(time.UTC)
		}
		c.instant()
	}
	c.now = end
}

// instant makes the calls that are due now until there are no more.
func (c *Clock) instant() {
	for round := 0; c.round(); round++ {
		if round > maxRounds {
			panic("reactortest: a call makes itself again with no delay, without end")
		}
	}
}

// round makes the calls that are due now, not those that they make. It tells
// whether there was one.
func (c *Clock) round() bool {
	mark, any := c.timers.Mark(), false
	for f := c.timers.PopDue(c.now, mark); f != nil; f = c.timers.PopDue(c.now, mark) {
		any = true
		c.run(f)
	}
	return any
}

var _ reactor.Clock = (*Clock)(nil)
