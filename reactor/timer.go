package reactor

import (
	"container/heap"
	"time"
)

// This file holds the timers of one loop: a heap, and one armed wake-up. What
// wakes the loop (timerfd, a kqueue filter, a fake clock) is not here.

// DelayedCall is a call that is due later. Loop only.
type DelayedCall struct {
	when   int64 // nanoseconds since the epoch of timers
	f      func()
	index  int // place in the heap; -1 when not pending
	seq    uint64
	timers *Timers
}

// Time is when the call is due.
func (c *DelayedCall) Time() time.Time { return c.timers.time(c.when) }

// Active tells whether the call is still to come.
func (c *DelayedCall) Active() bool { return c.index >= 0 }

// Cancel takes the call back. It tells whether it was still to come.
func (c *DelayedCall) Cancel() bool {
	if c.index < 0 {
		return false
	}
	heap.Remove(&c.timers.heap, c.index)
	c.f = nil
	return true
}

// Reset makes the call due d from now. It tells whether it was still to come;
// a call that is over stays over.
func (c *DelayedCall) Reset(d time.Duration) bool {
	return c.move(c.timers.since(c.timers.now()) + int64(max(d, 0)))
}

// Delay makes the call due d later (earlier when negative) than it was.
func (c *DelayedCall) Delay(d time.Duration) bool { return c.move(c.when + int64(d)) }

func (c *DelayedCall) move(when int64) bool {
	if c.index < 0 {
		return false
	}
	c.when = when
	heap.Fix(&c.timers.heap, c.index)
	c.timers.arm()
	return true
}

// Timers is the set of pending calls of one loop. The reactor has one, and so
// has a fake clock. Loop only.
type Timers struct {
	heap  timerHeap
	epoch time.Time // when the set was made; differences to it do not jump with the wall clock
	now   func() time.Time
	wake  func(when time.Time) // tells the owner that the first call has moved forward
	next  int64                // what wake was last told; 0 when nothing is armed
	seq   uint64
}

// NewTimers makes an empty set. now is its clock; wake, which may be nil, is
// called when the earliest call has become earlier.
func NewTimers(now func() time.Time, wake func(when time.Time)) *Timers {
	return &Timers{epoch: now(), now: now, wake: wake}
}

func (t *Timers) since(at time.Time) int64  { return int64(at.Sub(t.epoch)) }
func (t *Timers) time(when int64) time.Time { return t.epoch.Add(time.Duration(when)) }

// CallLater adds a call.
func (t *Timers) CallLater(d time.Duration, f func()) *DelayedCall {
	t.seq++
	c := &DelayedCall{when: t.since(t.now()) + int64(max(d, 0)), f: f, seq: t.seq, timers: t}
	heap.Push(&t.heap, c)
	t.arm()
	return c
}

// Pending is the number of calls to come.
func (t *Timers) Pending() int { return len(t.heap) }

// Next is when the first call is due; ok is false when there is none.
func (t *Timers) Next() (when time.Time, ok bool) {
	if len(t.heap) == 0 {
		return time.Time{}, false
	}
	return t.heap[0].Time(), true
}

// PopDue takes the first call that is due at now and was made before the mark
// (see Mark) out of the set and returns its function; nil when there is none.
func (t *Timers) PopDue(now time.Time, mark uint64) func() {
	if len(t.heap) == 0 || t.heap[0].when > t.since(now) || t.heap[0].seq > mark {
		return nil
	}
	c := heap.Pop(&t.heap).(*DelayedCall)
	f := c.f
	c.f = nil
	return f
}

// Mark is the youngest call there is: a round of due calls runs those up to it,
// so that a call that re-arms itself with zero delay does not hold the loop.
func (t *Timers) Mark() uint64 { return t.seq }

// Rearm tells wake of the first call again, after a round.
func (t *Timers) Rearm() {
	t.next = 0
	t.arm()
}

func (t *Timers) arm() {
	if t.wake == nil || len(t.heap) == 0 {
		return
	}
	if first := t.heap[0].when; t.next == 0 || first < t.next {
		t.next = first
		t.wake(t.time(first))
	}
}

// timerHeap orders by time, then by age.
type timerHeap []*DelayedCall

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].when != h[j].when {
		return h[i].when < h[j].when
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	c := x.(*DelayedCall)
	c.index = len(*h)
	*h = append(*h, c)
}
func (h *timerHeap) Pop() any {
	old := *h
	n := len(old) - 1
	c := old[n]
	old[n] = nil
	*h = old[:n]
	c.index = -1
	return c
}
