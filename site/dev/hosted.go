package dev

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
)

// This file is what this process serves itself: the files of a directory, and
// applications whose workers it keeps.

// dirTarget is a directory: nothing is started again, every request reads it.
type dirTarget struct {
	s   *Supervisor
	dir string
}

func (t *dirTarget) describe() string { return "directory " + t.dir }
func (t *dirTarget) root() string     { return t.dir }
func (t *dirTarget) changed([]Change) {}
func (t *dirTarget) cancel()          {}
func (t *dirTarget) watch() Watch     { return Watch{Trees: []string{t.dir}, Skip: skipper(t.dir, nil)} }

// judge notices that the directory is gone, and that it is there again.
func (t *dirTarget) judge(string) Action {
	if there(t.dir) == (t.s.failure == nil) {
		return Ignore
	}
	return Rebuild
}

// make makes nothing: the directory is there or not. While it is not, nothing answers.
func (t *dirTarget) make() *reactor.Deferred[starter] {
	if there(t.dir) {
		return hostedStarter(t.s)
	}
	if was := t.s.current; was != nil {
		t.s.current, t.s.serves = nil, nil
		t.s.retire(was)
	}
	return reactor.Failed[starter](goneDirectory(t.dir))
}

// goneDirectory is why there are no pages.
func goneDirectory(dir string) *Failure {
	return &Failure{Stage: "list", Title: "The directory " + dir + " is gone", Dir: dir, Faults: []Fault{{
		Message: "there is no directory " + dir, Mend: "put it back: its pages are served again then"}}}
}

// appTarget is an application that is loaded anew when a file that it has loaded changes.
type appTarget struct {
	s     *Supervisor
	dir   string
	real  string   // dir without symbolic links, as Python tells of it
	tried []string // what the last generation that could not be loaded had loaded
}

// newAppTarget makes one for a directory.
func newAppTarget(s *Supervisor, dir string) *appTarget {
	t := &appTarget{s: s, dir: dir, real: dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		t.real = real
	}
	return t
}

func (t *appTarget) describe() string { return "Python application in " + t.dir }
func (t *appTarget) root() string     { return t.dir }
func (t *appTarget) changed([]Change) {}
func (t *appTarget) cancel()          {}

func (t *appTarget) make() *reactor.Deferred[starter] { return hostedStarter(t.s) }

// sources is what the generation that answers, or the one that is to, has loaded, and what
// the one had that could not be loaded.
func (t *appTarget) sources() []string {
	list := t.tried
	for _, g := range []generation{t.s.next, t.s.current} {
		if h, ok := g.(*hosted); ok {
			list = append(slices.Clone(list), t.loadedBy(h.app)...)
		}
	}
	return list
}

// loadedBy is the files that app has loaded, as the Watcher names them.
func (t *appTarget) loadedBy(app App) (list []string) {
	if app.Sources == nil {
		return nil
	}
	for _, path := range app.Sources() {
		if t.real != t.dir && below(path, t.real) {
			path = t.dir + strings.TrimPrefix(path, t.real)
		}
		list = append(list, path)
	}
	return list
}

// settled takes what is known when a generation could be loaded, or not.
func (t *appTarget) settled(app App, loaded bool) {
	if t.tried = nil; !loaded {
		t.tried = t.loadedBy(app)
	}
	t.s.loop.CallLater(0, t.s.watchAnew)
}

// watch is the directory, and where modules were loaded from beside it. What was
// installed is looked at file by file: people edit it when they look for a fault.
func (t *appTarget) watch() Watch {
	w := Watch{Trees: []string{t.dir}, Skip: skipper(t.dir, nil)}
	for _, path := range t.sources() {
		if dir := filepath.Dir(path); !below(dir, t.dir) && !slices.Contains(w.Dirs, dir) {
			w.Dirs = append(w.Dirs, dir)
		}
	}
	return w
}

// judge has the application loaded again for what it has loaded; while that is not known,
// since it can not be loaded, for any Python file.
func (t *appTarget) judge(path string) Action {
	list := t.sources()
	if slices.Contains(list, path) || len(list) == 0 && filepath.Ext(path) == ".py" {
		return Rebuild
	}
	if t.s.failure != nil && filepath.Ext(path) == ".py" {
		return Rebuild // it may be what was missing
	}
	return Ignore
}

func hostedStarter(s *Supervisor) *reactor.Deferred[starter] {
	return reactor.Succeeded(starter{cached: true, start: func(n int) (generation, error) {
		app, err := s.opts.App(s.loop, n)
		if err != nil {
			return nil, err
		}
		return newHosted(s, n, app), nil
	}})
}

// hosted is a generation of such an application.
type hosted struct {
	s       *Supervisor
	app     App
	rootd   *reactor.Deferred[resource.Resource]
	ended   *reactor.Deferred[string]
	stopped bool
	hands   hands
	routes  *reactor.Deferred[outline.Node] // nil until somebody has asked
}

func newHosted(s *Supervisor, n int, app App) *hosted {
	h := &hosted{s: s, app: app, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
	if app.Ready == nil {
		h.rootd.Callback(app.Root) // nothing of it ever ends
		return h
	}
	app.Ready.Then(func(struct{}) {
		h.tell(s, true)
		settleWith(h.rootd, h.hands.around(app.Root), nil)
	}, func(err error) {
		h.tell(s, false)
		settleWith(h.rootd, nil, fmt.Errorf("%w", err))
	})
	return h
}

// tell has the target know what was loaded, and what is loaded later.
func (h *hosted) tell(s *Supervisor, loaded bool) {
	t, ok := s.target.(*appTarget)
	if !ok {
		return
	}
	t.settled(h.app, loaded)
	if loaded && h.app.Grow != nil {
		h.app.Grow(func() { s.loop.CallLater(0, s.watchAnew) })
	}
}

func (h *hosted) ready() *reactor.Deferred[resource.Resource] { return h.rootd }
func (h *hosted) over() *reactor.Deferred[string]             { return h.ended }
func (h *hosted) alone() bool                                 { return false }
func (h *hosted) pid() int                                    { return 0 }

func (h *hosted) words() string {
	if h.app.Words == nil {
		return ""
	}
	return h.app.Words()
}

// stop lets the requests in hand end first: those that wait for a worker, too.
func (h *hosted) stop(patience time.Duration) {
	h.hands.whenEmpty(h.s.loop, patience, h.end)
}

// end has the application end.
func (h *hosted) end(patience time.Duration) {
	if h.stopped {
		return
	}
	h.stopped = true
	if h.app.Stop == nil {
		settleWith(h.ended, "stopped", nil)
		return
	}
	end := func() { settleWith(h.ended, "stopped", nil) }
	h.app.Stop(patience).Then(func(struct{}) { end() }, func(error) { end() })
}
