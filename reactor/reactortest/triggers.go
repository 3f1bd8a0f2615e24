package reactortest

import "spindle/reactor"

// AddSystemEventTrigger has f called when Fire is told of event.
func (l *Loop) AddSystemEventTrigger(phase reactor.Phase, event reactor.Event, f func() *reactor.Deferred[struct{}]) reactor.TriggerID {
	return l.events.Add(phase, event, f)
}

// RemoveSystemEventTrigger takes a trigger back.
func (l *Loop) RemoveSystemEventTrigger(id reactor.TriggerID) { l.events.Remove(id) }

// Fire calls the triggers of event, as the reactor does when it starts
// (reactor.Startup) and stops (reactor.Shutdown). It tells whether all phases are
// over; when one waits for a Deferred they are not, and over is called later.
// over may be nil.
func (l *Loop) Fire(event reactor.Event, over func()) (done bool) {
	l.soon = append(l.soon, func() {
		l.events.Fire(event).Then(func(struct{}) {
			done = true
			if over != nil {
				over()
			}
		}, nil)
	})
	l.testSide()
	return done
}
