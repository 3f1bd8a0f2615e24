package dev

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"spindle/reactor"
)

// This file watches directories and tells which files have other content than before.
// What is watched is decided elsewhere; what changed is found by look.go.

// The times of a Watcher.
const (
	settleTime   = 8 * time.Millisecond // after the last event of a save; an atomic one makes four
	longestWait  = 80 * time.Millisecond
	safetyTime   = 4 * time.Second // between looks for what no event told of
	pollInterval = 300 * time.Millisecond
)

// Watch is what a Watcher looks at.
type Watch struct {
	Trees []string // directories with all that is below
	Dirs  []string // directories alone
	// Skip tells of a path below a tree that it is of no interest. A directory that is
	// skipped is not entered. It is called on a thread.
	Skip func(path string, dir bool) bool
}

// Change is one file that is not as it was.
type Change struct {
	Path    string // absolute
	Removed bool
}

// Watcher tells of changes. Loop only.
type Watcher struct {
	loop    reactor.Loop
	changed func([]Change)
	failed  func(error)

	events  *fsnotify.Watcher // nil while polling
	what    Watch
	was     *Watch           // what was watched at the last look, if that was something else
	dirs    map[string]bool  // that events come from
	known   map[string]stamp // files, as they were at the last look
	pending map[string]bool  // paths with events since
	since   time.Time        // of the first of them
	timer   *reactor.DelayedCall
	safety  *reactor.DelayedCall
	looking bool
	again   bool // what is watched was set anew while a look was under way
	polling bool
	held    []Change // found by a look that is repeated
	missed  int      // changes that the safety look found and no event told of
	ready   []func()
	closed  bool
}

// NewWatcher begins to watch nothing. changed is called on the loop with what is not
// as it was, failed with what can not be watched; the watching goes on. poll has it look
// by itself, without events of the system.
func NewWatcher(l reactor.Loop, poll bool, changed func([]Change), failed func(error)) *Watcher {
	w := &Watcher{loop: l, changed: changed, failed: failed, polling: poll,
		dirs: map[string]bool{}, pending: map[string]bool{}}
	if !poll {
		w.listen()
	}
	return w
}

// listen begins to take events; where there are none the Watcher polls.
func (w *Watcher) listen() {
	events, err := fsnotify.NewBufferedWatcher(1 << 12)
	if err != nil {
		w.polling = true
		w.failed(err)
		return
	}
	w.events = events
	go w.forward(events)
}

// forward is a goroutine's work.
func (w *Watcher) forward(events *fsnotify.Watcher) {
	for {
		select {
		case e, ok := <-events.Events:
			if !ok {
				return
			}
			if e.Op != fsnotify.Chmod {
				w.loop.CallFromThread(func() { w.noted(e.Name) })
			}
		case err, ok := <-events.Errors:
			if !ok {
				return
			}
			w.loop.CallFromThread(func() { w.lost(err) })
		}
	}
}

// lost deals with events that the system could not deliver: everything is looked at.
func (w *Watcher) lost(err error) {
	if w.closed {
		return
	}
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.failed(err)
	}
	w.look(nil)
}

// Set says what is watched from now on. The files that are there become known as they
// are; those known before, and still watched, keep what was known of them.
func (w *Watcher) Set(what Watch) {
	if w.was == nil {
		was := w.what
		w.was = &was
	}
	w.what = what
	w.look(nil)
}

// WhenReady calls f when what was last set is known.
func (w *Watcher) WhenReady(f func()) {
	if !w.looking && w.known != nil {
		w.loop.CallLater(0, f)
		return
	}
	w.ready = append(w.ready, f)
}

// Polling tells whether the Watcher looks by itself.
func (w *Watcher) Polling() bool { return w.polling }

// Files is how many files are watched.
func (w *Watcher) Files() int { return len(w.known) }

// Close ends it. Nothing is told any more.
func (w *Watcher) Close() {
	w.closed = true
	for _, t := range []*reactor.DelayedCall{w.timer, w.safety} {
		if t != nil {
			t.Cancel()
		}
	}
	if w.events != nil {
		_ = w.events.Close()
	}
}

// noted takes an event in, and looks when the last of a save has come.
func (w *Watcher) noted(path string) {
	if w.closed {
		return
	}
	now := w.loop.Now()
	if len(w.pending) == 0 {
		w.since = now
	}
	w.pending[path] = true
	wait := settleTime
	if rest := longestWait - now.Sub(w.since); rest < wait {
		wait = max(rest, 0)
	}
	if w.timer == nil || !w.timer.Reset(wait) {
		w.timer = w.loop.CallLater(wait, w.settled)
	}
}

// settled looks at what had events.
func (w *Watcher) settled() {
	w.timer = nil
	if len(w.pending) > 0 && !w.looking {
		w.look(slices.Collect(maps.Keys(w.pending)))
		clear(w.pending)
	}
}

