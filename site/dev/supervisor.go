package dev

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
)

// This file is the supervisor as its user sees it. What a change asks for is decided in
// changes.go, what is built when in making.go, and which generation answers in handover.go.

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
	probes  *probes  // likewise
	tickets tickets
	printed printed
	freeing *reactor.DelayedCall // after the last ticket
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
	slow       *reactor.DelayedCall // tells that it goes on
	since      time.Time            // of the change that is being worked on
	draining   []generation
	waiting    []*reactor.Deferred[resource.Resource]
	queued     []Change // while paused
	paused     bool
	toldPort   bool // that the program listens at a port of its own
	stopped    bool // by hand: none is started
	byHand     bool // what is being started was asked for
	closing    bool
	debugger   *debugger           // nil when nobody asked for one
	commands   map[string]*command // of rules, by what they run
	checks     *checks
	companions []*beside
	tasks      []*scheduled
	crashes    int
	died       *Ticket // of a program that has ended; nil before the first
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
	o.Highlight = newColours(o.Highlight)
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
	s.checks = newChecks(s)
	if p, err := newProbes(s); err == nil {
		s.probes = p
	}
	s.console = newConsole(s)
	s.front = newFront(s)
	if s.probes != nil {
		s.probes.met, s.probes.left = s.front.dash.rec.flights.met, s.front.dash.rec.flights.left
	}
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
	s.startTasks()
	s.startDebugger()
	s.make()
	s.checks.start()
}

// Failure is why what is there now does not run; nil when it does.
func (s *Supervisor) Failure() *Failure { return s.failure }

// Notice tells a person something. Loop only.
func (s *Supervisor) Notice(text string) { s.tell(Event{Kind: EventNotice, Text: text}) }

func (s *Supervisor) notice(text string) { s.Notice(text) }

// ByHand tells, while a generation is started, whether somebody has asked for it and no file
// has changed. Loop only.
func (s *Supervisor) ByHand() bool { return s.byHand }

// tell tells of an event: here, and in the browser.
func (s *Supervisor) tell(e Event) {
	e.Time = s.loop.Now()
	if e.Generation == 0 {
		e.Generation = s.number
	}
	s.printed.heard(e)
	for _, f := range s.listener {
		f(e)
	}
	s.front.publish(e)
}

// env is the environment of programs and commands.
func (s *Supervisor) env() []string {
	env, errs := s.opts.environment()
	for _, err := range errs {
		s.notice(err.Error() + "; the file is not used")
	}
	return env
}

// programSpec is what all programs have in common.
func (s *Supervisor) programSpec(n int) programSpec {
	spec := programSpec{env: s.env(), port: s.opts.AppPort, base: s.base, tag: strconv.Itoa(n)}
	if spec.public = s.opts.directPort(); spec.public != nil {
		spec.way = bySocket
	}
	if s.opts.Cover {
		spec.env = append(spec.env, "GOCOVERDIR="+s.base) // or it complains of none at its end
	}
	if s.reports != nil {
		spec.report = s.reports.path
	}
	if s.probes != nil {
		spec.probe = s.probes.path
	}
	return spec
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
