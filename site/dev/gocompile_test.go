package dev

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
)

// shop is a program of three packages of two modules, one of which embeds a file.
var shop = map[string]string{
	"go.mod": "module shop\n\ngo 1.26\n\ngodebug panicnil=1\n\nrequire other v0.0.0\n\nreplace other => ./other\n",
	"main.go": "//go:debug execerrdot=0\n\npackage main\n\nimport (\n\t\"shop/sub\"\n\t\"other\"\n)\n\n" +
		"func main() {\n\tprintln(\"ONE\", sub.Page, version)\n\tpanic(other.Name())\n}\n",
	"version.go":     "package main\n\nvar version string\n",
	"sub/sub.go":     "package sub\n\nimport _ \"embed\"\n\n//go:embed page.txt\nvar Page string\n",
	"sub/page.txt":   "PAGE",
	"other/go.mod":   "module other\n\ngo 1.26\n",
	"other/other.go": "package other\n\nfunc Name() string { return \"OTHER\" }\n",
}

// prepared builds once, and waits for the recipe of the next build.
func prepared(t *testing.T, r *reactor.Reactor, files map[string]string, flags ...string) (dir string, b *goBuilder) {
	t.Helper()
	dir, b = module(t, r, files)
	b.flags, b.plain = flags, true
	if _, err := result(t, r, b.ask); err != nil {
		t.Fatal(err)
	}
	if _, err := result(t, r, b.list); err != nil {
		t.Fatal(err)
	}
	if _, err := result(t, r, b.build); err != nil {
		t.Fatal(asFailure(err, "build").Output)
	}
	awaitRecipe(t, r, b)
	return dir, b
}

func awaitRecipe(t *testing.T, r *reactor.Reactor, b *goBuilder) {
	t.Helper()
	ready := make(chan struct{})
	var look func()
	look = func() {
		if !b.recipe.good(b.deps, b.wholeSalt()) {
			r.CallLater(prepareAfter/10, look)
			return
		}
		if b.recipe.unfit != "" {
			t.Error(b.recipe.unfit)
		}
		close(ready)
	}
	r.CallFromThread(look)
	wait(t, ready, "the recipe")
}

// edit writes a file anew, and builds.
func edit(t *testing.T, r *reactor.Reactor, b *goBuilder, dir, name, text string) (*built, error) {
	t.Helper()
	write(t, dir, name, text)
	return result(t, r, b.build)
}

// sections is what is in a program, but for its name.
func sections(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]byte{}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_NOBITS || strings.HasPrefix(s.Name, ".note") {
			continue
		}
		if all[s.Name], err = s.Data(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameAsGo fails unless the go command comes to the same program: code, line table, build
// information, paths and types for debuggers.
func sameAsGo(t *testing.T, b *goBuilder, p *built) {
	t.Helper()
	theirs := filepath.Join(t.TempDir(), "theirs")
	build := exec.Command("go", append(append([]string{"build", "-o", theirs}, b.buildFlags()...), b.pkg)...)
	build.Dir = b.dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	is, want := sections(t, p.path), sections(t, theirs)
	if len(is) != len(want) || want[".debug_info"] == nil && want[".text"] == nil {
		t.Errorf("%d sections, want %d", len(is), len(want))
	}
	for name, data := range want {
		if name == ".text" { // whose first bytes are the build ID
			data, is[name] = data[200:], is[name][200:]
		}
		if !bytes.Equal(data, is[name]) {
			t.Errorf("section %s is not what the go command makes", name)
		}
	}
}

// says runs a program to its end.
func output(t *testing.T, p *built) string {
	t.Helper()
	out, err := exec.Command(p.path).CombinedOutput()
	var end *exec.ExitError
	if err != nil && !errors.As(err, &end) {
		t.Fatal(err)
	}
	return string(out)
}

func TestDirectBuild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sections are those of ELF")
	}
	r := loop(t)
	dir, b := prepared(t, r, shop, "-ldflags=-X main.version=seven")
	for _, step := range []struct{ name, text, want string }{
		{"main.go", strings.Replace(shop["main.go"], "\tprintln", "\n\n\tprintln", 1), "main.go:14"}, // of the panic
		{"sub/page.txt", "ANOTHER", "ONE ANOTHER seven"},
		{"other/other.go", "package other\n\ntype T string\n\nfunc Name() T { return \"TYPED\" }\n", "panic: other.T(\"TYPED\")"},
	} {
		p, err := edit(t, r, b, dir, step.name, step.text)
		if err != nil {
			t.Fatalf("%s: %v", step.want, err)
		}
		if !p.direct || p.cached {
			t.Errorf("%s: %+v", step.want, p)
		}
		if out := output(t, p); !strings.Contains(out, step.want) || !strings.Contains(out, filepath.Join(dir, "main.go")) {
			t.Errorf("%s: %s", step.want, out)
		}
	}
	p, err := edit(t, r, b, dir, "main.go", shop["main.go"])
	if err != nil || !p.direct {
		t.Fatal(p, err)
	}
	sameAsGo(t, b, p)
}

