package reactortest

import "spindle/reactor"

// triggers is the table of system event triggers of one loop.
type triggers struct {
	last reactor.TriggerID
	list []trigger // in the order in which they were added
}

type trigger struct {
	id    reactor.TriggerID
	phase reactor.Phase
	event reactor.Event
	f     func() *reactor.Deferred[struct{}]
}

// AddSystemEventTrigger has f called when Fire is told of event.
func (l *Loop) AddSystemEventTrigger(phase reactor.Phase, event reactor.Event, f func() *reactor.Deferred[struct{}]) reactor.TriggerID {
	l.triggers.last++
	l.triggers.list = append(l.triggers.list, trigger{l.triggers.last, phase, event, f})
	return l.triggers.last
}

// RemoveSystemEventTrigger takes a trigger back.
func (l *Loop) RemoveSystemEventTrigger(id reactor.TriggerID) {
	for i, t := range l.triggers.list {
		if t.id == id {
			l.triggers.list = append(l.triggers.list[:i:i], l.triggers.list[i+1:]...)
			return
		}
	}
}

// Fire calls the triggers of event, phase after phase; a phase waits for what
// the one before has put off. Each trigger is called once only.
func (l *Loop) Fire(event reactor.Event) {
	l.soon = append(l.soon, func() { l.fire(event, reactor.Before) })
	l.testSide()
}

func (l *Loop) fire(event reactor.Event, phase reactor.Phase) {
	if phase > reactor.After {
		return
	}
	waiting := 1
	done := func() {
		if waiting--; waiting == 0 {
			l.soon = append(l.soon, func() { l.fire(event, phase+1) })
		}
	}
	for _, t := range l.triggers.take(event, phase) {
		if d := t.f(); d != nil {
			waiting++
			d.Then(func(struct{}) { done() }, func(error) { done() })
		}
	}
	done()
}

func (ts *triggers) take(event reactor.Event, phase reactor.Phase) (due []trigger) {
	var rest []trigger
	for _, t := range ts.list {
		if t.event == event && t.phase == phase {
			due = append(due, t)
		} else {
			rest = append(rest, t)
		}
	}
	ts.list = rest
	return due
}
