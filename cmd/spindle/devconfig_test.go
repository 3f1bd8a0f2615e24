package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/site/dev"
)

// inDir runs the test in a directory with these files.
func inDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

// devOf is what a command line comes to, or why it does not.
func devOf(args ...string) (c *devConfig, err error) {
	cmd := newDev(func(got *devConfig) error {
		c = got
		return nil
	})
	root := &cobra.Command{Use: "spindle", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"dev"}, args...))
	return c, root.Execute()
}

// A flag wins over the environment, and that over the file.
func TestDevConfigOrder(t *testing.T) {
	inDir(t, map[string]string{configName: "target = \"./web\"\napp-port = 1\nthreads = 2\npatience = \"3s\"\nexclude = [\"a\", \"b\"]\n[with]\nb = \"2\"\na = \"1\"\n[rule]\n\"*.x\" = \"reload\"\n"})
	t.Setenv("SPINDLE_DEV_APP_PORT", "2")
	t.Setenv("SPINDLE_DEV_THREADS", "3")
	c, err := devOf("--app-port", "4")
	if err != nil {
		t.Fatal(err)
	}
	if c.Target != "./web" || c.AppPort != 4 || c.Threads != 3 || c.Patience.String() != "3s" || strings.Join(c.Exclude, " ") != "a b" ||
		strings.Join(c.With, " ") != "a=1 b=2" || strings.Join(c.Rules, " ") != "*.x=reload" {
		t.Errorf("%+v", c)
	}
	if c, err = devOf("./other", "--", "-v"); err != nil || c.Target != "./other" || strings.Join(c.Args, " ") != "-v" {
		t.Errorf("%+v %v", c, err)
	}
}

// What is wrong with a configuration is said so that it can be mended.
func TestDevConfigMistakes(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"listn = [\"tcp:1\"]", `there is no key "listn"; did you mean "listen"?`},
		{"zzzzzzzzzz = 1", "lists them"},
		{"targt = \".\"", `did you mean "target"?`},
		{"EDITOR = \"vi\"", `did you mean "editor"?`},
		{"config = \"x\"", `there is no key "config"`},
		{"vet = \"maybe\"", "it must be true or false"},
		{"patience = \"5 apples\"", `as in "5s"`},
		{"threads = \"many\"", "a whole number"},
		{"target = 3", "target is a string"},
		{"editor = [\"a\", \"b\"]", "one value, not a list"},
		{"[with]\ncss = 3", "with.css is a string"},
		{"= 3", configName + ":1:"},
	} {
		inDir(t, map[string]string{configName: row.text + "\n"})
		if _, err := devOf(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v", row.text, err)
		}
	}
	inDir(t, nil)
	if _, err := devOf("--config", "none.toml"); err == nil {
		t.Error("a configuration that is not there is taken")
	}
}

// --direct is by flag, variable and key, and not for everything.
func TestDevDirect(t *testing.T) {
	inDir(t, map[string]string{configName: "direct = true\n"})
	if c, err := devOf(); err != nil || !c.Direct {
		t.Errorf("by key: %v", err)
	}
	inDir(t, nil)
	if c, err := devOf("--direct", "."); err != nil || !c.Direct {
		t.Errorf("by flag: %v", err)
	}
	t.Setenv("SPINDLE_DEV_DIRECT", "true")
	if c, err := devOf(); err != nil || !c.Direct {
		t.Errorf("by variable: %v", err)
	}
	for _, row := range []struct{ flags, want string }{
		{"--app-port 3000", "contradict"},
		{"--tls", "without TLS"},
		{"--listen unix:/tmp/x", "a TCP port"},
		{"--listen tcp:1 --listen tcp:2", "--listen once"},
		{"--proxy /a=http://127.0.0.1:1", "the program's alone"},
	} {
		if _, err := devOf(strings.Fields(row.flags)...); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.flags, err)
		}
	}
}

