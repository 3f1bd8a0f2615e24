package dev

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file builds a Go program: from the first event of a save, given up at the next,
// and not at all when what is to be built was built before.

// goBuilder builds one main package. Loop only.
type goBuilder struct {
	loop  reactor.Loop
	dir   string   // where the go command runs
	pkg   string   // what it is given
	flags []string // for go build, beside -o
	plain bool     // the own modules are built without optimisation, for their variables
	apart bool     // debug information may be in another file than the program
	env   []string
	cache string   // where the programs are kept
	held  *os.File // that directory
	runs  runs     // which of them run
	swept bool     // what nobody uses any more was removed

	deps    *goDeps // nil before the first go list has ended
	fresh   bool    // deps is of the files as they are
	modules string  // GOMODCACHE
	salt    string  // what beside the files decides what is built
	listing *command
	witness witness
	building

	sums      goSums
	recipe    *goRecipe  // how to build without the go command; nil when that is not known
	links     []*goLinks // of programs that run, and of the newest, which comes last; some may go on
	preparing *preparing
	works     int // directories of recipes so far
	doubts    int // recipes of deps that have failed
	builds    int // so far
	progress  goProgress
}

// building is what is under way.
type building struct {
	run    *command
	direct *directBuild
	result *reactor.Deferred[*built]
}

// built is a program that can be started.
type built struct {
	path   string
	key    string
	cached bool
	direct bool // the go command was not run
	took   time.Duration
	// whole comes with the path of the same program with its debug information; nil: it has that
	// itself.
	whole *reactor.Deferred[string]
}

// how says in a word how it was built.
func (p *built) how() string {
	switch {
	case p.cached:
		return ""
	case p.direct:
		return "compile and link"
	}
	return "go build"
}

// newGoBuilder makes a builder for the package at pkg, a directory or an import path, as
// seen from dir.
func newGoBuilder(l reactor.Loop, dir, pkg string, flags, env []string) (*goBuilder, error) {
	base, err := cacheDir()
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(dir + "\x00" + pkg))
	b := &goBuilder{loop: l, dir: dir, pkg: pkg, flags: flags, env: env, sums: goSums{read: map[string]fileRead{}},
		cache: filepath.Join(base, "spindle", "dev", hex.EncodeToString(name[:packageName]))}
	b.held, err = holdDir(b.cache)
	return b, err
}

// cacheDir is where this user's programs are kept. Without a home that is below the directory
// for temporary files, where anybody could have made it before, and what is there is run.
func cacheDir() (string, error) {
	if base, err := os.UserCacheDir(); err == nil {
		return base, nil
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("spindle-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || info.Mode()&0o022 != 0 || !ok || int(stat.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s is not this user's alone, and programs would be run from there: remove it, or set HOME or XDG_CACHE_HOME", dir)
	}
	return dir, nil
}

// goSettings are what go env is asked for: what decides what comes out of a build.
var goSettings = []string{"GOMODCACHE", "GOVERSION", "GOFLAGS", "GOOS", "GOARCH", "CGO_ENABLED", "GOEXPERIMENT", "GOWORK", "GOAMD64", "GOROOT", "GOMOD"}

// ask learns the settings of the go command, before anything else.
func (b *goBuilder) ask() *reactor.Deferred[struct{}] {
	done := reactor.NewDeferred[struct{}]()
	run, err := runCommand(b.loop, b.dir, b.env, append([]string{"go", "env"}, goSettings...)...)
	if err != nil {
		done.Errback(noGo(b.dir, err))
		return done
	}
	run.result.Then(func(c *command) {
		if !c.ok() {
			done.Errback(b.failure("list", "The go command does not work here", c))
			return
		}
		b.salt = string(c.out)
		b.modules, _, _ = strings.Cut(b.salt, "\n")
		b.flags = withTag(b.flags, b.setting("GOFLAGS"))
		done.Callback(struct{}{})
	}, nil)
	return done
}

// list asks what the build depends on.
func (b *goBuilder) list() *reactor.Deferred[*goDeps] {
	result := reactor.NewDeferred[*goDeps]()
	if b.listing != nil {
		b.listing.kill()
	}
	b.leavePreparing()
	b.fresh = false
	args := append([]string{"go", "list", "-e", "-deps", "-json=" + goListFields}, tagsOf(b.flags)...)
	run, err := runCommand(b.loop, b.dir, b.env, append(args, b.pkg)...)
	if err != nil {
		result.Errback(noGo(b.dir, err))
		return result
	}
	b.listing = run
	b.follow(run, nil)
	run.result.Then(func(c *command) { b.listed(c, result) }, nil)
	return result
}

