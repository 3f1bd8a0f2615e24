package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/cmd/spindle/recordings"
	"spindle/protocol/websocket"
	"spindle/reactor"
	"spindle/site/dev"
	"spindle/site/dev/inspect"
)

// This file is the command line of spindle dev: what is run, and what is wrong with the
// way it was said.

// devConfig is what the flags, the configuration and the environment ask for.
type devConfig struct {
	listenConfig
	gateways
	Target  string
	Args    []string // of the program
	Command bool     // Target and Args are a command
	Config  string   // file; "" looks for spindle.toml
	Env     string   // environment; "" for none

	Build    []string // flags for go build
	AppPort  int
	EnvFiles []string
	Watch    []string // more files and directories
	Exclude  []string
	Rules    []string
	With     []string
	Every    []string // tasks: name=when command
	Before   string   // command before each build
	After    string   // command behind each start
	Debugger string   // where Delve listens
	Direct   bool     // programs are given the public socket
	Locals   bool     // variables of panics are shown
	Witness  bool     // programs of net/http are built with what tells of them
	Poll     bool
	Vet      bool
	Test     bool
	Lint     string // command that looks at the source
	Race     bool
	Cover    bool
	Patience time.Duration
	Slow     time.Duration // from which on an answer is late; 0: traces are not recorded
	Editor   string
	Hosts    []string
	NoReload bool
	Secure   bool
	JSON     string // where events go, one JSON object a line
	Notify   bool   // desktop notices
	QuietAt  []string
	Toolbar  bool
	Console  bool // lines of the program in the browser
	Python   string
	Preload  bool // modules of others, for workers that are forked
	Workers  int
	Threads  int
	Keys     bool

	stray   []string                  // what is wrong with variables that stand for no flag
	envFrom string                    // how Env was given; "" while it was not
	tables  map[string]map[string]any // keys of environments
}

const devLong = `Run a program while you write it: build it, start it, do so again at every save, and
take over without refusing a request. What it runs is

  ./cmd/web, ., example.org/app   a Go main package (of any server that honours PORT)
  app.py, module:callable         a Python application (WSGI), with its virtual environment
  ./public                        a directory of HTML
  --command -- node server.js     anything that listens at PORT

and without a target whatever the directory holds. Requests go to the old program until
the new one has been built, started, and is ready; a build that fails leaves the old one
at work and shows what is wrong, in the terminal and in the browser. Style sheets and
images are taken anew without a reload; pages keep scroll position and what was typed.

With --direct a program that takes over an open socket (LISTEN_FDS, as every program of
Spindle does) accepts at the port itself, so that what you measure is the program and not
the way to it. Pages are not reloaded there, and requests not recorded; the address of a
second port, where they are, is shown at the start.

A panic of the program is a page with the variables of every frame and, behind the PIN
that the terminal shows, a console for expressions. A program of net/http has it too,
whatever its router is, also if that recovers panics: what tells of them is built in
beside its files, by -overlay (--witness=false builds it as it is). An exception of a
Python application has the same page, and its console runs code in the frame.
/__spindle__/tickets/ lists the last 50. What requests and tickets hold is shown on this
machine alone, to others through ssh -L.

Everything can be said in spindle.toml too ('spindle dev init' writes one), and in the
environment: --env-file is SPINDLE_DEV_ENV_FILE. A flag wins over the environment, that
over the file. Variables of the program are read from .env and .env.local, with --env NAME
(or SPINDLE_ENV) then from .env.NAME and .env.NAME.local, then from each --env-file: later
ones win, and what is set already wins over all. They are read again when they change. The
table [env.NAME] of spindle.toml wins over its other keys, and the program finds NAME in
SPINDLE_ENV.

At the terminal: r starts again, o opens the browser, u shows the addresses, i types
something for the program to read, q quits, h lists the rest.`

const devExample = `  spindle dev
  spindle dev ./cmd/web -- --verbose
  spindle dev app.py
  spindle dev mysite.wsgi:application --listen tcp:8000 --tls
  spindle dev --with 'css=npx tailwindcss -i in.css -o static/out.css --watch' .`

func newDev(start func(*devConfig) error) *cobra.Command {
	c := newDevConfig()
	cmd := &cobra.Command{
		Use:     "dev [target] [-- arguments]",
		Short:   "Run a program while you write it",
		Long:    devLong,
		Example: devExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.resolve(cmd, args); err != nil {
				return err
			}
			c.stray = strayVariables(cmd.Flags(), os.Environ())
			return start(c)
		},
	}
	c.addFlags(cmd)
	cmd.AddCommand(newDevInit(cmd.Flags()), newDevSchema(cmd.Flags()), newDevCheck(os.Stdout, os.Stderr))
	return cmd
}

