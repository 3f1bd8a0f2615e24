package session

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Session is what a server knows of one client. Any goroutine.
type Session struct {
	of  *Sessions
	key string // of id

	mu       sync.Mutex
	id       string // "" when a Store had it, and its client has not come yet
	values   map[reflect.Type]entry
	raw      map[string]json.RawMessage // what a Store had and nobody has asked for, by typeName
	onExpire []func()
	ended    bool

	// Of Sessions.mu.
	timeout time.Duration
	touched time.Time // when its client asked last
	saved   time.Time // touched, as the Store knows it
	stored  bool      // the Store has it, or will
	queue   *queue    // where it is; nil when it has ended
	place   int       // there
}

// entry is a value, and what a Store has of it, if it has any.
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

// isEmpty tells whether nobody would miss it.
func (s *Session) isEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.values)+len(s.raw)+len(s.onExpire) == 0
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
// the end of the process; in a later turn, when it has ended already.
func (s *Session) OnExpire(f func()) {
	s.mu.Lock()
	ended := s.ended
	if ended {
		s.of.loop.CallFromThread(f)
	} else {
		s.onExpire = append(s.onExpire, f)
	}
	s.mu.Unlock()
	if !ended {
		s.of.matters(s)
	}
}

// typeName is what a Store has a type under.
func typeName(t reflect.Type) string {
	switch {
	case t.PkgPath() != "":
		return t.PkgPath() + "." + t.Name()
	case t.Name() != "":
		return t.Name()
	case t.Kind() == reflect.Pointer:
		return "*" + typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[]" + typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "map[" + typeName(t.Key()) + "]" + typeName(t.Elem())
	}
	return t.String()
}

// Get is the value of type T, the zero value and false when there is none. With a Store it
// may be one that an earlier process has set, if it still can be read as a T. What it
// refers to is shared by all who have got it: a value is not changed in place where
// several goroutines may have it, but set anew.
func Get[T any](s *Session) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return get[T](s)
}

// get is Get, with s.mu.
func get[T any](s *Session) (value T, ok bool) {
	t := reflect.TypeFor[T]()
	if e, has := s.values[t]; has {
		value, ok = e.value.(T)
		return value, ok
	}
	name := typeName(t)
	raw, has := s.raw[name]
	if !has || json.Unmarshal(raw, &value) != nil {
		var none T // the old program meant something else by it
		return none, false
	}
	delete(s.raw, name)
	s.set(t, entry{value, raw})
	return value, true
}

// set keeps a value, with s.mu.
func (s *Session) set(t reflect.Type, e entry) {
	if s.values == nil {
		s.values = make(map[reflect.Type]entry)
	}
	s.values[t] = e
}

// Set keeps value as the one of its type, which is one of package level if there is a Store.
// That writes it as JSON (its exported fields), as it is now. An error is that it can not
// be written so; it is kept in memory all the same. When the session has ended it does
// nothing.
func Set[T any](s *Session, value T) error {
	e, err := entryOf(s, value)
	s.mu.Lock()
	ended := s.ended
	if !ended {
		s.set(reflect.TypeFor[T](), e)
	}
	s.mu.Unlock()
	if !ended {
		s.of.matters(s)
		s.of.changed(s)
	}
	return err
}

// Update sets what f makes of the value of type T, its zero value when there is none, with
// nobody else's change between. f must not use the session. When that has ended f is not
// called. The error is that of Set.
func Update[T any](s *Session, f func(T) T) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil
	}
	err := func() error {
		defer s.mu.Unlock()
		value, _ := get[T](s)
		e, err := entryOf(s, f(value))
		s.set(reflect.TypeFor[T](), e)
		return err
	}()
	s.of.matters(s)
	s.of.changed(s)
	return err
}

func entryOf[T any](s *Session, value T) (e entry, err error) {
	e.value = value
	if s.of.writer != nil {
		if e.raw, err = json.Marshal(value); err != nil {
			err = fmt.Errorf("session: a %s can not be kept beyond the process: %w", reflect.TypeFor[T](), err)
		}
	}
	return e, err
}

// Delete removes the value of type T.
func Delete[T any](s *Session) {
	t := reflect.TypeFor[T]()
	s.mu.Lock()
	delete(s.values, t)
	delete(s.raw, typeName(t))
	s.mu.Unlock()
	s.of.changed(s)
}

// Values is what the session holds, as text, by the names of types, for the page of a panic.
func (s *Session) Values() iter.Seq2[string, string] {
	s.mu.Lock()
	values, raw := maps.Clone(s.values), maps.Clone(s.raw)
	s.mu.Unlock()
	type pair struct{ name, value string }
	var list []pair
	for t, e := range values {
		list = append(list, pair{typeName(t), fmt.Sprintf("%+v", e.value)})
	}
	for name, v := range raw {
		list = append(list, pair{name, string(v)})
	}
	slices.SortFunc(list, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return func(yield func(name, value string) bool) {
		for _, p := range list {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}
