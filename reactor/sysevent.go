package reactor

import (
	"log/slog"
	"slices"
)

// Event is a moment in the life of a reactor.
type Event string

// The system events.
const (
	Startup  Event = "startup"
	Shutdown Event = "shutdown"
)

// Phase is one of the three in which the triggers of an event are called.
type Phase uint8

// The phases of an event, in order. They are the priorities that triggers have: what depends on
// what others do in a phase stands in the next one. Within a phase who was added first is called
// first.
const (
	Before Phase = iota
	During
	After
)

// String is the phase's name.
func (p Phase) String() string { return [...]string{"before", "during", "after"}[p] }

// TriggerID names a trigger, to take it back.
type TriggerID uint64

// SystemEvents is the set of triggers of one reactor. The zero SystemEvents is
// an empty set. Loop only.
type SystemEvents struct {
	triggers []trigger // in the order of their making
	firing   map[Event]*Deferred[struct{}]
	last     TriggerID
	logger   func() *slog.Logger // nil means the default one
}

type trigger struct {
	id    TriggerID
	phase Phase
	event Event
	f     func() *Deferred[struct{}]
}

// Add has f called once, when event is fired next (or in the firing that goes
// on, if its phase is still to come or not over). In the phases Before and
// During the event waits for the Deferred that f returns; nil means done.
func (s *SystemEvents) Add(phase Phase, event Event, f func() *Deferred[struct{}]) TriggerID {
	if f == nil || phase > After {
		panic("reactor: a system event trigger needs a function and a phase")
	}
	s.last++
	s.triggers = append(s.triggers, trigger{s.last, phase, event, f})
	return s.last
}

// Remove takes a trigger back. It does nothing when it has been called or taken
// back already.
func (s *SystemEvents) Remove(id TriggerID) {
	s.triggers = slices.DeleteFunc(s.triggers, func(t trigger) bool { return t.id == id })
}

// Fire calls the triggers of event, each once, phase by phase in the order in
// which they were added: those of Before and During, waiting after each phase
// for all their Deferreds, then those of After. The result comes when the last
// has been called; it is never a failure. A trigger that panics or fails is
// logged, and the rest goes on. While event is being fired, Fire returns the
// result of that firing.
func (s *SystemEvents) Fire(event Event) *Deferred[struct{}] {
	if d := s.firing[event]; d != nil {
		return d
	}
	if s.firing == nil {
		s.firing = make(map[Event]*Deferred[struct{}])
	}
	d := NewDeferred[struct{}]()
	s.firing[event] = d
	s.enter(Before, event, func() {
		s.enter(During, event, func() {
			s.enter(After, event, func() {
				delete(s.firing, event)
				d.Callback(struct{}{})
			})
		})
	})
	return d
}

// enter calls the triggers of one phase, and next when all are done.
func (s *SystemEvents) enter(phase Phase, event Event, next func()) {
	left := 1 // this call itself
	done := func() {
		if left--; left > 0 {
			return
		}
		if s.holds(phase, event) { // added while it waited
			s.enter(phase, event, next)
			return
		}
		next()
	}
	for t, ok := s.take(phase, event); ok; t, ok = s.take(phase, event) {
		d, err := attempt(func() (*Deferred[struct{}], error) { return t.f(), nil })
		if err != nil {
			s.log(t, err)
		}
		if d == nil {
			continue
		}
		failed := func(err error) { s.log(t, err) }
		if phase == After {
			d.Then(nil, failed)
			continue
		}
		left++
		d.Then(nil, failed).Then(func(struct{}) { done() }, func(error) { done() })
	}
	done()
}

// take removes the first trigger of a phase and returns it.
func (s *SystemEvents) take(phase Phase, event Event) (trigger, bool) {
	for i, t := range s.triggers {
		if t.phase == phase && t.event == event {
			s.triggers = slices.Delete(s.triggers, i, i+1)
			return t, true
		}
	}
	return trigger{}, false
}

func (s *SystemEvents) holds(phase Phase, event Event) bool {
	return slices.ContainsFunc(s.triggers, func(t trigger) bool {
		return t.phase == phase && t.event == event
	})
}

func (s *SystemEvents) log(t trigger, err error) {
	log := slog.Default()
	if s.logger != nil {
		log = s.logger()
	}
	what := "a trigger " + t.phase.String() + " " + string(t.event)
	if p, ok := err.(*PanicError); ok {
		logPanic(log, what, p)
		return
	}
	log.Error("reactor: "+what+" failed", "err", err)
}
