package dev

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spindle/reactor"
)

// module writes a small program, and gives a builder for it that keeps what it builds in
// a directory of the test.
func module(t *testing.T, r *reactor.Reactor, files map[string]string) (dir string, b *goBuilder) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if os.Getenv("GOCACHE") == "" { // which follows XDG_CACHE_HOME
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOCACHE", filepath.Join(home, ".cache", "go-build"))
	}
	dir = t.TempDir()
	for name, text := range files {
		write(t, dir, name, text)
	}
	on(t, r, func() {
		var err error
		if b, err = newGoBuilder(r, dir, ".", nil, os.Environ()); err != nil {
			t.Error(err)
		}
	})
	return dir, b
}

const helloMain = "package main\n\nfunc main() { println(\"ONE\") }\n"

// result waits for what a Deferred of the loop gives.
func result[T any](t *testing.T, r *reactor.Reactor, start func() *reactor.Deferred[T]) (v T, err error) {
	t.Helper()
	done := make(chan struct{})
	r.CallFromThread(func() {
		start().Then(func(got T) { v = got; close(done) }, func(e error) { err = e; close(done) })
	})
	wait(t, done, "the result")
	return v, err
}

func TestGoBuilder(t *testing.T) {
	r := loop(t)
	dir, b := module(t, r, map[string]string{"go.mod": "module demo\n\ngo 1.26\n", "main.go": helloMain})
	if _, err := result(t, r, b.ask); err != nil {
		t.Fatal(err)
	}
	if _, err := result(t, r, b.list); err != nil {
		t.Fatal(err)
	}
	first, err := result(t, r, b.build)
	if err != nil || first.cached {
		t.Fatal(first, err)
	}
	write(t, dir, "main.go", strings.Replace(helloMain, "ONE", "TWO", 1))
	second, err := result(t, r, b.build)
	if err != nil || second.cached || second.path == first.path {
		t.Fatal(second, err)
	}
	write(t, dir, "main.go", helloMain)
	undone, err := result(t, r, b.build)
	if err != nil || !undone.cached || undone.path != first.path {
		t.Fatal(undone, err)
	}

	write(t, dir, "main.go", strings.Replace(helloMain, "println", "printn", 1))
	_, err = result(t, r, b.build)
	var f *Failure
	if !errors.As(err, &f) || len(f.Faults) != 1 || f.Faults[0].File != filepath.Join(dir, "main.go") || f.Faults[0].Line != 3 {
		t.Fatalf("%v %+v", err, f)
	}
}

// The cache may be removed at any time.
func TestCacheIsRemoved(t *testing.T) {
	r := loop(t)
	_, b := module(t, r, map[string]string{"go.mod": "module demo\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"net/http\"\n\nfunc main() { http.ListenAndServe(\"\", nil) }\n"})
	if _, err := result(t, r, b.ask); err != nil {
		t.Fatal(err)
	}
	if _, err := result(t, r, b.list); err != nil {
		t.Fatal(err)
	}
	on(t, r, func() {
		if b.witness.overlay == "" {
			t.Errorf("there is no witness: %s", b.witness.why)
		}
	})
	if err := os.RemoveAll(filepath.Dir(b.cache)); err != nil {
		t.Fatal(err)
	}
	p, err := result(t, r, b.build)
	if err != nil || p.cached {
		t.Fatal(p, err)
	}
	made := starter{path: p.path}
	if made.gone() {
		t.Error("it is not there")
	}
	if err := os.RemoveAll(filepath.Dir(b.cache)); err != nil {
		t.Fatal(err)
	}
	if !made.gone() {
		t.Error("it is there")
	}
}

func TestGoBuilderGivesUp(t *testing.T) {
	r := loop(t)
	_, b := module(t, r, map[string]string{"go.mod": "module demo\n\ngo 1.26\n", "main.go": helloMain})
	gaveUp := make(chan error, 1)
	p, err := result(t, r, func() *reactor.Deferred[*built] {
		b.build().Then(nil, func(err error) { gaveUp <- err })
		return b.build()
	})
	if err != nil || p == nil {
		t.Fatal(err)
	}
	if err := wait(t, gaveUp, "the end of the first build"); !errors.Is(err, errGivenUp) {
		t.Error(err)
	}
}

