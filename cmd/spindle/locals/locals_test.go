package locals

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/go-delve/delve/service/api"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
)

// This file tests what needs no program; those that panic are in bench/e2e.

func TestReadMemory(t *testing.T) {
	m := &memory{spans: []span{{100, []byte("abcdef")}, {200, []byte("xy")}}, file: []span{{10, []byte("code")}}}
	for _, row := range []struct {
		addr uint64
		n    int
		want string // "" for an error
	}{
		{100, 6, "abcdef"}, {103, 2, "de"}, {103, 4, ""}, {106, 1, ""}, {99, 1, ""}, {200, 2, "xy"}, {202, 1, ""}, {11, 3, "ode"}, {14, 1, ""}, {1 << 63, 1, ""},
	} {
		buf := make([]byte, row.n)
		if _, err := m.ReadMemory(buf, row.addr); (err != nil) != (row.want == "") || err == nil && string(buf) != row.want {
			t.Errorf("%d bytes at %d: %q %v", row.n, row.addr, buf, err)
		}
	}
	if _, err := m.WriteMemory(100, []byte("x")); err == nil {
		t.Error("a copy can be written to")
	}
}

func TestShown(t *testing.T) {
	text := func(name, s string) api.Variable {
		return api.Variable{Name: name, Kind: reflect.String, Type: "string", Value: s, Len: int64(len(s))}
	}
	for _, row := range []struct {
		name string
		v    api.Variable
		want string
	}{
		{"a string", text("s", "a\"b"), `"a\"b"`},
		{"a long one", api.Variable{Kind: reflect.String, Value: "abc", Len: 10}, `"abc" + 7 bytes`},
		{"a secret", text("dbPassword", "hush"), postmortem.Mask},
		{"a number named so", api.Variable{Name: "keys", Kind: reflect.Int, Value: "3"}, "3"},
		{"a nil slice", api.Variable{Kind: reflect.Slice}, "nil"},
		{"a nil pointer", api.Variable{Kind: reflect.Pointer, Children: []api.Variable{{}}}, "nil"},
		{"a nil interface", api.Variable{Kind: reflect.Interface, Children: []api.Variable{{Kind: reflect.Invalid}}}, "nil"},
		{"an interface that was not read", api.Variable{Kind: reflect.Interface, Children: []api.Variable{{Kind: reflect.Pointer, Type: "*io/fs.PathError", OnlyAddr: true}}}, "*fs.PathError(…)"},
		{"a nil pointer in an interface", api.Variable{Kind: reflect.Interface, Children: []api.Variable{{Kind: reflect.Pointer, Type: "*e.T", Addr: 1, Children: []api.Variable{{}}}}}, "*e.T(nil)"},
		{"the writer of an answer behind the witness", api.Variable{Kind: reflect.Interface, Type: "net/http.ResponseWriter", Children: []api.Variable{
			{Kind: reflect.Pointer, Type: "*shop/zz_spindle_dev/report.classicWriter", Addr: 1, Children: []api.Variable{{Kind: reflect.Struct, Addr: 2, Children: []api.Variable{
				{Name: "writer", Kind: reflect.Pointer}, {Name: "inner", Kind: reflect.Interface, Children: []api.Variable{{Kind: reflect.Pointer, Type: "*net/http.response", OnlyAddr: true}}}}}}}}}, "*http.response(…)"},
		{"a slice of more", api.Variable{Kind: reflect.Slice, Base: 1, Len: 5, Children: []api.Variable{text("", "a")}}, `["a", … 4 more]`},
		{"a map with a secret", api.Variable{Kind: reflect.Map, Base: 1, Len: 1, Children: []api.Variable{text("", "api_key"), text("", "hush")}}, `{"api_key": ` + postmortem.Mask + `}`},
		{"a struct", api.Variable{Kind: reflect.Struct, Len: 2, Children: []api.Variable{text("Name", "x"), text("Token", "hush")}}, `{Name: "x", Token: ` + postmortem.Mask + `}`},
		{"what is not there any more", api.Variable{Unreadable: "could not find loclist entry at 0x56a6a for address 0xd62805"}, "optimised away"},
		{"what can not be read", api.Variable{Unreadable: "no location"}, "no location"},
	} {
		if got := shown(&row.v, row.v.Name, true); got.Text != row.want {
			t.Errorf("%s: %s, want %s", row.name, got.Text, row.want)
		}
	}
}

func TestEditedModules(t *testing.T) {
	b := &debug.BuildInfo{Main: debug.Module{Path: "app", Version: "v1.2.3"}, Deps: []*debug.Module{
		{Path: "of.workspace", Version: "(devel)"},
		{Path: "replaced", Version: "v0.0.0", Replace: &debug.Module{Path: "../lib", Version: "(devel)"}},
		{Path: "fork", Version: "v0.0.0", Replace: &debug.Module{Path: "elsewhere", Version: "v1.0.0"}},
		{Path: "library", Version: "v1.0.0"},
	}}
	p := &program{modules: edited(b)}
	for function, want := range map[string]bool{"main.f": true, "app.f": true, "app/sub.(*T).f": true, "application.f": false, "of.workspace/x.f": true,
		"replaced.f": true, "fork.f": false, "library.f": false} {
		if p.owns(function) != want {
			t.Errorf("%s: %v", function, !want)
		}
	}
}

// Of a program that is linked for production the reason is told that there is nothing to see.
func TestStripped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of Linux are read")
	}
	dir := t.TempDir()
	source, path := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-ldflags=-w", "-o", path, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	exe, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	if err := new(Reader).Prepare(path, exe); !errors.Is(err, errStripped) {
		t.Error(err)
	}
}

// What is near the panic is read in full, however much there is behind it.
func TestLimitsOf(t *testing.T) {
	part := dev.Value{Parts: []dev.Value{{}, {Parts: []dev.Value{{}}}}}
	if n := count([]dev.Value{part, {}}); n != 5 {
		t.Error(n)
	}
	for _, row := range []struct {
		own  bool
		read int
		full bool
	}{{true, 0, true}, {true, mostFull - 1, true}, {true, mostFull, false}, {false, 0, false}} {
		if got := limitsOf(row.own, row.read); (got == limits) != row.full || !row.full && got != libraryLimits {
			t.Errorf("%+v: %+v", row, got)
		}
	}
}