// tagsOf is those of the flags of go build that go list needs, too.
func tagsOf(flags []string) (list []string) {
	for _, f := range flags {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if slices.Contains([]string{"tags", "mod", "modfile", "race", "msan", "asan", "overlay"}, name) {
			list = append(list, f)
		}
	}
	return list
}

// devTag is the build tag of what only a program has that is developed: see
// protocol/probe.
const devTag = "spindle_dev"

// withTag is flags with the tag, beside those that they or GOFLAGS have.
func withTag(flags []string, goFlags string) []string {
	tags := ""
	for _, f := range strings.Fields(goFlags) {
		if name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "="); name == "tags" {
			tags = value
		}
	}
	var list []string
	for i := 0; i < len(flags); i++ {
		name, value, has := strings.Cut(strings.TrimLeft(flags[i], "-"), "=")
		switch {
		case name != "tags":
			list = append(list, flags[i])
			continue
		case !has && i+1 < len(flags):
			i++
			value = flags[i]
		}
		tags = value
	}
	all := strings.FieldsFunc(tags, func(c rune) bool { return c == ' ' || c == ',' })
	if !slices.Contains(all, devTag) {
		all = append(all, devTag)
	}
	return append(list, "-tags="+strings.Join(all, ","))
}

// noGo is why the go command could not be run.
func noGo(dir string, err error) *Failure {
	if _, gone := os.Stat(dir); gone != nil {
		return &Failure{Stage: "list", Title: "The directory " + dir + " is gone", Faults: []Fault{{
			Message: gone.Error(), Mend: "put it back: it is built again then"}}}
	}
	return &Failure{Stage: "list", Title: "The go command can not be run", Faults: []Fault{{
		Message: err.Error(), Mend: "install Go from https://go.dev/dl/, or put it into PATH"}}}
}

// listed has a thread read what go list has printed, and the files that it names.
func (b *goBuilder) listed(c *command, result *reactor.Deferred[*goDeps]) {
	modules, work := b.modules, b.setting("GOWORK")
	if work == "off" {
		work = ""
	}
	off, now := b.witness.off, b.loop.Now()
	var m witnessMade
	reactor.DeferToThreadPool(b.loop.ThreadPool(), func() (*goDeps, error) {
		d, err := parseGoList(c.out, modules, work)
		if err == nil {
			m = b.makeWitness(d, off, now)
		}
		return d, err
	}).Then(func(d *goDeps) { b.known(c, d, m, result) }, func(error) { b.known(c, nil, m, result) })
}

// known takes what go list has said; d is nil when that can not be read.
func (b *goBuilder) known(c *command, d *goDeps, m witnessMade, result *reactor.Deferred[*goDeps]) {
	taken := false
	defer func() {
		if !taken {
			m.letGo()
		}
	}()
	if b.listing != c {
		result.Errback(errGivenUp)
		return
	}
	b.listing = nil
	switch {
	case c.killed:
		result.Errback(errGivenUp)
		return
	case d == nil || len(c.out) == 0:
		result.Errback(b.failure("list", "The package can not be listed", c))
		return
	}
	if f := d.judge(b.dir, b.pkg); f != nil {
		b.deps = d
		result.Errback(f)
		return
	}
	b.deps, b.fresh, b.doubts = d, true, 0
	b.witness.take(m)
	taken = true
	result.Callback(d)
}

// errGivenUp ends what something newer has taken the place of.
var errGivenUp = fmt.Errorf("dev: given up for something newer")

// judge tells what is wrong with what go list has found; nil when it can be built.
func (d *goDeps) judge(dir, pkg string) *Failure {
	f := &Failure{Stage: "list", Title: "The package can not be built", Dir: dir}
	for _, e := range d.errors {
		fault := mended(Fault{Message: strings.TrimSpace(e.Err)}, d.module)
		if m := goPlace.get().FindStringSubmatch(e.Pos + ": "); m != nil {
			place := placed(m, dir)
			fault.File, fault.Line, fault.Column = place.File, place.Line, place.Column
		}
		if !slices.Contains(f.Faults, fault) { // as who imports a package has it again
			f.Faults = append(f.Faults, fault)
		}
	}
	switch {
	case len(f.Faults) > 0:
		return f
	case d.main.Name == "":
		f.Faults = []Fault{{Message: "there are no Go files in " + d.main.Dir, Mend: "write one that begins with 'package main', or name another directory"}}
		return f
	case d.main.Name != "main":
		f.Faults = []Fault{{Message: fmt.Sprintf("%s is package %s, which is no program", pkg, d.main.Name),
			Mend: "name the directory of a main package, such as ./cmd/" + filepath.Base(d.main.Dir)}}
		return f
	}
	return nil
}

