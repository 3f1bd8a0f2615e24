package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file makes, while nothing else is to be done, the recipe by which the next build goes
// without the go command.

const (
	// prepareAfter is how long after a build that is begun: the program starts meanwhile.
	prepareAfter = 300 * time.Millisecond
	// mostScript is how much of a script of go build -n is kept.
	mostScript = 64 << 20
	// mostDoubts is how often a recipe may fail before another go list.
	mostDoubts = 2
)

// preparing is the making of a recipe, step by step. Loop only.
type preparing struct {
	b      *goBuilder
	later  *reactor.DelayedCall
	run    *command
	over   bool // it was given up, or has ended
	deps   *goDeps
	salt   string
	flags  []string
	before *goState
	script []byte // of go build -n
	list   []byte // of go list -export
}

// ownWork names the directories of recipes, with the process whose they are.
const ownWork = "own."

// good tells whether r is a recipe, or why there is none, of what was built; r may be nil.
func (r *goRecipe) good(d *goDeps, salt string) bool {
	return r != nil && r.deps == d && r.salt == salt && (!r.behind || r.unfit != "")
}

// prepareLater has a recipe made, if there is none for what was built.
func (b *goBuilder) prepareLater() {
	if b.recipe.good(b.deps, b.wholeSalt()) || !b.fresh || b.preparing != nil {
		return
	}
	p := &preparing{b: b, deps: b.deps, salt: b.wholeSalt(), flags: b.buildFlags()}
	b.preparing = p
	p.later = b.loop.CallLater(prepareAfter, p.begin)
}

// leavePreparing gives it up.
func (b *goBuilder) leavePreparing() {
	if p := b.preparing; p != nil {
		p.end(nil)
		p.later.Cancel()
		if p.run != nil {
			p.run.kill()
		}
	}
}

// end ends it, with a recipe or without.
func (p *preparing) end(r *goRecipe) {
	p.over, p.b.preparing = true, nil
	if r != nil {
		p.b.recipe.remove()
		p.b.recipe = r
	}
}

// fail ends it. What was changed meanwhile is built again, and prepared again.
func (p *preparing) fail(err error) {
	if !p.over {
		p.end(nil)
		p.b.doubt(p.deps, err.Error())
	}
}

// begin knows what the files are before.
func (p *preparing) begin() {
	if !direct(p.flags) || !direct(strings.Fields(p.b.setting("GOFLAGS"))) {
		p.end(&goRecipe{deps: p.deps, salt: p.salt, unfit: "other things are done than to compile and to link"})
		return
	}
	p.look(func(s *goState) {
		p.before = s
		p.command(p.scripted, append([]string{"go", "build", "-a", "-n", "-o", p.b.newOut()}, p.flags...))
	})
}

func (p *preparing) scripted(c *command) {
	p.script = c.errs
	p.command(p.listed, append([]string{"go", "list", "-export", "-deps", "-json=" + exportedFields}, p.flags...))
}

// listed looks whether the files are still what they were before.
func (p *preparing) listed(c *command) {
	p.list = c.out
	p.look(func(s *goState) {
		if s.key != p.before.key {
			p.end(nil) // they are built again
			return
		}
		p.b.works++
		work := filepath.Join(p.b.cache, fmt.Sprintf("%s%d.%d", ownWork, os.Getpid(), p.b.works))
		now := p.b.loop.Now()
		reactor.DeferToThreadPool(p.b.loop.ThreadPool(), func() (*goRecipe, error) {
			p.b.sweep()
			r, err := newRecipe(p.script, p.list, p.b.modules, work)
			if err == nil {
				if err = r.adopt(p.deps, p.salt, s, &p.b.sums, now); err != nil {
					r.remove()
				}
			}
			return r, err
		}).Then(p.made, p.fail)
	})
}

// made takes the recipe.
func (p *preparing) made(r *goRecipe) {
	if p.over {
		r.remove()
		return
	}
	p.end(r)
}

// look has then told of the files as they are.
func (p *preparing) look(then func(*goState)) {
	now := p.b.loop.Now()
	reactor.DeferToThreadPool(p.b.loop.ThreadPool(), func() (*goState, error) {
		return p.b.sums.look(p.deps, p.salt, now)
	}).Then(func(s *goState) {
		if !p.over {
			then(s)
		}
	}, p.fail)
}

// command has then told of a run of the go command that succeeded.
func (p *preparing) command(then func(*command), args []string) {
	c, err := runCommand(p.b.loop, p.b.dir, p.b.env, append(args, p.b.sources()...)...)
	if err != nil {
		p.fail(err)
		return
	}
	c.mostErrs, p.run = mostScript, c
	c.result.Then(func(c *command) {
		switch {
		case p.over:
		case !c.ok() || c.cut:
			p.fail(errors.New(strings.Join(args[:3], " ") + " failed"))
		default:
			then(c)
		}
	}, nil)
}

// doubt drops a recipe of deps that has failed where the go command may not. One that does so
// again and again is not made any more, until something else is built.
func (b *goBuilder) doubt(deps *goDeps, why string) {
	b.recipe.remove()
	b.recipe = nil
	if b.doubts++; b.doubts > mostDoubts {
		b.recipe = &goRecipe{deps: deps, salt: b.wholeSalt(), unfit: why}
	}
}

// remove removes the directory of a recipe; r may be nil.
func (r *goRecipe) remove() {
	if r != nil && r.work != "" {
		_ = os.RemoveAll(r.work)
	}
}

// sweep removes the directories of recipes whose processes have ended. Blocks: not on the
// loop.
func (b *goBuilder) sweep() {
	dirs, _ := filepath.Glob(filepath.Join(b.cache, ownWork+"*"))
	for _, dir := range dirs {
		if orphaned(filepath.Base(dir), ownWork) {
			_ = os.RemoveAll(dir)
		}
	}
}

// orphaned tells of a name that has a process behind prefix whether that has ended.
func orphaned(name, prefix string) bool {
	rest, is := strings.CutPrefix(name, prefix)
	text, _, _ := strings.Cut(rest, ".")
	pid, err := strconv.Atoi(text)
	return is && (err != nil || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH))
}
