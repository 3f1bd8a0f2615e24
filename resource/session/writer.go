package session

import (
	"encoding/json"
	"maps"
	"time"

	"spindle/reactor"
)

// This file writes behind: what changes is saved a moment later, by a thread.

// delay is how long changes are gathered.
const delay = 200 * time.Millisecond

// writer knows what the Store does not. Sessions.mu is held for dirty, gone and waiting; the
// rest is the loop's.
type writer struct {
	of    *Sessions
	store Store

	dirty   map[*Session]bool
	gone    map[string]bool // keys
	waiting bool            // for the moment to be over

	writing *reactor.Deferred[struct{}] // nil when no thread is
}

// changed has s saved. Any goroutine.
func (t *Sessions) changed(s *Session) {
	if w := t.writer; w != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if s.place >= 0 {
			w.dirty[s] = true
			w.wait()
		}
	}
}

// forget has the session of that key removed. Any goroutine.
func (t *Sessions) forget(key string) {
	if w := t.writer; w != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		w.gone[key] = true
		w.wait()
	}
}

// wait has the changes written after a moment. With Sessions.mu.
func (w *writer) wait() {
	if w.waiting {
		return
	}
	w.waiting = true
	w.of.loop.CallFromThread(func() { w.of.loop.CallLater(delay, w.flush) })
}

// flush hands what has changed to a thread, unless one is at it: then it is done after that.
func (w *writer) flush() {
	if w.writing != nil {
		return
	}
	todo, gone := w.take()
	if len(todo) == 0 && len(gone) == 0 {
		return
	}
	w.writing = reactor.NewDeferred[struct{}]()
	end := func(err error) {
		if err != nil { // no thread has taken it
			w.of.log().Error("session: sessions can not be kept now", "error", err)
			w.putBack(todo, gone)
		}
		was := w.writing
		w.writing = nil
		was.Callback(struct{}{})
		if err == nil {
			w.flush()
		}
	}
	reactor.DeferToThreadPool(w.of.loop.ThreadPool(), func() (struct{}, error) {
		w.write(todo, gone)
		return struct{}{}, nil
	}).Then(func(struct{}) { end(nil) }, end)
}

// take is what has changed since the last time.
func (w *writer) take() (todo []*Session, gone map[string]bool) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	for s := range w.dirty {
		if s.place >= 0 {
			todo = append(todo, s)
		}
	}
	gone = maps.Clone(w.gone)
	clear(w.dirty)
	clear(w.gone)
	w.waiting = false
	return todo, gone
}

// putBack is for what take has taken and nobody has written.
func (w *writer) putBack(todo []*Session, gone map[string]bool) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	for _, s := range todo {
		w.dirty[s] = true
	}
	maps.Copy(w.gone, gone)
	w.wait()
}

// write saves and removes. A thread.
func (w *writer) write(todo []*Session, gone map[string]bool) {
	for key := range gone {
		if err := w.store.Delete(key); err != nil {
			w.of.log().Error("session: a session can not be removed", "error", err)
		}
	}
	for _, s := range todo {
		r, ok := w.record(s)
		if !ok {
			continue
		}
		if err := w.store.Save(r); err != nil {
			w.of.log().Error("session: a session can not be kept", "error", err)
		}
	}
}

// record is s, as the Store has it; false when it has ended.
func (w *writer) record(s *Session) (Record, bool) {
	w.of.mu.Lock()
	r := Record{Key: s.key, Touched: s.touched, Timeout: s.timeout}
	s.saved = s.touched
	ended := s.place < 0
	w.of.mu.Unlock()
	if ended {
		return r, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Values = make(map[string]json.RawMessage, len(s.values))
	for name, e := range s.values {
		if e.raw != nil {
			r.Values[name] = e.raw
		}
	}
	return r, true
}

// last writes what is left, before the loop ends. What no thread takes is lost.
func (w *writer) last() *reactor.Deferred[struct{}] {
	done := reactor.NewDeferred[struct{}]()
	rounds := 0
	var again func()
	again = func() {
		w.flush()
		if rounds++; w.writing == nil || rounds > 3 {
			done.Callback(struct{}{})
			return
		}
		w.writing.Then(func(struct{}) { again() }, nil)
	}
	again()
	return done
}
