package dev

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file decides what the change of a file asks for.

// watchAnew watches what the target names now.
func (s *Supervisor) watchAnew() {
	if s.watcher == nil {
		return
	}
	w := s.target.watch()
	for _, path := range s.opts.Extra {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			w.Trees = append(w.Trees, path)
		} else {
			w.Dirs = append(w.Dirs, filepath.Dir(path))
		}
	}
	for _, path := range s.opts.EnvFiles {
		w.Dirs = append(w.Dirs, filepath.Dir(path))
	}
	skip := w.Skip
	w.Skip = func(path string, dir bool) bool {
		if slices.Contains(s.opts.Written, path) {
			return true
		}
		for _, e := range s.opts.Exclude {
			if r := (Rule{Pattern: e}); r.matches(relativeTo(s.target.root(), path)) {
				return true
			}
		}
		return skip != nil && skip(path, dir)
	}
	s.watcher.Set(w)
}

func relativeTo(root, path string) string {
	if rel, err := filepath.Rel(root, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// onChanges does what the changes ask for.
func (s *Supervisor) onChanges(changes []Change) {
	if s.closing {
		return
	}
	if s.paused {
		s.queued = append(s.queued, changes...)
		return
	}
	s.checks.changed(changes)
	action, tests := Ignore, false
	var paths []string
	var rebuilt, swapped []Change
	for _, c := range changes {
		if t, ok := s.target.(*goTarget); ok && s.opts.Test && strings.HasSuffix(c.Path, "_test.go") {
			t.touched[packageDir(t.dir, c.Path)] = true
			tests = true
		}
		a, run := s.actionFor(c.Path)
		if run != "" {
			s.runCommand(run)
		}
		if a == Ignore {
			continue
		}
		paths = append(paths, c.Path)
		action = max(action, a)
		switch a {
		case Rebuild:
			rebuilt = append(rebuilt, c)
		case Swap:
			swapped = append(swapped, c)
		}
	}
	if tests && action != Rebuild { // which has them run
		s.checks.test()
	}
	if action == Ignore {
		return
	}
	s.tell(Event{Kind: EventChange, Paths: paths, Action: action.String()})
	s.act(action, rebuilt, swapped)
}

// act does the most that was asked for: the rest follows from it.
func (s *Supervisor) act(action Action, rebuilt, swapped []Change) {
	switch action {
	case Rebuild:
		s.target.changed(rebuilt)
		s.since = s.loop.Now()
		s.crashes = 0
		s.make()
		s.checks.saved()
	case Restart:
		s.since = s.loop.Now()
		s.crashes = 0
		s.restart()
	case Reload:
		s.checks.edited()
		s.tell(Event{Kind: EventReload})
	case Swap:
		s.checks.edited()
		var paths []string
		for _, c := range swapped {
			paths = append(paths, "/"+relativeTo(s.target.root(), c.Path))
		}
		s.tell(Event{Kind: EventSwap, Paths: paths})
	}
}

// actionFor is what a change of path asks for, and what is to be run.
func (s *Supervisor) actionFor(path string) (a Action, run string) {
	if r := ruleFor(s.opts.Rules, s.target.root(), path); r != nil {
		return r.Action, r.Run
	}
	if a = s.target.judge(path); a != Ignore {
		return a, ""
	}
	if slices.Contains(s.opts.EnvFiles, path) || slices.Contains(s.opts.Extra, path) {
		return Restart, ""
	}
	if r := ruleFor(standardRules, s.target.root(), path); r != nil {
		return r.Action, ""
	}
	return Ignore, ""
}

// Pause stops acting on changes; Resume takes up what has come meanwhile.
func (s *Supervisor) Pause() { s.paused = true }

// Resume goes on.
func (s *Supervisor) Resume() {
	s.paused = false
	queued := s.queued
	s.queued = nil
	if len(queued) > 0 {
		s.onChanges(queued)
	}
}

// Paused tells whether changes are not acted on.
func (s *Supervisor) Paused() bool { return s.paused }
