package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
)

// Kind is what a target is.
type Kind uint8

// The kinds of targets.
const (
	Go      Kind = iota // a main package
	WSGI                // a Python application, hosted by this process
	Files               // a directory
	Command             // any program that listens at PORT
)

// Options says what is run, and how. The fields are not changed afterwards. Paths are
// absolute.
type Options struct {
	Kind    Kind
	Dir     string   // where it runs
	Source  string   // Go: where the go command runs; "" is Dir
	Package string   // Go: directory or import path, as seen from Source
	Args    []string // of the program; of Command, the words of it
	// App makes the tree of a WSGI application or of a directory for a generation; the
	// supervisor knows no kind of resource itself. For Files it is called once.
	App func(l reactor.Loop, n int) (App, error)
	// Proxy makes the resource that passes requests on to host:port. It asks unanswered before
	// it answers that there is no answer: true takes the request from it.
	Proxy func(addr string, secure bool, unanswered func(r *resource.Request, err error) bool) (resource.Resource, error)

	// Direct gives the public port, whose socket programs are given to accept at it
	// themselves; nil passes requests on to them. They have to take the socket over
	// (LISTEN_FDS) and to say when they are ready (NOTIFY_SOCKET). Requests do not come through
	// this process then: Root is to be served at another port, too.
	Direct func() *reactor.Port

	BuildFlags []string    // Go: for go build
	AppPort    int         // where the program listens, whatever PORT says; 0: it honours PORT
	Env        string      // name of the environment, which programs find in SPINDLE_ENV; "" leaves that as it is
	EnvFiles   []string    // later ones win; what is in the environment wins over all
	Extra      []string    // files and directories whose change starts the program again
	Exclude    []string    // patterns of what is not watched
	Written    []string    // files that this process writes, which are not watched
	Rules      []Rule      // before the standard ones
	With       []Companion // run beside the target
	Tasks      []Task      // run again and again beside the target
	Before     string      // a command that is run, by the shell, before each build
	After      string      // a command that is run, by the shell, when a new program answers
	Debugger   string      // Go: the address where Delve listens, attached to each new program; "" for none
	Optimised  bool        // Go: the own module is built as for production, so that variables may not be readable
	NoWitness  bool        // Go: a program of net/http is built as it is, without what tells of its panics and of its requests
	Cover      bool        // Go: programs count which of their statements have run
	Poll       bool        // look for changes, without events of the system
	Vet        bool        // go vet at the start and after each save
	Test       bool        // go test of the packages that were changed after each save
	Lint       string      // a command that looks at the source, run by the shell at the start and after each save
	Checks     []Check     // more of that kind

	// Patience is how long a program may take to end; 5 s. Negative: none.
	Patience time.Duration
	// Hold is how long a request waits for a program that is being built and started; 60 s.
	Hold time.Duration
	// Editor is the command that opens a file; "" means that of the environment.
	Editor string
	// Hosts are the names under which the program and the pages of the development server may
	// be asked for, beside those of this machine; .example.test is all that end so, * is any.
	Hosts []string
	// Highlight makes HTML of lines of a source, escaped; nil leaves them without colour.
	Highlight func(name string, lines []string) []string
	// Inspect looks into programs that have panicked; nil leaves their pages without
	// variables.
	Inspect Inspector
	// NotInspected is why Inspect is nil, and what can be done, for those pages.
	NotInspected string
	// SlowRequest is how long a request may take before its answer begins; what the program
	// did meanwhile is kept when it takes longer; 500 ms. Negative: that is not recorded.
	SlowRequest time.Duration
	// Recordings reads traces and profiles; nil leaves them to be downloaded.
	Recordings Recordings
	// Messages takes WebSockets apart; nil leaves them alone.
	Messages Messages
	// Connections tells how many connections are open, and how many of these are idle; nil
	// where that is not known. Loop only.
	Connections func() (open, idle int)
	// Console shows what the program prints in the console of pages on this machine, too.
	Console bool
	// Toolbar puts a line into a corner of each page that tells how it was made.
	Toolbar bool
	// NoReload leaves HTML as it is: no script is put into it.
	NoReload bool
}

