package wsgi

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file is one worker process, from its start to its end.
//
//	starting ──loaded──▶ serving ──retire──▶ (last answers) ──stop──▶ exits
//	    └─ failed, dead ─────┴─ doomed: killed, or about to die ──▶ ended

// process is what is needed of a child process.
type process interface {
	Pid() int
	Signal(os.Signal) error
	Write(data []byte) // to its standard input
	LoseConnection()
}

// worker is one process. It is its protocol.
type worker struct {
	app     *App
	slot    *slot
	name    string
	process process
	control *control
	console *console // of a development server; nil otherwise
	output  output
	forked  bool // of the Stem

	links   []*link // all but those that we left
	idle    []*link // of links, those that wait for a request
	leaving []*link // left by us; the thread will make another
	slow    []*link // for which it is killed

	served   int // requests
	started  time.Time
	loaded   bool
	retiring bool
	stopping bool
	doomed   bool
	gone     bool
	cause    error      // why we kill it
	refusal  *LoadError // what it said of the loading
	timer    *reactor.DelayedCall
}

// The times that a process gets.
const (
	dieTimeout   = time.Second            // after SIGABRT, or the loss of a connection
	pipesTimeout = 500 * time.Millisecond // after its exit, for what it wrote last
)

// working is how many of its threads work.
func (w *worker) working() int {
	n := len(w.leaving)
	for _, l := range w.links {
		if l.working {
			n++
		}
	}
	return n
}

// takeIdle is a link that waits, the one that did last.
func (w *worker) takeIdle() *link {
	l := w.idle[len(w.idle)-1]
	w.idle = w.idle[:len(w.idle)-1]
	return l
}

// joined is told of a new link: of the beginning, or in place of one that we left.
func (w *worker) joined(l *link) {
	w.links = append(w.links, l)
	if len(w.leaving) > 0 {
		w.leaving[0].CancelTimeout()
		w.leaving = w.leaving[1:]
	}
}

// leaves is told of a link that we close while its thread works.
func (w *worker) leaves(l *link) {
	w.links = without(w.links, l)
	w.leaving = append(w.leaving, l)
}

func without(list []*link, l *link) []*link {
	return slices.DeleteFunc(list, func(other *link) bool { return other == l })
}

// ready is told of a link that waits for a request.
func (w *worker) ready(l *link) {
	if w.doomed || w.stopping {
		return
	}
	w.idle = append(w.idle, l)
	if most := w.app.MaxRequests; most > 0 && w.served >= most {
		w.slot.replace(w)
	}
	if w.retiring {
		w.checkRetired()
		return
	}
	w.app.serveQueue()
}

// hasLoaded is told that the application is there.
func (w *worker) hasLoaded(i Info) {
	if w.loaded || w.doomed || w.stopping {
		return
	}
	w.loaded = true
	w.timer.Cancel()
	w.slot.loaded(w, i)
}

// hasGrown is told of its size.
func (w *worker) hasGrown(bytes int64) {
	if most := w.app.MaxMemory; most > 0 && bytes >= most && w.loaded {
		w.slot.replace(w)
	}
}

// retire ends it when it has answered what it works on.
func (w *worker) retire() {
	w.retiring = true
	w.checkRetired()
}

func (w *worker) checkRetired() {
	if w.working() == 0 {
		w.stop()
	}
}

// stop tells it to exit: its threads when they have finished.
func (w *worker) stop() {
	if w.stopping || w.gone {
		return
	}
	w.stopping = true
	w.idle = nil
	w.control.close()
	for _, l := range w.links {
		l.t.LoseConnection()
	}
	w.setTimer(or(w.app.StopTimeout, defaultStopTimeout), func() {
		w.app.log().Warn("wsgi: a worker does not exit, and is killed", "worker", w.name, "process", w.process.Pid())
		w.signal(syscall.SIGKILL)
	})
}

// doom gives it up: it gets no further request, and another takes its place.
func (w *worker) doom(cause error) {
	if w.cause == nil {
		w.cause = cause
	}
	if w.doomed || w.gone {
		return
	}
	w.doomed = true
	w.idle = nil
	w.slot.lose(w)
}

// broke kills it: what it sends makes no sense.
func (w *worker) broke(err error) {
	w.doom(err)
	w.signal(syscall.SIGKILL)
}

// takesTooLong kills it for the request of l, or for its loading when l is nil. Before
// it dies it tells where it was.
func (w *worker) takesTooLong(l *link) {
	if l != nil {
		w.slow = append(w.slow, l)
		w.doom(fmt.Errorf("the application took more than %v", or(w.app.Timeout, defaultTimeout)))
	} else {
		w.doom(fmt.Errorf("it was not loaded after %v", or(w.app.StartTimeout, defaultStartTimeout)))
	}
	w.signal(syscall.SIGABRT)
	w.setTimer(dieTimeout, func() { w.signal(syscall.SIGKILL) })
}

