package wsgi

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
)

// This file is where the workers of a development server come from without an interpreter
// being started for each: what is loaded beforehand, and when that is done anew. The process
// that loads and forks is in stemprocess.go, its program is worker/stem.py.
//
//	worker ──modules that it has──▶ Stem ──▶ a process that loads those which are installed
//	   ▲                                         │ leaves some out: the next one begins anew
//	   └──────────────── fork ◀── it is ready ◀──┘

// Stem has the modules that are not the application's loaded in a process of which workers
// are forked, for Apps one after the other. As long as it has none, or one of which a
// worker would not be what it is in an interpreter of its own, workers get an interpreter
// of their own. The fields are set before the first App has it. Loop only.
type Stem struct {
	// Notice takes, in a line, why workers are not forked, or what is not loaded beforehand.
	// May be nil.
	Notice func(text string)
	// Lives is told of its processes, when one begins and when it has ended, as App.Lives
	// is. May be nil.
	Lives func(pid int, lives bool)

	r     *reactor.Reactor
	ready *stemProcess // forks; nil for none
	next  *stemProcess // loads; nil for none
	timer *reactor.DelayedCall
	began time.Time // when the last one began

	spec     stemSpec          // of the last worker that told
	patching string            // what forbids it; "" for nothing
	own      map[string]bool   // variables that the application sets
	order    []string          // modules, as they were loaded
	origins  map[string]string // where from; "" for what has no name of its own
	leftOut  map[string]string // and why, "" where that is of no interest
	rounds   int               // that left something out, one after the other
	gaveUp   int               // size when there were too many of these
	misfits  int               // workers that did not fit, one after the other
	deaths   int               // of processes that nobody had asked to end
	said     map[string]bool   // notices
	period   time.Duration     // stemPeriod
}

// stemSpec is what decides whether a worker may be a fork.
type stemSpec struct {
	python, dir, target string
	stamps              string   // of the interpreter, and of its virtual environment
	env                 []string // when it began; it may have changed where nobody has looked
}

func (s *stemSpec) same(t *stemSpec) bool {
	return s.python == t.python && s.dir == t.dir && s.target == t.target && s.stamps == t.stamps
}

// The times of a Stem, and when it gives up.
const (
	stemPause    = 200 * time.Millisecond // after a worker has told: it answers first
	stemPeriod   = 5 * time.Second        // between two, since modules come one by one
	stemTimeout  = time.Minute            // for loading
	forkTimeout  = 10 * time.Second
	mostRounds   = 8
	mostMisfits  = 3
	mostDeaths   = 3
	mostModules  = 1 << 14
	mostSaidName = 4 // modules that a notice names
)

// NewStem makes one that has nothing loaded yet. Its processes end with r.
func NewStem(r *reactor.Reactor) *Stem {
	s := &Stem{r: r, own: map[string]bool{}, origins: map[string]string{}, leftOut: map[string]string{}, said: map[string]bool{}, period: stemPeriod}
	r.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		s.drop()
		return nil
	})
	return s
}

// specOf is what a worker of a would be.
func specOf(a *App, python string) stemSpec {
	spec := stemSpec{python: python, dir: a.Dir, target: a.Target, env: venvEnv(a.Env, python)}
	if spec.env == nil {
		spec.env = os.Environ()
	}
	for _, path := range []string{python, filepath.Join(filepath.Dir(filepath.Dir(python)), "pyvenv.cfg"), filepath.Join(a.Dir, ".python-version")} {
		if info, err := os.Stat(path); err == nil {
			spec.stamps += fmt.Sprintf("%s %d %v\n", path, info.Size(), info.ModTime())
		}
	}
	return spec
}

// fork has w forked, if that can be.
func (s *Stem) fork(w *worker, python string) bool {
	spec := specOf(w.app, python)
	if p := s.ready; p != nil && !spec.same(&p.spec) {
		s.retire()
		s.forget()
	}
	if w.app.Fresh {
		s.rounds, s.misfits, s.deaths = 0, 0, 0 // somebody asks for a new beginning
		return false
	}
	return s.ready != nil && s.ready.fork(w, spec.env)
}

// begun is told by a worker, when it has loaded the application, of what that has set.
func (s *Stem) begun(w *worker, patching string, own []string) {
	python, err := w.app.interpreter()
	if err != nil {
		return
	}
	s.spec, s.patching = specOf(w.app, python), patching
	if w.forked {
		s.misfits = 0
	} else { // what it has now is all that it needs
		s.own, s.order, s.origins = map[string]bool{}, nil, map[string]string{}
	}
	for _, name := range own {
		s.own[name] = true
	}
	if patching != "" {
		s.notice(patching + " may patch modules that are loaded already, so each change starts a new interpreter")
		s.retire()
	}
	s.renewSoon()
}

// met is told by a worker of modules that it has: names, and where they are from.
func (s *Stem) met(pairs []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		name, origin := pairs[i], pairs[i+1]
		if _, known := s.origins[name]; known || len(s.order) >= mostModules {
			continue
		}
		s.order = append(s.order, name)
		s.origins[name] = origin
	}
	s.renewSoon()
}

// misfit is told by a forked worker that it is not what it would be by itself; the slot
// starts another.
func (s *Stem) misfit(why string) {
	s.notice("a new interpreter was started: " + why)
	if s.misfits++; s.misfits == mostMisfits {
		s.notice("that happens again and again, so each change starts a new interpreter now, until somebody starts it by hand")
	}
	s.retire()
}

