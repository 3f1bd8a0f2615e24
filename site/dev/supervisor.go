package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
)

// This file decides: what a change asks for, when something is built and started, which
// generation answers, and what is told of it.

// Supervisor runs a target and keeps it running, through every change of its files. Loop
// only.
type Supervisor struct {
	loop    reactor.Loop
	opts    Options
	target  target
	watcher *Watcher
	base    string // a private directory, for sockets
	live    *events.Events
	front   *front
	reports *reports // nil where there can not be any
	tickets tickets
	console *console

	current    generation // that answers; nil for none
	serves     resource.Resource
	next       generation // that is being started
	made       starter    // the last that could be made
	good       starter    // the last that answered
	restored   bool       // next is good once more, since what is newer does not run
	number     int        // of the last generation
	answers    int        // of the one that answers
	failure    *Failure   // why what is there now does not run; nil when it does
	making     bool
	since      time.Time // of the change that is being worked on
	draining   []generation
	waiting    []*reactor.Deferred[resource.Resource]
	queued     []Change // while paused
	paused     bool
	closing    bool
	commands   map[string]*command // of rules, by what they run
	checks     *command            // go vet, tests
	companions []*beside
	crashes    int
	upSince    time.Time
	listener   []func(Event)
}

// New makes a supervisor for what o names. It begins with Start.
func New(l reactor.Loop, o Options) (*Supervisor, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp("", "spindle-dev-")
	if err != nil {
		return nil, err
	}
	s := &Supervisor{loop: l, opts: o, base: base, commands: map[string]*command{}}
	if s.target, err = o.target(s); err != nil {
		_ = os.RemoveAll(base)
		return nil, err
	}
	s.begin()
	return s, nil
}

// begin makes what does not depend on the target.
func (s *Supervisor) begin() {
	s.live = events.New(s.loop)
	s.console = newConsole(s)
	s.front = newFront(s)
	if p, err := newReports(s); err == nil {
		s.reports = p
	}
	s.loop.AddSystemEventTrigger(reactor.Before, reactor.Shutdown, s.shutdown)
}

// Root is the tree that the public port serves: the program, and the pages of the
// development server.
func (s *Supervisor) Root() resource.Resource { return s.front }

// Describe names what is run, for a person.
func (s *Supervisor) Describe() string { return s.target.describe() }

// Listen has f told of every event.
func (s *Supervisor) Listen(f func(Event)) { s.listener = append(s.listener, f) }

// Start begins.
func (s *Supervisor) Start() {
	s.watcher = NewWatcher(s.loop, s.opts.Poll, s.onChanges, func(err error) { s.notice(err.Error()) })
	s.watchAnew()
	s.watcher.WhenReady(func() {
		s.tell(Event{Kind: EventWatching, Files: s.watcher.Files()})
	})
	s.since = s.loop.Now()
	s.startCompanions()
	s.make()
}

// watchAnew watches what the target names now.
func (s *Supervisor) watchAnew() {
	if s.watcher == nil {
		return
	}
	w := s.target.watch()
	for _, path := range s.opts.Extra {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			w.Trees = append(w.Trees, path)
		} else {
			w.Dirs = append(w.Dirs, filepath.Dir(path))
		}
	}
	for _, path := range s.opts.EnvFiles {
		w.Dirs = append(w.Dirs, filepath.Dir(path))
	}
	skip := w.Skip
	w.Skip = func(path string, dir bool) bool {
		for _, e := range s.opts.Exclude {
			if r := (Rule{Pattern: e}); r.matches(relativeTo(s.target.root(), path)) {
				return true
			}
		}
		return skip != nil && skip(path, dir)
	}
	s.watcher.Set(w)
}

