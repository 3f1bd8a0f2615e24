package dev

import (
	"errors"
	"strings"
	"time"

	"spindle/reactor"
)

// This file runs commands at their times beside the target: what a crontab does for the
// program where it is in use.

// Task is one of them.
type Task struct {
	Name string
	Run  string // by the shell
	When Schedule
}

// Schedule is when a task is run.
type Schedule struct {
	Every time.Duration // from start to start; 0: once a day
	At    time.Duration // then, since midnight
}

// shortestEvery is the shortest time between two runs.
const shortestEvery = time.Second

// ParseTask reads name=when command, where when is a duration of Go, or a time of day as in
// 15:04.
func ParseTask(text string) (t Task, err error) {
	name, rest, _ := strings.Cut(text, "=")
	when, run, _ := strings.Cut(strings.TrimSpace(rest), " ")
	t.Name, t.Run = name, strings.TrimSpace(run)
	if t.Name == "" || t.Run == "" {
		return t, errors.New("give it as name=10m command, or name=03:00 command")
	}
	if at, err := time.Parse("15:04", when); err == nil {
		t.When.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		return t, nil
	}
	t.When.Every, err = time.ParseDuration(when)
	switch {
	case err != nil:
		return t, errors.New(when + " is neither a time as 10m nor one of the day as 03:00")
	case t.When.Every < shortestEvery:
		return t, errors.New("once in " + shortestEvery.String() + " at most")
	}
	return t, nil
}

// next is when it is run next, after a run that began at last.
func (c Schedule) next(last, now time.Time) time.Time {
	if c.Every > 0 {
		missed := max(now.Sub(last), 0) / c.Every
		return last.Add((missed + 1) * c.Every)
	}
	at := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, int(c.At/time.Hour), int(c.At%time.Hour/time.Minute), 0, 0, now.Location())
	}
	if today := at(0); today.After(now) {
		return today
	}
	return at(1)
}

// scheduled is a task with its next run, or the one that goes on: two of it never do at once.
type scheduled struct {
	s    *Supervisor
	what Task
	last time.Time
	at   *reactor.DelayedCall
	run  *beside // the last; nil before
}

// wait waits for the next run.
func (t *scheduled) wait() {
	now := t.s.loop.Now()
	t.at = t.s.loop.CallLater(t.what.When.next(t.last, now).Sub(now), t.start)
}

func (t *scheduled) start() {
	t.last = t.s.loop.Now()
	t.run = &beside{s: t.s, what: Companion{Name: t.what.Name, Run: t.what.Run}, once: t.ended}
	if t.run.start(); t.run.child == nil {
		t.wait() // why was said
	}
}

// ended tells of a run that is over.
func (t *scheduled) ended(status reactor.ProcessStatus) {
	e := Event{Kind: EventCommand, Name: t.what.Name, Text: status.String()}
	if !status.Success() {
		e.Failure = &Failure{Stage: "command", Title: t.what.Name + ": " + e.Text}
	}
	t.s.tell(e)
	t.wait()
}

// stop runs it no more; the result comes when nothing of it runs.
func (t *scheduled) stop(patience time.Duration) *reactor.Deferred[struct{}] {
	t.at.Cancel()
	if t.run == nil {
		return reactor.Succeeded(struct{}{})
	}
	return t.run.stop(patience)
}

// startTasks has all of them wait for their times.
func (s *Supervisor) startTasks() {
	for _, what := range s.opts.Tasks {
		t := &scheduled{s: s, what: what, last: s.loop.Now()}
		s.tasks = append(s.tasks, t)
		t.wait()
	}
}