func newDevConfig() *devConfig {
	return &devConfig{listenConfig: defaultListenConfig(), Keys: true, Notify: true, Locals: true, Witness: true, Preload: true}
}

// addFlags gives cmd all flags, which are the keys of the configuration.
func (c *devConfig) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	c.addFirstFlags(f)
	c.addDevFlags(f)
	c.gateways.addFlags(f)
	c.addLogFlags(f)
	c.addLastFlags(f)
	complete(cmd, completions{"env": completeEnvironments, "env-file": files, "config": files, "python": files, "watch": files, "events": files})
}

func (c *devConfig) addDevFlags(f *pflag.FlagSet) {
	f.BoolVar(&c.Command, "command", false, "the arguments are a command, which is started again when a source changes")
	f.StringVarP(&c.Config, "config", "c", "", "configuration `file` (default spindle.toml, if it is there)")
	f.BoolVar(&c.Secure, "tls", false, "listen with TLS and HTTP/2, with a certificate of 'spindle cert' or one made on the spot")
	f.StringArrayVar(&c.Build, "build-flag", nil, "`flag` for go build, as in --build-flag=-tags=dev; may be given several times")
	f.BoolVar(&c.Race, "race", false, "build with the race detector, whose reports are shown in pages, too")
	f.BoolVar(&c.Cover, "cover", false, "count which statements of a Go program have run; /__spindle__/coverage shows them")
	f.BoolVar(&c.Vet, "vet", false, "run go vet at the start and at each save, beside the build")
	f.BoolVar(&c.Test, "test", false, "run the tests of the packages that were changed at each save")
	f.StringVar(&c.Lint, "lint", "", "`command` to look at the source at each save, as in 'staticcheck ./...' or 'ruff check'")
	f.IntVar(&c.AppPort, "app-port", 0, "`port` that the program listens at, if it does not honour PORT")
	f.StringVar(&c.Env, envKey, "", "`name` of the environment: test, staging and so on (default SPINDLE_ENV)")
	f.StringArrayVarP(&c.EnvFiles, "env-file", "e", nil, "`file` of variables, behind .env and its like; may be given several times")
	f.StringArrayVarP(&c.Watch, "watch", "w", nil, "`file` or directory whose change starts the program again; may be given several times")
	f.StringArrayVarP(&c.Exclude, "exclude", "x", nil, "`pattern` of files that are not watched; may be given several times")
	f.StringArrayVar(&c.Rules, "rule", nil, "`pattern=action[:command]`: swap, reload, restart, rebuild or ignore, after running the command")
	f.StringArrayVar(&c.With, "with", nil, "`name=command` to run beside the program; may be given several times")
	f.StringArrayVar(&c.Every, "every", nil, "`name=when command` to run beside the program each 10m, 24h and so on, or daily at 03:00")
	f.StringVar(&c.Before, "before", "", "`command` to run before each build, as in 'templ generate'")
	f.StringVar(&c.After, "after", "", "`command` to run each time that a new program answers, as in 'curl -s localhost:8080/warm'")
	f.StringVar(&c.Debugger, "debugger", "", "`address` where editors reach Delve, as in 127.0.0.1:2345; their breakpoints stay at each save")
	f.BoolVar(&c.Direct, "direct", false, "give the port itself to the program, which has to honour LISTEN_FDS; pages reload at another one")
	f.BoolVar(&c.Locals, "locals", true, "show the variables of a panic, for which the own module is built without optimisation")
	f.BoolVar(&c.Witness, "witness", true, "build what tells of panics and of requests into programs of net/http")
	f.BoolVar(&c.Poll, "poll", false, "look for changes three times a second, where the system tells of none")
	f.DurationVar(&c.Slow, "slow", 500*time.Millisecond, "how `long` an answer may take to begin; beyond, a trace of it is kept; 0: none")
	f.DurationVar(&c.Patience, "patience", 5*time.Second, "how `long` an old program may finish what it has in hand")
	f.StringVar(&c.Python, "python", "", "`interpreter` for a Python application (default its virtual environment, else python3)")
	f.BoolVar(&c.Preload, "preload", true, "on Linux, fork workers of Python of a process that has loaded what is installed")
	f.IntVar(&c.Workers, "workers", 1, "`number` of worker processes of a Python application")
	f.IntVar(&c.Threads, "threads", 4, "`number` of threads of a Python application")
	f.StringVar(&c.Editor, "editor", "", "`command` that opens {file} at {line} and {column} (default SPINDLE_EDITOR, VISUAL, EDITOR)")
	f.StringArrayVar(&c.Hosts, "host", nil, "`name` that it answers to, beside this machine's: .example.test for all below, * for any")
	f.BoolVar(&c.NoReload, "no-reload", false, "leave pages as they are: nothing is reloaded in the browser")
	f.BoolVar(&c.Toolbar, "toolbar", false, "a line in a corner of each page: status, time, what answered, and the way to the dashboard")
	f.BoolVar(&c.Console, "console", false, "show what the program prints in the console of pages on this machine, too")
	f.StringArrayVar(&c.QuietAt, "quiet-path", nil, "`pattern` of paths that are not logged; may be given several times")
	f.StringVar(&c.JSON, "events", "", "`file` for events as JSON, a line each, for editors; - is standard output")
	f.BoolVar(&c.Notify, "notify", true, "a notice of the terminal when a build fails")
	f.BoolVar(&c.Keys, "keys", true, "take keys from the terminal")
}

