package dev

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spindle/reactor"
)

// The files of the witness are sources of the program's module: they import each other there,
// and nothing else but the standard library.
func TestWitnessFiles(t *testing.T) {
	overlay, held, err := writeWitness(t.TempDir(), "example.org/shop", "/shop", "/shop/cmd/web")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	text, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	var files struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/shop/cmd/web/zz_spindle_dev.go", "/shop/zz_spindle_dev/attach.go", "/shop/zz_spindle_dev/postmortem/postmortem.go",
		"/shop/zz_spindle_dev/probe/probe.go", "/shop/zz_spindle_dev/report/writer.go"} {
		if files.Replace[want] == "" {
			t.Errorf("there is no %s", want)
		}
	}
	for at, path := range files.Replace {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Name.Name != "main" && f.GoVersion != "go1.26" {
			t.Errorf("%s is of version %q", at, f.GoVersion)
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			if strings.HasPrefix(name, "spindle") || strings.Contains(name, ".") && !strings.HasPrefix(name, "example.org/shop/"+WitnessDir) {
				t.Errorf("%s imports %s", at, name)
			}
		}
	}
	again, heldToo, err := writeWitness(filepath.Dir(filepath.Dir(overlay)), "example.org/shop", "/shop", "/shop/cmd/web")
	if err != nil || again != overlay {
		t.Fatalf("%s, %v", again, err)
	}
	// What somebody has removed or cut comes back.
	first := filepath.Join(filepath.Dir(overlay), "1.go")
	want, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := heldToo.Close(); err != nil {
		t.Fatal(err)
	}
	if _, heldToo, err = writeWitness(filepath.Dir(filepath.Dir(overlay)), "example.org/shop", "/shop", "/shop/cmd/web"); err != nil {
		t.Fatal(err)
	}
	defer heldToo.Close()
	if got, _ := os.ReadFile(first); string(got) != string(want) || len(want) == 0 {
		t.Errorf("%d bytes of %d are back", len(got), len(want))
	}
}

// The sources are of the version of Go that the module names.
func TestWitnessGo(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\ngo 1." + strconv.Itoa(witnessGo) + "."; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod has no %q", want)
	}
}

func TestNoWitness(t *testing.T) {
	goroot := t.TempDir()
	server := filepath.Join(goroot, "src", "net", "http", "server.go")
	if err := os.MkdirAll(filepath.Dir(server), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(server, []byte("var "+witnessHook), 0o644); err != nil {
		t.Fatal(err)
	}
	mod := filepath.Join(t.TempDir(), "go.mod")
	if err := os.WriteFile(mod, []byte("// a shop\nmodule shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func(b *goBuilder, d *goDeps)
		want   string // of the reason
		none   bool
	}{
		{name: "one", change: func(*goBuilder, *goDeps) {}},
		{"no net/http", func(_ *goBuilder, d *goDeps) { d.serves = false }, "", true},
		{"one of its own", func(_ *goBuilder, d *goDeps) { d.reports = true }, "", true},
		{"off", func(b *goBuilder, _ *goDeps) { b.witness.off = witnessIsOff }, "--witness", true},
		{"an overlay", func(b *goBuilder, _ *goDeps) { b.flags = []string{"-overlay=x.json"} }, "-overlay", true},
		{"flags of the linker", func(b *goBuilder, _ *goDeps) { b.flags = []string{"-ldflags=-s"} }, "", false},
		{"apart", func(b *goBuilder, _ *goDeps) { b.flags = []string{"-ldflags", "-s"} }, "-ldflags", true},
		{"a module of somebody else's", func(_ *goBuilder, d *goDeps) { d.main.Module.Main = false }, "module", true},
		{"a file", func(b *goBuilder, d *goDeps) { b.pkg, d.main.Module = "main.go", nil }, "", false},
		{"a file of no module", func(b *goBuilder, d *goDeps) {
			b.pkg, d.main.Module, b.salt = "main.go", nil, strings.Replace(b.salt, "go.mod", "none", 1)
		}, "module", true},
		{"an old Go", func(b *goBuilder, _ *goDeps) { b.salt = strings.Replace(b.salt, "go1.26.8", "go1.25.1", 1) }, "go1.25.1", true},
		{"another net/http", func(b *goBuilder, _ *goDeps) { b.salt = strings.Replace(b.salt, goroot, t.TempDir(), 1) }, "net/http", true},
	} {
		values := make([]string, len(goSettings))
		for i, name := range goSettings {
			values[i] = map[string]string{"GOVERSION": "go1.26.8", "GOROOT": goroot, "GOMOD": mod}[name]
		}
		b := &goBuilder{loop: reactor.New(), pkg: ".", cache: filepath.Join(t.TempDir(), "x"), salt: strings.Join(values, "\n")}
		d := &goDeps{serves: true, main: goPackage{Dir: "/shop", Module: &goModule{Path: "shop", Dir: "/shop", Main: true}}}
		row.change(b, d)
		b.witness.take(b.makeWitness(d, b.witness.off, b.loop.Now()))
		flags := strings.Join(append(b.buildFlags(), b.sources()...), " ")
		if named := strings.HasSuffix(flags, "main.go zz_spindle_dev.go"); named != (b.names() && !row.none) {
			t.Errorf("%s: %s", row.name, flags)
		}
		if has := strings.Contains(flags, "-overlay="+b.cache[:3]) && strings.Contains(flags, witnessLink); has == row.none || !strings.Contains(b.witness.why, row.want) || (row.want == "") != (b.witness.why == "") {
			t.Errorf("%s: %q, %s", row.name, b.witness.why, flags)
		}
	}
}

func TestWitnessThatIsRefused(t *testing.T) {
	w := &witness{overlay: "x"}
	if w.refused("main.go:3: undefined: x") || w.overlay == "" {
		t.Error("that is the program's own mistake")
	}
	if !w.refused("# shop/zz_spindle_dev/probe\nzz_spindle_dev/probe/probe.go:3: undefined: x") || w.overlay != "" || !strings.Contains(w.why, "undefined: x") && !strings.Contains(w.why, WitnessDir) {
		t.Errorf("%+v", w)
	}
}

func TestFramesWithoutTheWitness(t *testing.T) {
	stack := "goroutine 7 [running]:\npanic({0x1, 0x2})\n\t/go/src/runtime/panic.go:1\nmain.total(0x1)\n\t/shop/main.go:3 +0x1\n" +
		"shop/zz_spindle_dev/report.Logged.func2()\n\t/shop/zz_spindle_dev/report/report.go:3 +0x1\nnet/http.(*conn).serve()\n\t/go/src/net/http/server.go:2 +0x3\n"
	if list := framesOfStack(stack); len(list) != 2 || list[0].Function != "main.total" || list[1].Function != "net/http.(*conn).serve" {
		t.Errorf("%+v", list)
	}
}

func TestStackWithoutWitness(t *testing.T) {
	const frame = "main.total({0xc0, 0x3})\n\t/src/main.go:29 +0x1a\n"
	const ours = "shop/zz_spindle_dev/postmortem.reportHere()\n\t/src/zz_spindle_dev/postmortem/postmortem.go:9 +0x2\n"
	const head, end = "goroutine 7 [running]:\n", "created by net/http.(*Server).Serve in goroutine 1\n\t/go/src/net/http/server.go:3 +0x1"
	if got := withoutWitness(head + ours + "panic({0x1, 0x2})\n\t/go/src/runtime/panic.go:7 +0x1\n" + frame + ours + end); got != head+"panic({0x1, 0x2})\n\t/go/src/runtime/panic.go:7 +0x1\n"+frame+end {
		t.Errorf("%q", got)
	}
}
