package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"spindle/site/dev"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The test binary is also the program, and a process that holds a port.
const roleKey = "SPINDLE_TEST_ROLE"

func TestMain(m *testing.M) {
	dev.KeepIfAsked()
	switch os.Getenv(roleKey) {
	case "spindle":
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case "holder":
		holdPort()
	}
	os.Exit(m.Run())
}

// holdPort listens on a free port, says which, and ends with its input.
func holdPort() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// child is a process of this binary in one of its roles.
type child struct {
	*testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	pipe   io.Closer // what out reads
	mu     sync.Mutex
	errs   bytes.Buffer
	change chan struct{} // holds one when errs has grown
}

func startChild(t *testing.T, role string, args ...string) *child {
	t.Helper()
	c := &child{T: t, cmd: exec.Command(os.Args[0], args...), change: make(chan struct{}, 1)}
	c.cmd.Env = append(os.Environ(), roleKey+"="+role)
	c.cmd.Stderr = c
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	c.out, c.pipe = bufio.NewScanner(out), out
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended by itself
		_ = c.cmd.Wait()
	})
	return c
}

// Write takes what the process says on standard error.
func (c *child) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.change <- struct{}{}:
	default:
	}
	return c.errs.Write(p)
}

func (c *child) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errs.String()
}

// line is the next line of standard output.
func (c *child) line() string {
	c.Helper()
	if !c.out.Scan() {
		c.Fatalf("no more output (%v); on standard error: %s", c.out.Err(), c.said())
	}
	return c.out.Text()
}

// capture runs the program in this process.
func capture(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	dir := t.TempDir()
	files := [2]*os.File{}
	for i, name := range []string{"out", "errs"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code = run(args, files[0], files[1])
	text := [2]string{}
	for i, f := range files {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
	}
	return code, text[0], text[1]
}

func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"help":            {"--help"},
		"help-web":        {"web", "--help"},
		"help-wsgi":       {"wsgi", "--help"},
		"help-dev":        {"dev", "--help"},
		"help-dev-check":  {"dev", "check", "--help"},
		"help-dev-init":   {"dev", "init", "--help"},
		"help-dev-schema": {"dev", "schema", "--help"},
		"help-routes":     {"routes", "--help"},
		"help-request":    {"request", "--help"},
		"help-shell":      {"shell", "--help"},
		"help-cert":       {"cert", "--help"},
		"help-status":     {"status", "--help"},
		"help-stop":       {"stop", "--help"},
		"help-reload":     {"reload", "--help"},
		"help-reopen":     {"reopen", "--help"},
		"help-version":    {"version", "--help"},
		"help-completion": {"completion", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := capture(t, args...)
			if code != 0 || errs != "" {
				t.Errorf("exit code %d, %q", code, errs)
			}
			golden(t, name+".golden", out)
			for line := range strings.Lines(out) {
				if len(strings.TrimSuffix(line, "\n")) > 140 {
					t.Errorf("a long line: %s", line)
				}
			}
		})
	}
}

// Two ways to ask that other programs have taught people.
func TestOtherWords(t *testing.T) {
	for want, words := range map[string][]string{"--help": {"help"}, "web --help": {"help", "web"}, "version": {"--version"}} {
		_, as, _ := capture(t, strings.Fields(want)...)
		if code, out, errs := capture(t, words...); code != 0 || out != as || errs != "" {
			t.Errorf("%q is not %q: exit code %d, %s%s", words, want, code, out, errs)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed (-update writes it anew); now it is\n%s", path, got)
	}
}

// What the shells ask for when somebody presses the tabulator.
func TestCompletion(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{""}, []string{"web\tServe a directory", "version\t", "completion\t"}},
		{[]string{"web", "--l"}, []string{"--listen\t", "--listing\t", "--log\t", "--log-file\t", "--loops\t"}},
		{[]string{"web", "--log", ""}, []string{"short\tfor a person", "combined\t", "json\t", "none\t", ":4\n"}},
		{[]string{"web", "--path", ""}, []string{":16\n"}}, // directories only
		{[]string{"web", "--log-file", ""}, []string{":0\n"}},
		{[]string{"web", "--listen", ""}, []string{"tcp:8080\tall addresses", "unix:\t"}},
		{[]string{"web", ""}, []string{":4\n"}}, // nothing, and no files
		{[]string{"dev", "--be"}, []string{"--before\tcommand to run before each build"}},
		{[]string{"dev", "--env", ""}, []string{":4\n"}},
		{[]string{"routes", ""}, []string{":0\n"}},
		{[]string{"routes", "--"}, []string{"--python\tinterpreter for", "--json\tprint JSON"}},
		{[]string{"request", "--request", ""}, []string{"PATCH", ":4\n"}},
		{[]string{"shell", "app.py", ""}, []string{":4\n"}},
	} {
		code, out, _ := capture(t, append([]string{"__complete"}, test.args...)...)
		if code != 0 {
			t.Errorf("%q: exit code %d", test.args, code)
		}
		if strings.Contains(out, "`") {
			t.Errorf("%q: marks of the help text in\n%s", test.args, out)
		}
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q: no %q in\n%s", test.args, want, out)
			}
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, _ := capture(t, "completion", shell); code != 0 || !strings.Contains(out, "spindle") {
			t.Errorf("completion %s: exit code %d, %d bytes", shell, code, len(out))
		}
	}
}
