package dev

import "spindle/reactor"

// This file finds what would be watched, with nothing built and nothing run.

// Survey is what is known of a target before it runs.
type Survey struct {
	What  string   // it is, for a person
	Trees []string // directories that are watched with all below them
	Dirs  []string // that are watched themselves
	Files int      // that are known there
}

// Survey asks the go command, where the target is of Go, and looks at the files. Its error is
// a *Failure where the source is at fault. The supervisor is not to be started. Loop only.
func (s *Supervisor) Survey() *reactor.Deferred[Survey] {
	d := reactor.NewDeferred[Survey]()
	look := func() {
		w := s.target.watch()
		s.watcher = NewWatcher(s.loop, s.opts.Poll, func([]Change) {}, func(err error) { s.notice(err.Error()) })
		s.watchAnew()
		s.watcher.WhenReady(func() {
			d.Callback(Survey{What: s.target.describe(), Trees: w.Trees, Dirs: w.Dirs, Files: s.watcher.Files()})
		})
	}
	t, ok := s.target.(*goTarget)
	if !ok {
		look()
		return d
	}
	fail := func(err error) { d.Errback(err) }
	t.builder.ask().Then(func(struct{}) {
		t.builder.list().Then(func(*goDeps) { look() }, fail)
	}, fail)
	return d
}
