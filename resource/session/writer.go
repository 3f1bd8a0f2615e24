package session

import (
	"encoding/json"
	"errors"
	"maps"
	"time"

	"spindle/reactor"
)

// This file writes behind: what changes is saved a moment later, by a thread.

// How long changes are gathered; and after a failure, doubled with each further one.
const (
	delay     = 200 * time.Millisecond
	mostDelay = time.Minute
	mostAtEnd = 10 * time.Second // of waiting when the loop stops
)

// writer knows what the Store does not. Sessions.mu is held for dirty, gone, waiting and
// delay; the rest is the loop's.
type writer struct {
	of    *Sessions
	store Store

	dirty   map[*Session]bool
	gone    map[string]bool // keys that the Store has
	waiting bool            // for the moment to be over
	delay   time.Duration

	writing *reactor.Deferred[struct{}] // nil when no thread is
}

// changed has s saved. Any goroutine.
func (t *Sessions) changed(s *Session) {
	if w := t.writer; w != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if s.queue != nil {
			w.dirty[s] = true
			w.wait()
		}
	}
}

// forget has s removed from the Store, if that has it. With t.mu.
func (t *Sessions) forget(s *Session) {
	if w := t.writer; w != nil {
		delete(w.dirty, s)
		if s.stored {
			w.gone[s.key] = true
			w.wait()
		}
	}
}

// wait has the changes written after a moment. With Sessions.mu.
func (w *writer) wait() {
	if w.waiting {
		return
	}
	w.waiting = true
	after := w.delay
	w.of.loop.CallFromThread(func() { w.of.loop.CallLater(after, w.flush) })
}

// flush hands what has changed to a thread, unless one is at it: then it is done after that.
func (w *writer) flush() {
	todo, gone := w.take()
	if len(todo)+len(gone) == 0 {
		return
	}
	w.writing = reactor.NewDeferred[struct{}]()
	reactor.DeferToThreadPool(w.of.loop.ThreadPool(), func() (struct{}, error) {
		return struct{}{}, w.write(todo, gone)
	}).Then(func(struct{}) { w.written(nil) }, func(err error) {
		w.putBack(todo, gone) // what failed, or all if no thread has taken it
		w.written(err)
	})
}

// written goes on after a thread has written.
func (w *writer) written(err error) {
	w.of.mu.Lock()
	if err != nil {
		w.delay = min(2*w.delay, mostDelay)
	} else {
		w.delay = delay
	}
	more := !w.waiting && len(w.dirty)+len(w.gone) > 0
	if more {
		w.wait()
	}
	w.of.mu.Unlock()
	if err != nil {
		w.of.log().Error("session: sessions can not be kept now; it is tried again", "error", err)
	}
	was := w.writing
	w.writing = nil
	was.Callback(struct{}{})
}

// take is what has changed since the last time; nothing while a thread writes.
func (w *writer) take() (todo map[*Session]bool, gone map[string]bool) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.waiting = false
	if w.writing != nil {
		return nil, nil
	}
	todo, gone = maps.Clone(w.dirty), maps.Clone(w.gone)
	clear(w.dirty)
	clear(w.gone)
	return todo, gone
}

// putBack is for what take has taken and nobody has written.
func (w *writer) putBack(todo map[*Session]bool, gone map[string]bool) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	for s := range todo {
		if s.queue != nil {
			w.dirty[s] = true
		}
	}
	maps.Copy(w.gone, gone)
}

// write saves and removes, and takes from todo and gone what is done. The first of each kind
// of error is told. A thread.
func (w *writer) write(todo map[*Session]bool, gone map[string]bool) error {
	var saving, removing error
	for s := range todo {
		r, touched, ok := w.record(s)
		if ok {
			if err := w.store.Save(r); err != nil {
				if saving == nil {
					saving = err
				}
				continue
			}
			w.of.mu.Lock()
			s.saved = touched
			w.of.mu.Unlock()
		}
		delete(todo, s)
	}
	for key := range gone {
		if err := w.store.Delete(key); err != nil {
			if removing == nil {
				removing = err
			}
			continue
		}
		delete(gone, key)
	}
	return errors.Join(saving, removing)
}

// record is s, as the Store is to have it; false when it has ended.
func (w *writer) record(s *Session) (r Record, touched time.Time, ok bool) {
	w.of.mu.Lock()
	r = Record{Key: s.key, Touched: s.touched, Timeout: s.timeout}
	if ok = s.queue != nil; ok {
		s.stored = true
	}
	w.of.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Values = make(map[string]json.RawMessage, len(s.values)+len(s.raw))
	maps.Copy(r.Values, s.raw)
	for t, e := range s.values {
		if e.raw != nil {
			r.Values[typeName(t)] = e.raw
		}
	}
	return r, r.Touched, ok
}

// last writes what is left when the loop stops. What can not be written then is lost.
func (w *writer) last() *reactor.Deferred[struct{}] {
	done := reactor.NewDeferred[struct{}]()
	w.of.loop.CallLater(mostAtEnd, func() {
		if !done.Settled() {
			w.of.log().Error("session: what has changed last can not be kept: the store does not answer")
			done.Callback(struct{}{})
		}
	})
	rounds := 0
	var again func()
	again = func() {
		w.flush()
		if done.Settled() {
			return
		}
		if rounds++; w.writing == nil || rounds > 3 {
			done.Callback(struct{}{})
			return
		}
		w.writing.Then(func(struct{}) { again() }, nil)
	}
	again()
	return done
}
