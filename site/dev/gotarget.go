package dev

import (
	"path/filepath"
	"slices"
	"strings"

	"spindle/reactor"
)

// goTarget is a Go program: a main package that is built and run.
type goTarget struct {
	s       *Supervisor
	builder *goBuilder
	dir     string // of the source
	args    []string
	asked   bool            // the settings of the go command are known
	stale   bool            // what the build depends on has to be asked again
	edited  []string        // files that were changed, of which that is not known yet
	sifts   int             // how often it was looked at, or given up
	touched map[string]bool // directories of packages that were changed since their tests passed
}

// newGoTarget makes the target for the package pkg as seen from dir, where the go command
// runs.
func newGoTarget(s *Supervisor, dir, pkg string, args []string) (*goTarget, error) {
	b, err := newGoBuilder(s.loop, dir, pkg, s.opts.BuildFlags, s.env())
	if err != nil {
		return nil, err
	}
	b.plain = !s.opts.Optimised && s.opts.Inspect != nil
	b.apart = s.opts.Inspect != nil && s.opts.Debugger == "" // Delve reads the file of the process that it attaches to
	if s.opts.NoWitness {
		b.witness.off = witnessIsOff
	}
	return &goTarget{s: s, builder: b, dir: dir, args: args, stale: true, touched: map[string]bool{}}, nil
}

func (t *goTarget) describe() string {
	if d := t.builder.deps; d != nil && d.main.ImportPath != "" && d.main.ImportPath != "command-line-arguments" {
		return "Go program " + d.main.ImportPath
	}
	return "Go program " + t.builder.pkg
}

func (t *goTarget) root() string {
	if d := t.builder.deps; d != nil && d.root != "" {
		return d.root
	}
	return t.dir
}

// watch is the module, and what is beside it: other modules of a workspace, those that
// replace directives lead to, what is embedded.
func (t *goTarget) watch() Watch {
	root := t.root()
	w := Watch{Trees: []string{root}}
	var keep []string
	if d := t.builder.deps; d != nil {
		keep = d.files
		for _, dir := range d.dirs {
			if !below(dir, root) || t.hidden(root, dir) {
				w.Dirs = append(w.Dirs, dir)
			}
		}
		for _, dir := range d.embeds {
			if !below(dir, root) || t.hidden(root, dir) {
				w.Trees = append(w.Trees, dir)
			}
		}
	}
	if work := t.builder.setting("GOWORK"); work != "" && work != "off" {
		w.Dirs = append(w.Dirs, filepath.Dir(work))
	}
	w.Skip = skipper(root, keep)
	return w
}

// hidden tells whether the walk over the tree does not come to dir.
func (t *goTarget) hidden(root, dir string) bool {
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return true
	}
	for _, name := range strings.Split(filepath.ToSlash(rel), "/") {
		if dull(name, true) {
			return true
		}
	}
	return false
}

// setting is a value of go env.
func (b *goBuilder) setting(name string) string {
	values := strings.Split(b.salt, "\n")
	if i := slices.Index(goSettings, name); i >= 0 && i < len(values) {
		return values[i]
	}
	return ""
}

func (t *goTarget) judge(path string) Action {
	d := t.builder.deps
	if d == nil || d.main.Name != "main" || len(d.errors) > 0 {
		if isGoSource(path) || slices.Contains([]string{"go.mod", "go.sum", "go.work"}, filepath.Base(path)) {
			return Rebuild // whatever it is, it may mend it
		}
		return Ignore
	}
	if d.has(path) || path == t.builder.setting("GOWORK") {
		return Rebuild
	}
	return Ignore
}

func (t *goTarget) changed(changes []Change) {
	for _, c := range changes {
		t.builder.sums.forget(c.Path)
		if filepath.Ext(c.Path) == ".go" {
			t.touched[packageDir(t.dir, c.Path)] = true
		}
		if c.Removed || t.builder.deps == nil {
			t.stale = true
		}
		t.edited = append(t.edited, c.Path)
	}
}

