package main

import (
	"context"
	"fmt"
	"time"
)

// The share of a core that others may take in a window.
const (
	serverNoise = .05
	clientNoise = .08
)

// bench is one run of the comparison.
type bench struct {
	w          *workspace
	clients    *clients
	servers    []*server
	serverCore int
	clientCore int
	windows    int
	seconds    int
	repeats    int
	progress   *progress
}

// window is what one run of the client cost one server.
type window struct {
	load
	cpu     float64 // of the server for one request, in microseconds
	foreign float64 // the share that others took: the worse core, 1 is what is allowed
}

func (w window) noisy() bool { return w.foreign > 1 }

// settle is how long a server gets to deal with the end of the client's
// connections before its CPU time is read.
const settle = 10 * time.Millisecond

// window measures p, again when it was noisy. The quietest one counts.
func (b *bench) window(ctx context.Context, wl *workload, p *process) (window, error) {
	var best window
	for try := 0; ; try++ {
		w, err := b.measure(ctx, wl, p)
		if err != nil {
			return w, err
		}
		if try == 0 || w.foreign < best.foreign {
			best = w
		}
		if !best.noisy() || try == b.repeats {
			return best, nil
		}
		b.progress.again()
	}
}

// measure is one run of the client.
func (b *bench) measure(ctx context.Context, wl *workload, p *process) (window, error) {
	run, end, err := b.clients.begin(ctx, wl, p.addr, float64(b.seconds))
	if err != nil {
		return window{}, err
	}
	defer end()
	from := time.Now()
	before, err := b.meters(p)
	if err != nil {
		return window{}, err
	}
	l, err := run()
	if err != nil {
		return window{}, err
	}
	time.Sleep(settle)
	after, err := b.meters(p)
	if err != nil {
		return window{}, err
	}
	spent := after.server - before.server
	took := time.Since(from)
	share := func(busy, own time.Duration) float64 { return float64(busy-own) / float64(took) }
	return window{
		load: l,
		cpu:  float64(spent) / 1e3 / float64(l.Requests),
		foreign: max(share(after.core0-before.core0, spent)/serverNoise,
			share(after.core1-before.core1, l.cpu)/clientNoise),
	}, nil
}

// meters are read before and after a window.
type meters struct{ server, core0, core1 time.Duration }

func (b *bench) meters(p *process) (m meters, err error) {
	if m.server, err = cpuTime(p.pids); err != nil {
		return m, err
	}
	if m.core0, err = coreBusy(b.serverCore); err != nil {
		return m, err
	}
	m.core1, err = coreBusy(b.clientCore)
	return m, err
}

// --- rounds ---

// series are the windows of one server.
type series struct {
	p       *process
	ratios  []float64
	windows []window
	failed  error
}

func (s *series) add(w window, ratio float64) {
	s.windows = append(s.windows, w)
	s.ratios = append(s.ratios, ratio)
}

// startAll starts what takes part in wl, and asks each once. What cannot is
// told in absent.
func (b *bench) startAll(ctx context.Context, wl *workload) (live []*process, absent []cell) {
	for _, s := range b.servers {
		if s.speaks&wl.wire == 0 {
			continue
		}
		if reason := b.absence(s, wl); reason != "" {
			absent = append(absent, cell{Server: s.name, Absent: reason})
			continue
		}
		p, err := start(ctx, s, b.w, wl.wire, b.serverCore)
		if err == nil {
			if err = check(wl, p.addr); err != nil {
				p.stop()
			}
		}
		if err != nil {
			absent = append(absent, cell{Server: s.name, Absent: err.Error()})
			continue
		}
		p.pids = tree(p.cmd.Process.Pid) // who has answered is there now
		live = append(live, p)
	}
	return live, absent
}

// absence is why a server takes no part in a workload; "" when it does.
func (b *bench) absence(s *server, wl *workload) string {
	if s.missing != "" {
		return s.missing
	}
	return wl.skip[s.name]
}

// run measures one workload.
func (b *bench) run(ctx context.Context, wl *workload) (*result, error) {
	if err := b.clients.missing(wl); err != nil {
		return nil, err
	}
	live, absent := b.startAll(ctx, wl)
	defer stopAll(live)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &result{ID: wl.id, Title: wl.title, Measure: wl.measure(), Client: b.clientName(wl),
		Reference: wl.reference, Bar: wl.bar, kind: wl.kind}
	var err error
	switch wl.kind {
	case idleMemory:
		r.Cells, err = b.idleMemory(ctx, wl, live)
	case idleOpen:
		r.Cells, err = b.idleOpen(ctx, wl, live)
	default:
		r.Cells, err = b.rounds(ctx, wl, live)
	}
	r.Cells = append(r.Cells, absent...)
	return r, err
}