// What the go command has to look at itself, it does; the next build is prepared then.
func TestDirectBuildOnlyWhereItSuits(t *testing.T) {
	r := loop(t)
	dir, b := prepared(t, r, shop)
	suits := func() bool {
		s, err := b.sums.look(b.deps, b.recipe.salt, r.ReadClock())
		return err == nil && b.recipe.suits(s, &b.sums, r.ReadClock())
	}
	for _, step := range []struct {
		why, name, text string
		want            bool
	}{
		{"another body", "main.go", strings.Replace(shop["main.go"], "ONE", "TWO", 1), true},
		{"an import", "main.go", strings.Replace(shop["main.go"], "import (", "import (\n\t_ \"unicode\"", 1), false},
		{"one less", "sub/sub.go", "package sub\n\nvar Page string\n", false},
		{"a directive", "main.go", strings.Replace(shop["main.go"], "execerrdot=0", "execerrdot=1", 1), false},
		{"a constraint", "version.go", "//go:build !windows\n\n" + shop["version.go"], false},
		{"the package", "version.go", "package other\n", false},
		{"another file", "new.go", "package main\n\nfunc init() { println(0) }\n", false},
		{"a profile", "default.pgo", "", false},
		{"a test", "main_test.go", "package main\n", true},
		{"what is embedded", "sub/page.txt", "OTHER", true},
		{"a pattern", "sub/sub.go", strings.Replace(shop["sub/sub.go"], "page.txt", "page.*", 1), false},
		{"a setting of the module", "go.mod", strings.Replace(shop["go.mod"], "panicnil=1", "panicnil=0", 1), false},
		{"that of another module", "other/go.mod", "module other\n\ngo 1.25\n", false},
	} {
		write(t, dir, step.name, step.text)
		if got := suits(); got != step.want {
			t.Errorf("%s: %v", step.why, got)
		}
		if text, was := shop[step.name]; was {
			write(t, dir, step.name, text)
		} else if err := os.Remove(filepath.Join(dir, step.name)); err != nil {
			t.Fatal(err)
		}
		if !suits() {
			t.Errorf("%s, undone: it does not suit", step.why)
		}
	}
	p, err := edit(t, r, b, dir, "main.go", strings.Replace(shop["main.go"], "import (", "import (\n\t_ \"unicode\"", 1))
	if err != nil || p.direct {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = edit(t, r, b, dir, "main.go", shop["main.go"]); err != nil || !p.cached {
		t.Errorf("an undo: %+v, %v", p, err)
	}
}

// A package with C in it is left to the go command, when it is edited. Others are not.
func TestDirectBuildBesideC(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip(err)
	}
	r := loop(t)
	files := maps.Clone(shop)
	files["sub/c.go"] = "package sub\n\n// static int two(void) { return 2; }\nimport \"C\"\n\nvar Two = int(C.two())\n"
	files["other/other.go"] = strings.Replace(shop["other/other.go"], "OTHER", "FIRST", 1)
	dir, b := prepared(t, r, files)
	p, err := edit(t, r, b, dir, "other/other.go", shop["other/other.go"])
	if err != nil || !p.direct {
		t.Fatalf("what has no C in it: %+v, %v", p, err)
	}
	sameAsGo(t, b, p)
	if p, err = edit(t, r, b, dir, "sub/c.go", strings.Replace(files["sub/c.go"], "return 2", "return 3", 1)); err != nil || p.direct || p.cached {
		t.Fatalf("what has: %+v, %v", p, err)
	}
	awaitRecipe(t, r, b)
	if p, err = edit(t, r, b, dir, "other/other.go", files["other/other.go"]); err != nil || !p.direct || !strings.Contains(output(t, p), "FIRST") {
		t.Errorf("what has none, after that: %+v, %v", p, err)
	}
	on(t, r, b.close)
	if left, _ := filepath.Glob(filepath.Join(b.cache, ownWork+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// The words of the compiler are those of go build.
func TestFaultsOfADirectBuild(t *testing.T) {
	r := loop(t)
	dir, b := prepared(t, r, shop)
	for name, text := range map[string]string{
		"main.go":        strings.Replace(shop["main.go"], "println", "var unused, x int = 1, true\n\tprintn", 1),
		"sub/sub.go":     shop["sub/sub.go"] + "\nfunc f() {\n",
		"other/other.go": "package other\n\nfunc Name() string { return 1 }\n\nfunc Name() int { return 2 }\n",
	} {
		_, err := edit(t, r, b, dir, name, text)
		is := asFailure(err, "")
		if b.recipe == nil {
			t.Fatalf("%s: the recipe is doubted: %s", name, is.Output)
		}
		recipe := b.recipe
		b.recipe = nil
		_, err = result(t, r, b.build)
		want := asFailure(err, "")
		if is.Output != want.Output || !slices.Equal(is.Faults, want.Faults) || len(want.Faults) == 0 {
			t.Errorf("%s:\n%s\n%+v\nthe go command:\n%s\n%+v", name, is.Output, is.Faults, want.Output, want.Faults)
		}
		b.recipe = recipe
		if p, err := edit(t, r, b, dir, name, shop[name]); err != nil || !p.cached {
			t.Errorf("%s: mended: %+v, %v", name, p, err)
		}
	}
}

// A build that was given up leaves nothing half made, and the next one is whole.
func TestDirectBuildGivenUp(t *testing.T) {
	r := loop(t)
	dir, b := prepared(t, r, shop)
	for i := range 3 {
		write(t, dir, "other/other.go", fmt.Sprintf("package other\n\nfunc Name() string { return \"%d\" }\n\nvar V%d int\n", i, i))
		on(t, r, func() { b.build() })
		compiling := make(chan struct{})
		var look func()
		look = func() {
			if d := b.direct; d == nil || len(d.runs) == 0 && (i < 2 || d.links == nil) {
				r.CallLater(time.Millisecond, look)
				return
			}
			b.cancel()
			close(compiling)
		}
		r.CallFromThread(look)
		wait(t, compiling, "the compiler")
	}
	p, err := result(t, r, b.build)
	if err != nil || !p.direct {
		t.Fatal(p, err)
	}
	if out := output(t, p); !strings.Contains(out, "panic: 2") {
		t.Error(out)
	}
	for _, pattern := range []string{"new.*", "own.*/*/new.*"} {
		if left, _ := filepath.Glob(filepath.Join(b.cache, pattern)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	on(t, r, b.close)
	if left, _ := filepath.Glob(filepath.Join(b.cache, ownWork+"*")); len(left) > 0 {
		t.Errorf("left at the end: %v", left)
	}
}
