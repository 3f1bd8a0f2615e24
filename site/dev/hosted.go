package dev

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file is what this process serves itself: the files of a directory, and
// applications whose workers it keeps.

// dirTarget is a directory: nothing is started again, every request reads it.
type dirTarget struct {
	s   *Supervisor
	dir string
}

func (t *dirTarget) describe() string    { return "directory " + t.dir }
func (t *dirTarget) root() string        { return t.dir }
func (t *dirTarget) judge(string) Action { return Ignore }
func (t *dirTarget) changed([]Change)    {}
func (t *dirTarget) cancel()             {}
func (t *dirTarget) watch() Watch        { return Watch{Trees: []string{t.dir}, Skip: skipper(t.dir, nil)} }

func (t *dirTarget) make() *reactor.Deferred[starter] { return hostedStarter(t.s) }

// appTarget is an application that is loaded anew when a file that it has loaded changes.
type appTarget struct {
	s   *Supervisor
	dir string
}

func (t *appTarget) describe() string { return "Python application in " + t.dir }
func (t *appTarget) root() string     { return t.dir }
func (t *appTarget) changed([]Change) {}
func (t *appTarget) cancel()          {}

func (t *appTarget) make() *reactor.Deferred[starter] { return hostedStarter(t.s) }

// sources is what the generation that answers, or the one that is to, has loaded.
func (t *appTarget) sources() []string {
	for _, g := range []generation{t.s.next, t.s.current} {
		if h, ok := g.(*hosted); ok && h.app.Sources != nil {
			if list := h.app.Sources(); len(list) > 0 {
				return list
			}
		}
	}
	return nil
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
	app     App
	rootd   *reactor.Deferred[resource.Resource]
	ended   *reactor.Deferred[string]
	stopped bool
}

func newHosted(s *Supervisor, n int, app App) *hosted {
	h := &hosted{app: app, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
	if app.Ready == nil {
		h.rootd.Callback(app.Root)
		return h
	}
	app.Ready.Then(func(struct{}) {
		settleWith(h.rootd, app.Root, nil)
		s.loop.CallLater(0, s.watchAnew) // what it has loaded is known now
	}, func(err error) {
		settleWith(h.rootd, nil, fmt.Errorf("%w", err))
	})
	return h
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

func (h *hosted) stop(patience time.Duration) {
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