// App is what a generation of an application that this process hosts consists of.
type App struct {
	Root resource.Resource
	// Ready gives when it can answer; nil: at once.
	Ready *reactor.Deferred[struct{}]
	// Stop ends it: requests under way may end, those left are cut after patience. May be
	// nil.
	Stop func(patience time.Duration) *reactor.Deferred[struct{}]
	// Sources is the files that it has loaded by now. May be nil.
	Sources func() []string
	// Grow has told called, on the loop, when Sources has become longer. May be nil.
	Grow func(told func())
	// Tree gives its routes as a tree, for a picture of what is within Root; its error is
	// that they are not known. May be nil.
	Tree func() *reactor.Deferred[outline.Node]
	// Type gives what somebody has typed to it; false when nothing of it reads. May be nil.
	Type func(text []byte) bool
	// Console opens a console in it while it runs. May be nil.
	Console func() *reactor.Deferred[Opened]
	// Words is the last of what it has printed. May be nil.
	Words func() string
	// Processes is its processes, as they are now. May be nil. Loop only.
	Processes func() []ProcessState
}

func (o *Options) patience() time.Duration {
	switch {
	case o.Patience == 0:
		return 5 * time.Second
	case o.Patience < 0:
		return 0
	}
	return o.Patience
}

func (o *Options) hold() time.Duration {
	if o.Hold == 0 {
		return 60 * time.Second
	}
	return o.Hold
}

// check tells what is wrong.
func (o *Options) check() error {
	info, err := os.Stat(o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("dev: there is no directory %s", o.Dir)
	case err != nil:
		return fmt.Errorf("dev: %w", err)
	case !info.IsDir():
		return fmt.Errorf("dev: %s is no directory", o.Dir)
	case o.Kind == Command && len(o.Args) == 0:
		return errors.New("dev: there is no command to run")
	case (o.Kind == Go || o.Kind == Command) && o.Proxy == nil:
		return errors.New("dev: Options.Proxy is not set")
	case o.Direct != nil && o.Kind != Go && o.Kind != Command:
		return errors.New("dev: there is no program that could be given the socket")
	case (o.Kind == WSGI || o.Kind == Files) && o.App == nil:
		return errors.New("dev: Options.App is not set")
	}
	for i := range o.Rules {
		if err := o.Rules[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// target makes what is to be run.
func (o *Options) target(s *Supervisor) (target, error) {
	switch o.Kind {
	case Go:
		source := o.Source
		if source == "" {
			source = o.Dir
		}
		return newGoTarget(s, source, o.Package, o.Args)
	case WSGI:
		return newAppTarget(s, o.Dir), nil
	case Files:
		return &dirTarget{s: s, dir: o.Dir}, nil
	}
	return &commandTarget{s: s, dir: o.Dir, words: o.Args}, nil
}

// environment is that of this process with the files' pairs, where it does not have them
// itself. What a file no longer says is no longer there. The errors say which files can
// not be read.
func (o *Options) environment() (env []string, errs []error) {
	env = inherited()
	if o.Env != "" {
		env = environ(env, map[string]string{EnvironmentVariable: o.Env})
	}
	own := map[string]string{}
	for _, e := range env {
		name, value, _ := cutEnv(e)
		own[name] = value
	}
	pairs := map[string]string{}
	isOwn := func(name string) (string, bool) { v, ok := own[name]; return v, ok }
	isRead := func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
	for _, path := range o.EnvFiles {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var read []string
		if err == nil {
			if read, err = ParseEnv(string(text), isOwn, isRead); err != nil {
				err = fmt.Errorf("%s, %w", path, err)
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, e := range read {
			name, value, _ := cutEnv(e)
			pairs[name] = value
		}
	}
	var names []string
	for k := range pairs {
		if _, ok := own[k]; !ok {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		env = append(env, k+"="+pairs[k])
	}
	return env, errs
}

// EnvironmentVariable names the environment that a program is to run in: test, staging.
const EnvironmentVariable = "SPINDLE_ENV"

// FindEnvFiles is the files of variables that are there or may come to be, in the order in
// which they count: .env, .env.local, for an environment that has a name .env.NAME and
// .env.NAME.local, and the given ones. A later one wins.
func FindEnvFiles(dir, name string, more []string) []string {
	list := []string{filepath.Join(dir, ".env"), filepath.Join(dir, ".env.local")}
	if name != "" {
		list = append(list, filepath.Join(dir, ".env."+name), filepath.Join(dir, ".env."+name+".local"))
	}
	return append(list, more...)
}

// Environment is what programs are given: that of this process, and the files'.
func (o *Options) Environment() []string {
	env, _ := o.environment()
	return env
}

// CheckEnvFiles tells which of EnvFiles can not be read. One that is not there is no error.
func (o *Options) CheckEnvFiles() error {
	_, errs := o.environment()
	return errors.Join(errs...)
}

// Supervised tells whether this process was started by a development server.
func Supervised() bool { return os.Getenv(supervisedVariable) != "" }

// supervisedVariable is set for programs.
const supervisedVariable = "SPINDLE_DEV"
