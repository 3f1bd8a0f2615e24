package dev

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"spindle/reactor"
)

// This file links a program, twice at the same time: whole, and without what only debuggers
// read, which is there a quarter sooner and is what runs. Variables are read by the whole
// one: code and data of both are the same, which is looked at each time. Until they were so
// once, the whole one runs.

// apartSuffix ends the names of programs that have no debug information.
const apartSuffix = ".quick"

// Why a program without debug information has none elsewhere.
var (
	errNotWhole = errors.New("the debug information of this program was given up for a newer one")
	errNotSame  = errors.New("what was linked with it is another program, as something was edited meanwhile")
)

// apartFlags has the linker leave out what only debuggers read.
var apartFlags = []string{"-s", "-w"}

// trust is what is known of the programs that a recipe links without debug information.
type trust uint8

const (
	untried trust = iota
	proved        // they are otherwise the same as whole ones
	refuted       // they are not, or can not be linked
)

// goLinks are the links of one build. The first is the one whose program runs. Loop only.
type goLinks struct {
	b      *goBuilder
	recipe *goRecipe
	first  *goLink
	second *goLink // nil: there is one alone
	path   string  // where the program of the first is; "" before
	key    string
	whole  *reactor.Deferred[string] // of built
	made   int                       // archives that were compiled before
	over   bool
}

// goLink is one of them.
type goLink struct {
	run   *command
	out   string
	apart bool // without debug information
	ended bool
}

// canLinkApart tells whether two links at the same time take no longer than one, and who
// reads variables can do so from another file.
func (b *goBuilder) canLinkApart() bool {
	return b.apart && runtime.GOOS == "linux" && runtime.NumCPU() > 1
}

// startLinks starts them. An error means that nothing runs.
func (b *goBuilder) startLinks(r *goRecipe, key string) (*goLinks, error) {
	l := &goLinks{b: b, recipe: r, made: r.made}
	two := b.canLinkApart() && r.apart != refuted && !slices.ContainsFunc(r.link.words, isApartFlag)
	var err error
	if l.first, err = l.start(key, two && r.apart == proved); err != nil {
		return nil, err
	}
	if two {
		if l.second, err = l.start(key, !l.first.apart); err != nil {
			l.first.leave()
			return nil, err
		}
		l.second.run.giveWay()
		l.second.run.result.Then(func(*command) { l.second.ended = true; l.settle() }, nil)
	}
	return l, nil
}

// isApartFlag tells whether somebody has decided himself what debuggers find: -s, --w, -w=0.
func isApartFlag(word string) bool {
	name, _, _ := strings.Cut(strings.Replace(word, "--", "-", 1), "=")
	return slices.Contains(apartFlags, name)
}

// start starts one.
func (l *goLinks) start(key string, apart bool) (*goLink, error) {
	g := &goLink{out: l.b.newOut(), apart: apart}
	words := slices.Clone(l.recipe.link.words)
	if apart {
		g.out += apartSuffix
		words = slices.Insert(words, 1, apartFlags...)
	}
	words[slices.Index(words, "-o")+1] = g.out
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-buildid=") }); i >= 0 {
		words[i] = "-buildid=" + buildID(key, 4)
	}
	var err error
	g.run, err = runTool(l.b, &l.recipe.link, words)
	return g, err
}

// leave gives up what is left of them; l may be nil.
func (l *goLinks) leave() {
	if l == nil || l.over {
		return
	}
	l.over = true
	l.first.leave()
	l.second.leave()
	if l.whole != nil && !l.whole.Settled() {
		l.whole.Errback(errNotWhole)
	}
}

// leave ends it and removes what it has written; g may be nil.
func (g *goLink) leave() {
	if g == nil {
		return
	}
	g.run.kill()
	_ = os.Remove(g.out)
	g.run.result.Then(func(*command) { _ = os.Remove(g.out) }, nil) // it may have been made after it was removed
}