// make asks first what the build depends on, if that is not known: when nothing has
// changed since the program was built once, nothing is built.
func (t *goTarget) make() *reactor.Deferred[starter] {
	made := reactor.NewDeferred[starter]()
	fail := func(err error) { settleWith(made, starter{}, err) }
	build := func() {
		t.builder.build().Then(func(p *built) {
			settleWith(made, starter{cached: p.cached, how: p.how(), path: p.path, start: func(n int) (generation, error) { return t.start(n, p) }}, nil)
		}, fail)
	}
	list := func() {
		if !t.stale {
			build()
			return
		}
		t.edited = nil // all that was edited is looked at
		t.builder.list().Then(func(*goDeps) {
			t.stale = false
			t.s.watchAnew()
			if text := t.builder.witness.news(); text != "" {
				t.s.notice(text)
			}
			build()
		}, func(err error) {
			t.s.watchAnew()
			fail(err)
		})
	}
	if t.asked {
		t.sift(list, fail)
		return made
	}
	t.builder.ask().Then(func(struct{}) {
		t.asked = true
		list()
	}, fail)
	return made
}

// sift has a thread look whether what was edited has go list to be asked again.
func (t *goTarget) sift(then func(), fail func(error)) {
	paths, d := t.edited, t.builder.deps
	if t.stale || len(paths) == 0 {
		then()
		return
	}
	t.sifts++
	n := t.sifts
	reactor.DeferToThreadPool(t.s.loop.ThreadPool(), func() (bool, error) { return slices.ContainsFunc(paths, d.stale), nil }).
		Then(func(stale bool) {
			if n != t.sifts {
				fail(errGivenUp)
				return
			}
			t.edited, t.stale = t.edited[len(paths):], stale
			then()
		}, fail)
}

// settleWith settles d, unless it was.
func settleWith[T any](d *reactor.Deferred[T], v T, err error) {
	switch {
	case d.Settled():
	case err != nil:
		d.Errback(err)
	default:
		d.Callback(v)
	}
}

func (t *goTarget) cancel() {
	t.sifts++
	if t.builder.listing != nil {
		t.builder.listing.kill()
		t.builder.listing = nil
	}
	t.builder.cancel()
}

// start runs the program.
func (t *goTarget) start(n int, p *built) (generation, error) {
	spec := t.s.programSpec(n)
	spec.path, spec.args, spec.dir = p.path, t.args, t.s.opts.Dir
	spec.still = t.builder.plain
	if t.builder.tells() {
		t.s.expectWhole(p)
	}
	if d := t.builder.deps; d != nil && d.spindle && t.s.opts.AppPort == 0 {
		spec.way = bySocket
	}
	g, err := t.s.startProgram(spec)
	if err == nil {
		ended := t.builder.started(p.key)
		g.over().Then(func(string) { ended() }, nil)
	}
	return g, err
}

// roots is where what somebody may edit is: the module of the program, and others.
func (t *goTarget) roots() []string {
	roots := []string{t.root()}
	if d := t.builder.deps; d != nil {
		roots = append(roots, d.roots...)
	}
	return roots
}

// commandTarget is any command that listens at PORT, or at a port that is said.
type commandTarget struct {
	s     *Supervisor
	dir   string
	words []string
}

func (t *commandTarget) describe() string { return "command " + strings.Join(t.words, " ") }
func (t *commandTarget) root() string     { return t.dir }

func (t *commandTarget) watch() Watch {
	return Watch{Trees: []string{t.dir}, Skip: skipper(t.dir, nil)}
}

// judge has the command started again for what looks like a source.
func (t *commandTarget) judge(path string) Action {
	switch filepath.Ext(path) {
	case ".go", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".rs", ".java", ".kt", ".lua", ".pl", ".toml", ".yaml", ".yml":
		return Restart
	}
	return Ignore
}

func (t *commandTarget) changed([]Change) {}
func (t *commandTarget) cancel()          {}

func (t *commandTarget) make() *reactor.Deferred[starter] {
	return reactor.Succeeded(starter{cached: true, start: func(n int) (generation, error) {
		spec := t.s.programSpec(n)
		spec.path, spec.args, spec.dir = t.words[0], t.words[1:], t.dir
		return t.s.startProgram(spec)
	}})
}
