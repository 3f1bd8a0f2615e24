package wsgi

import (
	"time"

	"spindle/reactor"
)

// This file keeps the requests that wait for a worker.

// queue is exchanges in the order in which they came. Those whose client has left are
// passed over when it is their turn.
type queue struct {
	list  []*exchange
	timer *reactor.DelayedCall // looks at the first of them; nil while there is no need
}

// enqueue has x wait, or refuses it.
func (a *App) enqueue(x *exchange) error {
	q := &a.queue
	limit := a.MaxQueue
	if limit == 0 {
		limit = defaultQueue
	}
	if len(q.list) >= limit {
		q.sweep()
	}
	if len(q.list) >= limit {
		return busy("Too many requests wait for the application.")
	}
	patience := or(a.QueueTimeout, defaultQueueTimeout)
	x.deadline = a.loop.Now().Add(patience)
	q.list = append(q.list, x)
	if q.timer == nil {
		q.timer = a.loop.CallLater(patience, a.lookAtQueue)
	}
	return nil
}

// sweep takes those out whose client has left.
func (q *queue) sweep() {
	kept := q.list[:0]
	for _, x := range q.list {
		if !x.r.Finished() {
			kept = append(kept, x)
		}
	}
	clear(q.list[len(kept):])
	q.list = kept
}

// next is the one whose turn it is, nil when nobody waits.
func (q *queue) next() *exchange {
	for len(q.list) > 0 {
		if x := q.pop(); !x.r.Finished() {
			return x
		}
	}
	return nil
}

func (q *queue) pop() *exchange {
	x := q.list[0]
	q.list[0] = nil
	if q.list = q.list[1:]; len(q.list) == 0 {
		q.list = nil
	}
	return x
}

// lookAtQueue refuses those that have waited too long. They are in the order of their
// deadlines.
func (a *App) lookAtQueue() {
	q := &a.queue
	q.timer = nil
	now := a.loop.Now()
	for len(q.list) > 0 && !q.list[0].deadline.After(now) {
		if x := q.pop(); !x.r.Finished() {
			x.r.Fail(busy("The application is busy."))
		}
	}
	if len(q.list) > 0 {
		q.timer = a.loop.CallLater(max(q.list[0].deadline.Sub(now), time.Millisecond), a.lookAtQueue)
	}
}

// failAll answers all that wait with err.
func (q *queue) failAll(err error) {
	for x := q.next(); x != nil; x = q.next() {
		x.r.Fail(err)
	}
}

// serveQueue gives idle links to those that wait.
func (a *App) serveQueue() {
	for len(a.queue.list) > 0 {
		l := a.idleLink()
		if l == nil {
			return
		}
		x := a.queue.next()
		if x == nil {
			l.w.idle = append(l.w.idle, l)
			return
		}
		l.begin(x)
	}
}
