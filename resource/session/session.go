package session

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Session is what a server knows of one client. Any goroutine, unless it says otherwise.
type Session struct {
	of *Sessions

	mu       sync.Mutex
	id       string           // "" when a Store had it, and its client has not come yet
	values   map[string]entry // by the name of the type
	onExpire []func()
	ended    bool

	// Of Sessions.mu.
	key     string // of id
	timeout time.Duration
	touched time.Time // when its client asked last
	saved   time.Time // touched, as the Store knows it
	place   int       // in the queue; -1 when it is over
}

// entry is a value, and what a Store has of it: each may be all there is.
type entry struct {
	value any
	raw   json.RawMessage
}

// expires is when it ends. With Sessions.mu.
func (s *Session) expires() time.Time { return s.touched.Add(s.timeout) }

// ID is what the client's cookie holds. Who knows it has the session: it is not for logs.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Timeout is how long the session lives without a request.
func (s *Session) Timeout() time.Duration {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.timeout
}

// SetTimeout changes that for this session, from its last request on. 0 or less ends it.
func (s *Session) SetTimeout(d time.Duration) {
	if d <= 0 {
		s.Expire()
		return
	}
	s.of.setTimeout(s, d)
}

// Expire ends the session: a logout. Its values are gone, and what OnExpire was given is
// called on the loop in a later turn.
func (s *Session) Expire() { s.of.expire(s) }

// Expired tells whether it has ended.
func (s *Session) Expired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// OnExpire has f called on the loop of Sessions when the session ends, in whatever way but
// the end of the process; at once, in a later turn, when it has ended already.
func (s *Session) OnExpire(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		s.of.loop.CallFromThread(f)
		return
	}
	s.onExpire = append(s.onExpire, f)
}

// nameOf is what a value of type T is kept under.
func nameOf[T any]() string {
	t := reflect.TypeFor[T]()
	if t.PkgPath() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	return t.String()
}

// Get is the value of type T, the zero value and false when there is none. With a Store it
// may be one that an earlier process has set, if it still can be read as a T.
func Get[T any](s *Session) (value T, ok bool) {
	name := nameOf[T]()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.values[name]
	if value, ok = e.value.(T); ok || e.value != nil || e.raw == nil {
		return value, ok
	}
	if json.Unmarshal(e.raw, &value) != nil {
		var none T // the old program meant something else by it
		return none, false
	}
	s.values[name] = entry{value, e.raw}
	return value, true
}

// Set keeps value as the one of its type. With a Store it is written as JSON (its exported
// fields), as it is now: who changes it afterwards sets it again. An error is that it can
// not be written so; it is kept in memory all the same. When the session has ended it does
// nothing.
func Set[T any](s *Session, value T) error {
	name, e := nameOf[T](), entry{value: value}
	var err error
	if s.of.writer != nil {
		if e.raw, err = json.Marshal(value); err != nil {
			err = fmt.Errorf("session: a %s can not be kept beyond the process: %w", name, err)
		}
	}
	s.put(name, e)
	return err
}

// Delete removes the value of type T.
func Delete[T any](s *Session) {
	s.mu.Lock()
	delete(s.values, nameOf[T]())
	s.mu.Unlock()
	s.of.changed(s)
}

// put keeps a value, if the session has not ended.
func (s *Session) put(name string, e entry) {
	s.mu.Lock()
	ended := s.ended
	if !ended {
		if s.values == nil {
			s.values = make(map[string]entry)
		}
		s.values[name] = e
	}
	s.mu.Unlock()
	if !ended {
		s.of.changed(s)
	}
}

// Values is what the session holds, as text, by the names of types, for the page of a panic.
func (s *Session) Values() iter.Seq2[string, string] {
	s.mu.Lock()
	values := maps.Clone(s.values)
	s.mu.Unlock()
	return func(yield func(name, value string) bool) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !yield(name, values[name].text()) {
				return
			}
		}
	}
}

func (e entry) text() string {
	if e.value == nil {
		return string(e.raw)
	}
	return fmt.Sprintf("%+v", e.value)
}
