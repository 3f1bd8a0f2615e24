package dev

import (
	"time"

	"spindle/reactor"
)

// This file keeps other programs running beside the target: what builds style sheets, a
// worker, a database.

// Companion is one of them.
type Companion struct {
	Name string
	Run  string // by the shell
}

// beside is one that runs. It is a reactor.ProcessProtocol.
type beside struct {
	s      *Supervisor
	what   Companion
	child  *reactor.ChildProcess
	lines  [2]lineCutter
	began  time.Time
	failed int // ends in a row that came soon
	again  *reactor.DelayedCall
	ended  *reactor.Deferred[struct{}]
	once   func(status reactor.ProcessStatus) // told of its end, when it is not to be started again; nil for one that is
}

func (b *beside) start() {
	b.again = nil
	if b.s.closing {
		return
	}
	child, err := reactor.SpawnProcess(b.s.loop, b, reactor.Process{
		Path: "/bin/sh", Args: []string{"-c", b.what.Run}, Dir: b.s.target.root(), Env: b.s.env(),
		// Some, as those that make style sheets, end when their input does.
		FDs: map[int]reactor.ChildFD{0: {Pipe: reactor.ChildReads}, 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}},
		Sys: childAttr(),
	})
	if err != nil {
		b.s.notice(b.what.Name + ": " + err.Error())
		return
	}
	b.child, b.began, b.ended = child, b.s.loop.Now(), reactor.NewDeferred[struct{}]()
	Keep(child.Pid())
	if b.once == nil {
		b.s.tell(Event{Kind: EventStart, Name: b.what.Name, PID: child.Pid()})
	}
}

func (b *beside) ProcessMade(*reactor.ChildProcess) {}
func (b *beside) OutReceived(data []byte)           { b.say(0, data) }
func (b *beside) ErrReceived(data []byte)           { b.say(1, data) }

func (b *beside) say(which int, data []byte) {
	b.lines[which].add(data, func(line string) {
		b.s.tell(Event{Kind: EventOutput, Name: b.what.Name, Text: line, Errors: which == 1})
	})
}

// ProcessExited ends what it has left running, so that its pipes close.
func (b *beside) ProcessExited(reactor.ProcessStatus) {
	killGroup(b.child.Pid(), sigKill)
	Unkeep(b.child.Pid())
}

// ProcessEnded starts it again, unless it was done: later each time when it ends at once.
func (b *beside) ProcessEnded(status reactor.ProcessStatus) {
	b.ended.Callback(struct{}{})
	if b.s.closing {
		return
	}
	if b.once != nil {
		b.once(status)
		return
	}
	e := Event{Kind: EventExit, Name: b.what.Name, PID: b.child.Pid(), Text: status.String()}
	if !status.Success() {
		var pause time.Duration
		b.failed, pause = afterFailure(b.failed, b.s.loop.Now().Sub(b.began))
		b.again = b.s.loop.CallLater(pause, b.start)
		e.Text += ", again in " + pause.String()
	}
	b.s.tell(e)
}

// afterFailure is how often in a row it has failed now, and how long until it is started
// again: a second, and twice as long each time that it did not last.
func afterFailure(failed int, ran time.Duration) (int, time.Duration) {
	const lasted, longest = 10 * time.Second, 6
	if ran > lasted {
		failed = 0
	}
	failed = min(failed+1, longest)
	return failed, time.Second << (failed - 1)
}

// stop ends it; the result comes when it has ended.
func (b *beside) stop(patience time.Duration) *reactor.Deferred[struct{}] {
	if b.again != nil {
		b.again.Cancel()
	}
	if b.child == nil || b.ended.Settled() {
		return reactor.Succeeded(struct{}{})
	}
	pid := b.child.Pid()
	killGroup(pid, sigTerm)
	timer := b.s.loop.CallLater(patience, func() { killGroup(pid, sigKill) })
	done := reactor.NewDeferred[struct{}]()
	b.ended.Then(func(struct{}) {
		timer.Cancel()
		done.Callback(struct{}{})
	}, nil)
	return done
}

// startCompanions starts all of them.
func (s *Supervisor) startCompanions() {
	for _, c := range s.opts.With {
		b := &beside{s: s, what: c}
		s.companions = append(s.companions, b)
		b.start()
	}
}
