package dev

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file knows how a program is built without the go command: by the compiler for the
// own packages that have changed, and by the linker. Both are run just as the go command
// says that it would run them (go build -n), with what it has made of all other packages
// (go list -export). So nothing here decides what a flag is: a recipe is only asked for
// while flags, imports, directives and the set of files are the same.

// goRecipe is that for one program. Its files are in a directory of its own, laid out as the
// go command's is: one directory for each package, with the archive in it. Loop only, but
// for what does not change.
type goRecipe struct {
	deps     *goDeps  // what it is for
	salt     string   // likewise: the flags, among others
	state    *goState // what the archives, as they were at first, are made of
	unfit    string   // why the go command has to build this program; "" when it need not
	work     string   // the directory
	link     toolRun
	apart    trust             // in what is linked without debug information
	made     int               // archives so far
	behind   bool              // what it can not build was edited, and go build has built since
	packages []*ownPackage     // each after those that it imports
	outside  map[string]fileID // files of packages that state does not tell of: those of an overlay
}

// ownPackage is a package that somebody may edit.
type ownPackage struct {
	path    string // its import path
	dir     string // of its sources
	unit    string // its directory
	compile toolRun
	// files is what goes into it: what the compiler is given, and what is embedded. A file
	// that an overlay (go build -overlay) adds to the package, or puts in the place of another,
	// is among them by the path where its content is, outside of dir. Nothing has to be done
	// for it here: the list is that of go build -n, whose -trimpath maps the path back.
	files   []string
	imports []*ownPackage
	awkward bool   // more than the compiler has to be run for it; then files says nothing
	made    string // what the archive is made of: see madeOf
	behind  bool   // the archive was made with an older one of those that it imports
}

// archive is where its archive is.
func (p *ownPackage) archive() string { return filepath.Join(p.unit, "_pkg_.a") }

// exported is a package as go list -export gives it.
type exported struct {
	goPackage
	Export string // its archive
}

const exportedFields = "Dir,ImportPath,Standard,Export"

// workDir is what the go command calls its directory in a script.
const workDir = "$WORK"

// directFlags is the flags of go build with which a recipe is good.
var directFlags = []string{"tags", "gcflags", "ldflags", "asmflags", "trimpath", "mod", "modfile", "overlay", "buildvcs", "pgo"}

// direct tells whether a program that is built with flags may be built without the go
// command: not with those that have more done than to compile and to link, and not where
// the state of the repository is put into the program.
func direct(flags []string) bool {
	for i := 0; i < len(flags); i++ {
		if !strings.HasPrefix(flags[i], "-") {
			return false
		}
		name, value, has := strings.Cut(strings.TrimLeft(flags[i], "-"), "=")
		if !slices.Contains(directFlags, name) {
			return false
		}
		if !has && name != "trimpath" && name != "buildvcs" {
			i++ // its value
		}
		if name == "buildvcs" && value != "false" || name == "pgo" && value != "off" && value != "auto" {
			return false
		}
	}
	return true
}

// newRecipe makes a recipe of what go build -n and go list -export have printed. cache is
// where modules are that nobody edits, work the directory to make for it. Blocks: not on the
// loop.
func newRecipe(script, list []byte, cache, work string) (*goRecipe, error) {
	s, ok := parseGoScript(string(script))
	if !ok {
		return nil, errors.New("the script of go build -n is not understood")
	}
	listed, err := parseExported(list)
	if err != nil {
		return nil, err
	}
	r := &goRecipe{work: work}
	m := recipeMaker{script: s, recipe: r, unit: map[string]string{}, made: map[string]string{}, own: map[string]*ownPackage{}}
	if err := m.findLink(); err != nil {
		return nil, err
	}
	for _, p := range listed {
		m.made[p.ImportPath] = p.Export
		if p.own(cache) {
			if err := m.addOwn(&p); err != nil {
				return nil, err
			}
		}
	}
	if err := m.write(); err != nil {
		_ = os.RemoveAll(work)
		return nil, err
	}
	return r, nil
}

