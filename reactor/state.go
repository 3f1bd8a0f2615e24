package reactor

import (
	"cmp"
	"errors"
	"slices"
)

// This file names the states in the life of a reactor, and holds Channel, by which those who are
// interested in something are told of it: in these states, or in what a program has of its own.

// State is where a reactor is in its life. It only goes forward.
type State uint8

// The states of a reactor, in order.
const (
	StateNew      State = iota // before Run
	StateStarting              // the loop turns, and the triggers of Startup are not through
	StateRunning
	StateStopping // after Stop: the ports are closed, and the triggers of Shutdown under way
	StateStopped  // Run has returned, or is about to; it can not run again
)

// String is the state's name.
func (s State) String() string {
	return [...]string{"new", "starting", "running", "stopping", "stopped"}[s]
}

// Channel tells its subscribers of what is published, in the order of their priorities. The zero
// Channel has no subscribers. It belongs to one loop. Loop only, and before Run.
type Channel[T any] struct {
	list []*subscriber[T]
}

type subscriber[T any] struct {
	priority int
	f        func(T) error
	gone     bool
}

// Subscribe has f called with each value that is published from now on, until cancel is called.
// Those of a lower priority come first, of equal ones who subscribed first.
func (c *Channel[T]) Subscribe(priority int, f func(T) error) (cancel func()) {
	if f == nil {
		panic("reactor: Subscribe without a function")
	}
	s := &subscriber[T]{priority: priority, f: f}
	list := append(slices.Clone(c.list), s) // a Publish that is under way has the old one
	slices.SortStableFunc(list, func(a, b *subscriber[T]) int { return cmp.Compare(a.priority, b.priority) })
	c.list = list
	return func() {
		s.gone = true
		c.list = slices.DeleteFunc(slices.Clone(c.list), func(other *subscriber[T]) bool { return other == s })
	}
}

// Publish calls every subscriber with v, also when one fails or panics, and joins their errors; a
// panic is a *PanicError. Who subscribes meanwhile is not told of v, who has cancelled is not
// either.
func (c *Channel[T]) Publish(v T) error {
	var errs []error
	for _, s := range c.list {
		if s.gone {
			continue
		}
		if _, err := attempt(func() (struct{}, error) { return struct{}{}, s.f(v) }); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Subscribers is how many there are.
func (c *Channel[T]) Subscribers() int { return len(c.list) }

// State is where the reactor is in its life. Any goroutine.
func (r *Reactor) State() State {
	switch r.state.Load() {
	case stateRunning:
		if r.started.Load() {
			return StateRunning
		}
		return StateStarting
	case stateStopping:
		return StateStopping
	case stateStopped, stateCancelled:
		return StateStopped
	}
	return StateNew
}

// States tells of each state that the reactor enters, when it does: StateStarting before the
// triggers of Startup, StateRunning after them, StateStopping before those of Shutdown, StateStopped
// as the last of all, when the loop turns no more. Loop only, and before Run.
func (r *Reactor) States() *Channel[State] { return &r.states }

// enterState tells of s. What fails is logged.
func (r *Reactor) enterState(s State) {
	if err := r.states.Publish(s); err != nil {
		r.logger().Error("reactor: who is told of the state "+s.String()+" failed", "err", err)
	}
}

// FireSystemEvent calls the triggers of an event, of the program's own, too, as Startup and
// Shutdown have them; see SystemEvents.Fire. Loop only.
func (r *Reactor) FireSystemEvent(event Event) *Deferred[struct{}] {
	r.loop.check()
	return r.events.Fire(event)
}