func relativeTo(root, path string) string {
	if rel, err := filepath.Rel(root, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// onChanges does what the changes ask for.
func (s *Supervisor) onChanges(changes []Change) {
	if s.closing {
		return
	}
	if s.paused {
		s.queued = append(s.queued, changes...)
		return
	}
	action := Ignore
	var paths []string
	var rebuilt, swapped []Change
	for _, c := range changes {
		if t, ok := s.target.(*goTarget); ok && s.opts.Test && strings.HasSuffix(c.Path, "_test.go") {
			t.touched[packageDir(t.dir, c.Path)] = true
			s.check()
		}
		a, run := s.actionFor(c.Path)
		if run != "" {
			s.runCommand(run)
		}
		if a == Ignore {
			continue
		}
		paths = append(paths, c.Path)
		action = max(action, a)
		switch a {
		case Rebuild:
			rebuilt = append(rebuilt, c)
		case Swap:
			swapped = append(swapped, c)
		}
	}
	if action == Ignore {
		return
	}
	s.tell(Event{Kind: EventChange, Paths: paths, Action: action.String()})
	s.act(action, rebuilt, swapped)
}

// act does the most that was asked for: the rest follows from it.
func (s *Supervisor) act(action Action, rebuilt, swapped []Change) {
	switch action {
	case Rebuild:
		s.target.changed(rebuilt)
		s.since = s.loop.Now()
		s.crashes = 0
		s.make()
		s.check()
	case Restart:
		s.since = s.loop.Now()
		s.crashes = 0
		s.restart()
	case Reload:
		s.tell(Event{Kind: EventReload})
	case Swap:
		var paths []string
		for _, c := range swapped {
			paths = append(paths, "/"+relativeTo(s.target.root(), c.Path))
		}
		s.tell(Event{Kind: EventSwap, Paths: paths})
	}
}

// actionFor is what a change of path asks for, and what is to be run.
func (s *Supervisor) actionFor(path string) (a Action, run string) {
	if r := ruleFor(s.opts.Rules, s.target.root(), path); r != nil {
		return r.Action, r.Run
	}
	if a = s.target.judge(path); a != Ignore {
		return a, ""
	}
	if slices.Contains(s.opts.EnvFiles, path) || slices.Contains(s.opts.Extra, path) {
		return Restart, ""
	}
	if r := ruleFor(standardRules, s.target.root(), path); r != nil {
		return r.Action, ""
	}
	return Ignore, ""
}

// make has the target made, and started when it is.
func (s *Supervisor) make() {
	s.target.cancel()
	s.making = true
	s.tell(Event{Kind: EventBuild})
	if s.opts.Before == "" {
		s.makeNow()
		return
	}
	s.before()
}

// before runs the command that comes before a build.
func (s *Supervisor) before() {
	text := s.opts.Before
	if was := s.commands[text]; was != nil {
		was.kill()
	}
	run, err := runCommand(s.loop, s.target.root(), s.env(), "/bin/sh", "-c", text)
	if err != nil {
		s.making = false
		s.failed(asFailure(err, "build"))
		return
	}
	s.commands[text] = run
	run.result.Then(func(c *command) {
		if s.commands[text] != c || c.killed {
			return
		}
		delete(s.commands, text)
		if !c.ok() {
			s.making = false
			out := string(c.errs) + string(c.out)
			s.failed(&Failure{Stage: "build", Title: text + ": " + c.status.String(), Output: out, Faults: parseGoOutput(out, s.target.root()), Dir: s.target.root()})
			return
		}
		s.makeNow()
	}, nil)
}

// makeNow makes the target.
func (s *Supervisor) makeNow() {
	began := s.loop.Now()
	s.target.make().Then(func(m starter) {
		s.making = false
		s.made = m
		s.tell(Event{Kind: EventBuilt, Cached: m.cached, Took: s.loop.Now().Sub(began)})
		s.start()
	}, func(err error) {
		if errors.Is(err, errGivenUp) {
			return
		}
		s.making = false
		s.failed(asFailure(err, "build"))
	})
}

// restart starts what was made once more.
func (s *Supervisor) restart() {
	if s.making {
		return // it will be started when it is made
	}
	if s.made.start == nil {
		s.make()
		return
	}
	s.start()
}

// Restart starts the program again; it is built first if it could not be. Loop only.
func (s *Supervisor) Restart() {
	if s.closing {
		return
	}
	s.crashes = 0
	s.since = s.loop.Now()
	s.tell(Event{Kind: EventChange, Action: Restart.String()})
	s.restart()
}

// start begins the next generation. One that was being started is given up.
func (s *Supervisor) start() {
	if s.next != nil {
		s.retire(s.next)
		s.next, s.restored = nil, false
	}
	if s.current != nil && s.current.alone() {
		was := s.current
		s.current, s.serves = nil, nil
		was.over().Then(func(string) { s.startNow() }, nil)
		was.stop(s.opts.patience())
		return
	}
	s.startNow()
}

// startNow starts it.
func (s *Supervisor) startNow() {
	if s.closing || s.next != nil {
		return
	}
	s.number++
	n := s.number
	g, err := s.made.start(n)
	if err != nil {
		s.failed(asFailure(err, "start"))
		return
	}
	s.next = g
	s.tell(Event{Kind: EventStart, Generation: n, PID: g.pid()})
	g.ready().Then(func(root resource.Resource) { s.isReady(n, g, root) }, func(err error) { s.notReady(n, g, err) })
	g.over().Then(func(how string) { s.over(n, g, how) }, nil)
}

// isReady has g answer from now on.
func (s *Supervisor) isReady(n int, g generation, root resource.Resource) {
	if s.next != g {
		return
	}
	was := s.current
	s.current, s.serves, s.next, s.answers = g, root, nil, n
	if !s.restored {
		s.failure, s.good = nil, s.made
	}
	s.restored = false
	s.upSince = s.loop.Now()
	s.tell(Event{Kind: EventReady, Generation: n, PID: g.pid(), Took: s.upSince.Sub(s.since)})
	s.release()
	s.debug(g)
	if was != nil {
		s.retire(was)
	}
}

// debug attaches Delve to a program, in place of the one before.
func (s *Supervisor) debug(g generation) {
	if s.opts.Debugger == "" || g.pid() == 0 {
		return
	}
	const name = "dlv"
	attach := func() {
		run, err := runCommand(s.loop, s.target.root(), s.env(), name, "attach", strconv.Itoa(g.pid()), "--headless", "--listen="+s.opts.Debugger,
			"--api-version=2", "--accept-multiclient", "--continue", "--log-dest=/dev/null")
		if err != nil {
			s.notice("Delve can not be run (" + err.Error() + "): go install github.com/go-delve/delve/cmd/dlv@v1.27.2")
			return
		}
		s.commands[name] = run
		run.result.Then(func(c *command) {
			if s.commands[name] == c {
				delete(s.commands, name)
			}
			if !c.killed && s.current == g {
				s.notice("Delve has ended: " + strings.TrimSpace(string(c.errs)))
			}
		}, nil)
	}
	if was := s.commands[name]; was != nil {
		was.result.Then(func(*command) { attach() }, nil)
		was.kill()
		return
	}
	attach()
}

// notReady is why a generation never came to answer.
func (s *Supervisor) notReady(n int, g generation, err error) {
	if s.next != g {
		return // it was given up
	}
	s.next = nil
	g.stop(0)
	if s.restored {
		s.restored = false
		return
	}
	f := asFailure(err, "start")
	f.Output = g.words()
	s.describeEnd(f)
	s.failed(f)
}

// retire lets a generation finish what it has in hand.
func (s *Supervisor) retire(g generation) {
	s.draining = append(s.draining, g)
	g.stop(s.opts.patience())
}

// over deals with the end of a generation.
func (s *Supervisor) over(n int, g generation, how string) {
	if i := slices.Index(s.draining, g); i >= 0 {
		s.draining = slices.Delete(s.draining, i, i+1)
		s.tell(Event{Kind: EventStopped, Generation: n, PID: g.pid(), Text: how})
		return
	}
	if s.current != g || s.closing {
		return
	}
	s.current, s.serves = nil, nil
	s.tell(Event{Kind: EventExit, Generation: n, PID: g.pid(), Text: how})
	f := &Failure{Stage: "run", Title: "The program ended: " + how, Output: g.words()}
	s.describeEnd(f)
	if s.next != nil || s.making {
		return
	}
	s.failed(f)
	s.startAfterCrash()
}

// startAfterCrash starts a program again that has ended after it had been at work for a
// while; one that ends again and again waits for a change.
func (s *Supervisor) startAfterCrash() {
	const workedAWhile, most = 3 * time.Second, 5
	if s.loop.Now().Sub(s.upSince) < workedAWhile || s.crashes >= most {
		return
	}
	s.crashes++
	n := s.number
	s.loop.CallLater(time.Duration(s.crashes)*500*time.Millisecond, func() {
		if s.number == n && s.current == nil && s.next == nil && !s.making && !s.closing {
			s.startNow()
		}
	})
}

// failed notes why there is nothing newer.
func (s *Supervisor) failed(f *Failure) {
	s.failure = f
	s.tell(Event{Kind: EventFailed, Failure: f, Took: s.loop.Now().Sub(s.since)})
	s.release()
	s.restore()
}

// restore starts the last program that worked, if it had to make room for one that does
// not.
func (s *Supervisor) restore() {
	if s.current != nil || s.next != nil || s.good.start == nil || s.failure.Stage != "start" {
		return
	}
	s.number++
	n := s.number
	g, err := s.good.start(n)
	if err != nil {
		return
	}
	s.next, s.restored = g, true
	g.ready().Then(func(root resource.Resource) { s.isReady(n, g, root) }, func(err error) { s.notReady(n, g, err) })
	g.over().Then(func(how string) { s.over(n, g, how) }, nil)
}

// whatServes is what answers a request: a generation, the page of the failure, or, while
// there is neither, what comes first of them.
func (s *Supervisor) whatServes() *reactor.Deferred[resource.Resource] {
	if s.serves != nil {
		return reactor.Succeeded(s.serves)
	}
	if s.failure != nil && s.next == nil && !s.making {
		return reactor.Succeeded[resource.Resource](failurePage{s})
	}
	d := reactor.NewDeferred[resource.Resource]()
	s.waiting = append(s.waiting, d)
	d.OnCancel(func() {
		s.waiting = slices.DeleteFunc(s.waiting, func(w *reactor.Deferred[resource.Resource]) bool { return w == d })
	})
	return d
}

// release lets those who wait go on.
func (s *Supervisor) release() {
	waiting := s.waiting
	s.waiting = nil
	for _, d := range waiting {
		if d.Settled() {
			continue
		}
		s.whatServes().Then(func(res resource.Resource) { settleWith(d, res, nil) }, nil)
	}
}

// Pause stops acting on changes; Resume takes up what has come meanwhile.
func (s *Supervisor) Pause() { s.paused = true }

// Resume goes on.
func (s *Supervisor) Resume() {
	s.paused = false
	queued := s.queued
	s.queued = nil
	if len(queued) > 0 {
		s.onChanges(queued)
	}
}

// Paused tells whether changes are not acted on.
func (s *Supervisor) Paused() bool { return s.paused }

// Failure is why what is there now does not run; nil when it does.
func (s *Supervisor) Failure() *Failure { return s.failure }

// runCommand runs the command of a rule; one that is under way is ended first.
func (s *Supervisor) runCommand(text string) {
	if was := s.commands[text]; was != nil {
		was.kill()
	}
	run, err := runCommand(s.loop, s.target.root(), s.env(), "/bin/sh", "-c", text)
	if err != nil {
		s.notice(fmt.Sprintf("%s: %v", text, err))
		return
	}
	s.commands[text] = run
	run.result.Then(func(c *command) {
		if s.commands[text] == c {
			delete(s.commands, text)
		}
		if c.killed {
			return
		}
		e := Event{Kind: EventCommand, Name: text, Text: c.status.String()}
		if !c.ok() {
			e.Failure = &Failure{Stage: "command", Title: text + ": " + c.status.String(), Output: string(c.out) + string(c.errs)}
		}
		s.tell(e)
	}, nil)
}

// notice tells a person something.
func (s *Supervisor) notice(text string) { s.tell(Event{Kind: EventNotice, Text: text}) }

// tell tells of an event: here, and in the browser.
func (s *Supervisor) tell(e Event) {
	e.Time = s.loop.Now()
	if e.Generation == 0 {
		e.Generation = s.number
	}
	for _, f := range s.listener {
		f(e)
	}
	s.front.publish(e)
}

// env is the environment of programs and commands.
func (s *Supervisor) env() []string {
	env, errs := s.opts.environment()
	for _, err := range errs {
		s.notice(err.Error())
	}
	return env
}

// programSpec is what all programs have in common.
func (s *Supervisor) programSpec(n int) programSpec {
	spec := programSpec{env: s.env(), port: s.opts.AppPort, base: s.base, tag: strconv.Itoa(n)}
	if s.reports != nil {
		spec.report = s.reports.path
	}
	return spec
}

// shutdown ends everything when the reactor stops.
func (s *Supervisor) shutdown() *reactor.Deferred[struct{}] {
	s.closing = true
	if s.watcher != nil {
		s.watcher.Close()
	}
	s.target.cancel()
	for _, c := range s.commands {
		c.kill()
	}
	if s.checks != nil {
		s.checks.kill()
	}
	done := reactor.NewDeferred[struct{}]()
	end := func() {
		if s.reports != nil {
			s.reports.close()
		}
		_ = os.RemoveAll(s.base)
		done.Callback(struct{}{})
	}
	reactor.All(s.endings()...).Then(func([]struct{}) { end() }, func(error) { end() })
	return done
}

// endings asks everything that runs to end, and gives when each has.
func (s *Supervisor) endings() (list []*reactor.Deferred[struct{}]) {
	patience := s.opts.patience()
	for _, b := range s.companions {
		list = append(list, b.stop(patience))
	}
	for _, g := range append([]generation{s.current, s.next}, s.draining...) {
		if g == nil {
			continue
		}
		d := reactor.NewDeferred[struct{}]()
		g.over().Then(func(string) { d.Callback(struct{}{}) }, nil)
		g.stop(patience)
		list = append(list, d)
	}
	return list
}

// asFailure makes a failure of any error.
func asFailure(err error, stage string) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	text := strings.TrimPrefix(err.Error(), "dev: ")
	return &Failure{Stage: stage, Title: strings.ToUpper(text[:1]) + text[1:]}
}

// State is what runs now, in words.
func (s *Supervisor) State() string {
	text := "nothing answers"
	if s.current != nil {
		text = fmt.Sprintf("generation %d answers", s.answers)
	}
	if s.making {
		text += ", the next is being built"
	}
	if s.next != nil {
		text += ", the next is being started"
	}
	if n := len(s.draining); n > 0 {
		text += fmt.Sprintf(", %d old ones end", n)
	}
	if s.paused {
		text += ", paused"
	}
	return text
}
