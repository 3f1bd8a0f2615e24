package dev

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"spindle/reactor"
)

// This file builds a program by the compiler and the linker alone, after a recipe: see
// gorecipe.go. Whatever is not as it should be leads to go build.

// directBuild is one such build. Loop only.
type directBuild struct {
	b       *goBuilder
	recipe  *goRecipe
	state   *goState // of the files when it began
	result  *reactor.Deferred[*built]
	started time.Time
	made    map[*ownPackage]string // what the archives are to be made of
	runs    map[*ownPackage]*command
	failed  map[*ownPackage]string // what the compiler said
	done    []*ownPackage          // whose archives are new
	links   *goLinks               // nil before
	over    bool
}

// buildDirect builds by b.recipe.
func (b *goBuilder) buildDirect(s *goState, started time.Time) {
	d := &directBuild{b: b, recipe: b.recipe, state: s, result: b.result, started: started,
		made: map[*ownPackage]string{}, runs: map[*ownPackage]*command{}, failed: map[*ownPackage]string{}}
	for _, p := range d.recipe.packages {
		d.made[p] = s.madeOf(p)
	}
	b.direct = d
	d.step()
}

// cancel gives it up.
func (d *directBuild) cancel() {
	d.over = true
	d.distrust()
	for p, c := range d.runs {
		c.kill()
		_ = os.Remove(d.fresh(p))
	}
	d.links.leave()
}

// distrust has what was compiled compiled again: a file may have been another one when the
// compiler read it than when it was looked at.
func (d *directBuild) distrust() {
	for _, p := range d.done {
		p.made = ""
	}
}

// withGo has the go command build instead.
func (d *directBuild) withGo() {
	d.cancel()
	d.b.direct = nil
	d.b.makeWithGo(d.state.key, d.started)
}

// doubtful has the go command build, and drops the recipe.
func (d *directBuild) doubtful(why string) {
	d.b.doubt(d.recipe.deps, why)
	d.withGo()
}

// step compiles what can be, and links when all is.
func (d *directBuild) step() {
	old := map[*ownPackage]bool{} // those that are to be compiled, and those that import one
	for _, p := range d.recipe.packages {
		isOld := p.behind || p.made != d.made[p]
		waits := slices.ContainsFunc(p.imports, func(q *ownPackage) bool { return old[q] })
		old[p] = isOld || waits
		_, failed := d.failed[p]
		switch {
		case !isOld || waits || failed || d.runs[p] != nil || len(d.runs) >= runtime.NumCPU():
		case p.awkward: // what it imports has changed for it
			d.recipe.behind = true
			d.withGo()
		default:
			d.compile(p)
		}
		if d.over {
			return
		}
	}
	switch {
	case len(d.runs) > 0:
	case len(d.failed) > 0:
		d.fail()
	default:
		d.linkAll()
	}
}

// fresh is where the compiler writes the archive of p.
func (d *directBuild) fresh(p *ownPackage) string {
	return filepath.Join(p.unit, fmt.Sprintf("new.%d.a", d.b.builds))
}

// compile compiles a package.
func (d *directBuild) compile(p *ownPackage) {
	words := slices.Clone(p.compile.words)
	words[slices.Index(words, "-o")+1] = d.fresh(p)
	words[slices.Index(words, "-buildid")+1] = buildID(p.path+"\x00"+d.made[p], 2)
	c, err := runTool(d.b, &p.compile, words)
	if err != nil {
		d.doubtful(err.Error())
		return
	}
	d.runs[p] = c
	c.result.Then(func(c *command) {
		if d.over {
			_ = os.Remove(d.fresh(p)) // it may have been made after it was removed
			return
		}
		d.compiled(p, c)
	}, nil)
}

// compiled takes an archive. Those that import the package are to be compiled again only
// when it has changed for them.
func (d *directBuild) compiled(p *ownPackage, c *command) {
	if !c.ok() {
		delete(d.runs, p)
		d.failed[p] = string(c.out) + string(c.errs)
		d.step()
		return
	}
	fresh, archive := d.fresh(p), p.archive()
	reactor.DeferToThreadPool(d.b.loop.ThreadPool(), func() (same bool, err error) { return sameExports(archive, fresh) }).
		Then(func(same bool) {
			if d.over {
				return
			}
			if err := os.Rename(fresh, archive); err != nil {
				d.doubtful(err.Error())
				return
			}
			delete(d.runs, p)
			p.made, p.behind = d.made[p], false
			d.recipe.made++
			d.done = append(d.done, p)
			for _, q := range d.recipe.packages {
				q.behind = q.behind || !same && slices.Contains(q.imports, p)
			}
			d.step()
		}, func(err error) {
			if !d.over {
				d.doubtful(err.Error())
			}
		})
}

