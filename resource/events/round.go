package events

import (
	"math"

	"spindle/protocol"
	"spindle/reactor"
)

// This file tells many listeners of a message, in turns.

// round is messages on their way to all who listen: each stream is gone to once, and is
// told all that it has not heard of.
type round struct {
	pending []*protocol.Message  // not told to all yet, the oldest first
	number  uint64               // of the last of them; they count from the first broadcast on
	next    int                  // the stream that is gone to next
	again   bool                 // somebody behind next may have missed something
	working bool                 // serve runs, or will
	call    *reactor.DelayedCall // of serveOn
}

// maxPending is how many messages may be on their way over later turns. Beyond, all are
// told at once, which takes the time of whoever publishes so much.
const maxPending = 256

func (e *Events) turn() int {
	if n := limit(e.Turn, 1024); n > 0 {
		return n
	}
	return math.MaxInt
}

// Broadcast sends m to all who listen now, and does not keep it. Messages come in the
// order of the calls; of many listeners some are told in later turns. m is not changed
// any more.
func (e *Events) Broadcast(m *protocol.Message) {
	w := &e.round
	w.pending = append(w.pending, m)
	w.number++
	switch {
	case !w.working:
		w.next, w.again = 0, false
		e.serve(e.turn())
	case len(w.pending) > maxPending:
		w.again = true
		e.serve(math.MaxInt)
	default:
		w.again = true
	}
}

// serve tells up to so many streams, and has the rest told in the next turn.
func (e *Events) serve(left int) {
	w := &e.round
	w.working = true
	for {
		for w.next < len(e.streams) {
			if left == 0 {
				if w.call == nil {
					w.call = e.loop.CallLater(0, e.serveOn)
				}
				return
			}
			s := e.streams[w.next]
			w.next++
			if s.told < w.number {
				left--
				e.catchUp(s)
			}
		}
		if !w.again {
			break
		}
		w.next, w.again = 0, false
	}
	clear(w.pending)
	w.pending, w.working = w.pending[:0], false
}

// serveOn is the next turn, unless all was told meanwhile.
func (e *Events) serveOn() {
	e.round.call = nil
	if e.round.working {
		e.serve(e.turn())
	}
}

// catchUp tells s what it has not heard of, if it keeps up.
func (e *Events) catchUp(s *Stream) {
	w := &e.round
	missed := min(w.number-s.told, uint64(len(w.pending)))
	s.told = w.number
	bound := limit(e.MaxQueuedBytes, 256<<10)
	for _, m := range w.pending[uint64(len(w.pending))-missed:] {
		if bound > 0 && s.Buffered() > bound {
			s.Dismiss("too slow")
			return
		}
		s.SendPrepared(m)
	}
}
