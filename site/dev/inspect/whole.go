package inspect

import (
	"errors"
	"strings"
	"sync"
	"time"
)

// This file knows of programs whose debug information comes in another file: they are linked
// without it, which is sooner done, and with it at the same time.

// whole is such a file, which may not be there yet.
type whole struct {
	program string
	once    sync.Once
	there   chan struct{} // closed when the rest is known
	path    string
	err     error
}

const (
	// wholeTime is how long is waited for one. A link takes a second, of a large program ten.
	wholeTime = 8 * time.Second
	// mostAwaited is how many are remembered. Only programs that run are asked about.
	mostAwaited = 64
)

var errNotLinked = errors.New("the debug information of the program is not linked yet")

// made says where it is, or why it is not.
func (w *whole) made(path string, err error) {
	w.once.Do(func() {
		w.path, w.err = path, err
		close(w.there)
	})
}

// wait gives its path when it is there. Blocks.
func (w *whole) wait() (string, error) {
	limit := time.NewTimer(wholeTime)
	defer limit.Stop()
	select {
	case <-w.there:
		return w.path, w.err
	case <-limit.C:
		return "", errNotLinked
	}
}

// awaited are the last of them. Any goroutine.
type awaited struct {
	mu   sync.Mutex
	list []*whole
}

// add adds one, in the place of another of the same program.
func (a *awaited) add(program string) *whole {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &whole{program: program, there: make(chan struct{})}
	for i, old := range a.list {
		if old.program == program {
			a.list[i] = w
			return w
		}
	}
	if a.list = append(a.list, w); len(a.list) > mostAwaited {
		a.list = a.list[1:]
	}
	return w
}

// of is that of the program that /proc names so, nil when its file has it itself.
func (a *awaited) of(program string) *whole {
	program = strings.TrimSuffix(program, " (deleted)")
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.list {
		if w.program == program {
			return w
		}
	}
	return nil
}
