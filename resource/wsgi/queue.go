package wsgi

// This file keeps the requests that wait for a worker.

// queue is exchanges in the order in which they came. Those that ended meanwhile are
// passed over.
type queue struct {
	list []*exchange
	live int
}

// enqueue has x wait, or refuses it.
func (a *App) enqueue(x *exchange) error {
	limit := a.MaxQueue
	if limit == 0 {
		limit = defaultQueue
	}
	if a.queue.live >= limit {
		return busy("Too many requests wait for the application.")
	}
	a.queue.list = append(a.queue.list, x)
	a.queue.live++
	x.queued = true
	x.waiting = a.loop.CallLater(or(a.QueueTimeout, defaultQueueTimeout), func() {
		a.queue.leave(x)
		x.r.Fail(busy("The application is busy."))
	})
	return nil
}

// leave takes x out; it stays in the list until it is its turn.
func (q *queue) leave(x *exchange) {
	if x.queued {
		x.queued = false
		x.waiting.Cancel()
		q.live--
	}
	if q.live == 0 {
		q.list = nil
	}
}

// next is the one whose turn it is, nil when nobody waits.
func (q *queue) next() *exchange {
	for len(q.list) > 0 {
		x := q.list[0]
		q.list[0] = nil
		q.list = q.list[1:]
		if x.queued {
			q.leave(x)
			return x
		}
	}
	return nil
}

// failAll answers all that wait with err.
func (q *queue) failAll(err error) {
	for x := q.next(); x != nil; x = q.next() {
		x.r.Fail(err)
	}
}

// serveQueue gives idle links to those that wait.
func (a *App) serveQueue() {
	for a.queue.live > 0 {
		l := a.idleLink()
		if l == nil {
			return
		}
		l.begin(a.queue.next())
	}
}