// failure is what a run of the go command has ended with.
func (b *goBuilder) failure(stage, title string, c *command) *Failure {
	out := string(c.errs)
	f := &Failure{Stage: stage, Title: title, Output: out, Dir: b.dir, Faults: parseGoOutput(out, b.dir)}
	if len(f.Faults) == 0 {
		f.Faults = []Fault{{Message: "the go command ended with " + c.status.String() + " and said nothing"}}
	}
	return f
}

// build makes the program as the files are now. What was under way is given up.
func (b *goBuilder) build() *reactor.Deferred[*built] {
	b.cancel()
	result := reactor.NewDeferred[*built]()
	b.result = result
	b.builds++
	b.keepCache()
	started := b.loop.Now()
	deps, salt, recipe := b.deps, b.wholeSalt(), b.recipe
	if !b.fresh {
		deps = nil
	}
	suits := false
	reactor.DeferToThreadPool(b.loop.ThreadPool(), func() (*goState, error) {
		s, err := b.sums.look(deps, salt, started)
		suits = err == nil && recipe != nil && recipe.deps == deps && recipe.salt == salt && recipe.unfit == "" && recipe.suits(s, &b.sums, started)
		return s, err
	}).Then(func(s *goState) {
		if b.result == result {
			if recipe != nil && recipe.deps == deps && !suits {
				recipe.behind = true
			}
			b.make(s, suits, started)
		}
	}, func(err error) { b.end(result, nil, err) })
	return result
}