// lost is told of a connection that the worker has closed: it is dying, or does what it
// must not.
func (w *worker) lost(l *link) {
	if l != nil {
		w.idle = without(w.idle, l)
	}
	if w.stopping || w.doomed || w.gone {
		return
	}
	w.doom(nil)
	w.setTimer(dieTimeout, func() {
		w.cause = fmt.Errorf("it closed its connection to the server")
		w.signal(syscall.SIGKILL)
	})
}

func (w *worker) setTimer(d time.Duration, f func()) {
	if w.timer != nil {
		w.timer.Cancel()
	}
	w.timer = w.app.loop.CallLater(d, f)
}

// signal sends a signal. That the process has gone meanwhile is fine.
func (w *worker) signal(sig syscall.Signal) {
	if w.process != nil && !w.gone {
		_ = w.process.Signal(sig)
	}
}

// lives tells of the process.
func (w *worker) lives(lives bool) {
	if f := w.app.Lives; f != nil {
		f(w.process.Pid(), lives)
	}
}

// isMisfit is told by a forked worker that it is not what it would be by itself: one with
// an interpreter of its own takes its place.
func (w *worker) isMisfit(why string) {
	if w.doomed || w.stopping || w.loaded || !w.forked {
		return
	}
	w.app.Stem.misfit(why)
	w.stopping = true
	w.signal(syscall.SIGKILL)
	w.slot.again(w)
}

// ProcessMade does nothing: the control is connected already. See
// reactor.ProcessProtocol.
func (w *worker) ProcessMade(*reactor.ChildProcess) {}

// OutReceived and ErrReceived take what the application prints.
func (w *worker) OutReceived(data []byte) { w.output.out.take(data, w.print) }

// ErrReceived is OutReceived for the standard error, whose end is kept.
func (w *worker) ErrReceived(data []byte) {
	w.output.keep(data)
	w.output.err.take(data, w.print)
}

// print tells of a line.
func (w *worker) print(line []byte) {
	if f := w.app.Output; f != nil {
		f(w.name, line)
		return
	}
	w.app.log().Info("wsgi: "+string(line), "worker", w.name)
}

// ProcessExited waits for the rest of what it wrote, though not for grandchildren that
// hold the pipes. See reactor.ExitProtocol.
func (w *worker) ProcessExited(reactor.ProcessStatus) {
	w.lives(false)
	w.setTimer(pipesTimeout, func() { w.process.LoseConnection() })
}

// ProcessEnded is the end. See reactor.ProcessProtocol.
func (w *worker) ProcessEnded(status reactor.ProcessStatus) {
	w.output.flush(w.print)
	w.gone = true
	if w.timer != nil {
		w.timer.Cancel()
	}
	w.control.close()
	if w.console != nil {
		w.console.close()
	}
	expected := w.stopping
	err := w.obituary(status)
	if !expected && w.loaded {
		w.app.log().Error("wsgi: a worker died", "worker", w.name, "why", err.Error())
	}
	w.failAll(err)
	w.slot.ended(w, err)
}

// obituary says how it ended.
func (w *worker) obituary(status reactor.ProcessStatus) error {
	end := status.String()
	if status.Signal == 0 && status.Code >= 0 {
		end = "it exited with status " + strconv.Itoa(status.Code)
	} else if status.Signal != 0 {
		end = "it was killed (" + status.Signal.String() + ")"
	}
	if w.cause != nil {
		end = w.cause.Error() + ", and " + end
	}
	return fmt.Errorf("wsgi: %s, process %d: %s", w.name, w.process.Pid(), end)
}

// failAll answers what it worked on.
func (w *worker) failAll(err error) {
	words := w.output.lastWords()
	for _, l := range append(w.links, w.leaving...) {
		l.CancelTimeout()
		x := l.x
		l.x = nil
		if !l.left {
			l.left = true
			l.t.AbortConnection()
		}
		switch {
		case x == nil:
		case slices.Contains(w.slow, l):
			x.fail(w.app.failure(504, "The application took too long.", err, words))
		default:
			x.fail(w.app.failure(502, "The application ended while it worked on this request.", err, words))
		}
	}
	w.links, w.leaving, w.idle = nil, nil, nil
}

// loadError is why it could not load the application.
func (w *worker) loadError(err error) *LoadError {
	if w.refusal != nil {
		return w.refusal
	}
	reason := strings.TrimPrefix(err.Error(), "wsgi: ")
	return &LoadError{Target: w.app.Target, Reason: "the process ended while it was loaded: " + reason, Trace: w.output.lastWords()}
}

// appFailed is the answer for an exception of the application, of which text is the
// traceback.
func (a *App) appFailed(text string) error {
	text = strings.TrimSpace(text)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return a.failure(500, "", fmt.Errorf("wsgi: %s", last), text)
}

var _ reactor.ExitProtocol = (*worker)(nil)
