package dev

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"spindle/resource"
)

// This file has vet, the tests and other checks look at what was saved, beside the build.
// What they find is told at the terminal, and stays in the pages until it is mended.

// Check is a command that looks at the source, beside the program: at the start, and when
// something has changed.
type Check struct {
	Name string
	Run  []string // the command and its arguments
	Dir  string   // "" is the directory that paths are told from
	// When tells whether the change of a file asks for it; nil: whatever has the program
	// built or loaded again, or pages come again, does.
	When func(path string) bool
	// Judge makes of what the command printed what is wrong, nil for nothing, and what a
	// person should know besides. nil: it is wrong when its status is, and lines with a place
	// are the faults.
	Judge func(out, errs string, ok bool) (f *Failure, notices []string)
}

// checks are those of a supervisor. Loop only.
type checks struct {
	s       *Supervisor
	list    []Check
	running map[string]*command
	found   map[string]*Failure // by name
	noticed map[string]string   // what was told last
}

func newChecks(s *Supervisor) *checks {
	c := &checks{s: s, list: slices.Clone(s.opts.Checks), running: map[string]*command{}, found: map[string]*Failure{}, noticed: map[string]string{}}
	if s.opts.Lint != "" {
		c.list = append(c.list, Check{Name: cut(s.opts.Lint, 40), Run: []string{"/bin/sh", "-c", s.opts.Lint}})
	}
	return c
}

// start runs those that need no change to look at.
func (c *checks) start() {
	c.vet()
	for i := range c.list {
		c.run(&c.list[i])
	}
}

// saved runs what follows from a change that has the program built or loaded again.
func (c *checks) saved() {
	c.vet()
	c.test()
	c.edited()
}

// edited runs what looks at all that somebody may write.
func (c *checks) edited() {
	for i := range c.list {
		if c.list[i].When == nil {
			c.run(&c.list[i])
		}
	}
}

// changed runs what asks for the change of certain files.
func (c *checks) changed(changes []Change) {
	for i := range c.list {
		when := c.list[i].When
		if when != nil && slices.ContainsFunc(changes, func(x Change) bool { return when(x.Path) }) {
			c.run(&c.list[i])
		}
	}
}

// vet runs go vet, if that is asked for.
func (c *checks) vet() {
	if t, ok := c.s.target.(*goTarget); ok && c.s.opts.Vet {
		args := append([]string{"go", "vet"}, tagsOf(c.s.opts.BuildFlags)...)
		c.run(&Check{Name: "go vet", Run: append(args, t.builder.pkg), Dir: t.dir})
	}
}

// test runs the tests of the packages that were changed since they passed, if that is asked
// for.
func (c *checks) test() {
	t, ok := c.s.target.(*goTarget)
	if !ok || !c.s.opts.Test || len(t.touched) == 0 {
		return
	}
	dirs := slices.Sorted(maps.Keys(t.touched))
	args := append([]string{"go", "test"}, tagsOf(c.s.opts.BuildFlags)...)
	c.run(&Check{Name: "go test", Run: append(args, dirs...), Dir: t.dir, Judge: func(out, errs string, ok bool) (*Failure, []string) {
		if ok {
			clear(t.touched)
		}
		return c.judge("go test", t.dir, out, errs, ok), nil
	}})
}

// run runs one, with less priority than a build; what it was doing is given up.
func (c *checks) run(x *Check) {
	if was := c.running[x.Name]; was != nil {
		was.kill()
	}
	dir := x.Dir
	if dir == "" {
		dir = c.s.target.root()
	}
	run, err := runCommand(c.s.loop, dir, c.s.env(), x.Run...)
	if err != nil {
		c.notice(x.Name, []string{x.Name + ": " + err.Error()})
		return
	}
	run.giveWay() // the new answer comes first
	c.running[x.Name] = run
	name, judge := x.Name, x.Judge
	if judge == nil {
		judge = func(out, errs string, ok bool) (*Failure, []string) { return c.judge(name, dir, out, errs, ok), nil }
	}
	run.result.Then(func(run *command) {
		if c.running[name] != run || run.killed {
			return
		}
		delete(c.running, name)
		f, notices := judge(string(run.out), string(run.errs), run.ok())
		c.settle(name, run.status.String(), f)
		c.notice(name, notices)
	}, nil)
}

// judge is what a command found that says so by its status.
func (c *checks) judge(name, dir, out, errs string, ok bool) *Failure {
	if ok {
		return nil
	}
	// The end of it, where what failed is told: a test that prints has no end.
	text := errs + out[max(0, len(out)-mostOutput):]
	f := &Failure{Stage: stageOf(name), Title: name + " finds fault", Output: text, Dir: dir}
	if f.Stage == "vet" {
		f.Faults = parseGoOutput(text, dir)
	} else {
		f.Faults = parseLintOutput(text, dir)
	}
	return f
}

// stageOf is how a page names the check.
func stageOf(name string) string {
	switch name {
	case "go vet":
		return "vet"
	case "go test":
		return "test"
	}
	return "check"
}

// settle notes what a check has found, nil for nothing.
func (c *checks) settle(name, text string, f *Failure) {
	if f == nil {
		delete(c.found, name)
	} else {
		c.found[name] = f
	}
	c.s.tell(Event{Kind: EventCommand, Name: name, Text: text, Failure: f})
	c.s.live.Broadcast(message("checked", map[string]any{"title": c.title()}))
}

// notice tells what is new of what a person should know.
func (c *checks) notice(name string, notices []string) {
	text := strings.Join(notices, "\n")
	if text != c.noticed[name] {
		c.noticed[name] = text
		for _, n := range notices {
			c.s.notice(n)
		}
	}
}

// title says in a line what is found; "" for nothing.
func (c *checks) title() string {
	var titles []string
	for _, name := range slices.Sorted(maps.Keys(c.found)) {
		titles = append(titles, c.found[name].Title)
	}
	return strings.Join(titles, ", ")
}

// kill gives up what runs.
func (c *checks) kill() {
	for _, run := range c.running {
		run.kill()
	}
}

// foundFragment is GET checked: what is found, as a page shows it above itself.
type foundFragment struct {
	resource.Leaf
	s *Supervisor
}

func (p foundFragment) RenderGET(r *resource.Request) ([]byte, error) {
	c := p.s.checks
	if len(c.found) == 0 {
		r.SetStatus(204)
		return nil, nil
	}
	var views []*failureView
	for _, name := range slices.Sorted(maps.Keys(c.found)) {
		v := p.s.view()
		v.f, v.besides = c.found[name], true
		views = append(views, v)
	}
	return views[0].answer(r, "text/html; charset=utf-8", func() string {
		var b strings.Builder
		for _, v := range views {
			b.WriteString(v.body())
		}
		return b.String()
	})
}

// packageDir is the directory of a Go file as go test takes it.
func packageDir(dir, path string) string {
	rel, err := filepath.Rel(dir, filepath.Dir(path))
	if err != nil || strings.HasPrefix(rel, "..") {
		return filepath.Dir(path)
	}
	return "./" + filepath.ToSlash(rel)
}