// keepCache makes anew what somebody has removed of the cache.
func (b *goBuilder) keepCache() {
	if there(b.cache) && (b.witness.overlay == "" || there(b.witness.overlay)) {
		return
	}
	if held, err := holdDir(b.cache); err == nil { // else go build says what is wrong with it
		_ = b.held.Close()
		b.held = held
	}
	b.recipe.remove()
	b.recipe = nil
	if b.deps != nil {
		b.witness.take(b.makeWitness(b.deps, b.witness.off, b.loop.Now()))
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// wholeSalt is what beside the files decides what is built.
func (b *goBuilder) wholeSalt() string { return b.salt + strings.Join(b.buildFlags(), "\x00") }

// keyAfter is the name of a program that was made of files of that key: "once" and more when
// they were edited meanwhile, since it is not what key says then.
func (b *goBuilder) keyAfter(key string, deps *goDeps) *reactor.Deferred[string] {
	salt, now, n := b.wholeSalt(), b.loop.Now(), b.builds
	return reactor.DeferToThreadPool(b.loop.ThreadPool(), func() (string, error) {
		if s, err := b.sums.look(deps, salt, now); err == nil && key != "" && s.key == key {
			return key, nil
		}
		return fmt.Sprintf("once.%d.%d", os.Getpid(), n), nil
	})
}

// newProgram names programs that are being made, with the process that has them made.
const newProgram = "new."

// newOut is where the program of this build is written.
func (b *goBuilder) newOut() string {
	return filepath.Join(b.cache, fmt.Sprintf("%s%d.%d", newProgram, os.Getpid(), b.builds))
}

// make builds, unless the program is there: by the compiler and the linker alone where that
// is known to come to the same.
func (b *goBuilder) make(s *goState, direct bool, started time.Time) {
	path := filepath.Join(b.cache, s.key)
	if _, err := os.Stat(path); s.key != "" && err == nil {
		now := b.loop.Now()
		_ = os.Chtimes(path, now, now)
		b.end(b.result, &built{path: path, key: s.key, cached: true, took: now.Sub(started)}, nil)
		b.prepareLater()
		return
	}
	if direct {
		b.buildDirect(s, started)
		return
	}
	b.makeWithGo(s.key, started)
}

// makeWithGo has the go command build.
func (b *goBuilder) makeWithGo(key string, started time.Time) {
	out := b.newOut()
	args := append([]string{"go", "build", "-v", "-o", out}, b.buildFlags()...)
	run, err := runCommand(b.loop, b.dir, b.env, append(args, b.sources()...)...)
	if err != nil {
		b.end(b.result, nil, noGo(b.dir, err))
		return
	}
	b.run = run
	b.follow(run, b.deps)
	result := b.result
	run.result.Then(func(c *command) { b.ended(c, result, out, key, started) }, nil)
}

// buildFlags are those of go build: what was asked for, and ours. Ours leave the modules that
// somebody may edit without optimisation, while the standard library and others stay fast, and
// the debug information as it is: to compress it is a third of the time of a link. Nor is
// git asked for the revision, which in a checkout of somebody else's is an error. What
// somebody has given wins.
func (b *goBuilder) buildFlags() []string {
	flags := slices.Clone(b.flags)
	if b.plain && !b.given("gcflags") {
		const plain = "-N -l"
		if b.deps == nil || b.deps.module == "" {
			flags = append(flags, "-gcflags="+plain)
		} else {
			for _, m := range b.deps.modules {
				flags = append(flags, "-gcflags="+m+"/...="+plain)
			}
		}
	}
	if !b.given("buildvcs") {
		flags = append(flags, "-buildvcs=false")
	}
	link := quickLink
	if b.witness.overlay != "" {
		flags = append(flags, "-overlay="+b.witness.overlay)
		link += " " + witnessLink
		if b.given("cover") {
			flags = append(flags, "-toolexec="+strconv.Quote(coverTool(b.witness.overlay)))
		}
	}
	if !b.given("ldflags") {
		return append(flags, "-ldflags="+link)
	}
	for i, f := range flags {
		if name, value, ok := linkFlags(f); ok {
			flags[i] = name + "=" + link + " " + value
		}
	}
	return flags
}

// linkFlags is what f gives to the linker of all packages.
func linkFlags(f string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(f, "=")
	return name, value, ok && strings.TrimLeft(name, "-") == "ldflags" && strings.HasPrefix(value, "-")
}

// addsLinkFlags tells whether there are such flags that ours can be added to.
func (b *goBuilder) addsLinkFlags() bool {
	return slices.ContainsFunc(b.flags, func(f string) bool { _, _, ok := linkFlags(f); return ok })
}

const quickLink = "-compressdwarf=false"

// given tells whether somebody has given a flag of that name.
func (b *goBuilder) given(name string) bool {
	return slices.ContainsFunc(append(strings.Fields(b.setting("GOFLAGS")), b.flags...), func(f string) bool {
		f, _, _ = strings.Cut(strings.TrimLeft(f, "-"), "=")
		return f == name
	})
}

// ended takes the end of go build.
func (b *goBuilder) ended(c *command, result *reactor.Deferred[*built], out, key string, started time.Time) {
	switch {
	case c.killed:
		_ = os.Remove(out)
		b.end(result, nil, errGivenUp)
		return
	case !c.ok() && b.witness.refused(string(c.errs)):
		b.makeWithGo(key, started)
		return
	case !c.ok():
		b.end(result, nil, b.failure("build", "The build failed", c))
		return
	}
	b.keyAfter(key, b.deps).Then(func(key string) {
		p := &built{path: filepath.Join(b.cache, key), key: key, took: b.loop.Now().Sub(started)}
		err := os.Rename(out, p.path)
		wanted := b.result == result
		b.end(result, p, err)
		if wanted && err == nil {
			b.pruneLater()
			b.prepareLater()
		}
	}, func(err error) { b.end(result, nil, err) })
}

// end gives the result, if it is still wanted.
func (b *goBuilder) end(result *reactor.Deferred[*built], p *built, err error) {
	if b.result == result {
		b.building = building{}
	}
	if result.Settled() {
		return
	}
	if err != nil {
		result.Errback(err)
		return
	}
	result.Callback(p)
}

// cancel gives up what is under way.
func (b *goBuilder) cancel() {
	was := b.building
	b.building = building{}
	b.leavePreparing()
	if was.run != nil {
		was.run.kill()
	}
	if was.direct != nil {
		was.direct.cancel()
	}
	if was.result != nil && !was.result.Settled() {
		was.result.Errback(errGivenUp)
	}
}

// close ends all, and removes what only this process needs.
func (b *goBuilder) close() {
	b.cancel()
	for _, l := range b.links {
		l.leave()
	}
	b.recipe.remove()
	b.recipe = nil
	_ = b.held.Close()
	b.witness.letGo()
}

// buildID is n times a name of what was built, in the shape of those of the go command.
func buildID(of string, n int) string {
	sum := sha256.Sum256([]byte(of))
	return strings.TrimSuffix(strings.Repeat(base64.RawURLEncoding.EncodeToString(sum[:15])+"/", n), "/")
}
