package dev

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource/outline"
)

// This file gathers what the view of the program shows, each second while somebody looks:
// what the program tells of itself, what the system knows of processes, and the connections
// here.

// insight is what is kept for it. Loop only.
type insight struct {
	d       *dashboard
	last    map[int]processFigures // by process id
	lastAt  time.Time
	now     dashInsight
	hits    outline.Hits // of the tree that was drawn last
	slow    []*slowSeen
	slowNo  int64
	changed []*slowSeen // since they were told
}

// dashInsight is what a page is told each second.
type dashInsight struct {
	Kind      string           `json:"kind,omitempty"` // of the program's probe; "" where it has none
	Go        string           `json:"go,omitempty"`
	Procs     int              `json:"procs,omitempty"`
	Process   json.RawMessage  `json:"process,omitempty"` // see probe.Process
	Loops     json.RawMessage  `json:"loops,omitempty"`
	Processes []processFigures `json:"processes"`
	Front     []protocol.Tally `json:"front"` // connections to this process
	Outgoing  int              `json:"outgoing"`
	Streams   int              `json:"streams"` // of server-sent events that pass
}

// ProcessState is a process of an application that this process hosts.
type ProcessState struct {
	Name  string
	PID   int
	State string // in words
}

// slowSeen is a callback that has held a loop of the program.
type slowSeen struct {
	ID         int64        `json:"id"`
	At         int64        `json:"at"` // ms since 1970, when it was seen first
	Generation int          `json:"gen"`
	Held       int64        `json:"held"` // ms
	Over       bool         `json:"over"`
	Stack      []stackPlace `json:"stack"`

	pid    int
	number uint64
}

const keptSlow = 30

func newInsight(d *dashboard) *insight { return &insight{d: d, last: map[int]processFigures{}} }

// measure asks, on a thread, what the system knows, and puts it together with the rest.
func (x *insight) measure() {
	s := x.d.s
	ask := []processFigures{{Name: "Development server", PID: os.Getpid()}}
	if s.current != nil {
		if pid := s.current.pid(); pid != 0 {
			ask = append(ask, processFigures{Name: "Program", PID: pid})
		}
		if h, ok := s.current.(*hosted); ok && h.app.Processes != nil {
			for _, p := range h.app.Processes() {
				ask = append(ask, processFigures{Name: p.Name, PID: p.PID, State: p.State})
			}
		}
	}
	if s.opts.Inspect != nil {
		if pid := s.opts.Inspect.PID(); pid != 0 {
			ask = append(ask, processFigures{Name: "Reader of variables", PID: pid})
		}
	}
	reactor.DeferToThreadPool(s.loop.ThreadPool(), func() ([]processFigures, error) {
		for i, a := range ask {
			ask[i] = readProcess(a.PID)
			ask[i].Name, ask[i].State = a.Name, a.State
		}
		return ask, nil
	}).Then(x.measured, nil)
}

// measured takes them.
func (x *insight) measured(list []processFigures) {
	s := x.d.s
	now := s.loop.Now()
	took := now.Sub(x.lastAt).Seconds()
	last := map[int]processFigures{}
	x.d.memory = [2]int64{}
	for i := range list {
		p := &list[i]
		if before, ok := x.last[p.PID]; ok && took > 0 && p.ticks >= before.ticks {
			p.CPU = float64(p.ticks-before.ticks) / ticksPerSecond / took
		}
		last[p.PID] = *p
		switch p.Name {
		case "Program":
			x.d.memory[0] = p.RSS
		case "Development server":
			x.d.memory[1] = p.RSS
		}
	}
	x.last, x.lastAt = last, now
	x.now = dashInsight{Processes: list, Streams: x.d.rec.sse}
	if line := s.probe(); line != nil {
		x.now.Kind, x.now.Go, x.now.Procs = line.hello.Kind, line.hello.Go, line.hello.Procs
		x.now.Process, x.now.Loops = line.figures["process"], line.figures["loops"]
	}
	if r, ok := s.loop.(*reactor.Reactor); ok {
		x.now.Front, x.now.Outgoing = protocol.Count(r)
	}
}

// slowCallback takes what the probe of a program tells of one.
func (p *probes) slowCallback(line *probeLine, _ string, data []byte) {
	var told struct {
		Number uint64
		Held   time.Duration
		Over   bool
		Stack  string
	}
	if json.Unmarshal(data, &told) == nil {
		p.s.front.dash.insight.addSlow(line.pid, told.Number, told.Held, told.Over, told.Stack)
	}
}

func (x *insight) addSlow(pid int, number uint64, held time.Duration, over bool, stack string) {
	s := x.d.s
	var seen *slowSeen
	for _, old := range x.slow {
		if old.pid == pid && old.number == number {
			seen = old
		}
	}
	if seen == nil {
		x.slowNo++
		seen = &slowSeen{ID: x.slowNo, At: s.loop.Now().Add(-held).UnixMilli(), Generation: s.served(), pid: pid, number: number}
		_, lines, _ := strings.Cut(stack, "\n")
		seen.Stack, _ = readStack(strings.Split(lines, "\n"), s.target.root())
		x.slow = append(atMost(x.slow, keptSlow-1), seen)
	}
	seen.Held, seen.Over = held.Milliseconds(), over
	x.changed = append(x.changed, seen)
}

// takeSlow is those that have changed since it was called last, each once.
func (x *insight) takeSlow() (list []*slowSeen) {
	for i, seen := range x.changed {
		if !containsSlow(x.changed[i+1:], seen) {
			list = append(list, seen)
		}
	}
	x.changed = nil
	return list
}

func containsSlow(list []*slowSeen, seen *slowSeen) bool {
	for _, other := range list {
		if other == seen {
			return true
		}
	}
	return false
}

// clear forgets what has been slow.
func (x *insight) clear() { x.slow, x.changed = nil, nil }