func parseExported(list []byte) (all []exported, err error) {
	for dec := json.NewDecoder(bytes.NewReader(list)); ; {
		var p exported
		if err := dec.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// recipeMaker is a recipe that is being made.
type recipeMaker struct {
	script *goScript
	recipe *goRecipe
	config string            // of the linker
	unit   map[string]string // of each package that is linked
	made   map[string]string // its archive
	own    map[string]*ownPackage
}

// findLink finds the run of the linker, and what it links.
func (m *recipeMaker) findLink() error {
	for _, run := range m.script.runs {
		if run.tool() != "link" {
			continue
		}
		if m.recipe.link.words != nil {
			return errors.New("go build links more than once")
		}
		m.recipe.link = run
	}
	config := valueOf(m.recipe.link.words, "-importcfg")
	if m.config = m.script.files[config]; m.config == "" || valueOf(m.recipe.link.words, "-o") == "" {
		return errors.New("go build does not say what it links")
	}
	for line := range strings.Lines(m.config) {
		if path, archive, ok := packageFile(line); ok {
			m.unit[path] = filepath.Dir(archive)
		}
	}
	for _, word := range m.recipe.link.words {
		if strings.Contains(word, workDir) && !strings.HasPrefix(word, workDir+"/b001/") {
			return fmt.Errorf("the linker is given %s", word)
		}
	}
	return nil
}

// packageFile reads a line of an importcfg.
func packageFile(line string) (path, archive string, ok bool) {
	line, ok = strings.CutPrefix(strings.TrimSuffix(line, "\n"), "packagefile ")
	if !ok {
		return "", "", false
	}
	return strings.Cut(line, "=")
}

// valueOf is the word after name.
func valueOf(words []string, name string) string {
	if i := slices.Index(words, name); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}

// addOwn adds a package that somebody may edit.
func (m *recipeMaker) addOwn(l *exported) error {
	unit, linked := m.unit[l.ImportPath]
	if !linked {
		return fmt.Errorf("%s is not linked", l.ImportPath)
	}
	i := slices.IndexFunc(m.script.runs, func(r toolRun) bool {
		return r.tool() == "compile" && valueOf(r.words, "-o") == unit+"/_pkg_.a"
	})
	p := &ownPackage{path: l.ImportPath, dir: l.Dir, unit: unit, awkward: i < 0}
	if i >= 0 {
		p.compile = m.script.runs[i]
		m.readCompile(p)
	}
	for line := range strings.Lines(m.script.files[unit+"/importcfg"]) {
		if path, _, ok := packageFile(line); ok && m.own[path] != nil {
			p.imports = append(p.imports, m.own[path])
		}
	}
	m.own[p.path] = p
	m.recipe.packages = append(m.recipe.packages, p)
	return nil
}

// readCompile finds what the compiler is given. Where an assembler, a C compiler or a
// profile has its part, the package is awkward: its archive is good while nobody edits it.
func (m *recipeMaker) readCompile(p *ownPackage) {
	if m.readFiles(p); p.awkward {
		p.files = nil
	}
}

func (m *recipeMaker) readFiles(p *ownPackage) {
	words := p.compile.words
	first := len(words)
	for first > 0 && strings.HasSuffix(words[first-1], ".go") {
		first--
	}
	p.files = slices.Clone(words[first:])
	p.awkward = first == len(words) || !slices.Contains(words, "-complete") || valueOf(words, "-buildid") == "" ||
		slices.ContainsFunc(p.files, func(f string) bool { return !filepath.IsAbs(f) })
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		if slices.Contains([]string{"-symabis", "-asmhdr", "-pgoprofile", "-coveragecfg", "-race", "-msan", "-asan", "-linkobj"}, name) {
			p.awkward = true
		}
	}
	text, embeds := m.script.files[p.unit+"/embedcfg"]
	if !embeds {
		return
	}
	var config struct{ Files map[string]string }
	if json.Unmarshal([]byte(text), &config) != nil {
		p.awkward = true
	}
	for _, path := range config.Files {
		p.files = append(p.files, path)
	}
	slices.Sort(p.files[len(words)-first:])
}

// write makes the directory: what the tools read, and the archives as they are.
func (m *recipeMaker) write() error {
	r := m.recipe
	for _, p := range r.packages {
		archive := m.made[p.path]
		if archive == "" {
			return fmt.Errorf("go list does not say where %s is", p.path)
		}
		unit := p.unit
		p.unit = m.real(unit)
		if err := os.MkdirAll(p.unit, 0o700); err != nil {
			return err
		}
		if err := os.Symlink(archive, p.archive()); err != nil {
			return err
		}
		for _, name := range []string{"importcfg", "embedcfg"} {
			text, there := m.script.files[unit+"/"+name]
			if !there {
				continue
			}
			if err := m.writeConfig(filepath.Join(p.unit, name), text); err != nil {
				return err
			}
		}
		m.settle(&p.compile)
	}
	m.settle(&r.link)
	return m.writeConfig(valueOf(r.link.words, "-importcfg"), m.config)
}

// real is a path of the script.
func (m *recipeMaker) real(path string) string {
	return strings.ReplaceAll(path, workDir, m.recipe.work)
}

// settle has a run name real paths.
func (m *recipeMaker) settle(r *toolRun) {
	for i, w := range r.words {
		r.words[i] = m.real(w)
	}
}

// writeConfig writes an importcfg or embedcfg, with the archives of what is not our own
// where the go command keeps them.
func (m *recipeMaker) writeConfig(path, text string) error {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, _, ok := packageFile(line)
		switch {
		case !ok || m.own[name] != nil:
			b.WriteString(m.real(line))
		case m.made[name] == "":
			return fmt.Errorf("go list does not say where %s is", name)
		default:
			b.WriteString("packagefile " + name + "=" + m.made[name] + "\n")
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// madeOf names the content of the files of p.
func (s *goState) madeOf(p *ownPackage) string {
	var b strings.Builder
	for _, path := range p.files {
		id := s.sums[path]
		b.Write(id[:])
	}
	return b.String()
}

// adopt has the recipe know what the archives are made of. Blocks: not on the loop.
func (r *goRecipe) adopt(d *goDeps, salt string, s *goState, g *goSums, now time.Time) error {
	r.deps, r.salt, r.state, r.outside = d, salt, s, map[string]fileID{}
	for _, p := range r.packages {
		p.made = s.madeOf(p)
		for _, path := range p.files {
			if _, known := s.sums[path]; known {
				continue
			}
			id, err := g.idOf(path, now)
			if err != nil {
				return err
			}
			r.outside[path] = id
		}
	}
	return nil
}

// suits tells whether what has changed since the recipe was made is only what is in files of
// packages that the compiler alone can compile. Blocks: not on the loop.
func (r *goRecipe) suits(s *goState, g *goSums, now time.Time) bool {
	if s.key == "" || s.names != r.state.names {
		return false
	}
	for path, was := range r.outside {
		if is, err := g.idOf(path, now); err != nil || is != was {
			return false
		}
	}
	inside := map[string]bool{}
	for _, p := range r.packages {
		for _, path := range p.files {
			inside[path] = true
		}
	}
	for _, path := range s.changed(r.state) {
		if _, there := s.sums[path]; !there || !inside[path] {
			return false
		}
		if was, source := r.deps.outline[path]; source && (was == "" || was != outlineOf(path)) {
			return false
		}
	}
	return true
}