func (b *bench) clientName(wl *workload) string {
	switch {
	case wl.spin:
		return "load, spinning"
	case wl.client == wrk && b.clients.wrkPath != "":
		return "wrk"
	case wl.client == wrk:
		return "load (wrk is not installed)"
	case wl.client == h2load:
		return "h2load"
	case wl.client == ownGo:
		return "goload"
	default:
		return "load"
	}
}

// rounds measures the CPU per request of all live servers against the reference,
// which comes before and after every second window.
func (b *bench) rounds(ctx context.Context, wl *workload, live []*process) ([]cell, error) {
	var against *series
	var all []*series
	for _, p := range live {
		if p.name == wl.reference {
			against = &series{p: p}
		} else {
			all = append(all, &series{p: p})
		}
	}
	if against == nil {
		return nil, fmt.Errorf("%s: there is no %s to compare with", wl.id, wl.reference)
	}
	b.warm(ctx, wl, live)
	last, err := b.reference(ctx, wl, against)
	if err != nil {
		return nil, err
	}
	for round := range b.windows {
		for _, pair := range pairs(rotate(all, round)) {
			b.pair(ctx, wl, pair)
			next, err := b.reference(ctx, wl, against)
			if err != nil {
				return nil, err
			}
			for _, s := range pair {
				s.divide((last.cpu + next.cpu) / 2)
			}
			last = next
		}
	}
	return cells(append([]*series{against}, all...)), nil
}

// pair takes one window of each; a server that fails once is out.
func (b *bench) pair(ctx context.Context, wl *workload, pair []*series) {
	for _, s := range pair {
		b.progress.step(s.p.name)
		if s.failed != nil {
			continue
		}
		w, err := b.window(ctx, wl, s.p)
		if err != nil {
			s.failed = err
			continue
		}
		s.windows = append(s.windows, w)
	}
}

// divide adds the ratio of the last window to a reference.
func (s *series) divide(reference float64) {
	if s.failed == nil {
		s.ratios = append(s.ratios, s.windows[len(s.windows)-1].cpu/reference)
	}
}

func (b *bench) reference(ctx context.Context, wl *workload, against *series) (window, error) {
	b.progress.step(against.p.name)
	w, err := b.window(ctx, wl, against.p)
	if err != nil {
		return w, fmt.Errorf("%s: %s: %w", wl.id, against.p.name, err)
	}
	against.add(w, 1)
	return w, nil
}

// warm lets every server run for a moment that does not count. A server that
// fails here fails in its first window too, where it is told.
func (b *bench) warm(ctx context.Context, wl *workload, live []*process) {
	for _, p := range live {
		if run, end, err := b.clients.begin(ctx, wl, p.addr, .3); err == nil {
			_, _ = run()
			end()
		}
	}
}

func rotate[T any](xs []T, by int) []T {
	if len(xs) == 0 {
		return nil
	}
	by %= len(xs)
	return append(append([]T{}, xs[by:]...), xs[:by]...)
}

func pairs[T any](xs []T) [][]T {
	var out [][]T
	for len(xs) > 2 {
		out = append(out, xs[:2])
		xs = xs[2:]
	}
	if len(xs) > 0 {
		out = append(out, xs)
	}
	return out
}

// cells are the medians of all series.
func cells(all []*series) []cell {
	var out []cell
	for _, s := range all {
		out = append(out, s.cell())
	}
	return out
}

func (s *series) cell() cell {
	c := cell{Server: s.p.name, Windows: len(s.windows)}
	if s.failed != nil || len(s.ratios) == 0 {
		c.Absent = fmt.Sprintf("failed under load: %v", s.failed)
		return c
	}
	c.Q1, c.Value, c.Q3 = quartiles(s.ratios)
	of := func(f func(window) float64) float64 {
		var xs []float64
		for _, w := range s.windows {
			xs = append(xs, f(w))
		}
		return median(xs)
	}
	c.CPU = of(func(w window) float64 { return w.cpu })
	c.PerSecond = of(func(w window) float64 { return float64(w.Requests) / w.Seconds })
	c.P50 = of(func(w window) float64 { return w.P50 })
	c.P99 = of(func(w window) float64 { return w.P99 })
	for _, w := range s.windows {
		if w.noisy() {
			c.Noisy++
		}
	}
	return c
}