func TestGuessTarget(t *testing.T) {
	for _, row := range []struct {
		files []string
		want  string // or, behind !, a part of the error
	}{
		{[]string{"main.go", "app.py"}, "."},
		{[]string{"cmd/web/main.go", "go.mod"}, "./cmd/web"},
		{[]string{"cmd/web/main.go", "cmd/job/main.go"}, "!./cmd/job, ./cmd/web"},
		{[]string{"app.py", "wsgi.py"}, "wsgi.py"},
		{[]string{"manage.py", "mysite/wsgi.py"}, "mysite.wsgi:application"},
		{[]string{"index.html"}, "."},
		{[]string{"public/index.html"}, "./public"},
		{[]string{"go.mod"}, "."},
		{nil, "!nothing here"},
	} {
		files := map[string]string{}
		for _, name := range row.files {
			files[name] = ""
		}
		got, err := guessTarget(inDir(t, files))
		if want, isError := strings.CutPrefix(row.want, "!"); isError {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q, %v", row.files, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%v: %q, %v", row.files, got, err)
		}
	}
}

// What a target is follows from what is there.
func TestDevKinds(t *testing.T) {
	inDir(t, map[string]string{"go.mod": "module own\n", "web/main.go": "", "new/go.mod": "", "pages/go.mod": "", "pages/index.html": "", "app.py": "", "pkg/mod.py": "", "x.txt": ""})
	for _, row := range []struct {
		args []string
		kind dev.Kind
		pkg  string
		err  string
	}{
		{args: []string{"./web"}, kind: dev.Go, pkg: "./web"},
		{args: []string{"web"}, kind: dev.Go, pkg: "./web"},
		{args: []string{"web/main.go"}, kind: dev.Go, pkg: "web/main.go"},
		{args: []string{"./new"}, kind: dev.Go, pkg: "./new"},
		{args: []string{"example.org/x"}, kind: dev.Go, pkg: "example.org/x"},
		{args: []string{"./pages"}, kind: dev.Files},
		{args: []string{"app.py"}, kind: dev.WSGI},
		{args: []string{"pkg.mod"}, kind: dev.WSGI},
		{args: []string{"any:app"}, kind: dev.WSGI},
		{args: []string{"--command", "--", "node", "x.js"}, kind: dev.Command},
		{args: []string{"none.py"}, kind: dev.WSGI},
		{args: []string{"./pkg/none.py"}, kind: dev.WSGI},
		{args: []string{"own/web"}, kind: dev.Go, pkg: "own/web"},
		{args: []string{"./none"}, err: "there is no ./none"},
		{args: []string{"none"}, err: "there is no none"},
		{args: []string{"none/"}, err: "there is no none/"},
		{args: []string{"none.go"}, err: "there is no none.go"},
		{args: []string{"none/none.py"}, err: "there is no none/none.py"},
		{args: []string{"x.txt"}, err: "neither"},
	} {
		c, err := devOf(row.args...)
		if err != nil {
			t.Errorf("%v: %v", row.args, err)
			continue
		}
		o, _, err := c.options()
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%v: %v", row.args, err)
			}
		} else if err != nil || o.Kind != row.kind || o.Package != row.pkg {
			t.Errorf("%v: %v %q %v", row.args, o.Kind, o.Package, err)
		}
	}
}

