package main

import (
	"strings"
	"testing"
)

// An application is asked in memory; the answer is whole, and its status may be the exit code.
func TestRequest(t *testing.T) {
	python := withModule(t, "json")
	inDir(t, map[string]string{"pages/index.html": "<p>page</p>", "body.txt": "from a file", "app.py": `
def application(e, start):
    if e["PATH_INFO"] == "/fails":
        print("before it fails")
        return 1 / 0
    body = e["wsgi.input"].read()
    start("201 Made", [("Content-Type", "text/plain"), ("X-Here", e.get("HTTP_X_THERE", "-"))])
    return [("%s %s?%s %s %s" % (e["REQUEST_METHOD"], e["PATH_INFO"], e["QUERY_STRING"], e.get("CONTENT_TYPE", "-"), body.decode())).encode()]
`})
	for _, row := range []struct {
		args string
		code int
		want string // several, divided by |
	}{
		{"app.py /a?b=c -H X-There:yes", 0, "HTTP/1.1 201 Created\n|\nX-Here: yes\n|\n\nGET /a?b=c - "},
		{"app.py / -X put -d @body.txt -H Content-Type:x/y", 0, "\n\nPUT /? x/y from a file"},
		{"/ --config none.toml", exitFailed, "there is no such file"},
		{"/fails -f", exitFailed, "HTTP/1.1 500 |ZeroDivisionError|before it fails"},
		{"./pages /", 0, "HTTP/1.1 200 OK\n|Content-Length: 11\n|\n\n<p>page</p>"},
		{"./pages /none --fail", exitFailed, "HTTP/1.1 404 "},
		{"app.py", exitUsage, "the path begins with /"},
		{"app.py / x", exitUsage, "one argument too many"},
		{"app.py / -H x", exitUsage, "'Name: value'"},
		{"app.py / -X a/b", exitUsage, "is no method"},
		{"app.py / -d x --json y", exitUsage, "contradict"},
		{"app.py / -d @none", exitFailed, "--data @none: no such file"},
		{"none.py:app /", exitFailed, "none.py is not there|there is no file "},
	} {
		args := append([]string{"request"}, strings.Fields(row.args)...)
		code, out, errs := capture(t, append(args, "--python", python)...)
		if code != row.code {
			t.Errorf("%s: exit code %d: %s%s", row.args, code, out, errs)
		}
		for want := range strings.SplitSeq(row.want, "|") {
			if !strings.Contains(out+errs, want) {
				t.Errorf("%s: no %q in %s%s", row.args, want, out, errs)
			}
		}
	}
}

// What is sent, by what the command line says.
func TestRequestBytes(t *testing.T) {
	for _, row := range []struct {
		ask        asking
		want, none string
	}{
		{asking{path: "/#x"}, "GET / HTTP/1.1\r\nHost: localhost\r\n", "Content-"},
		{asking{path: "/", head: true}, "HEAD / HTTP/1.1\r\n", "Content-"},
		{asking{path: "/", data: []string{"a=1", "b=2"}}, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n", "application/json"},
		{asking{path: "/", data: []string{""}}, "Content-Length: 0\r\n", "GET"},
		{asking{path: "/", json: "{}", method: "patch"}, "PATCH / HTTP/1.1\r\n", "form"},
		{asking{path: "/", json: "{}"}, "Accept: application/json\r\nContent-Type: application/json\r\n", "form"},
		{asking{path: "/", fields: []string{"host: a.example", "X-A: 1"}}, "host: a.example\r\nX-A: 1\r\n\r\n", "localhost"},
	} {
		if _, err := row.ask.take([]string{row.ask.path}); err != nil {
			t.Fatal(err)
		}
		if got := string(row.ask.bytes()); !strings.Contains(got, row.want) || strings.Contains(got, row.none) {
			t.Errorf("%q", got)
		}
	}
}
