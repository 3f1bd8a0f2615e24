package site_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// This file holds the rules of the whole module that can be read from its source. It
// reads it by go/parser: the test cache does not see what a child process reads.

// may is which layers a layer may import.
var may = map[string]string{
	"reactor":  "reactor",
	"protocol": "protocol reactor",
	"resource": "resource protocol reactor",
	"site":     "site resource protocol reactor",
	"cmd":      "cmd site resource protocol reactor",
	"bench":    "bench site resource protocol reactor",
}

// only is which file, and the tests beside it, may name a library that stands behind
// one file of ours.
var only = map[string]string{
	"github.com/panjf2000/gnet":  "reactor/poller*.go",
	"github.com/evanphx/wildcat": "protocol/http1/tokenizer*.go",
}

// builtOn is which stock resource is built on another one.
var builtOn = map[string]string{
	"resource/cgi":     "resource/gateway",
	"resource/fastcgi": "resource/gateway",
	"resource/scgi":    "resource/gateway",
}

// linked is which libraries a program gets into it that imports reactor, resource and site,
// and nothing else of ours. bench/e2e looks at how little of those of Serve is left in a
// program that does not call it.
var linked = map[string]string{
	"github.com/panjf2000/gnet/v2":     "the poller of the loop",
	"github.com/evanphx/wildcat":       "the tokenizer of HTTP/1",
	"golang.org/x/net":                 "HPACK, names",
	"golang.org/x/sys":                 "system calls",
	"github.com/fsnotify/fsnotify":     "Serve",
	"github.com/sabhiram/go-gitignore": "Serve",
}

// source is one file of the module.
type source struct {
	path  string // with slashes, from the root of the module
	layer string
	test  bool
	file  *ast.File
}

// dir is the package's directory.
func (s *source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// double tells whether the file is of a package of test doubles.
func double(dir string) bool { return strings.HasSuffix(dir, "test") }

// stock tells whether dir is a stock resource.
func stock(dir string) bool { return strings.HasPrefix(dir, "resource/") && !double(dir) }

// sources is every file but those of other modules below bench.
var sources = sync.OnceValues(func() (list []*source, err error) {
	files := token.NewFileSet()
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && name != ".."):
			return fs.SkipDir
		case d.IsDir() && filepath.ToSlash(path) == "../bench/peers":
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := &source{path: strings.TrimPrefix(filepath.ToSlash(path), "../"), file: parsed}
		s.layer, _, _ = strings.Cut(s.path, "/")
		s.test = strings.HasSuffix(s.path, "_test.go")
		list = append(list, s)
		return nil
	})
	return list, err
})

// eachSource calls f for each of them.
func eachSource(t *testing.T, f func(s *source)) {
	t.Helper()
	list, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("only %d files found", len(list))
	}
	for _, s := range list {
		f(s)
	}
}

// imports is the paths that s imports.
func (s *source) imports() []string {
	var list []string
	for _, i := range s.file.Imports {
		if path, err := strconv.Unquote(i.Path.Value); err == nil {
			list = append(list, path)
		}
	}
	return list
}

// uses tells whether s calls a function of an imported package, as in time.Now.
func (s *source) uses(path, name string) bool {
	called := ""
	for _, i := range s.file.Imports {
		if i.Path.Value == strconv.Quote(path) {
			if called = filepath.Base(path); i.Name != nil {
				called = i.Name.Name
			}
		}
	}
	found := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		if e, ok := n.(*ast.SelectorExpr); ok && e.Sel.Name == name {
			if x, ok := e.X.(*ast.Ident); ok && x.Name == called && called != "" {
				found = true
			}
		}
		return !found
	})
	return found
}

func TestLayers(t *testing.T) {
	eachSource(t, func(s *source) {
		if s.layer == s.path {
			t.Errorf("%s: no Go file stands at the root", s.path)
			return
		}
		allowed, known := may[s.layer]
		if !known {
			t.Errorf("%s: a layer that is not in this test", s.path)
			return
		}
		for _, path := range s.imports() {
			ours, is := strings.CutPrefix(path, "spindle/")
			if !is {
				continue
			}
			layer, _, _ := strings.Cut(ours, "/")
			switch {
			case !s.test && !strings.Contains(" "+allowed+" ", " "+layer+" "):
				t.Errorf("%s: %s must not import %s", s.path, s.layer, path)
			case !s.test && double(ours) && !double(s.dir()):
				t.Errorf("%s: %s is for tests", s.path, path)
			case stock(s.dir()) && stock(ours) && s.dir() != ours && builtOn[s.dir()] != ours && !s.test:
				t.Errorf("%s: a stock resource must not import another: %s", s.path, path)
			case s.layer == "resource" && strings.HasPrefix(ours, "protocol/http") && s.dir() == "resource":
				t.Errorf("%s: a Request never learns which protocol it has: %s", s.path, path)
			case s.layer == "protocol" && strings.HasPrefix(ours, "protocol/") && !strings.HasPrefix(ours, "protocol/internal/") &&
				s.dir() == "protocol" && !s.test:
				t.Errorf("%s: protocol must not know its versions: %s", s.path, path)
			}
		}
	})
}

func TestLibrariesBehindOneFile(t *testing.T) {
	eachSource(t, func(s *source) {
		for _, path := range s.imports() {
			for library, file := range only {
				if path != library && !strings.HasPrefix(path, library+"/") {
					continue
				}
				beside := s.test && s.dir() == filepath.ToSlash(filepath.Dir(file))
				if ok, err := filepath.Match(file, s.path); err != nil || !ok && !beside {
					t.Errorf("%s: only %s may import %s", s.path, file, path)
				}
			}
		}
	})
}

// TestLinkedLibraries: what a program does not use costs it nothing.
func TestLinkedLibraries(t *testing.T) {
	imports := map[string][]string{} // by package of ours
	eachSource(t, func(s *source) {
		if !s.test {
			imports["spindle/"+s.dir()] = append(imports["spindle/"+s.dir()], s.imports()...)
		}
	})
	seen := map[string]bool{}
	next := []string{"spindle/reactor", "spindle/resource", "spindle/site"}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		if strings.HasPrefix(path, "spindle/") {
			next = append(next, imports[path]...)
			continue
		}
		host, _, _ := strings.Cut(path, "/")
		if !strings.Contains(host, ".") {
			continue // the standard library
		}
		known := slices.ContainsFunc(slices.Collect(maps.Keys(linked)), func(module string) bool {
			return path == module || strings.HasPrefix(path, module+"/")
		})
		if !known {
			t.Errorf("every program links %s", path)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d packages found", len(seen))
	}
}

// TestTimeAndChanceAreParameters: what works by the clock of its loop can be tested
// without waiting. Only what drives other processes, below bench, may have to wait.
func TestTimeAndChanceAreParameters(t *testing.T) {
	free := map[string]bool{"reactor": true, "cmd": true, "bench": true}
	eachSource(t, func(s *source) {
		if s.uses("time", "Sleep") && (s.test && s.layer != "bench" || !free[s.layer]) {
			t.Errorf("%s: time.Sleep; wait for what happens, or move the clock", s.path)
		}
		if free[s.layer] || s.test || double(s.dir()) || s.dir() == "protocol/probe" { // it has no loop
			return
		}
		if s.uses("time", "Now") || s.uses("time", "Since") || s.uses("time", "After") {
			t.Errorf("%s: the time comes from the clock of the loop", s.path)
		}
		for _, path := range s.imports() {
			if path == "math/rand" || path == "math/rand/v2" {
				t.Errorf("%s: chance comes in as a parameter: %s", s.path, path)
			}
		}
	})
}
