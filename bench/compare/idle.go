package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os/exec"
	"strconv"
	"time"
)

// idleWanted is how many idle connections are opened, if the limit of open files
// lets both ends have as many.
const idleWanted = 10_000

func idleCount() int { return min(idleWanted, descriptorLimit()-1000) }

// rest is how long a server gets after the last of its idle connections was
// opened: for what it frees by itself.
const rest = time.Second

// idle is a client that holds connections on which one request was answered, or that
// speak WebSocket.
type idle struct {
	*held
	n int
}

func (b *bench) openIdle(ctx context.Context, wl *workload, addr string, n int) (*idle, error) {
	still := *wl
	still.spin, still.conns = false, n
	command := func() (*exec.Cmd, error) { return b.clients.loadCommand(ctx, &still, addr, "-idle") }
	if wl.client == ownGo {
		command = func() (*exec.Cmd, error) { return b.clients.goCommand(ctx, &still, addr, still.work(), 0) }
	}
	h, err := b.clients.hold(command())
	if err != nil {
		return nil, fmt.Errorf("idle connections: %w", err)
	}
	return &idle{held: h, n: n}, nil
}

// close ends the client. It is an error when the server has closed connections
// meanwhile: then they were not idle, but gone.
func (i *idle) close() error {
	line, err := i.end()
	if err != nil {
		return fmt.Errorf("idle connections: %w", err)
	}
	l, err := parseLoad(line, i.cmd)
	if err == nil && l.Open < i.n {
		err = fmt.Errorf("%d of %d idle connections were closed by the server", i.n-l.Open, i.n)
	}
	return err
}

// --- memory ---

// idleMemory measures what one idle connection costs, on servers that are warm.
func (b *bench) idleMemory(ctx context.Context, wl *workload, live []*process) ([]cell, error) {
	b.warmIdle(ctx, wl, live)
	var out []cell
	for _, p := range live {
		b.progress.step(p.name)
		c, err := b.memoryOf(ctx, wl, p)
		if err != nil {
			c = cell{Server: p.name, Absent: err.Error()}
		}
		out = append(out, c)
	}
	return out, ctx.Err()
}

// warmIdle opens and closes a few, whose cost is not that of the others. Where the
// client can make load, it does.
func (b *bench) warmIdle(ctx context.Context, wl *workload, live []*process) {
	if wl.client != ownGo {
		b.warm(ctx, wl, live)
		return
	}
	for _, p := range live {
		if i, err := b.openIdle(ctx, wl, p.addr, 200); err == nil {
			_ = i.close()
		}
	}
}

func (b *bench) memoryOf(ctx context.Context, wl *workload, p *process) (cell, error) {
	time.Sleep(rest)
	before, err := resident(p.pids)
	if err != nil {
		return cell{}, err
	}
	had := goroutines(wl, p)
	i, err := b.openIdle(ctx, wl, p.addr, idleCount())
	if err != nil {
		return cell{}, err
	}
	time.Sleep(rest)
	after, err := resident(p.pids)
	more := goroutines(wl, p) - had
	if err2 := i.close(); err == nil {
		err = err2
	}
	each := float64(after-before) / float64(i.n)
	c := cell{Server: p.name, Value: each, Q1: each, Q3: each, RSS: after, Windows: 1}
	if share := more / float64(i.n); !math.IsNaN(share) {
		c.Goroutines = &share
	}
	return c, err
}

// goroutines is how many a server has, where that has to be known and it can tell.
func goroutines(wl *workload, p *process) float64 {
	if !wl.bar.NoGoroutine {
		return math.NaN()
	}
	c, err := dial(wl.wire, p.addr)
	if err != nil {
		return math.NaN()
	}
	defer c.Close()
	r, err := ask(c, request{method: "GET", target: "/goroutines"})
	if err != nil {
		return math.NaN()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	n, err := strconv.Atoi(string(text))
	if err != nil || r.StatusCode != http.StatusOK {
		return math.NaN()
	}
	return float64(n)
}

// --- CPU beside them ---

// idleOpen compares the CPU per request while idle connections are open with
// that of the windows before and after, without them.
func (b *bench) idleOpen(ctx context.Context, wl *workload, live []*process) ([]cell, error) {
	b.warm(ctx, wl, live)
	var out []cell
	for _, p := range live {
		s := &series{p: p}
		s.failed = b.beside(ctx, wl, s)
		out = append(out, s.cell())
	}
	return out, ctx.Err()
}

func (b *bench) beside(ctx context.Context, wl *workload, s *series) error {
	b.progress.step(s.p.name)
	last, err := b.window(ctx, wl, s.p)
	if err != nil {
		return err
	}
	for range b.windows {
		b.progress.step(s.p.name)
		with, err := b.windowBeside(ctx, wl, s.p)
		if err != nil {
			return err
		}
		b.progress.step(s.p.name)
		next, err := b.window(ctx, wl, s.p)
		if err != nil {
			return err
		}
		s.add(with, with.cpu/((last.cpu+next.cpu)/2))
		last = next
	}
	return nil
}

// windowBeside is a window with idle connections open.
func (b *bench) windowBeside(ctx context.Context, wl *workload, p *process) (window, error) {
	i, err := b.openIdle(ctx, wl, p.addr, idleCount())
	if err != nil {
		return window{}, err
	}
	w, err := b.window(ctx, wl, p)
	if err2 := i.close(); err == nil {
		err = err2
	}
	time.Sleep(100 * time.Millisecond) // the server closes its ends
	return w, err
}

// steps is how many windows a workload has, for the progress.
func (b *bench) steps(wl *workload) int {
	n := 0
	for _, s := range b.servers {
		if s.speaks&wl.wire != 0 && b.absence(s, wl) == "" {
			n++
		}
	}
	switch wl.kind {
	case idleMemory:
		return n
	case idleOpen:
		return n * (1 + 2*b.windows)
	default:
		return 1 + b.windows*(n-1+n/2)
	}
}
