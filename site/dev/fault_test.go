package dev

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestGoFaults(t *testing.T) {
	for _, row := range []struct {
		name, out string
		want      []Fault
	}{
		{"compiler", "# demo\n./main.go:12:7: undefined: fmt.Fprin\n./b/c.go:3:1: syntax error: x\n", []Fault{
			{File: "/d/main.go", Line: 12, Column: 7, Message: "undefined: fmt.Fprin"},
			{File: "/d/b/c.go", Line: 3, Column: 1, Message: "syntax error: x"}}},
		{"several lines", "./main.go:4:2: cannot use x as T value:\n\tT has no method M\n", []Fault{
			{File: "/d/main.go", Line: 4, Column: 2, Message: "cannot use x as T value:\nT has no method M"}}},
		{"missing module", "main.go:5:2: no required module provides package example.org/x; to add it:\n\tgo get example.org/x\n", []Fault{
			{File: "/d/main.go", Line: 5, Column: 2, Message: "no required module provides package example.org/x", Mend: "go get example.org/x"}}},
		{"no module", "go: go.mod file not found in current directory or any parent directory; see 'go help modules'\n", []Fault{
			{Message: "go.mod file not found in current directory or any parent directory; see 'go help modules'", Mend: "go mod init example.com/app"}}},
		{"disk full", "go: writing output: write /x: no space left on device\n", []Fault{
			{Message: "writing output: write /x: no space left on device", Mend: "make room on the disk (go clean -cache frees what old builds left); the next save builds again"}}},
		{"sums", "main.go:5:2: missing go.sum entry for module providing package example.org/x (imported by demo); to add:\n\tgo get demo\n", []Fault{
			{File: "/d/main.go", Line: 5, Column: 2, Message: "missing go.sum entry for module providing package example.org/x (imported by demo)", Mend: "go mod tidy"}}},
		{"go.mod is old", "go: updates to go.mod needed; to update it:\n\tgo mod tidy\n", []Fault{
			{Message: "updates to go.mod needed", Mend: "go mod tidy"}}},
		{"vet", "vet: ./main.go:7:3: unreachable code\n", []Fault{{File: "/d/main.go", Line: 7, Column: 3, Message: "unreachable code"}}},
		{"downloads say nothing", "go: downloading example.org/x v1.0.0\n", nil},
	} {
		if got := parseGoOutput(row.out, "/d"); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", row.name, got, row.want)
		}
	}
}

func TestPythonFaults(t *testing.T) {
	trace := `Traceback (most recent call last):
  File "/app/app.py", line 3, in <module>
    import helper
  File "/app/helper.py", line 9, in <module>
    json.loads("x")
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
`
	want := []Fault{{File: "/app/helper.py", Line: 9, Message: "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"}}
	if got := parsePythonOutput(trace, []string{"/app"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	syntax := "  File \"/app/app.py\", line 7\n    def x(\n         ^\nSyntaxError: '(' was never closed\n"
	want = []Fault{{File: "/app/app.py", Line: 7, Column: 6, Message: "SyntaxError: '(' was never closed"}}
	if got := parsePythonOutput(syntax, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	imported := "Traceback (most recent call last):\n  File \"/app/app.py\", line 3, in <module>\n    import x\n  File \"/lib/x.py\", line 1\n    (\n    ^\nSyntaxError: '(' was never closed\n"
	want = []Fault{{File: "/lib/x.py", Line: 1, Column: 1, Message: "SyntaxError: '(' was never closed"}}
	if got := parsePythonOutput(imported, []string{"/app"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	node := "/app/server.js:12\nrequir e('x')\n       ^\n\nSyntaxError: Unexpected identifier 'e'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n"
	want = []Fault{{File: "/app/server.js", Line: 12, Message: "SyntaxError: Unexpected identifier 'e'"}}
	if got := parsePythonOutput(node, []string{"/app"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := parsePythonOutput("all is well\n", nil); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestPanicFault(t *testing.T) {
	out := "2026/11/26 starting\npanic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\nnet/http.x(...)\n\t/usr/go/src/net/http/server.go:10 +0x1\nmain.handler(0x1)\n\t/app/main.go:22 +0x1d\n" +
		"main.(*shop).bill(0x1, {0x2, 0x3})\n\t/app/bill.go:7 +0x1d\nexample.org/shop/zz_spindle_dev/report.Logged.func1()\n\t/app/zz_spindle_dev/report/report.go:3 +0x1\n" +
		"created by main.main.func1 in goroutine 7\n\t/app/main.go:9 +0x1\n\ngoroutine 2 [sleep]:\nmain.other()\n\t/app/other.go:1 +0x1\nexit status 2\n"
	want := []Fault{{File: "/app/main.go", Line: 22, Message: "panic: runtime error: index out of range [3] with length 2"},
		{File: "/app/bill.go", Line: 7, Message: "called by main.(*shop).bill"}, {File: "/app/main.go", Line: 9, Message: "in a goroutine that main.main.func1 has started"}}
	if got := parsePanic(out, "/app"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	want = []Fault{{File: "/usr/go/src/net/http/server.go", Line: 10, Message: "panic: x"}}
	if got := parsePanic("panic: x\n\ngoroutine 1 [running]:\nnet/http.x(...)\n\t/usr/go/src/net/http/server.go:10 +0x1\n", "/app"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	want = []Fault{{File: "/app/main.go", Line: 9, Message: "panic: x, in a goroutine that main.main has started"}}
	if got := parsePanic("panic: x\n\ngoroutine 7 [running]:\nmain.main.func1()\n\t/app/main.go:9 +0x1\ncreated by main.main in goroutine 1\n\t/app/main.go:9 +0x2\n", "/app"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := parsePanic("fine\n", "/app"); got != nil {
		t.Errorf("%+v", got)
	}
}

// A package of the own module is nothing to be fetched.
func TestPackageOfOneself(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.org/spin // comment\n")
	write(t, dir, "cmd/web/main.go", "")
	for name, mend := range map[string]string{"example.org/spin/extra": "put a Go file into ./extra:", "example.org/spinner": "go get example.org/spinner"} {
		got := parseGoOutput("main.go:5:2: no required module provides package "+name+"; to add it:\n\tgo get "+name+"\n", filepath.Join(dir, "cmd", "web"))
		if len(got) != 1 || !strings.Contains(got[0].Mend, mend) || strings.Contains(got[0].Message, "go get") {
			t.Errorf("%+v", got)
		}
	}
}
