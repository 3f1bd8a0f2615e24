package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWSGIRefusals(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"bad.env": "A=1\nnonsense\n", "a.txt": ""})
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "name the application, as in 'spindle wsgi app:application'"},
		{[]string{"a", "b"}, 2, `"b" is a second one`},
		{[]string{":app"}, 2, `":app" names no module`},
		{[]string{"a", "--workers", "0"}, 2, "--workers: that is too little"},
		{[]string{"a", "--threads", "-1"}, 2, "--threads: that is too little"},
		{[]string{"a", "--timeout", "-1s"}, 2, "--timeout: that is too little"},
		{[]string{"a", "--timeout", "x"}, 2, `invalid argument "x" for "--timeout"`},
		{[]string{"a", "--listen", "http:80"}, 2, "--listen http:80: "},
		{[]string{"a", "--static", "x"}, 2, `--static "x": give it as '/url=directory'`},
		{[]string{"a", "--static", "/=" + dir}, 2, "give it as '/url=directory'"},
		{[]string{"a", "--static", "/x=" + dir + "/no"}, 1, "there is no such directory"},
		{[]string{"a", "--chdir", dir + "/no"}, 1, "--chdir " + dir + "/no: there is no such directory"},
		{[]string{"a", "--chdir", dir + "/a.txt"}, 1, "this is a file; serve the directory that it is in: --chdir " + dir},
		{[]string{"a", "--env-file", dir + "/no.env"}, 1, "no such file"},
		{[]string{"a", "--env-file", dir + "/bad.env"}, 2, `bad.env, line 2: "nonsense" is not NAME=value`},
		{[]string{"a", "--listen", "tcp:0", "--python", dir + "/python"}, 1, "a can not be loaded: there is no interpreter " + dir + "/python\n"},
	} {
		code, out, errs := capture(t, append([]string{"wsgi"}, test.args...)...)
		if code != test.code || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%q: exit code %d, said %q%q, want %d, %q", test.args, code, out, errs, test.code, test.want)
		}
	}
}

func python(t *testing.T) string {
	for _, name := range [...]string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no python3")
	return ""
}

const someApp = `import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("VERSION %s %s %s" % (environ["SCRIPT_NAME"], environ["PATH_INFO"], os.environ.get("OWN"))).encode()]
`

// An application with its files and variables, loaded anew by SIGHUP.
func TestServeWSGI(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"some.py": strings.ReplaceAll(someApp, "VERSION", "one"), "own.env": "OWN='of mine'\n", "style.css": "p{}"})
	c := startChild(t, "spindle", "wsgi", "some", "--chdir", dir, "--python", python(t), "--listen", "127.0.0.1:0",
		"--env-file", dir+"/own.env", "--static", "/assets/css="+dir, "--add-header", "X-Own: yes", "--threads", "1")
	url := c.wait(localPattern)
	c.wait(`some with Python 3\.\d+\.\d+ \(\S+\), 1 worker with 1 thread\n`)
	status, fields, body := c.get(url + "x")
	if status != 200 || body != "one  /x of mine" || fields.Get("X-Own") != "yes" {
		t.Errorf("%d %q %v", status, body, fields)
	}
	if status, _, body := c.get(url + "assets/css/style.css"); status != 200 || body != "p{}" {
		t.Errorf("%d %q", status, body)
	}
	if _, _, body := c.get(url + "assets/c"); body != "one  /assets/c of mine" {
		t.Errorf("%q", body)
	}
	writeAll(t, dir, map[string]string{"some.py": strings.ReplaceAll(someApp, "VERSION", "another")})
	c.signal(syscall.SIGHUP)
	for range 5000 {
		if _, _, body = c.get(url + "x"); strings.HasPrefix(body, "another") {
			break
		}
	}
	if body != "another  /x of mine" {
		t.Errorf("after SIGHUP: %q", body)
	}
	c.signal(os.Interrupt)
	c.wait("Spindle served")
	if state := c.end(); !state.Success() {
		t.Errorf("it ended with %v", state)
	}
}

// What can not be loaded is told with its place, and ends the server, or with --debug is
// shown until it is mended.
func TestWSGICanNotBeLoaded(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"some.py": "import os\n\ndef application(\n"})
	args := []string{"wsgi", "some", "--chdir", dir, "--python", python(t), "--listen", "127.0.0.1:0"}
	c := startChild(t, "spindle", args...)
	c.wait(`some can not be loaded: \S+/some.py, line 3: SyntaxError: `)
	if state := c.end(); state.ExitCode() != 1 {
		t.Errorf("it ended with %v", state)
	}
	c = startChild(t, "spindle", append(args, "--debug")...)
	url := c.wait(localPattern)
	if status, _, body := c.get(url); status != 500 || !strings.Contains(body, "some.py, line 3: SyntaxError") {
		t.Errorf("%d %s", status, body)
	}
	writeAll(t, dir, map[string]string{"some.py": someApp})
	if status, _, body := c.get(url); status != 200 || !strings.HasPrefix(body, "VERSION") {
		t.Errorf("mended: %d %s", status, body)
	}
	c.signal(os.Interrupt)
	c.end()
}

// How many processes and threads there are is what the application is told, and the banner.
func TestWorkersAndThreads(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, dir, map[string]string{"some.py": `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %s" % (environ["wsgi.multiprocess"], environ["wsgi.multithread"])).encode()]
`})
	for _, test := range []struct {
		flags        []string
		banner, want string
	}{
		{[]string{"--workers", "1", "--threads", "1"}, "1 worker with 1 thread\n", "False False"},
		{[]string{"--workers", "2", "--threads", "1"}, "2 workers with 1 thread\n", "True False"},
		{[]string{"--workers", "1", "--threads", "3"}, "1 worker with 3 threads\n", "False True"},
	} {
		for _, command := range [][]string{{"wsgi", "some", "--chdir", dir}, {"dev", dir + "/some.py", "--keys=false"}} {
			args := append(append(command, "--python", python(t), "--listen", "127.0.0.1:0"), test.flags...)
			c := startChild(t, "spindle", args...)
			url := c.wait(localPattern)
			c.wait(test.banner)
			if status, _, body := c.get(url); status != 200 || !strings.Contains(body, test.want) {
				t.Errorf("%q: %d %q", args, status, body)
			}
			c.signal(os.Interrupt)
			c.end()
		}
	}
}
