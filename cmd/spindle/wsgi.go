package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/static"
	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file is spindle wsgi: an application of Python, and directories beside it.

// wsgiConfig is what the flags ask for.
type wsgiConfig struct {
	listenConfig
	Target      string
	Python      string
	Dir         string
	Environment string // name; "" for none
	EnvFiles    []string
	Static      []string // URL=DIR
	Workers     int
	Threads     int
	MaxRequests int
	MaxMemory   int64 // MiB
	MaxBody     int64 // MiB; 0: no limit
	Timeout     time.Duration
	Debug       bool

	env  []string    // with that of EnvFiles; nil without
	dirs [][2]string // of Static: path and directory
}

func defaultWSGIConfig() *wsgiConfig {
	return &wsgiConfig{listenConfig: defaultListenConfig(), Workers: 1, Threads: 4, MaxBody: 1024, Timeout: time.Minute}
}

const wsgiLong = `Serve an application of Python: anything with a WSGI callable, such as Django, Flask,
Bottle, CherryPy, Pyramid or a function of your own. It is named as

  shop.wsgi:application         a callable in a module
  app                           the same, called application or app
  app:create_app()              what makes it
  path/app.py:app               in a file

It runs in worker processes of the interpreter that --python names; else that of the
virtual environment which is active, of .venv or venv in the directory, or python3.
What the workers print goes to standard error. A worker that dies is started again.

With --env NAME its variables are read from .env, .env.local, .env.NAME and
.env.NAME.local in the directory where it runs: a later one wins, and what is set already
wins over all. The application finds NAME in SPINDLE_ENV. Files of --env-file win over
what is set.

With --debug the pages of errors show tracebacks, and the server stays when the
application can not be loaded: the page then says why, and each request tries again.
SIGHUP loads the application anew without a pause, and opens --log-file and --error-log
again; SIGUSR1 opens them alone. The flags about listening, and about running as a service
(--daemon, --pid-file, --user), are those of 'spindle web', whose help explains them.

It exits with 2 when the command line is wrong, with 1 when the application can not be
loaded or the system refuses something, else with 0.`

const wsgiExample = `  spindle wsgi app:app
  spindle wsgi mysite.wsgi --chdir ./mysite --static /static=./mysite/static
  spindle wsgi shop:app --workers 4 --threads 1 --listen tcp:8080 --env-file .env
  spindle wsgi app.py --debug --open`

func newWSGI(start func(*wsgiConfig) error) *cobra.Command {
	c := defaultWSGIConfig()
	cmd := &cobra.Command{
		Use:     "wsgi MODULE:CALLABLE",
		Short:   "Serve an application of Python",
		Long:    wsgiLong,
		Example: wsgiExample,
		Args:    oneTarget,

		ValidArgsFunction: cobra.FixedCompletions([]string{"py"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Target = args[0]
			if err := c.check(cmd); err != nil {
				return err
			}
			return start(c)
		},
	}
	f := cmd.Flags()
	c.addFirstFlags(f)
	c.addWSGIFlags(f)
	c.addLogFlags(f)
	c.addServiceFlags(f, &c.mailConfig)
	c.addLastFlags(f)
	complete(cmd, serviceCompletions(), completions{"python": files, "chdir": directories, "env": completeEnvironments, "env-file": files,
		"static": cobra.NoFileCompletions, "workers": fixed("1", "2", "4"), "threads": fixed("1", "4", "8"),
		"max-requests": fixed("1000", "10000"), "max-memory": fixed("256", "512"), "timeout": fixed("30s", "1m", "5m"),
		"max-body": fixed("0\tno limit", "32", "1024")})
	return cmd
}

func oneTarget(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("name the application, as in 'spindle wsgi app:application'")
	case len(args) > 1:
		return fmt.Errorf("one application is served, and %q is a second one", args[1])
	}
	return nil
}

func (c *wsgiConfig) addWSGIFlags(f *pflag.FlagSet) {
	f.StringVar(&c.Python, "python", "", "`interpreter` that runs it (default: of the virtual environment, else python3)")
	f.StringVar(&c.Dir, "chdir", "", "`directory` where it runs, and where its modules are looked for first (default here)")
	f.IntVar(&c.Workers, "workers", c.Workers, "`number` of worker processes")
	f.IntVar(&c.Threads, "threads", c.Threads, "`number` of threads of each, which is how many requests it works on at a time")
	f.StringArrayVar(&c.Static, "static", nil, "`URL=DIR`: serve the files of a directory below a path, without the application; may be given several times")
	f.StringVar(&c.Environment, envKey, "", "`name` of the environment, as test or staging, whose files of variables are read")
	f.StringArrayVar(&c.EnvFiles, "env-file", nil, "`file` with variables of its environment, a NAME=value a line; may be given several times")
	f.DurationVar(&c.Timeout, "timeout", c.Timeout, "`time` that it may take to go on with a request; 0 is for ever")
	f.IntVar(&c.MaxRequests, "max-requests", 0, "replace a worker after this `number` of requests (default never)")
	f.Int64Var(&c.MaxMemory, "max-memory", 0, "replace a worker that has so many `MiB` in memory (default never)")
	f.Int64Var(&c.MaxBody, "max-body", c.MaxBody, "`MiB` that the content of a request may have; 0 is no limit")
	f.BoolVar(&c.Debug, "debug", false, "show tracebacks on the pages of errors, and stay when the application can not be loaded")
}