// The files for VS Code are valid, and the task finds in what is shown what it looks for.
func TestDevInitVSCode(t *testing.T) {
	inDir(t, map[string]string{"go.mod": "module demo\n", "main.go": "package main\n"})
	cmd := newDevInit(newDev(nil).Flags())
	cmd.SetArgs([]string{"--vscode"})
	cmd.SetOut(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	var tasks struct {
		Tasks []struct {
			Command        string
			ProblemMatcher struct {
				Pattern    struct{ Regexp string }
				Background struct{ BeginsPattern, EndsPattern string }
			}
		}
	}
	for path, to := range map[string]any{".vscode/tasks.json": &tasks, ".vscode/launch.json": new(any)} {
		if text, err := os.ReadFile(path); err != nil {
			t.Error(err)
		} else if err = json.Unmarshal(text, to); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(tasks.Tasks) != 2 || !strings.HasSuffix(tasks.Tasks[1].Command, "--debugger=127.0.0.1:2345") {
		t.Fatalf("%+v", tasks)
	}
	m, delve := tasks.Tasks[0].ProblemMatcher, tasks.Tasks[1].ProblemMatcher
	if err := os.RemoveAll(".vscode"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Execute(); err != nil { // spindle.toml is there
		t.Error(err)
	}
	shown, err := os.Create(filepath.Join(t.TempDir(), "shown"))
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	terminal := &devTerminal{d: &devServer{server: &server{errs: shown}, config: &devConfig{}}, out: &terminalOut{w: shown, clock: reactortest.NewClock()}}
	for _, row := range []struct {
		e    dev.Event
		want string
	}{
		{dev.Event{Kind: dev.EventChange, Paths: []string{"/x/main.go"}, Action: "rebuild"}, m.Background.BeginsPattern},
		{dev.Event{Kind: dev.EventReady, Generation: 1}, m.Background.EndsPattern},
		{dev.Event{Kind: dev.EventFailed, Failure: &dev.Failure{Title: "The build failed"}}, m.Background.EndsPattern},
		{dev.Event{Kind: dev.EventNotice, Text: "Delve listens at 127.0.0.1:2345"}, delve.Background.EndsPattern},
		{dev.Event{Kind: dev.EventFailed, Failure: &dev.Failure{Faults: []dev.Fault{{File: "/x/main.go", Line: 3, Column: 2, Message: "wrong"}}}}, m.Pattern.Regexp},
	} {
		terminal.show(row.e)
		terminal.out.flush()
		text, err := os.ReadFile(shown.Name())
		if err != nil || !regexp.MustCompile("(?m)"+row.want).Match(text) {
			t.Errorf("%q is not found in %q (%v)", row.want, text, err)
		}
		if _, err := shown.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := shown.Truncate(0); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Execute(); err == nil {
		t.Error("files that are there are written again")
	}
}

// A launch file is for what a debugger attaches to: a Go program.
func TestDevInitLaunch(t *testing.T) {
	for _, row := range []struct {
		file, text, said string
		launch           bool
	}{
		{"main.go", "package main\n", "", true},
		{"app.py", "", "breakpoint()", false},
		{"index.html", "", "Go programs alone", false},
		{configName, "target = \"app.py\"\n", "breakpoint()", false},
	} {
		inDir(t, map[string]string{row.file: row.text})
		cmd := newDevInit(newDev(nil).Flags())
		var said strings.Builder
		cmd.SetArgs([]string{"--vscode"})
		cmd.SetOut(&said)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		_, err := os.Stat(".vscode/launch.json")
		if err == nil != row.launch || !strings.Contains(said.String(), row.said) {
			t.Errorf("%s: %v, %q", row.file, err, said.String())
		}
		tasks, err := os.ReadFile(".vscode/tasks.json")
		if err != nil || strings.Contains(string(tasks), "Delve") != row.launch {
			t.Errorf("%s: %v, %s", row.file, err, tasks)
		}
	}
}

// --tls is for every TCP port that is given.
func TestDevTLS(t *testing.T) {
	inDir(t, nil)
	for _, row := range []struct{ flags, want string }{
		{"--tls", "tls:8443:interface=127.0.0.1"},
		{"--tls --listen tcp:9420", "tls:9420"},
		{"--tls --listen 127.0.0.1:9420 --listen tls:1", "tls:9420:interface=127.0.0.1 tls:1"},
	} {
		c, err := devOf(strings.Fields(row.flags)...)
		if err != nil || strings.Join(c.Listen, " ") != row.want {
			t.Errorf("%s: %v %v", row.flags, c, err)
		}
		for _, text := range c.Listen {
			if e, err := reactor.ParseEndpoint(text); err != nil || e.TLS == nil {
				t.Errorf("%s: %s has no TLS", row.flags, text)
			}
		}
	}
}

// A variable that stands for no flag is told of.
func TestStrayVariable(t *testing.T) {
	inDir(t, nil)
	t.Setenv("SPINDLE_DEV_SLOWW", "1s")
	c, err := devOf()
	if err != nil || strings.Join(c.stray, "|") != "SPINDLE_DEV_SLOWW is set, and there is no such flag; did you mean SPINDLE_DEV_SLOW?" {
		t.Errorf("%v %v", c, err)
	}
}

// A Python file that is not there is named, with what to do.
func TestMissingPython(t *testing.T) {
	dir := inDir(t, map[string]string{"app.py": ""})
	for _, row := range []struct{ target, missing string }{
		{"none.py", "none.py"}, {"none.py:app", "none.py"}, {"app.py", ""}, {"pkg.mod:app", ""},
	} {
		err := (&pythonApp{target: row.target}).missing(dir)
		var f *dev.Failure
		if errors.As(err, &f) != (row.missing != "") || f != nil && (f.Title != row.missing+" is not there" || f.Faults[0].Mend == "") {
			t.Errorf("%s: %v", row.target, err)
		}
	}
}
