package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type options struct {
	only, servers             string
	windows, seconds, repeats int
	serverCore, clientCore    int
	out                       string
}

func flags() options {
	var o options
	flag.StringVar(&o.only, "only", "", "`workloads`, separated by commas; all if not given")
	flag.StringVar(&o.servers, "servers", "", "`servers`, separated by commas; all if not given")
	flag.IntVar(&o.windows, "windows", 5, "windows for each server and workload")
	flag.IntVar(&o.seconds, "seconds", 1, "length of a window")
	flag.IntVar(&o.repeats, "repeats", 3, "how often a window with foreign CPU is repeated")
	flag.IntVar(&o.serverCore, "server-core", 0, "where the servers run")
	flag.IntVar(&o.clientCore, "client-core", 1, "where the client runs")
	flag.StringVar(&o.out, "out", filepath.Join("bench", "results"), "`directory` for results.json and results.svg")
	flag.Parse()
	return o
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := compare(ctx, flags())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// compare is the whole run. Whatever ends it, what it started is ended and what
// it wrote for itself removed.
func compare(ctx context.Context, o options) error {
	if o.windows < 1 || o.seconds < 1 || o.repeats < 0 {
		return errors.New("-windows and -seconds are at least 1, -repeats at least 0")
	}
	w, err := newWorkspace()
	if err != nil {
		return err
	}
	defer w.remove()
	b, work, err := prepare(ctx, o, w)
	if err != nil {
		return err
	}
	results, err := b.all(ctx, work)
	b.progress.clear()
	if err != nil && len(results) == 0 {
		return err
	}
	printSummary(os.Stdout, results)
	return errors.Join(err, write(o, b.servers, results))
}

// prepare builds everything and goes to the client's core.
func prepare(ctx context.Context, o options, w *workspace) (*bench, []workload, error) {
	work, err := choose(workloads(w.small, w.large), o.only)
	if err != nil {
		return nil, nil, err
	}
	p := newProgress(os.Stderr)
	p.note("building the servers and the load client")
	failed, err := w.build(ctx)
	if err != nil {
		return nil, nil, err
	}
	some, err := chosen(servers(w, failed), o.servers, references(work))
	if err != nil {
		return nil, nil, err
	}
	for _, s := range some {
		if s.missing != "" {
			p.note("not compared: %s: %s", s.name, s.missing)
		}
	}
	if err := pinSelf(o.clientCore); err != nil {
		return nil, nil, err
	}
	b := &bench{w: w, clients: newClients(w, o.clientCore), servers: some, progress: p,
		serverCore: o.serverCore, clientCore: o.clientCore,
		windows: o.windows, seconds: o.seconds, repeats: o.repeats}
	if b.clients.wrkPath == "" {
		p.note("wrk is not installed: our own client takes its place, and the figures differ")
	}
	if b.clients.h2loadPath == "" {
		p.note("h2load is not installed: what it asks for is not measured")
	}
	return b, work, nil
}

// all runs the workloads and prints each as it ends. A workload that cannot be
// measured is told, and the others go on.
func (b *bench) all(ctx context.Context, work []workload) (results []*result, err error) {
	total := 0
	for i := range work {
		total += b.steps(&work[i])
	}
	b.progress.plan(total)
	for i := range work {
		b.progress.workload(work[i].id)
		r, failed := b.run(ctx, &work[i])
		if ctx.Err() != nil {
			return results, errors.Join(err, errors.New("stopped"))
		}
		b.progress.clear()
		if failed != nil {
			err = errors.Join(err, failed)
			b.progress.note("not measured: %v", failed)
			continue
		}
		results = append(results, r)
		printTable(os.Stdout, r)
	}
	return results, err
}

// report is results.json.
type report struct {
	Date     string            `json:"date"`
	Machine  string            `json:"machine"`
	Go       string            `json:"go"`
	Windows  int               `json:"windows"`
	Seconds  int               `json:"seconds"`
	Versions map[string]string `json:"versions"`
	Results  []*result         `json:"results"`
}

func write(o options, all []*server, results []*result) error {
	rep := report{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Go: runtime.Version(),
		Windows: o.windows, Seconds: o.seconds, Versions: map[string]string{}, Results: results}
	for _, s := range all {
		if s.missing == "" {
			rep.Versions[s.name] = s.version
		}
	}
	text, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	j, s := filepath.Join(o.out, "results.json"), filepath.Join(o.out, "results.svg")
	err = errors.Join(os.MkdirAll(o.out, 0o755),
		os.WriteFile(j, append(text, '\n'), 0o644),
		os.WriteFile(s, drawSVG(&rep), 0o644))
	if err == nil {
		fmt.Printf("\nwritten: %s, %s\n", j, s)
	}
	return err
}

// machine is the processor and the kernel.
func machine() string {
	cpu := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d × %s, %s %s", runtime.NumCPU(), cpu, runtime.GOOS, strings.TrimSpace(string(kernel)))
}