// place puts the program of the first where it is kept, and makes what can be started of it.
func (l *goLinks) place(key string) (*built, error) {
	p := &built{path: filepath.Join(l.b.cache, key), key: key, direct: true}
	if l.first.apart {
		p.path += apartSuffix
		p.whole = reactor.NewDeferred[string]()
		p.whole.Then(nil, func(error) {}) // who asks is told
	}
	if err := os.Rename(l.first.out, p.path); err != nil {
		return nil, err
	}
	l.path, l.key, l.whole = p.path, key, p.whole
	l.b.links = append(l.b.links, l)
	l.b.leaveLinks()
	l.settle()
	return p, nil
}

// started notes that a program runs, until ended is called.
func (b *goBuilder) started(key string) (ended func()) {
	left := b.runs.add(key)
	return func() {
		left()
		b.leaveLinks()
	}
}

// leaveLinks gives up the links of programs that do not run any more, but not of the newest: that
// may start yet, and why it has ended is told with its variables.
func (b *goBuilder) leaveLinks() {
	for i, l := range b.links {
		if i < len(b.links)-1 && b.runs[l.key] == 0 {
			l.leave()
		}
	}
	if n := len(b.links); n > 0 {
		b.links = append(slices.DeleteFunc(b.links[:n-1:n-1], func(l *goLinks) bool { return l.over }), b.links[n-1])
	}
}

// settle compares what the two have come to, when both have.
func (l *goLinks) settle() {
	if l.over || l.path == "" || l.second == nil || !l.second.ended {
		return
	}
	second := l.second
	if !second.run.ok() {
		l.settled(false, errors.New(cmp.Or(firstLine(string(second.run.errs)), "the linker ended with "+second.run.status.String())))
		return
	}
	reactor.DeferToThreadPool(l.b.loop.ThreadPool(), func() (bool, error) { return sameImage(l.path, second.out) }).
		Then(func(same bool) { l.settled(same, nil) }, func(err error) { l.settled(false, err) })
}

// settled ends it.
func (l *goLinks) settled(same bool, err error) {
	if l.over {
		return
	}
	l.over = true
	switch {
	case same:
		l.recipe.apart = proved
	case l.recipe.made == l.made: // else it may have been linked of other archives
		l.recipe.apart = refuted
	}
	whole := filepath.Join(l.b.cache, l.key)
	switch {
	case l.second.apart:
		_ = os.Remove(l.second.out)
		return
	case same:
		if err = os.Rename(l.second.out, whole); err == nil {
			l.whole.Callback(whole)
			return
		}
	case err == nil:
		err = errNotSame
	}
	_ = os.Remove(l.second.out)
	l.whole.Errback(fmt.Errorf("the debug information of this program could not be made: %w", err))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// sameImage tells whether two programs are the same when they run: whatever is loaded is, and
// where it is. Blocks: not on the loop.
func sameImage(a, b string) (bool, error) {
	x, err := elf.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := elf.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	return sameSections(loadedSections(x), loadedSections(y))
}

func loadedSections(f *elf.File) []*elf.Section {
	return slices.DeleteFunc(slices.Clone(f.Sections), func(s *elf.Section) bool { return s.Flags&elf.SHF_ALLOC == 0 })
}

func sameSections(a, b []*elf.Section) (bool, error) {
	if len(a) != len(b) || len(a) == 0 {
		return false, nil
	}
	for i, x := range a {
		y := b[i]
		if x.Name != y.Name || x.Type != y.Type || x.Addr != y.Addr || x.Size != y.Size {
			return false, nil
		}
		if x.Type == elf.SHT_NOBITS {
			continue
		}
		if same, err := sameText(x.Open(), y.Open()); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// sameText tells whether two readers have the same. A program is larger than what this process
// should take for it, so it is read piece by piece.
func sameText(a, b io.Reader) (bool, error) {
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, p)
		m, err2 := io.ReadFull(b, q)
		switch {
		case n != m || !bytes.Equal(p[:n], q[:m]):
			return false, nil
		case err == nil && err2 == nil:
		case isEnd(err) && isEnd(err2):
			return true, nil
		default:
			return false, cmp.Or(err, err2)
		}
	}
}

// isEnd tells whether an error of io.ReadFull is that there is no more.
func isEnd(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
