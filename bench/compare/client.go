package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// load is what one run of a client saw. Latencies are in microseconds.
type load struct {
	Requests int64   `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	Open     int     `json:"open"`        // idle connections that the server has left open
	CPU      float64 `json:"cpu_seconds"` // of the client, where it says so itself
	cpu      time.Duration
}

// clients runs load from the client's core.
type clients struct {
	w                   *workspace
	core                int
	wrkPath, h2loadPath string // "": not installed
}

func newClients(w *workspace, core int) *clients {
	c := &clients{w: w, core: core}
	c.wrkPath, _ = exec.LookPath("wrk")
	c.h2loadPath, _ = exec.LookPath("h2load")
	return c
}

// missing is why a workload's client can not be had.
func (c *clients) missing(wl *workload) error {
	if wl.client == h2load && c.h2loadPath == "" {
		return fmt.Errorf("%s: h2load is not installed", wl.id)
	}
	return nil
}

// begin makes a client ready to ask addr for seconds as the workload says. run does
// that, once; end lets go of what the client holds.
func (c *clients) begin(ctx context.Context, wl *workload, addr string, seconds float64) (run func() (load, error), end func(), err error) {
	if wl.client == ownGo {
		h, err := c.hold(c.goCommand(ctx, wl, addr, wl.work(), seconds))
		if err != nil {
			return nil, nil, err
		}
		return h.work, func() { _, _ = h.end() }, nil
	}
	return func() (load, error) { return c.run(ctx, wl, addr, seconds) }, func() {}, nil
}

// run is the whole of a client that does it in one go.
func (c *clients) run(ctx context.Context, wl *workload, addr string, seconds float64) (load, error) {
	switch {
	case wl.client == h2load:
		return c.runH2load(ctx, wl, addr, seconds)
	case wl.client == wrk && c.wrkPath != "" && seconds >= 1:
		return c.runWrk(ctx, wl, addr, seconds)
	}
	cmd, err := c.loadCommand(ctx, wl, addr, "-seconds", strconv.FormatFloat(seconds, 'f', -1, 64))
	if err != nil {
		return load{}, err
	}
	out, err := c.output(cmd)
	if err != nil {
		return load{}, err
	}
	return parseLoad(out, cmd)
}

// requestFile holds what a client of ours sends.
func (c *clients) requestFile(wl *workload) (string, error) {
	file := c.w.path(wl.id + ".request")
	return file, os.WriteFile(file, wl.request.bytes(), 0o644)
}

// loadCommand is our own client (bench/load).
func (c *clients) loadCommand(ctx context.Context, wl *workload, addr string, more ...string) (*exec.Cmd, error) {
	file, err := c.requestFile(wl)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-to", addr, "-request", file,
		"-conns", strconv.Itoa(wl.conns), "-depth", strconv.Itoa(max(wl.depth, 1)),
		"-length", strconv.Itoa(len(wl.answer))}, more...)
	if wl.spin {
		args = append(args, "-spin")
	}
	if wl.fresh {
		args = append(args, "-new")
	}
	return exec.CommandContext(ctx, c.w.path("load"), args...), nil
}

// output runs a client on its core and gives back what it printed.
func (c *clients) output(cmd *exec.Cmd) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := startOn(c.core, cmd); err != nil {
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

func parseLoad(out []byte, cmd *exec.Cmd) (load, error) {
	var l load
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &l); err != nil {
		return l, fmt.Errorf("load client: %w", err)
	}
	return l.withCPU(cmd)
}

func (l load) withCPU(cmd *exec.Cmd) (load, error) {
	if l.Requests == 0 {
		return l, errors.New("not one request was answered")
	}
	if l.cpu = time.Duration(l.CPU * float64(time.Second)); l.cpu == 0 && cmd != nil {
		l.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return l, nil
}

// --- h2load ---

// h2loadCommand asks for HTTP/2, or for HTTP/1.1 over TLS.
func (c *clients) h2loadCommand(ctx context.Context, wl *workload, addr string, seconds float64) *exec.Cmd {
	scheme := "http://"
	if wl.wire.secure() {
		scheme = "https://"
	}
	args := []string{"-t1", "-c" + strconv.Itoa(wl.conns), "-m" + strconv.Itoa(max(wl.depth, 1)),
		fmt.Sprintf("-D%.0fms", 1e3*seconds)}
	if wl.wire == https {
		args = append(args, "--h1")
	}
	return exec.CommandContext(ctx, c.h2loadPath, append(args, scheme+addr+wl.request.target)...)
}

func (c *clients) runH2load(ctx context.Context, wl *workload, addr string, seconds float64) (load, error) {
	cmd := c.h2loadCommand(ctx, wl, addr, seconds)
	out, err := c.output(cmd)
	if err != nil {
		return load{}, err
	}
	l, err := parseH2load(string(out), wl.wire)
	if err != nil {
		return l, err
	}
	return l.withCPU(cmd)
}

var (
	h2loadTime     = regexp.MustCompile(`(?m)^finished in ([\d.]+)(us|ms|s|m),`)
	h2loadRequests = regexp.MustCompile(`(?m)^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$`)
	h2loadTLS      = regexp.MustCompile(`(?m)^TLS Protocol: (.*)$`)
	h2loadProtocol = regexp.MustCompile(`(?m)^Application protocol: (.*)$`)
)

// parseH2load reads h2load's report, and refuses one that tells of errors, or of
// another protocol than was asked for. It has no percentiles.
func parseH2load(out string, as wire) (load, error) {
	took, n := h2loadTime.FindStringSubmatch(out), h2loadRequests.FindStringSubmatch(out)
	if took == nil || n == nil {
		return load{}, fmt.Errorf("h2load said %q", out)
	}
	if n[2] != "0" || n[3] != "0" || n[4] != "0" {
		return load{}, fmt.Errorf("h2load: %s", n[0])
	}
	first := func(r *regexp.Regexp) string {
		if m := r.FindStringSubmatch(out); m != nil {
			return m[1]
		}
		return ""
	}
	want := map[wire]string{h2c: "h2c", h2: "h2", https: "http/1.1"}[as]
	if got := first(h2loadProtocol); got != want {
		return load{}, fmt.Errorf("h2load spoke %q, not %s", got, want)
	}
	if got := first(h2loadTLS); as.secure() && got != "TLSv1.3" {
		return load{}, fmt.Errorf("h2load spoke %q, not TLSv1.3", got)
	}
	var l load
	l.Requests, _ = strconv.ParseInt(n[1], 10, 64)
	l.Seconds = micros(took[1], took[2]) / 1e6
	return l, nil
}

// --- wrk ---

func (c *clients) runWrk(ctx context.Context, wl *workload, addr string, seconds float64) (load, error) {
	args := []string{"-t1", "-c" + strconv.Itoa(wl.conns), fmt.Sprintf("-d%.0fs", seconds), "--latency", "--timeout", "10s"}
	for _, f := range wl.request.fields {
		args = append(args, "-H", f[0]+": "+f[1])
	}
	if wl.request.content != nil {
		script := c.w.path(wl.id + ".lua")
		text := fmt.Sprintf("wrk.method = %q\nwrk.body = %q\n", wl.request.method, wl.request.content)
		if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
			return load{}, err
		}
		args = append(args, "-s", script)
	}
	cmd := exec.CommandContext(ctx, c.wrkPath, append(args, "http://"+addr+wl.request.target)...)
	out, err := c.output(cmd)
	if err != nil {
		return load{}, err
	}
	l, err := parseWrk(string(out))
	if err != nil {
		return l, err
	}
	return l.withCPU(cmd)
}

var (
	wrkTotal = regexp.MustCompile(`(\d+) requests in ([\d.]+)(us|ms|s|m),`)
	wrkShare = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$`)
	wrkBad   = regexp.MustCompile(`(?m)^\s*(Non-2xx .*|Socket errors: .*)$`)
)

// parseWrk reads wrk's report, and refuses one that tells of errors.
func parseWrk(out string) (load, error) {
	if bad := wrkBad.FindString(out); bad != "" {
		return load{}, fmt.Errorf("wrk: %s", strings.TrimSpace(bad))
	}
	m := wrkTotal.FindStringSubmatch(out)
	if m == nil {
		return load{}, fmt.Errorf("wrk said %q", out)
	}
	var l load
	l.Requests, _ = strconv.ParseInt(m[1], 10, 64)
	l.Seconds = micros(m[2], m[3]) / 1e6
	for _, m := range wrkShare.FindAllStringSubmatch(out, -1) {
		if m[1] == "50" {
			l.P50 = micros(m[2], m[3])
		} else {
			l.P99 = micros(m[2], m[3])
		}
	}
	return l, nil
}

// micros is a figure of wrk in microseconds.
func micros(figure, unit string) float64 {
	f, _ := strconv.ParseFloat(figure, 64)
	return f * map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[unit]
}