func TestGoDependencies(t *testing.T) {
	r := loop(t)
	dir, b := module(t, r, map[string]string{
		"go.mod":           "module demo\n\ngo 1.26\n\nrequire other v0.0.0\n\nreplace other => ./other\n",
		"main.go":          "package main\n\nimport (\n\t_ \"embed\"\n\t\"demo/sub\"\n\t\"other\"\n)\n\n//go:embed web/*.html\nvar page string\n\nfunc main() { println(page, sub.X, other.Y) }\n",
		"web/a.html":       "x",
		"sub/sub.go":       "package sub\n\nconst X = 1\n",
		"unused/unused.go": "package unused\n",
		"other/go.mod":     "module other\n\ngo 1.26\n",
		"other/other.go":   "package other\n\nconst Y = 2\n",
		"main_test.go":     "package main\n",
	})
	if _, err := result(t, r, b.ask); err != nil {
		t.Fatal(err)
	}
	d, err := result(t, r, b.list)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"main.go": true, "sub/sub.go": true, "other/other.go": true, "web/a.html": true, "web/new.html": true, "go.mod": true,
		"other/go.mod": true, "sub/new.go": true, "unused/unused.go": false, "main_test.go": false, "README.md": false, "web.css": false,
	} {
		if got := d.has(filepath.Join(dir, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if slices.ContainsFunc(d.dirs, func(dir string) bool { return strings.Contains(dir, "/src/") }) {
		t.Errorf("the standard library is watched: %v", d.dirs)
	}
	path := write(t, dir, "sub/sub.go", "package sub\n\nconst X = 3\n")
	if d.stale(path) {
		t.Error("another constant changes what the build depends on")
	}
	write(t, dir, "sub/sub.go", "package sub\n\nimport \"os\"\n\nvar X = os.Args\n")
	if !d.stale(path) {
		t.Error("another import does not")
	}
	if d.spindle {
		t.Error("it is taken for a program that takes over sockets")
	}
	if want := []string{"demo", "other"}; d.module != "demo" || !slices.Equal(d.modules, want) || !slices.Equal(d.roots, []string{dir, filepath.Join(dir, "other")}) {
		t.Errorf("somebody may edit %v in %v, of which the program is in %s", d.modules, d.roots, d.module)
	}
}

// Of a workspace the module of the program is the one that it is in, not the first that go list
// tells of.
func TestModulesOfAWorkspace(t *testing.T) {
	r := loop(t)
	dir, b := module(t, r, map[string]string{
		"go.work":    "go 1.26\n\nuse (\n\t./app\n\t./lib\n\t./unused\n)\n",
		"app/go.mod": "module app\n\ngo 1.26\n", "app/main.go": "package main\n\nimport \"lib\"\n\nfunc main() { println(lib.X) }\n",
		"lib/go.mod": "module lib\n\ngo 1.26\n", "lib/lib.go": "package lib\n\nconst X = 1\n",
		"unused/go.mod": "module unused\n\ngo 1.26\n",
	})
	b.pkg, b.plain = "./app", true
	if _, err := result(t, r, b.ask); err != nil {
		t.Fatal(err)
	}
	d, err := result(t, r, b.list)
	if err != nil {
		t.Fatal(err)
	}
	if d.module != "app" || d.root != filepath.Join(dir, "app") || !slices.Equal(d.modules, []string{"app", "lib"}) {
		t.Errorf("the program is of %s in %s, and somebody may edit %v", d.module, d.root, d.modules)
	}
	if flags := b.buildFlags(); !slices.Contains(flags, "-gcflags=app/...=-N -l") || !slices.Contains(flags, "-gcflags=lib/...=-N -l") {
		t.Errorf("what somebody edits is optimised: %q", flags)
	}
}

func TestWhatCanNotBeBuilt(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no Go files", map[string]string{"go.mod": "module demo\n\ngo 1.26\n"}, "no Go files"},
		{"no program", map[string]string{"go.mod": "module demo\n\ngo 1.26\n", "a.go": "package a\n"}, "is no program"},
		{"no module", map[string]string{"a.txt": ""}, "go.mod"},
		{"a module that is not there", map[string]string{"go.mod": "module demo\n\ngo 1.26\n",
			"main.go": "package main\n\nimport \"example.invalid/x\"\n\nfunc main() { x.X() }\n"}, "go get example.invalid/x"},
		{"syntax", map[string]string{"go.mod": "module demo\n\ngo 1.26\n", "main.go": "package main\n\nfunc main( {\n"}, "main.go"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := loop(t)
			_, b := module(t, r, row.files)
			_, err := result(t, r, b.list)
			if err == nil {
				_, err = result(t, r, b.build)
			}
			var f *Failure
			if !errors.As(err, &f) {
				t.Fatal(err)
			}
			text := f.Title
			for _, fault := range f.Faults {
				text += "\n" + fault.File + " " + fault.Message + " " + fault.Mend
			}
			if !strings.Contains(text, row.want) {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestBuildFlags(t *testing.T) {
	for _, row := range []struct {
		flags   string
		goflags string
		plain   bool
		module  string
		want    string
	}{
		{want: "-buildvcs=false|-ldflags=-compressdwarf=false"},
		{flags: "-tags=x", want: "-tags=x|-buildvcs=false|-ldflags=-compressdwarf=false"},
		{plain: true, want: "-gcflags=-N -l|-buildvcs=false|-ldflags=-compressdwarf=false"},
		{plain: true, module: "m", want: "-gcflags=m/...=-N -l|-buildvcs=false|-ldflags=-compressdwarf=false"},
		{plain: true, module: "m other", want: "-gcflags=m/...=-N -l|-gcflags=other/...=-N -l|-buildvcs=false|-ldflags=-compressdwarf=false"},
		{plain: true, flags: "-gcflags=-m|-race", want: "-gcflags=-m|-race|-buildvcs=false|-ldflags=-compressdwarf=false"},
		{plain: true, goflags: "-mod=mod -gcflags=all=-N", want: "-buildvcs=false|-ldflags=-compressdwarf=false"},
		{flags: "-ldflags=-X main.v=1", want: "-ldflags=-compressdwarf=false -X main.v=1|-buildvcs=false"},
		{flags: "--ldflags=-s", want: "--ldflags=-compressdwarf=false -s|-buildvcs=false"},
		{flags: "-ldflags=all=-s", want: "-ldflags=all=-s|-buildvcs=false"},
		{flags: "-ldflags|-s", want: "-ldflags|-s|-buildvcs=false"},
		{goflags: "-ldflags=-w -buildvcs=false", want: ""},
		{flags: "-buildvcs=auto", want: "-buildvcs=auto|-ldflags=-compressdwarf=false"},
	} {
		b := &goBuilder{plain: row.plain, deps: &goDeps{module: row.module, modules: strings.Fields(row.module)}}
		b.deps.module, _, _ = strings.Cut(row.module, " ")
		if row.flags != "" {
			b.flags = strings.Split(row.flags, "|")
		}
		values := make([]string, len(goSettings))
		values[slices.Index(goSettings, "GOFLAGS")] = row.goflags
		b.salt = strings.Join(values, "\n")
		if got := strings.Join(b.buildFlags(), "|"); got != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}
