package wsgi

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// program makes a file that could be run.
func program(t *testing.T, path ...string) string {
	t.Helper()
	at := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestFindPython(t *testing.T) {
	dir := t.TempDir()
	find := func(in string, env ...string) string {
		path, err := FindPython(filepath.Join(dir, in), env)
		if err != nil {
			return err.Error()
		}
		return path
	}
	active := program(t, dir, "active", "bin", "python")
	hidden := program(t, dir, "both", ".venv", "bin", "python")
	program(t, dir, "both", "venv", "bin", "python")
	plain := program(t, dir, "one", "venv", "bin", "python")
	t.Setenv("PATH", filepath.Join(dir, "path"))
	for what, test := range map[string][2]string{
		"the active one":     {find("both", "VIRTUAL_ENV="+dir+"/active"), active},
		"one that is gone":   {find("both", "VIRTUAL_ENV="+dir+"/gone"), "VIRTUAL_ENV is " + dir + "/gone, and there is no interpreter " + dir + "/gone/bin/python"},
		".venv before venv":  {find("both", "A=1"), hidden},
		"venv":               {find("one", "VIRTUAL_ENV="), plain},
		"nothing at all":     {find("none", "A=1"), "there is no interpreter: no python3 in PATH, no .venv in the application's directory, and VIRTUAL_ENV is not set"},
		"python3 of the way": {func() string { program(t, dir, "path", "python3"); return find("none", "A=1") }(), dir + "/path/python3"},
	} {
		if test[0] != test[1] {
			t.Errorf("%s: got %q, want %q", what, test[0], test[1])
		}
	}
}

// The programs that came with a virtual environment are found by the application, too.
func TestVirtualEnvironment(t *testing.T) {
	dir := t.TempDir()
	python := program(t, dir, "bin", "python")
	if got := venvEnv([]string{"PATH=/bin"}, python); len(got) != 1 {
		t.Errorf("without pyvenv.cfg: %q", got)
	}
	program(t, dir, "pyvenv.cfg")
	want := []string{"PATH=/bin", "VIRTUAL_ENV=" + dir, "PATH=" + dir + "/bin:/bin"}
	if got := venvEnv([]string{"PATH=/bin"}, python); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOutputLines(t *testing.T) {
	long := strings.Repeat("x", maxLine+3)
	for in, want := range map[string]string{
		"one\ntwo\r\n\nthree": `["one" "two" "" "three"]`,
		"":                    `[]`,
		long + "\nshort\n":    fmt.Sprintf("[%q %q %q]", long[:maxLine], "xxx", "short"),
		long:                  fmt.Sprintf("[%q %q]", long[:maxLine], "xxx"),
	} {
		for _, size := range []int{len(in) + 1, 1, 7} {
			var o output
			var got []string
			tell := func(line []byte) { got = append(got, string(line)) }
			for rest := in; rest != ""; {
				n := min(size, len(rest))
				o.out.take([]byte(rest[:n]), tell)
				rest = rest[n:]
			}
			o.flush(tell)
			if text := fmt.Sprintf("%q", got); text != want {
				t.Errorf("%.20q in pieces of %d: got %.60q…, want %.60q…", in, size, text, want)
			}
		}
	}
}

func TestLastWords(t *testing.T) {
	var o output
	for i := range 5000 {
		o.keep(fmt.Appendf(nil, "line %d\n", i))
	}
	words := o.lastWords()
	if len(words) > maxWords || !strings.HasPrefix(words, "line ") || !strings.HasSuffix(words, "\nline 4999") {
		t.Errorf("%d bytes, %.20q", len(words), words)
	}
	o.keep([]byte(strings.Repeat("y", 2*maxWords)))
	if words := o.lastWords(); len(words) != maxWords {
		t.Errorf("%d bytes", len(words))
	}
}
