package dev

import (
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// hands counts the requests that a generation has in hand.
type hands struct {
	busy  int
	empty func() // called when there are none any more; may be nil
}

// around is root with its requests counted.
func (h *hands) around(root resource.Resource) resource.Resource { return inHand{h: h, root: root} }

// whenEmpty calls stop once: when there are no requests in hand, with all of patience, or
// when half of that is over, with the other half. Asked again, and without patience, it
// does so at once.
func (h *hands) whenEmpty(l reactor.Loop, patience time.Duration, stop func(patience time.Duration)) {
	if h.busy == 0 || patience <= 0 || h.empty != nil {
		stop(patience)
		return
	}
	late := l.CallLater(patience/2, func() {
		h.empty = func() {}
		stop(patience / 2)
	})
	h.empty = func() {
		h.empty = func() {}
		late.Cancel()
		stop(patience)
	}
}

// inHand passes requests on to root.
type inHand struct {
	resource.Leaf
	h    *hands
	root resource.Resource
}

// Inner is the root. See outline.
func (x inHand) Inner() resource.Resource { return x.root }

// Pass goes on to the root, from its first segment.
func (x inHand) Pass(r *resource.Request) (resource.Resource, error) {
	x.h.busy++
	r.NotifyFinish(func(error) {
		if x.h.busy--; x.h.busy == 0 && x.h.empty != nil {
			x.h.empty()
		}
	})
	return x.root, nil
}
