package site

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"spindle/protocol"
	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/outline"
)

// This file lets the development server look into the sites of a program: their trees, what
// their loops do, and when what happens to each request. A program that nobody supervises
// does none of it.

// LogLevel is the level of a log that the dashboard of a development server can change: make
// a handler with it as slog.HandlerOptions.Level. The handler that slog has by itself follows
// without it.
var LogLevel slog.Leveler = probe.LogLevel

// probed is one loop that is looked at. What does not change is set before it is shared;
// the rest is for the loop only.
type probed struct {
	loop    reactor.Loop
	sites   []*Site
	meter   *Meter // nil while nobody looks
	streams int    // of server-sent events, under way
}

// probedLoops is all of them.
var probedLoops struct {
	mu   sync.Mutex
	list []*probed
}

// startProbe begins it, for a Site on l. It is called by who starts the Site.
func (s *Site) startProbe(l reactor.Loop) {
	all := &probedLoops
	all.mu.Lock()
	i := slices.IndexFunc(all.list, func(p *probed) bool { return p.loop == l })
	if i < 0 {
		i = len(all.list)
		all.list = append(all.list, newProbed(l))
	}
	p := all.list[i]
	first := len(all.list) == 1 && len(p.sites) == 0
	p.sites = append(p.sites, s)
	all.mu.Unlock()
	s.probed = p
	if first {
		probe.Figures("loops", loopFigures)
		probe.Handle("tree", func(string) (any, error) { return trees(), nil })
		probe.OnWatch(func(on bool) {
			for _, p := range allProbed() {
				p.loop.CallFromThread(func() { p.watch(on) })
			}
		})
	}
	probe.Start("spindle")
}

func newProbed(l reactor.Loop) *probed {
	p := &probed{loop: l}
	if r, ok := l.(*reactor.Reactor); ok {
		r.WatchSlow(tellSlow)
	}
	return p
}

func allProbed() []*probed {
	probedLoops.mu.Lock()
	defer probedLoops.mu.Unlock()
	return slices.Clone(probedLoops.list)
}

// slowCallback is a reactor.Slow as it is told.
type slowCallback struct {
	Number uint64        `json:"number"`
	Held   time.Duration `json:"held"` // ns
	Over   bool          `json:"over,omitempty"`
	Stack  string        `json:"stack,omitempty"`
}

func tellSlow(s reactor.Slow) {
	probe.Tell("slow", "", slowCallback{Number: s.Number, Held: s.Held, Over: s.Over, Stack: s.Stack})
}

// onLoop is what f gives on the loop; it is not ok when the loop does not come to it in
// time. Blocks: not on the loop.
func onLoop[T any](l reactor.Loop, f func() T) (v T, ok bool) {
	const patience = 400 * time.Millisecond
	done := make(chan T, 1)
	l.CallFromThread(func() { done <- f() })
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case v = <-done:
		return v, true
	case <-limit.C:
		return v, false
	}
}

// loopFigure is what is told of a loop each second, while somebody looks.
type loopFigure struct {
	Held        bool             `json:"held,omitempty"` // it did not come to say more
	Lag         time.Duration    `json:"lag"`            // ns, the worst of the last second
	Requests    int64            `json:"requests"`
	Active      int64            `json:"active"`
	Timers      int              `json:"timers"`
	Connections []protocol.Tally `json:"connections"`
	Outgoing    int              `json:"outgoing"`
	Streams     int              `json:"streams"` // of server-sent events
}

func loopFigures() any {
	var list []loopFigure
	for _, p := range allProbed() {
		f, ok := onLoop(p.loop, p.figure)
		if !ok {
			f = loopFigure{Held: true}
		}
		list = append(list, f)
	}
	return list
}

// figure is that of this loop. Loop only.
func (p *probed) figure() loopFigure {
	f := loopFigure{Streams: p.streams}
	for _, s := range p.sites {
		f.Requests += s.counters.Requests
		f.Active += s.counters.Active
	}
	if p.meter != nil {
		if last := p.meter.Seconds(1); len(last) == 1 {
			f.Lag = last[0].Lag
		}
	}
	if r, ok := p.loop.(*reactor.Reactor); ok {
		f.Timers = r.Pending()
		f.Connections, f.Outgoing = protocol.Count(r)
	}
	return f
}

// watch begins to measure, or ends it. Loop only.
func (p *probed) watch(on bool) {
	switch {
	case on && p.meter == nil:
		p.meter = NewMeter(p.loop, &p.sites[0].counters)
	case !on && p.meter != nil:
		p.meter.Stop()
		p.meter = nil
	}
}

// trees is the tree of each Site, those of several loops that are the same once.
func trees() []outline.Node {
	var list []outline.Node
	var seen []string
	for _, p := range allProbed() {
		drawn, _ := onLoop(p.loop, func() (list []outline.Node) {
			for _, s := range p.sites {
				list = append(list, outline.About{}.Draw(s.Root))
			}
			return list
		})
		for _, n := range drawn {
			if form := formOf(n); !slices.Contains(seen, form) {
				list, seen = append(list, n), append(seen, form)
			}
		}
	}
	return list
}

// formOf is a tree without how it does.
func formOf(n outline.Node) string {
	var b strings.Builder
	n.Each(func(n outline.Node) {
		n.State, n.Children = "", nil
		text, _ := json.Marshal(n)
		b.Write(text)
	})
	return b.String()
}

// watchRequest takes the mark of the development server out of a request, and watches the
// exchange. See resource.Dispatcher.
func (p *probed) watchRequest(r *resource.Request) resource.Watcher {
	h := r.Head()
	mark := string(h.Field(probe.Field))
	if mark != "" {
		h.Fields = slices.DeleteFunc(h.Fields, func(f protocol.RawField) bool { return protocol.EqualFold(f.Name, probe.Field) })
	}
	key := probe.Key()
	if key == "" {
		return nil
	}
	number, ours := strings.CutPrefix(mark, key+".")
	if !ours {
		number = ""
	}
	return &siteWatcher{p: p, number: number, task: probe.NewTask(context.Background(), r.Method()+" "+r.Path(), number)}
}

// siteWatcher watches one exchange.
type siteWatcher struct {
	p      *probed
	number string // under which it is told; "" is not at all
	stream bool   // of server-sent events
	task   probe.Task
}

// Rendering notes it in the trace of the execution.
func (w *siteWatcher) Rendering() (rendered func()) { return w.task.Begin("render") }

// Said is what the exchange has logged.
func (w *siteWatcher) Said() *probe.Said { return w.task.Said() }

// AnswerBegun counts the streams.
func (w *siteWatcher) AnswerBegun(_ int, fields protocol.Fields) {
	if strings.HasPrefix(fields.Get("Content-Type"), "text/event-stream") {
		w.stream = true
		w.p.streams++
	}
}

// Over tells of it.
func (w *siteWatcher) Over(t *probe.Timeline) {
	w.task.End()
	if w.stream {
		w.p.streams--
	}
	if w.number != "" {
		probe.Tell("span", w.number, t)
	}
}
