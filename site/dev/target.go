package dev

import (
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file is what a supervisor needs of what it runs: a Go program, a Python
// application, a directory of files, or any command.

// target is what is run, again and again. Loop only.
type target interface {
	// describe names it for a person.
	describe() string
	// root is the directory that paths are told from.
	root() string
	// watch is what its files may be, as far as that is known.
	watch() Watch
	// judge says what a change of path asks for, if it is a matter of the target.
	judge(path string) Action
	// changed tells of changes that ask for Rebuild, before make.
	changed(changes []Change)
	// make makes what can be started. errGivenUp is the error of one that was given up.
	make() *reactor.Deferred[starter]
	// cancel gives up what is being made.
	cancel()
}

// starter starts what was made. n is the number of the generation.
type starter struct {
	start  func(n int) (generation, error)
	cached bool   // it was there already
	how    string // it was made, for a log
	path   string // the file that is run; "" when there is none of ours
}

// gone tells whether somebody has removed it.
func (s *starter) gone() bool { return s.path != "" && !there(s.path) }

// generation is one that was started.
type generation interface {
	// ready gives what answers requests, when it can; its error is why it can not.
	ready() *reactor.Deferred[resource.Resource]
	// over gives how it ended.
	over() *reactor.Deferred[string]
	// alone tells that there can not be another one at the same time.
	alone() bool
	// stop asks it to end, and sees to it after patience. Requests under way may end.
	stop(patience time.Duration)
	// words is the last of what it printed.
	words() string
	pid() int
}

// roots is where what is developed is.
func (s *Supervisor) roots() []string {
	if t, ok := s.target.(*goTarget); ok {
		return t.roots()
	}
	return []string{s.target.root()}
}