// stale is told by the process that forks that it is not up to date.
func (s *Stem) stale(p *stemProcess, why string) {
	s.notice("a new interpreter was started: " + why)
	clear(s.leftOut)
	if p == s.ready {
		s.retire()
	}
}

// forget begins anew, with nothing known.
func (s *Stem) forget() {
	s.own, s.order, s.origins = map[string]bool{}, nil, map[string]string{}
	clear(s.leftOut)
	s.rounds, s.misfits, s.deaths = 0, 0, 0
}

// retire has no worker forked any more, until there is another process.
func (s *Stem) retire() {
	if s.ready != nil {
		s.ready.retire()
		s.ready = nil
	}
}

// drop ends all that is of no more use.
func (s *Stem) drop() {
	s.retire()
	if s.next != nil {
		s.next.kill()
		s.next = nil
	}
	s.cancelTimer()
}

func (s *Stem) cancelTimer() {
	if s.timer != nil {
		s.timer.Cancel()
		s.timer = nil
	}
}

// renewSoon has the modules loaded in another process, if the one that there is has not all
// of them.
func (s *Stem) renewSoon() {
	if s.timer != nil || s.patching != "" || !s.lacks(s.ready) {
		return
	}
	pause := stemPause
	if s.ready != nil {
		pause = max(pause, s.period-s.r.Now().Sub(s.began))
	}
	s.timer = s.r.CallLater(pause, func() {
		s.timer = nil
		s.renew()
	})
}

// lacks tells whether p was made without something that is known now.
func (s *Stem) lacks(p *stemProcess) bool {
	if len(s.order) == 0 {
		return false
	}
	if p == nil {
		return true
	}
	for name := range s.own {
		if !p.own[name] {
			return true
		}
	}
	return slices.ContainsFunc(s.order, func(name string) bool { return !p.modules[name] && s.origins[name] != "" })
}

// renew starts a process that loads.
func (s *Stem) renew() {
	if s.rounds >= mostRounds && s.size() != s.gaveUp {
		s.rounds = 0
	}
	if s.next != nil || s.patching != "" || s.rounds >= mostRounds || s.misfits >= mostMisfits || s.deaths >= mostDeaths {
		return
	}
	s.began = s.r.Now()
	p, err := s.begin()
	if err != nil {
		return // the interpreter has gone: the next worker says so
	}
	s.next = p
}

// size is how much is known.
func (s *Stem) size() int { return len(s.order) + len(s.own) }

// isReady takes a process that has loaded all.
func (s *Stem) isReady(p *stemProcess) {
	if p != s.next {
		return
	}
	s.retire()
	s.ready, s.next, s.rounds = p, nil, 0
	s.tellLeftOut()
	s.renewSoon()
}

// leaves takes what a process had to leave out, which has ended for that.
func (s *Stem) leaves(p *stemProcess, names map[string]string) {
	if p != s.next {
		return
	}
	s.next = nil
	before := len(s.leftOut)
	maps.Copy(s.leftOut, names)
	if s.rounds++; len(s.leftOut) == before {
		s.rounds = mostRounds
	}
	if s.rounds >= mostRounds {
		s.gaveUp = s.size()
		why := "modules can not be loaded beforehand"
		for name, reason := range s.leftOut {
			if reason != "" {
				why = fmt.Sprintf("the module %s %s", name, reason)
			}
		}
		s.notice(why + ", so each change starts a new interpreter")
		return
	}
	s.renew()
}

// died is told of a process that has ended by itself.
func (s *Stem) died(p *stemProcess, words string) {
	switch p {
	case s.ready:
		s.ready = nil
	case s.next:
		s.next = nil
	default:
		return
	}
	s.deaths++
	text := "the process with the modules of others has ended"
	if line := words[strings.LastIndexByte(words, '\n')+1:]; line != "" {
		text += ": " + line
	}
	s.notice(text)
	s.renewSoon()
}

// tellLeftOut names what is loaded anew each time.
func (s *Stem) tellLeftOut() {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.leftOut)) {
		if why := s.leftOut[name]; why != "" {
			list = append(list, fmt.Sprintf("%s (%s)", name, why))
		}
	}
	if more := len(list) - mostSaidName; more > 0 {
		list = append(list[:mostSaidName], fmt.Sprintf("%d more", more))
	}
	if len(list) > 0 {
		s.notice("loaded anew at each change: " + strings.Join(list, ", "))
	}
}

// notice says something once.
func (s *Stem) notice(text string) {
	if s.Notice != nil && !s.said[text] && len(s.said) < mostModules {
		s.said[text] = true
		s.Notice(text)
	}
}

// lives tells of a process.
func (s *Stem) lives(pid int, lives bool) {
	if s.Lives != nil {
		s.Lives(pid, lives)
	}
}

// statusOf reads how a process ended.
func statusOf(code, signal string) reactor.ProcessStatus {
	c, _ := strconv.Atoi(code)
	n, _ := strconv.Atoi(signal)
	if n != 0 {
		return reactor.ProcessStatus{Code: -1, Signal: syscall.Signal(n)}
	}
	return reactor.ProcessStatus{Code: c}
}