// fail ends it with what the compiler said, as go build says it.
func (d *directBuild) fail() {
	var out strings.Builder
	for _, p := range d.recipe.packages {
		if text := d.failed[p]; text != "" {
			out.WriteString("# " + p.path + "\n" + shortened(text, p.dir, p.compile.dir))
		}
	}
	f := &Failure{Stage: "build", Title: "The build failed", Output: out.String(), Dir: d.b.dir, Faults: parseGoOutput(out.String(), d.b.dir)}
	if len(f.Faults) == 0 || slices.ContainsFunc(f.Faults, d.strange) {
		d.doubtful("the compiler says something strange")
		return
	}
	d.b.direct = nil
	d.b.end(d.result, nil, f)
}

// strange tells whether a fault may be ours, so that the go command has other words, or none.
func (d *directBuild) strange(f Fault) bool {
	if f.File == "" {
		return f.Message != "too many errors"
	}
	_, ours := d.state.sums[f.File]
	return !ours || strings.Contains(f.Message, "could not import ") || strings.Contains(f.Message, "internal compiler error")
}

// shortened is what a tool has printed with paths as seen from cwd, where these are shorter:
// what the go command makes of it.
func shortened(text, dir, cwd string) string {
	text = strings.TrimRight(text, "\n") + "\n"
	for {
		rel, err := filepath.Rel(cwd, dir)
		if err == nil && len(rel) < len(dir) {
			for _, before := range []string{" ", "\n", "\n\t"} {
				text = strings.ReplaceAll(text, before+dir, before+rel)
			}
			if rest, ok := strings.CutPrefix(text, dir); ok {
				text = rel + rest
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return text
		}
		dir = up
	}
}

// linkAll links, and looks meanwhile whether the files are what they were.
func (d *directBuild) linkAll() {
	l, err := d.b.startLinks(d.recipe, d.state.key)
	if err != nil {
		d.doubtful(err.Error())
		return
	}
	d.links = l
	key := d.b.keyAfter(d.state.key, d.recipe.deps)
	l.first.run.result.Then(func(c *command) {
		switch {
		case d.over:
		case !c.ok():
			d.doubtful("the linker failed")
		default:
			key.Then(func(key string) { d.linked(key) }, func(err error) { d.doubtful(err.Error()) })
		}
	}, nil)
}

// linked takes the program.
func (d *directBuild) linked(key string) {
	if d.over {
		return
	}
	p, err := d.links.place(key)
	if err != nil {
		d.doubtful(err.Error())
		return
	}
	p.took = d.b.loop.Now().Sub(d.started)
	if key != d.state.key {
		d.distrust()
	}
	d.b.direct, d.b.doubts = nil, 0
	d.b.pruneLater()
	d.b.end(d.result, p, nil)
}

// runTool runs a tool as the go command runs it.
func runTool(b *goBuilder, r *toolRun, words []string) (*command, error) {
	dir := r.dir
	if !filepath.IsAbs(dir) {
		dir = b.dir
	}
	set := map[string]string{"PWD": dir}
	for _, e := range r.env {
		name, value, _ := cutEnv(e)
		set[name] = value
	}
	return runCommand(b.loop, dir, environ(b.env, set), words...)
}

// sameExports tells whether two archives are the same for who imports the package. Blocks: not on
// the loop.
func sameExports(a, b string) (bool, error) {
	x, err := exportsOf(a)
	if err != nil {
		return false, err
	}
	y, err := exportsOf(b)
	return err == nil && bytes.Equal(x, y), err
}

var errNoArchive = errors.New("this is no archive of a package")

// exportsOf is the first part of an archive, which the compiler reads when it compiles what
// imports the package, without the build ID.
func exportsOf(path string) ([]byte, error) {
	const magic, header = "!<arch>\n", 60
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, len(magic)+header)
	if _, err := f.ReadAt(head, 0); err != nil || string(head[:len(magic)]) != magic || !bytes.HasPrefix(head[len(magic):], []byte("__.PKGDEF ")) {
		return nil, errNoArchive
	}
	var size int64
	if _, err := fmt.Sscanf(string(head[len(magic)+48:][:10]), "%d", &size); err != nil || size < 0 || size > 1<<30 {
		return nil, errNoArchive
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, int64(len(head))); err != nil {
		return nil, errNoArchive
	}
	before, rest, ok := bytes.Cut(text, []byte("\nbuild id "))
	if !ok {
		return text, nil
	}
	_, after, _ := bytes.Cut(rest, []byte("\n"))
	return slices.Concat(before, []byte("\n"), after), nil
}
