package dev

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// This file has vet and the tests look at what was saved, beside the build.

// check runs go vet, or the tests of the packages that were changed, when that is asked for.
func (s *Supervisor) check() {
	t, ok := s.target.(*goTarget)
	if !ok || !s.opts.Vet && !s.opts.Test {
		return
	}
	if s.checks != nil {
		s.checks.kill()
	}
	dirs := slices.Sorted(maps.Keys(t.touched))
	var args []string
	stage := "vet"
	switch {
	case s.opts.Test && len(dirs) > 0: // which vets, too
		args, stage = append([]string{"go", "test"}, tagsOf(s.opts.BuildFlags)...), "test"
		args = append(args, dirs...)
	case s.opts.Vet:
		args = append(append([]string{"go", "vet"}, tagsOf(s.opts.BuildFlags)...), t.builder.pkg)
	default:
		return
	}
	run, err := runCommand(s.loop, t.dir, s.env(), args...)
	if err != nil {
		s.notice(err.Error())
		return
	}
	s.checks = run
	run.result.Then(func(c *command) {
		if s.checks == c {
			s.checks = nil
		}
		if c.killed {
			return
		}
		e := Event{Kind: EventCommand, Name: "go " + stage, Text: c.status.String()}
		if !c.ok() {
			out := string(c.errs) + string(c.out)
			e.Failure = &Failure{Stage: stage, Title: "go " + stage + " finds fault", Output: out, Dir: t.dir, Faults: parseGoOutput(out, t.dir)}
		} else {
			clear(t.touched)
		}
		s.tell(e)
	}, nil)
}

// packageDir is the directory of a Go file as go test takes it.
func packageDir(dir, path string) string {
	rel, err := filepath.Rel(dir, filepath.Dir(path))
	if err != nil || strings.HasPrefix(rel, "..") {
		return filepath.Dir(path)
	}
	return "./" + filepath.ToSlash(rel)
}
