package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spindle/reactor"
)

// Store keeps sessions beyond the process. Its methods block; they are called one at a time,
// LoadAll by NewStored and the others by a thread.
type Store interface {
	// LoadAll yields every record there is, until yield returns false. One that can not be
	// read is an error that ends nothing: errors are joined.
	LoadAll(yield func(Record) bool) error
	// Save writes a record in place of the one with that key.
	Save(Record) error
	// Delete removes a record; that there is none is no error.
	Delete(key string) error
}

// Record is a session, as a Store has it.
type Record struct {
	// Key is a hash of the id, 64 hexadecimal digits: the id itself is not kept.
	Key string `json:"key"`
	// Values are those of the session, by the names of their types.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// Touched is when its client asked last, as far as it was saved; Timeout how long it
	// lives from then on, in nanoseconds.
	Touched time.Time     `json:"touched"`
	Timeout time.Duration `json:"timeout"`
}

// NewStored is New with the sessions that store has, and writes there what changes: a moment
// later, and when l stops what is left. l is a reactor of its own or the first of a Group;
// what the others change after its end is not written. One process at a time has a Store:
// what another has made since is not seen. It blocks: it is called before l runs. With an
// error that says what could not be read there are the Sessions that could.
func NewStored(l reactor.Loop, store Store) (*Sessions, error) {
	t := New(l)
	t.writer = &writer{of: t, store: store, delay: delay, dirty: make(map[*Session]bool), gone: make(map[string]bool)}
	now := l.Now()
	var old []string
	err := store.LoadAll(func(r Record) bool {
		if r.Timeout <= 0 || !now.Before(r.Touched.Add(r.Timeout)) {
			old = append(old, r.Key)
			return true
		}
		s := &Session{of: t, key: r.Key, raw: r.Values, timeout: r.Timeout, touched: r.Touched, saved: r.Touched, stored: true}
		t.mu.Lock()
		if t.byKey[r.Key] == nil {
			t.put(s, t.queueOf(s))
		}
		t.mu.Unlock()
		return true
	})
	t.arm()
	for _, key := range old {
		err = errors.Join(err, store.Delete(key))
	}
	l.AddSystemEventTrigger(reactor.During, reactor.Shutdown, t.writer.last)
	return t, err
}

// queueOf is where a session that was loaded belongs.
func (t *Sessions) queueOf(s *Session) *queue {
	if len(s.raw) > 0 {
		return &t.full
	}
	return &t.empty
}

// dir keeps each session in a file.
type dir string

// Dir is a Store of files, one for each session, in a directory that it makes. They are
// readable by this user alone, and a whole one takes the place of the last.
func Dir(name string) (Store, error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("session: sessions can not be kept in %s: %w", name, err)
	}
	return dir(name), nil
}

const (
	suffix  = ".session"
	newFile = ".new-" // one that is being written, or was when the process died
)

func (d dir) file(key string) string { return filepath.Join(string(d), key+suffix) }

// LoadAll is that of Store.
func (d dir) LoadAll(yield func(Record) bool) error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	var faults error
	for _, e := range entries {
		key, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			if strings.HasPrefix(e.Name(), newFile) {
				_ = os.Remove(filepath.Join(string(d), e.Name()))
			}
			continue
		}
		r, err := d.load(key)
		if err != nil {
			faults = errors.Join(faults, err)
			continue
		}
		if !yield(r) {
			break
		}
	}
	return faults
}

func (d dir) load(key string) (r Record, err error) {
	data, err := os.ReadFile(d.file(key))
	if err != nil {
		return r, fmt.Errorf("session: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Key != key {
		return r, fmt.Errorf("session: %s is no session: %w; remove it", d.file(key), errors.Join(err, errOtherKey(r.Key != key)))
	}
	return r, nil
}

func errOtherKey(is bool) error {
	if is {
		return errors.New("it is of another key")
	}
	return nil
}

// Save is that of Store.
func (d dir) Save(r Record) (err error) {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	f, err := os.CreateTemp(string(d), newFile+"*")
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.file(r.Key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// Delete is that of Store.
func (d dir) Delete(key string) error {
	err := os.Remove(d.file(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// log is where what goes wrong is told.
func (t *Sessions) log() *slog.Logger {
	if t.Log != nil {
		return t.Log
	}
	return slog.Default()
}
