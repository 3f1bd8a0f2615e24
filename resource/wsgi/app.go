package wsgi

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file is the resource: what is set, and how a request comes to a worker. The life
// of a request there is in exchange.go, that of the workers in pool.go.

// App is a WSGI application as a leaf. The fields are set before Start, or before the
// first request, and not changed afterwards; zero means the default that stands beside
// each. An App belongs to one loop. Loop only.
type App struct {
	resource.Leaf

	// Target is the application: "module:callable", "package.module:object.attribute",
	// "module:factory()", "path/file.py:callable". Without a callable it is
	// application, or app.
	Target string
	// Python is the interpreter; see FindPython for the default.
	Python string
	// Dir is where the workers run, which is the first place where modules are looked
	// for; "" is here.
	Dir string
	// Env is the environment of the workers, as key=value; nil is that of this process.
	Env []string
	// Workers is the number of processes; 1.
	Workers int
	// Threads is the number of threads of each; 1. An application that is not made for
	// threads runs in one.
	Threads int
	// MaxRequests is after how many requests a worker is replaced; never.
	MaxRequests int
	// MaxMemory is at how many bytes in memory a worker is replaced; never.
	MaxMemory int64
	// Timeout is how long the application may work without sending anything or reading
	// any content; 60 s; negative means for ever. Beyond: 504, and the worker is killed.
	// To wait for a slow client is not work.
	Timeout time.Duration
	// StartTimeout is how long the loading of the application may take; 60 s.
	StartTimeout time.Duration
	// StopTimeout is how long a worker may take to exit when it is told to; 10 s. Beyond
	// it is killed.
	StopTimeout time.Duration
	// MaxQueue is how many requests may wait for a worker; 256. Beyond: 503.
	MaxQueue int
	// QueueTimeout is how long; 30 s. Beyond: 503.
	QueueTimeout time.Duration
	// MaxBodyBytes limits the content of a request, which is never stored here; 1 GiB.
	// Negative means no limit. Beyond: 413.
	MaxBodyBytes int64
	// User is REMOTE_USER, as the authentication before this resource knows it; nil, or
	// "", for none.
	User func(r *resource.Request) string
	// Debug has error pages of a Site with Debug show the traceback, or the last words
	// of a worker that died; they go to its log in any case. A request to an application
	// that could not be loaded has it loaded anew.
	Debug bool
	// Failed is for a development server: with it workers keep the frames of exceptions,
	// whose variables can be looked at and whose code can be run on. It is told of an
	// exception in place of the stock page, when nothing is answered yet; true means that
	// it answers. nil: workers know nothing of all that.
	Failed func(r *resource.Request, e *Exception) bool
	// Stem forks the workers, where it can; it is for Apps with Failed, and lives on from one
	// to the next. nil starts an interpreter for each.
	Stem *Stem
	// Fresh starts an interpreter for each worker all the same, of which the Stem is told.
	Fresh bool
	// Lives is told of the processes of workers, when one begins and when it has ended; each
	// is the first of a group. May be nil.
	Lives func(pid int, lives bool)
	// Output takes a line that a worker has written to its standard output or error,
	// without the line feed and valid until return; nil has Logger log it.
	Output func(worker string, line []byte)
	// Grown is told when Sources has become longer. May be nil.
	Grown func()
	// Logger takes what goes wrong; nil is slog.Default().
	Logger *slog.Logger

	loop    reactor.Loop
	launch  func(w *worker) error // starts the process of w
	adopt   func(f *os.File, p reactor.Protocol) error
	slots   []*slot
	workers []*worker // all whose process is not ended
	queue   queue
	pending *exchange // told of by HeadReceived, for the Render that follows
	started *reactor.Deferred[Info]
	told    bool                        // started has been
	sources map[string]bool             // files that workers have loaded
	broken  *LoadError                  // why no application is there, nil when it is or may be
	stopped *reactor.Deferred[struct{}] // nil before Stop

	entryTimeout time.Duration // of the console; 0 is the default
	ended        bool          // stopped has been told
}

// New makes an App on r for a target, with every setting at its default. Its workers end
// with r.
func New(r *reactor.Reactor, target string) *App {
	a := &App{Target: target, loop: r}
	a.launch = func(w *worker) error { return w.spawn(r) }
	a.adopt = func(f *os.File, p reactor.Protocol) error {
		return r.AdoptConnection(f, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return p }))
	}
	return a
}

// Info is what is known of an application that has been loaded.
type Info struct {
	Python  string // the interpreter
	Version string // of it, as in "3.11.2"
	File    string // of the application's module
}

// LoadError is why an application can not be loaded.
type LoadError struct {
	Target string
	Reason string // in a line, with file and line where there is one
	Trace  string // the traceback, or the last words of the process; may be empty
}

// Error is target and reason.
func (e *LoadError) Error() string {
	return fmt.Sprintf("wsgi: %s can not be loaded: %s", e.Target, e.Reason)
}