// check tells what is wrong with the command line, and reads what it names.
func (c *wsgiConfig) check(cmd *cobra.Command) error {
	if err := c.listenConfig.check(cmd); err != nil {
		return err
	}
	if module, _, _ := strings.Cut(c.Target, ":"); module == "" {
		return fmt.Errorf("%q names no module; give it as 'module:callable'", c.Target)
	}
	for flag, n := range map[string]int64{"--workers": int64(c.Workers - 1), "--threads": int64(c.Threads - 1),
		"--max-requests": int64(c.MaxRequests), "--max-memory": c.MaxMemory, "--max-body": c.MaxBody, "--timeout": int64(c.Timeout)} {
		if n < 0 {
			return fmt.Errorf("%s: that is too little", flag)
		}
	}
	if err := c.readStatic(); err != nil {
		return err
	}
	if c.Dir != "" {
		if err := checkDirectory("--chdir", c.Dir); err != nil {
			return err
		}
	}
	if err := c.readEnvironment(); err != nil {
		return err
	}
	return c.readEnv()
}

// readEnvironment reads the files of the environment that is named.
func (c *wsgiConfig) readEnvironment() error {
	if c.Environment == "" {
		return nil
	}
	dir := cmp.Or(c.Dir, ".")
	if err := knownEnvironment(c.Environment, "--env "+c.Environment, environmentsIn(dir), fmt.Sprintf("a file .env.%s makes one", c.Environment)); err != nil {
		return err
	}
	o := dev.Options{Env: c.Environment, EnvFiles: dev.FindEnvFiles(dir, c.Environment, nil)}
	if err := o.CheckEnvFiles(); err != nil {
		return failure{err}
	}
	c.env = o.Environment()
	return nil
}

// readEnv reads the files of variables.
func (c *wsgiConfig) readEnv() error {
	for _, name := range c.EnvFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			return failure{fmt.Errorf("--env-file %s: %w", name, errors.Unwrap(err))}
		}
		env, err := dev.ParseEnv(string(text), nil, os.LookupEnv)
		if err != nil {
			return fmt.Errorf("--env-file %s, %w", name, err)
		}
		if c.env == nil {
			c.env = os.Environ()
		}
		c.env = append(c.env, env...)
	}
	return nil
}

// readStatic reads --static.
func (c *wsgiConfig) readStatic() error {
	for _, text := range c.Static {
		url, dir, ok := strings.Cut(text, "=")
		if !ok || strings.Trim(url, "/") == "" || dir == "" {
			return fmt.Errorf("--static %q: give it as '/url=directory'", text)
		}
		if err := checkDirectory("--static", dir); err != nil {
			return err
		}
		c.dirs = append(c.dirs, [2]string{url, dir})
	}
	return nil
}

// serveWSGI runs spindle wsgi until a signal ends it.
func serveWSGI(c *wsgiConfig, out, errs *os.File) error {
	if started, err := c.detach(out, errs); started || err != nil {
		return err
	}
	s := newServer(&c.listenConfig, out, errs)
	s.debug, s.later = c.Debug, true
	s.tree = func(m *member) (resource.Resource, *start) { return s.application(m, c), nil }
	return s.run()
}

// application is the tree of spindle wsgi, whose workers it starts.
func (s *server) application(on *member, c *wsgiConfig) resource.Resource {
	a := wsgi.New(on.loop, c.Target)
	a.Python, a.Dir, a.Env = c.Python, c.Dir, c.env
	if c.identity != nil {
		a.Env = c.identity.Environment(c.env)
	}
	a.Workers, a.Threads = c.Workers, c.Threads
	a.MaxRequests, a.MaxMemory, a.MaxBodyBytes = c.MaxRequests, c.MaxMemory<<20, c.MaxBody<<20
	if a.Timeout = c.Timeout; a.Timeout == 0 {
		a.Timeout = -1
	}
	if a.MaxBodyBytes == 0 {
		a.MaxBodyBytes = -1
	}
	a.Debug = c.Debug
	a.Output = func(worker string, line []byte) { fmt.Fprintf(s.errs, "[%s] %s\n", worker, line) }
	s.what = c.Target
	loaded := reactor.NewDeferred[struct{}]() // who waits for the server waits for this
	on.loop.AddSystemEventTrigger(reactor.Before, reactor.Startup, func() *reactor.Deferred[struct{}] { return loaded })
	s.begin = append(s.begin, func() {
		a.Start().Then(func(i wsgi.Info) {
			s.what = fmt.Sprintf("%s with Python %s (%s), %s", c.Target, i.Version, i.Python, processesAndThreads(c.Workers, c.Threads))
			s.announce()
			loaded.Callback(struct{}{})
		}, func(err error) {
			if s.notLoaded(c, err) {
				loaded.Callback(struct{}{})
			}
		})
	})
	reloadOn(on, a)
	m := &mounts{rest: a}
	for _, one := range c.dirs {
		d := static.New(one[1])
		d.Precompressed = []string{".br", ".zst", ".gz"}
		m.add(one[0], "", d)
	}
	return m
}

// processesAndThreads is how many requests a Python application works on at a time, for a banner.
func processesAndThreads(workers, threads int) string {
	return counted(int64(workers), "worker") + " with " + counted(int64(threads), "thread")
}

// notLoaded ends the server, or in debug mode goes on to show why.
func (s *server) notLoaded(c *wsgiConfig, err error) (goesOn bool) {
	text := withoutPackage(err)
	var why *wsgi.LoadError
	if errors.As(err, &why) && why.Trace != "" {
		text += "\n\n" + why.Trace
	}
	if !c.Debug {
		s.fail(failure{errors.New(text)})
		return false
	}
	fmt.Fprintf(s.errs, "spindle: %s\n", text)
	s.announce()
	return true
}

// reloadOn has SIGHUP load the application anew.
func reloadOn(m *member, a *wsgi.App) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	go func() {
		for range c {
			m.loop.CallFromThread(a.Reload)
		}
	}()
}