// look has a thread compare files with what is known: those of paths, all for nil.
func (w *Watcher) look(paths []string) {
	if w.looking {
		for _, p := range paths {
			w.pending[p] = true
		}
		w.again = w.again || paths == nil
		return
	}
	w.looking = true
	l := &looker{what: w.what, was: w.was, known: w.known, dirs: w.dirs}
	reactor.DeferToThreadPool(w.loop.ThreadPool(), func() (*looker, error) {
		l.run(paths)
		return l, nil
	}).Then(func(l *looker) { w.looked(l, paths == nil) }, func(error) { w.looking = false })
}

// looked takes what a thread has found.
func (w *Watcher) looked(l *looker, all bool) {
	if w.looking = false; w.closed {
		return
	}
	first := w.known == nil
	w.known = l.found
	if l.was == w.was && all {
		w.was = nil
	}
	w.follow(l)
	if !first {
		w.held = append(w.held, l.changes...)
	}
	if w.again {
		w.again = false
		w.look(nil)
		return
	}
	for _, f := range w.ready {
		f()
	}
	w.ready = nil
	w.next()
	if changes := w.held; len(changes) > 0 {
		w.held = nil
		w.changed(changes)
	}
	if len(w.pending) > 0 && w.timer == nil {
		w.settled()
	}
}

// follow has events come from the directories that are there now.
func (w *Watcher) follow(l *looker) {
	if w.events == nil {
		return
	}
	if slices.ContainsFunc(slices.Collect(maps.Keys(l.inside)), silent) {
		w.poll()
		return
	}
	for dir := range l.inside {
		if w.dirs[dir] {
			continue
		}
		switch err := w.events.Add(dir); {
		case errors.Is(err, fs.ErrPermission):
			continue // what is in it can not be read either; it is tried again at the next look
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			w.failed(&WatchError{Dir: dir, Err: err})
			w.poll()
			return
		}
		w.dirs[dir] = true
	}
	for dir := range w.dirs {
		if !l.inside[dir] && !l.partial {
			_ = w.events.Remove(dir) // it may be gone
			delete(w.dirs, dir)
		}
	}
}

// poll gives events up.
func (w *Watcher) poll() {
	w.polling = true
	_ = w.events.Close()
	w.events = nil
	clear(w.dirs)
}

// next sets the time of the next look that no event asks for.
func (w *Watcher) next() {
	every := safetyTime
	if w.polling {
		every = pollInterval
	}
	every += every * time.Duration(len(w.known)) / 1000 // so that it costs the same share of the time
	if w.safety == nil || !w.safety.Reset(every) {
		w.safety = w.loop.CallLater(every, w.safetyLook)
	}
}

// safetyLook looks at the times of all files. It finds what comes without events, as on
// some shared directories, and then goes on by looking alone.
func (w *Watcher) safetyLook() {
	w.safety = nil
	if w.looking || len(w.pending) > 0 {
		w.next()
		return
	}
	w.looking = true
	l := &looker{what: w.what, known: w.known, dirs: w.dirs, timesOnly: !w.polling}
	reactor.DeferToThreadPool(w.loop.ThreadPool(), func() (*looker, error) {
		l.run(nil)
		return l, nil
	}).Then(w.safetyLooked, func(error) { w.looking = false })
}

func (w *Watcher) safetyLooked(l *looker) {
	if len(l.changes) > 0 && !w.polling && len(w.pending) == 0 && w.events != nil {
		if w.missed++; w.missed >= 2 { // one may be an event on its way
			w.poll()
		}
	}
	w.looked(l, true)
}

// WatchError is a directory that the system does not watch.
type WatchError struct {
	Dir string
	Err error
}

func (e *WatchError) Error() string {
	text := "dev: no events come from " + e.Dir + " (" + e.Err.Error() + "); files are looked at " +
		"three times a second instead"
	if strings.Contains(e.Err.Error(), "no space left") || strings.Contains(e.Err.Error(), "too many open files") {
		text += "; the limit is fs.inotify.max_user_watches or max_user_instances: sysctl raises it"
	}
	return text
}

func (e *WatchError) Unwrap() error { return e.Err }

// stamp is what is known of a file.
type stamp struct {
	size  int64
	mtime time.Time
	sum   [8]byte // of the content; the zero value for files that are too large to read
}

// largestRead is the size of a file whose content is compared; beyond, size and time
// must do.
const largestRead = 8 << 20

func stampOf(path string, info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime()}
	if s.size <= largestRead {
		if data, err := os.ReadFile(path); err == nil {
			s.size = int64(len(data))
			s.sum = sumOf(data)
		}
	}
	return s
}

// differs tells whether the content is another one.
func (s stamp) differs(t stamp) bool {
	if s.sum == t.sum && s.sum != ([8]byte{}) {
		return s.size != t.size
	}
	return s != t
}

// below tells whether path is dir or below it.
func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}
