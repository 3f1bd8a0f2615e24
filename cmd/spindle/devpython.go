package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
	"spindle/resource/wsgi"
	"spindle/site/dev"
)

// This file is a Python application under spindle dev: each generation has workers of its
// own.

// breakpointTime is how long a request may stand at a breakpoint.
const breakpointTime = time.Hour

// pythonApp is what was named.
type pythonApp struct{ target string }

// generations makes them.
func (p *pythonApp) generations(c *devConfig, o *dev.Options, said func(worker, line string), supervisor func() *dev.Supervisor) func(reactor.Loop, int) (dev.App, error) {
	var stem *wsgi.Stem
	return func(l reactor.Loop, n int) (dev.App, error) {
		if err := p.missing(o.Dir); err != nil {
			return dev.App{}, err
		}
		r, ok := l.(*reactor.Reactor)
		if !ok {
			return dev.App{}, fmt.Errorf("wsgi: on a %T no worker can run", l)
		}
		if stem == nil && c.Preload && runtime.GOOS == "linux" { // elsewhere libraries of the system do not bear a fork
			stem = newStem(r, supervisor)
		}
		a := wsgi.New(r, p.target)
		a.Stem, a.Fresh, a.Lives = stem, supervisor().ByHand(), keepGroup
		a.Dir, a.Env = o.Dir, append(o.Environment(), "SPINDLE_DEV=1") // as programs have it
		a.Workers, a.Threads = c.Workers, c.Threads
		a.StopTimeout = o.Patience
		a.Timeout = breakpointTime
		a.Logger = slog.New(withoutLoading{slog.Default().Handler()})
		a.Failed = func(r *resource.Request, e *wsgi.Exception) bool {
			supervisor().Witness(r, pythonTicket(e), pythonTalk{e})
			return true
		}
		words := new(lastWords)
		a.Output = func(worker string, line []byte) {
			words.add(line)
			said("python", string(line))
		}
		var err error
		if a.Python = c.Python; a.Python == "" {
			if a.Python, err = wsgi.FindPython(o.Dir, os.Environ()); err != nil {
				return dev.App{}, err
			}
		}
		ready := reactor.NewDeferred[struct{}]()
		a.Start().Then(func(wsgi.Info) { ready.Callback(struct{}{}) }, func(err error) { ready.Errback(pythonFailure(err, o.Dir)) })
		return dev.App{Root: a, Ready: ready, Words: words.String, Sources: a.Sources, Type: a.Type, Tree: func() *reactor.Deferred[outline.Node] { return drawPython(l, a) },
			Console: func() *reactor.Deferred[dev.Opened] {
				return reactor.Map(a.OpenConsole(), func(e *wsgi.Exception) (dev.Opened, error) {
					return dev.Opened{Ticket: pythonTicket(e), Talk: pythonTalk{e}}, nil
				})
			},
			Grow: func(told func()) { a.Grown = told }, Processes: func() []dev.ProcessState { return pythonProcesses(a) },
			Stop: func(time.Duration) *reactor.Deferred[struct{}] { return a.Stop() }}, nil
	}
}

// missing says that the file is not there, if one was named.
func (p *pythonApp) missing(dir string) error {
	name, _, _ := strings.Cut(p.target, ":")
	if !strings.HasSuffix(name, ".py") {
		return nil
	}
	path := absolute(dir, name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what else may be wrong the interpreter says
	}
	return &dev.Failure{Stage: "start", Title: name + " is not there", Dir: dir, Faults: []dev.Fault{{
		Message: "there is no file " + path, Mend: "write it: it is loaded as soon as it is there; or name another"}}}
}

// drawPython asks an application for its routes, in a process of its own.
func drawPython(l reactor.Loop, a *wsgi.App) *reactor.Deferred[outline.Node] {
	return reactor.DeferToThreadPool(l.ThreadPool(), func() (n outline.Node, err error) {
		c, err := wsgi.Script(a.Python, a.Dir, a.Env, behindScript+"\n"+routesScript, a.Target)
		if err != nil {
			return n, err
		}
		list, err := askRoutes(c, a.Target, nil)
		if err != nil {
			return n, err
		}
		return list.draw(), nil
	})
}

// newStem makes what workers are forked of.
func newStem(r *reactor.Reactor, supervisor func() *dev.Supervisor) *wsgi.Stem {
	s := wsgi.NewStem(r)
	s.Lives = keepGroup
	s.Notice = func(text string) { supervisor().Notice("Python: " + text) }
	return s
}

// keepGroup has no process outlive this one.
func keepGroup(pid int, lives bool) {
	if lives {
		dev.Keep(pid)
		return
	}
	if pid > 1 { // the process leads a group: what it has started ends with it
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	dev.Unkeep(pid)
}

// pythonProcesses is the workers, for a page.
func pythonProcesses(a *wsgi.App) (list []dev.ProcessState) {
	for _, w := range a.WorkerStates() {
		state := w.State
		if state == "up" {
			state = fmt.Sprintf("%d of %d threads busy", w.Busy, a.Threads)
		}
		list = append(list, dev.ProcessState{Name: "Python, " + w.Name, PID: w.PID, State: fmt.Sprintf("%s, %d served", state, w.Served)})
	}
	return list
}

// pythonFailure is why an application can not be loaded, with the place in its source.
func pythonFailure(err error, dir string) error {
	var load *wsgi.LoadError
	if !errors.As(err, &load) {
		return err
	}
	return &dev.Failure{Stage: "start", Title: load.Target + " can not be loaded", Output: load.Trace, Dir: dir,
		Faults: dev.PythonFaults(load.Trace, load.Reason, dir)}
}

// withoutLoading leaves out why an application can not be loaded, which is shown with its
// place.
type withoutLoading struct{ slog.Handler }

func (h withoutLoading) Handle(c context.Context, r slog.Record) error {
	if strings.Contains(r.Message, " can not be loaded: ") {
		return nil
	}
	return h.Handler.Handle(c, r)
}

// lastWords keeps the last lines that workers have printed.
type lastWords struct{ lines []string }

func (w *lastWords) add(line []byte) {
	const most = 100
	if len(w.lines) == most {
		w.lines = w.lines[:copy(w.lines, w.lines[1:])]
	}
	w.lines = append(w.lines, string(line))
}

func (w *lastWords) String() string { return strings.Join(w.lines, "\n") }