// resolve takes in the configuration and the environment, and finds what is wrong.
func (c *devConfig) resolve(cmd *cobra.Command, args []string) error {
	if err := c.readConfig(cmd.Flags()); err != nil {
		return err
	}
	if err := c.takeArgs(cmd, args); err != nil {
		return err
	}
	return c.checkValues(cmd)
}

// checkValues finds what is wrong with the values of the flags.
func (c *devConfig) checkValues(cmd *cobra.Command) error {
	if c.Secure && cmd.Flags().Changed("listen") {
		c.secure()
	} else if c.Secure {
		c.Listen = []string{"tls:8443:interface=127.0.0.1"}
	}
	if err := c.listenConfig.check(cmd); err != nil {
		return err
	}
	if err := c.gateways.check(); err != nil {
		return err
	}
	if c.AppPort < 0 || c.AppPort > 65535 {
		return fmt.Errorf("--app-port %d: a port is from 1 to 65535", c.AppPort)
	}
	if c.Direct {
		if err := c.checkDirect(); err != nil {
			return err
		}
	}
	if _, _, err := net.SplitHostPort(c.Debugger); c.Debugger != "" && err != nil {
		return fmt.Errorf("--debugger %s: give it as an address and a port, as in 127.0.0.1:2345", c.Debugger)
	}
	if c.Workers < 1 {
		return fmt.Errorf("--workers %d: at least one", c.Workers)
	}
	if c.Threads < 1 {
		return fmt.Errorf("--threads %d: at least one", c.Threads)
	}
	return nil
}

// secure gives all TCP ports that have none TLS, with a certificate made on the spot.
func (c *devConfig) secure() {
	for i, text := range c.Listen {
		if e, err := reactor.ParseEndpoint(text); err == nil && isTCP(e) && e.TLS == nil { // what is none is told elsewhere
			e.TLS = new(reactor.TLSOptions)
			c.Listen[i] = e.String()
		}
	}
}

// checkDirect finds what can not be with --direct.
func (c *devConfig) checkDirect() error {
	switch {
	case c.AppPort != 0:
		return errors.New("--direct and --app-port contradict each other: the program is given an open socket")
	case len(c.Proxies)+len(c.gateways.Hosts)+len(c.Rewrites)+len(c.Forward) > 0:
		return errors.New("--direct: what comes to the port is the program's alone: no --proxy, --vhost, --rewrite or --forward-proxy")
	case len(c.Listen) != 1:
		return errors.New("--direct: there is one port that the program is given; give --listen once")
	}
	e, err := reactor.ParseEndpoint(c.Listen[0])
	if err == nil && (!isTCP(e) || e.TLS != nil) {
		err = fmt.Errorf("--direct: the program is given a TCP port without TLS, and --listen %s is none", c.Listen[0])
	}
	return err
}

// takeArgs divides the target from the program's arguments.
func (c *devConfig) takeArgs(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	switch {
	case c.Command:
		if len(args) > 0 {
			c.Target, c.Args = "", args
		}
		if len(c.Args) == 0 {
			return errors.New("--command: name it behind --, as in: spindle dev --command -- node server.js")
		}
		return nil
	case dash < 0 && len(args) > 1:
		return fmt.Errorf("there is one target, and %q is a second; arguments of the program stand behind --", args[1])
	case dash > 1:
		return fmt.Errorf("there is one target, and %q is a second", args[1])
	}
	if dash >= 0 {
		if dash < len(args) {
			c.Args = args[dash:]
		}
		args = args[:dash]
	}
	if len(args) == 1 {
		c.Target = args[0]
	}
	return nil
}