// HeadReceived takes the content as it comes. See resource.HeadReceiver.
func (a *App) HeadReceived(r *resource.Request) error {
	switch limit := a.MaxBodyBytes; {
	case limit == 0:
		r.SetBodyLimit(defaultMaxBody)
	default:
		r.SetBodyLimit(limit)
	}
	x := &exchange{app: a, r: r}
	a.pending = x
	if r.Head().ContentLength != 0 {
		x.hasContent = true
		r.StreamBody(x.content, x.contentEnd)
	}
	return nil
}

// Render has a worker answer.
func (a *App) Render(r *resource.Request) ([]byte, error) {
	x := a.pending
	if a.pending = nil; x == nil || x.r != r {
		return nil, fmt.Errorf("wsgi: Render without HeadReceived; a resource that stands before an App passes both on")
	}
	if a.started == nil {
		a.Start()
	}
	if a.stopped != nil {
		return nil, busy("The application is being stopped.")
	}
	if err := a.unloaded(); err != nil {
		return nil, err
	}
	if l := a.idleLink(); l != nil {
		l.begin(x)
	} else if err := a.enqueue(x); err != nil {
		return nil, err
	}
	r.NotifyLost(x.finished)
	return nil, resource.NotDoneYet
}

// unloaded is the answer while there is no application. In debug mode it is loaded
// anew, which the request waits for.
func (a *App) unloaded() error {
	if a.broken == nil {
		return nil
	}
	if a.Debug {
		a.retry()
		return nil
	}
	return a.failure(500, "The application can not be loaded.", a.broken, a.broken.Trace)
}

// failure is an error whose page shows words, if that is wanted.
func (a *App) failure(status int, detail string, err error, words string) error {
	if a.Debug && words != "" {
		err = fmt.Errorf("%w\n\n%s", err, words)
	}
	return &resource.Error{Status: status, Detail: detail, Err: err}
}

// busy is 503 for a client that should try again.
func busy(detail string) error {
	return &resource.Error{Status: 503, Detail: detail, Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}
}

// State is how it does, for a person: its workers, and what they do. Loop only.
func (a *App) State() string {
	switch {
	case a.stopped != nil:
		return "stopped"
	case a.started == nil:
		return "not started yet"
	case a.broken != nil:
		return "can not be loaded"
	}
	serving, starting, busy := 0, 0, 0
	for _, s := range a.slots {
		switch {
		case s.current != nil:
			serving++
			busy += s.current.working()
		case s.next != nil:
			starting++
		}
	}
	text := fmt.Sprintf("%d of %d workers up", serving, len(a.slots))
	if starting > 0 {
		text += fmt.Sprintf(", %d starting", starting)
	}
	return fmt.Sprintf("%s, %d under way, %d waiting", text, busy, len(a.queue.list))
}

// WorkerState is how one worker process does.
type WorkerState struct {
	Name   string
	PID    int
	Served int    // requests
	Busy   int    // threads that work
	State  string // "up", "loading", "ending"
}

// WorkerStates is the worker processes that there are. Loop only.
func (a *App) WorkerStates() []WorkerState {
	var list []WorkerState
	for _, w := range a.workers {
		if w.process == nil || w.gone {
			continue
		}
		s := WorkerState{Name: w.name, PID: w.process.Pid(), Served: w.served, Busy: w.working(), State: "up"}
		switch {
		case w.retiring || w.stopping || w.doomed:
			s.State = "ending"
		case !w.loaded:
			s.State = "loading"
		}
		list = append(list, s)
	}
	return list
}

// idleLink is a link that waits for a request, of the worker that has least to do.
func (a *App) idleLink() *link {
	var best *worker
	for _, s := range a.slots {
		if w := s.current; w != nil && len(w.idle) > 0 && (best == nil || w.working() < best.working()) {
			best = w
		}
	}
	if best == nil {
		return nil
	}
	return best.takeIdle()
}

// The defaults.
const (
	defaultTimeout      = 60 * time.Second
	defaultStartTimeout = 60 * time.Second
	defaultStopTimeout  = 10 * time.Second
	defaultQueue        = 256
	defaultQueueTimeout = 30 * time.Second
	defaultMaxBody      = 1 << 30
)

// or is d, or when that is zero the default.
func or(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

// mode is what the program of the workers is told of Failed and Stem.
func (a *App) mode() string {
	switch {
	case a.Failed == nil:
		return ""
	case a.Stem == nil:
		return "developed"
	}
	return "sampled"
}

// stem is the Stem, if there is one for workers of a development server.
func (a *App) stem() *Stem {
	if a.Failed == nil {
		return nil
	}
	return a.Stem
}

func (a *App) log() *slog.Logger {
	if a.Logger != nil {
		return a.Logger
	}
	return slog.Default()
}

var (
	_ resource.Renderer     = (*App)(nil)
	_ resource.HeadReceiver = (*App)(nil)
)
