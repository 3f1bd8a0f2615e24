package dev

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file knows what the build of a Go program depends on, from go list.

// goListFields are what is asked for of each package.
const goListFields = "Dir,ImportPath,Name,Standard,DepOnly,Module,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles," +
	"FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,EmbedPatterns,EmbedFiles,Error,DepsErrors"

type goPackage struct {
	Dir        string
	ImportPath string
	Name       string
	Standard   bool
	DepOnly    bool
	Module     *goModule

	GoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles []string
	SwigFiles, SwigCXXFiles, SysoFiles, EmbedPatterns, EmbedFiles       []string

	Error      *goListError
	DepsErrors []*goListError
}

type goModule struct {
	Path    string
	Dir     string
	GoMod   string
	Main    bool
	Replace *goModule
}

type goListError struct {
	ImportStack []string
	Pos         string
	Err         string
}

// goDeps is what a main package is built from.
type goDeps struct {
	main    goPackage
	module  string   // path of the module of the program, "" without one
	root    string   // its directory
	modules []string // the paths of the modules that somebody may edit, sorted: that one, and others of a workspace or by replace
	roots   []string // their directories, sorted
	files   []string // that can be edited, sorted
	dirs    []string // where a new file would belong to the build
	embeds  []string // directories whose new files may be embedded
	spindle bool     // the program listens by our reactor, which takes an open socket over
	reports bool     // the program tells of its panics
	serves  bool     // it has net/http
	errors  []*goListError
	outline map[string]string // of each of our Go files
	carried map[string]bool   // files that are embedded
	paths   map[string]bool   // the import paths of all packages
	homes   map[string]string // the directories of those that can be edited
}

// parseGoList reads what go list prints, and of the files that it names what the go command
// reads. Blocks: not on the loop. cache is where modules are that nobody edits, work
// the file of the workspace, "" for none.
func parseGoList(out []byte, cache, work string) (*goDeps, error) {
	d := &goDeps{outline: map[string]string{}, carried: map[string]bool{}, paths: map[string]bool{}, homes: map[string]string{}}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		d.add(&p, cache)
	}
	d.addFile(work)
	for _, list := range []*[]string{&d.files, &d.dirs, &d.modules, &d.roots} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return d, nil
}

// add takes a package in. Those of the standard library and of the module cache do not
// change.
func (d *goDeps) add(p *goPackage, cache string) {
	if !p.DepOnly {
		d.main = *p
		if p.Error != nil {
			d.errors = append(d.errors, p.Error)
		}
		d.errors = append(d.errors, p.DepsErrors...)
	}
	d.paths[p.ImportPath] = true
	switch p.ImportPath {
	case "spindle/reactor":
		d.spindle = true
	case "spindle/protocol/postmortem":
		d.reports = true
	case "net/http":
		d.serves = true
	}
	if m := p.Module; m != nil && m.Main {
		if d.module == "" || !p.DepOnly { // in a workspace there are several, and those of other packages come first
			d.module, d.root = m.Path, m.Dir
		}
		d.addFile(strings.TrimSuffix(m.GoMod, ".mod") + ".sum")
	}
	if !p.own(cache) {
		return
	}
	if m := p.Module; m != nil {
		d.addFile(m.GoMod)                      // which says what version of the language it is in
		if m.Dir != "" && below(p.Dir, m.Dir) { // else it is a copy, below vendor
			d.modules, d.roots = append(d.modules, m.Path), append(d.roots, m.Dir)
		}
	}
	d.dirs = append(d.dirs, p.Dir)
	d.homes[p.ImportPath] = p.Dir
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles,
		p.SFiles, p.SwigFiles, p.SwigCXXFiles, p.SysoFiles, p.EmbedFiles} {
		for _, name := range list {
			d.addFile(filepath.Join(p.Dir, name))
		}
	}
	for _, pattern := range p.EmbedPatterns {
		d.embeds = append(d.embeds, embedDir(p.Dir, pattern))
	}
	for _, name := range p.EmbedFiles {
		d.carried[filepath.Join(p.Dir, name)] = true
	}
	for _, name := range append(slices.Clone(p.GoFiles), p.CgoFiles...) {
		path := filepath.Join(p.Dir, name)
		d.outline[path] = outlineOf(path)
	}
}

// own tells whether somebody may edit the package: it is neither of the standard library
// nor in cache, the directory of downloaded modules.
func (p *goPackage) own(cache string) bool {
	return !p.Standard && p.Dir != "" && (cache == "" || !below(p.Dir, cache))
}

func (d *goDeps) addFile(path string) {
	if path != "" {
		d.files = append(d.files, path)
	}
}

// embedDir is the directory that the files of a pattern are in.
func embedDir(dir, pattern string) string {
	pattern = strings.TrimPrefix(pattern, "all:")
	if i := strings.IndexAny(pattern, "*?["); i >= 0 {
		pattern = pattern[:i]
		return filepath.Join(dir, filepath.Dir(pattern+"x"))
	}
	return filepath.Join(dir, pattern)
}

// outlineOf is what the go command itself reads of a Go file: the name of the package, what
// is imported, and the directives, among them constraints and patterns of what is embedded.
// While it stays the same, so does what go list says. "" when the file can not be read.
func outlineOf(path string) string {
	source, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly)
	if err != nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(f.Name.Name + "\n")
	for _, i := range f.Imports {
		b.WriteString(i.Path.Value + "\n")
	}
	for line := range bytes.Lines(source) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("//go:")) || bytes.HasPrefix(line, []byte("// +build")) || bytes.HasPrefix(line, []byte("//+build")) {
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// has tells whether a change of path changes what is built.
func (d *goDeps) has(path string) bool {
	if _, found := slices.BinarySearch(d.files, path); found {
		return true
	}
	if name := filepath.Base(path); name == "go.mod" || name == "go.sum" || name == "go.work" {
		return below(d.root, filepath.Dir(path)) || slices.Contains(d.dirs, filepath.Dir(path))
	}
	if isGoSource(path) && slices.Contains(d.dirs, filepath.Dir(path)) {
		return true // a new one, or one that could not be read before
	}
	return slices.ContainsFunc(d.embeds, func(dir string) bool { return below(path, dir) })
}

// stale tells whether, after a change of path, go list has to be asked again. Blocks: not on the
// loop.
func (d *goDeps) stale(path string) bool {
	if was, known := d.outline[path]; known {
		return was == "" || was != outlineOf(path)
	}
	return !d.carried[path] && d.has(path) // what is in a file that is embedded is no matter of go list
}

// isGoSource tells whether path is a file that go build reads.
func isGoSource(path string) bool {
	switch filepath.Ext(path) {
	case ".go":
		return !strings.HasSuffix(path, "_test.go")
	case ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".s", ".S", ".syso":
		return true
	}
	return false
}
