package dev

import (
	"errors"
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEditorCommand(t *testing.T) {
	for _, row := range []struct {
		name string
		tmux bool
		want string // "!" is an error
	}{
		{"code", false, "code --goto /a b.go:3:7"},
		{"/opt/goland.sh", false, "/opt/goland.sh --line 3 --column 7 /a b.go"},
		{"zed --wait", false, "zed --wait /a b.go:3:7"},
		{"vim", true, "tmux new-window vim +3 /a b.go"},
		{"vim", false, "!"},
		{"hx", true, "tmux new-window hx /a b.go:3:7"},
		{"mine {file} -l {line} -c {column}", false, "mine /a b.go -l 3 -c 7"},
		{"other", false, "other /a b.go"},
		{"", false, "codium --goto /a b.go:3:7"},
	} {
		look := func(name string) (string, error) {
			if name == "codium" {
				return "/usr/bin/codium", nil
			}
			return "", errors.New("none")
		}
		got, err := editorCommand(row.name, "/a b.go", 3, 7, row.tmux, look)
		if row.want == "!" && err == nil || row.want != "!" && strings.Join(got, " ") != row.want {
			t.Errorf("%q: %q, %v", row.name, got, err)
		}
	}
	if _, err := editorCommand("", "/a", 1, 1, false, func(string) (string, error) { return "", errors.New("none") }); !errors.Is(err, errNoEditor) {
		t.Error(err)
	}
}

// Later files win over earlier ones, and the environment over all; what is gone from a
// file is gone.
func TestEnvironmentOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(".env", "SPINDLE_A=1\nSPINDLE_B=1\nSPINDLE_C=1\n")
	write(".env.local", "SPINDLE_B=2\nSPINDLE_C=2\n")
	t.Setenv("SPINDLE_C", "own")
	o := Options{EnvFiles: FindEnvFiles(dir, "", nil)}
	check := func(has, hasNot string) {
		t.Helper()
		env, _ := o.environment()
		for _, pair := range strings.Fields(has) {
			if !slices.Contains(env, pair) {
				t.Errorf("%s is not there", pair)
			}
		}
		if hasNot != "" && slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, hasNot) }) {
			t.Errorf("%s is there", hasNot)
		}
	}
	check("SPINDLE_A=1 SPINDLE_B=2 SPINDLE_C=own", "SPINDLE_C=2")
	write(".env", "SPINDLE_B=1\n")
	check("SPINDLE_B=2", "SPINDLE_A")
	write(".env", "SPINDLE_A='unended\n")
	if _, errs := o.environment(); len(errs) != 1 || !strings.Contains(errs[0].Error(), ".env, line 1: ") {
		t.Errorf("%v", errs)
	}
}

func TestANSI(t *testing.T) {
	for _, row := range []struct{ in, plain, html string }{
		{"a<b", "a<b", "a&lt;b"},
		{"\x1b[1;31mred\x1b[0m.", "red.", `<span class="a1"><span class="a31">red</span></span>.`},
		{"\x1b[2Jx\x1b]0;t\x07", "x", "x"},
		{"\x1b[32mopen", "open", `<span class="a32">open</span>`},
	} {
		if got := stripANSI(row.in); got != row.plain {
			t.Errorf("%q: %q", row.in, got)
		}
		if got := ansiHTML(row.in); got != row.html {
			t.Errorf("%q: %q", row.in, got)
		}
	}
}

func TestExcerpt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.go")
	if err := os.WriteFile(path, []byte("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		line, first int
		lines       string
	}{{1, 1, "1 2 3 4 5"}, {6, 2, "2 3 4 5 6 7 8 9 10"}, {99, 0, ""}, {0, 0, ""}} {
		e := excerptOf(path, row.line)
		if row.lines == "" {
			if e != nil {
				t.Errorf("line %d: %v", row.line, e)
			}
		} else if e == nil || e.First != row.first || strings.Join(e.Lines, " ") != row.lines {
			t.Errorf("line %d: %+v", row.line, e)
		}
	}
}

func TestWhatMayBeOpened(t *testing.T) {
	m := supervised(t)
	m.s.opts.Extra = []string{"/elsewhere/watched"}
	m.s.failure = &Failure{Faults: []Fault{{File: "/faulty/a.go"}}}
	m.s.tickets.list = []*Ticket{{Frames: []Frame{{File: "/framed/b.py"}}}}
	for file, want := range map[string]bool{
		"a.go":                              true,
		"sub/a.go":                          true,
		filepath.Join(m.f.dir, "a.go"):      true,
		"/elsewhere/watched/x.toml":         true,
		"/elsewhere/watched-not/x.toml":     false,
		"/faulty/a.go":                      true,
		"/faulty/b.go":                      false,
		"/framed/b.py":                      true,
		"/etc/passwd":                       false,
		"../../../../../../../etc/passwd":   false,
		m.f.dir + "/../../../../etc/passwd": false,
		filepath.Join(build.Default.GOROOT, "src", "net", "none.go"):                  true,
		filepath.Join(build.Default.GOPATH, "pkg", "mod", "x@v1", "none.go"):          true,
		filepath.Join(build.Default.GOPATH, "pkg", "mod", "..", "..", "secret", "id"): false,
	} {
		err := m.s.OpenEditor(file, 1, 1)
		if err == nil || strings.Contains(err.Error(), "no source") == want { // none of them is there
			t.Errorf("%s: %v", file, err)
		}
	}
}