// options makes of the target and the rest what is to be run.
func (c *devConfig) options() (o dev.Options, app *pythonApp, err error) {
	here, err := os.Getwd()
	if err != nil {
		return o, nil, failure{err}
	}
	o = dev.Options{Dir: here, Args: c.Args, AppPort: c.AppPort, Exclude: c.Exclude, NoWitness: !c.Witness, Poll: c.Poll, Cover: c.Cover, Vet: c.Vet, Test: c.Test, Lint: c.Lint,
		Before: c.Before, After: c.After, Debugger: c.Debugger, Patience: c.Patience, Editor: c.Editor, Hosts: c.Hosts, NoReload: c.NoReload, Console: c.Console, Toolbar: c.Toolbar, BuildFlags: slices.Clone(c.Build)}
	if c.Patience == 0 {
		o.Patience = -1
	}
	if o.SlowRequest = c.Slow; c.Slow == 0 {
		o.SlowRequest = -1
	}
	o.Recordings, o.Messages = recordings.Reader{}, new(websocket.Decoders)
	if c.Locals {
		self, err := os.Executable()
		if err != nil {
			return o, nil, failure{err}
		}
		o.Inspect = inspect.New(self)
	} else {
		o.NotInspected = "--locals is off"
	}
	if c.Race {
		o.BuildFlags = append(o.BuildFlags, "-race")
	}
	if c.Cover {
		o.BuildFlags = append(o.BuildFlags, "-cover", "-covermode=atomic") // which counts anew when it is told to
	}
	for _, path := range c.Watch {
		o.Extra = append(o.Extra, absolute(here, path))
	}
	for _, path := range []string{c.JSON, c.LogFile} {
		if path != "" && path != "-" {
			o.Written = append(o.Written, absolute(here, path)) // or each event makes another
		}
	}
	for _, text := range c.Rules {
		rule, err := parseRule(text)
		if err != nil {
			return o, nil, err
		}
		o.Rules = append(o.Rules, rule)
	}
	for _, text := range c.With {
		name, run, ok := strings.Cut(text, "=")
		if !ok || name == "" || run == "" {
			return o, nil, fmt.Errorf("--with %s: give it as name=command", text)
		}
		o.With = append(o.With, dev.Companion{Name: name, Run: run})
	}
	for _, text := range c.Every {
		task, err := dev.ParseTask(text)
		if err != nil {
			return o, nil, fmt.Errorf("--every %s: %w", text, err)
		}
		o.Tasks = append(o.Tasks, task)
	}
	app, err = c.findTarget(&o)
	var more []string
	for _, path := range c.EnvFiles {
		path = absolute(here, path)
		if _, err := os.Stat(path); err != nil {
			return o, nil, failure{fmt.Errorf("--env-file %s: there is no such file", path)}
		}
		more = append(more, path)
	}
	if err == nil {
		err = c.checkEnvironment(o.Dir)
	}
	if app != nil {
		if check := app.djangoCheck(c, &o); check != nil {
			o.Checks = append(o.Checks, *check)
		}
	}
	o.Env = c.Env
	o.EnvFiles = dev.FindEnvFiles(o.Dir, c.Env, more)
	return o, app, err
}

func absolute(here, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(here, path)
}

// parseRule reads pattern=action[:command].
func parseRule(text string) (r dev.Rule, err error) {
	pattern, rest, ok := strings.Cut(text, "=")
	if !ok {
		return r, fmt.Errorf("--rule %s: give it as pattern=action, as in '*.scss=ignore:sass in.scss out.css'", text)
	}
	word, run, _ := strings.Cut(rest, ":")
	r = dev.Rule{Pattern: pattern, Run: strings.TrimSpace(run)}
	if r.Action, err = dev.ParseAction(strings.TrimSpace(word)); err != nil {
		return r, fmt.Errorf("--rule %s: %s", text, strings.TrimPrefix(err.Error(), "dev: "))
	}
	if err = r.Check(); err != nil {
		err = fmt.Errorf("--rule %s: %s", text, strings.TrimPrefix(err.Error(), "dev: "))
	}
	return r, err
}

