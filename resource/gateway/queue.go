package gateway

import (
	"fmt"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// Queue lets so many run at once, and others wait their turn. Loop only.
type Queue struct {
	// Running is how many may run at once; 0 means no limit.
	Running int
	// Waiting is how many may wait; beyond: 503.
	Waiting int
	// Patience is how long one waits; beyond: 503.
	Patience time.Duration

	running int
	waiting []*Turn
}

// Turn is a place in a Queue.
type Turn struct {
	q     *Queue
	run   func()
	timer *reactor.DelayedCall
	state turnState
}

type turnState uint8

const (
	turnWaits turnState = iota
	turnRuns
	turnOver
)

// errBusy is the answer for those that find no place.
var errBusy = &resource.Error{Status: 503, Detail: "There are too many requests for this page at the moment.",
	Fields: []resource.ErrorField{{Name: "Retry-After", Value: "5"}}}

// Enter has run called when it is its turn, at once when there is a place. The Turn is
// given back by Leave, whatever became of it. fail is called when patience has ended.
func (q *Queue) Enter(c reactor.Clock, run func(), fail func(error)) (*Turn, error) {
	t := &Turn{q: q, run: run}
	if q.Running <= 0 || q.running < q.Running && len(q.waiting) == 0 {
		q.begin(t)
		return t, nil
	}
	if len(q.waiting) >= q.Waiting {
		return nil, errBusy
	}
	q.waiting = append(q.waiting, t)
	if q.Patience > 0 {
		t.timer = c.CallLater(q.Patience, func() {
			t.timer = nil
			t.Leave()
			fail(errBusy)
		})
	}
	return t, nil
}

func (q *Queue) begin(t *Turn) {
	t.state = turnRuns
	q.running++
	if t.timer != nil {
		t.timer.Cancel()
		t.timer = nil
	}
	t.run()
}

// Leave gives the place to the next.
func (t *Turn) Leave() {
	if t == nil || t.state == turnOver {
		return
	}
	ran := t.state == turnRuns
	t.state = turnOver
	if !ran {
		t.q.remove(t)
		return
	}
	t.q.running--
	for len(t.q.waiting) > 0 && t.q.running < t.q.Running {
		next := t.q.waiting[0]
		t.q.waiting = t.q.waiting[1:]
		t.q.begin(next)
	}
}

func (q *Queue) remove(t *Turn) {
	if t.timer != nil {
		t.timer.Cancel()
	}
	for i, w := range q.waiting {
		if w == t {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return
		}
	}
}

// Load is how many run and how many wait.
func (q *Queue) Load() (running, waiting int) { return q.running, len(q.waiting) }

// State is the same for a person. A Queue that is nil has nothing to do.
func (q *Queue) State() string {
	if q == nil {
		return "0 under way, 0 waiting"
	}
	return fmt.Sprintf("%d under way, %d waiting", q.running, len(q.waiting))
}