// findTarget says what kind of thing the target is.
func (c *devConfig) findTarget(o *dev.Options) (*pythonApp, error) {
	target := c.Target
	if c.Command {
		o.Kind = dev.Command
		return nil, nil
	}
	if target == "" {
		var err error
		if target, err = guessTarget(o.Dir); err != nil {
			return nil, err
		}
	}
	path := absolute(o.Dir, target)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir() && (hasGo(path) || willHaveGo(path)), err == nil && filepath.Ext(path) == ".go":
		o.Kind, o.Package = dev.Go, target
		if filepath.IsAbs(target) || filepath.Ext(path) == ".go" {
			return nil, nil
		}
		if !strings.HasPrefix(target, ".") {
			o.Package = "./" + target
		}
		return nil, nil
	case err == nil && info.IsDir():
		o.Kind, o.Dir = dev.Files, path
		return nil, nil
	case err == nil && filepath.Ext(path) == ".py":
		o.Kind, o.Dir = dev.WSGI, filepath.Dir(path)
		return &pythonApp{target: filepath.Base(path)}, nil
	case err == nil:
		return nil, failure{fmt.Errorf("%s is neither a directory, nor a Go package, nor a Python file", target)}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, failure{err}
	case filepath.Ext(path) == ".py" && isDirectory(filepath.Dir(path)):
		o.Kind, o.Dir = dev.WSGI, filepath.Dir(path) // it may come
		return &pythonApp{target: filepath.Base(path)}, nil
	case strings.Contains(target, ":") || isModule(o.Dir, target):
		o.Kind = dev.WSGI
		return &pythonApp{target: target}, nil
	case strings.HasPrefix(target, ".") || strings.HasPrefix(target, "/") || filepath.Ext(path) == ".go" || !importable(o.Dir, target):
		return nil, failure{fmt.Errorf("there is no %s%s", target, whereTheNameEnds(path))}
	}
	o.Kind, o.Package = dev.Go, target // an import path: go list says if it is none
	return nil, nil
}

// guessTarget is what a directory is most likely about.
func guessTarget(dir string) (string, error) {
	if hasGo(dir) {
		return ".", nil
	}
	if mains, _ := filepath.Glob(filepath.Join(dir, "cmd", "*", "main.go")); len(mains) == 1 {
		return "./" + filepath.ToSlash(strings.TrimPrefix(filepath.Dir(mains[0]), dir+"/")), nil
	} else if len(mains) > 1 {
		var names []string
		for _, m := range mains {
			names = append(names, "./cmd/"+filepath.Base(filepath.Dir(m)))
		}
		return "", fmt.Errorf("there are several programs here; name one: %s", strings.Join(names, ", "))
	}
	for _, name := range []string{"wsgi.py", "app.py", "application.py", "main.py"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return name, nil
		}
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "*", "wsgi.py")); len(list) == 1 { // as Django makes it
		return filepath.Base(filepath.Dir(list[0])) + ".wsgi:application", nil
	}
	for _, name := range []string{"index.html", "public", "static", "www"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			if name == "index.html" {
				return ".", nil
			}
			return "./" + name, nil
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return ".", nil // it says what is missing, and waits for it
	}
	return "", errors.New("there is nothing here that spindle dev knows how to run: name a Go package, a Python file or a directory; 'spindle dev --help' tells more")
}

func hasGo(dir string) bool {
	list, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	return len(list) > 0
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// importable tells whether target, which is no file, may be the import path of a package: it
// begins with the name of a host, or with a name that the module around dir speaks of. In a
// workspace anything may.
func importable(dir, target string) bool {
	first, _, _ := strings.Cut(target, "/")
	if strings.Contains(first, ".") {
		return filepath.Ext(target) != ".py" && !strings.HasSuffix(target, "/")
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return true
		}
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && slices.ContainsFunc(strings.Fields(string(text)), func(word string) bool {
			return word == first || strings.HasPrefix(word, first+"/")
		}) {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

// willHaveGo tells of a module without any program yet, and without pages.
func willHaveGo(dir string) bool {
	_, noModule := os.Stat(filepath.Join(dir, "go.mod"))
	_, noPages := os.Stat(filepath.Join(dir, "index.html"))
	return noModule == nil && noPages != nil
}

// isModule tells whether name is a Python module below dir.
func isModule(dir, name string) bool {
	path := filepath.Join(dir, strings.ReplaceAll(name, ".", "/"))
	for _, p := range []string{path + ".py", filepath.Join(path, "__init__.py")} {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}
