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
	Open     int     `json:"open"` // idle connections that the server has left open
	cpu      time.Duration
}

// clients runs load from the client's core.
type clients struct {
	w       *workspace
	core    int
	wrkPath string // "": not installed
}

func newClients(w *workspace, core int) *clients {
	path, _ := exec.LookPath("wrk")
	return &clients{w: w, core: core, wrkPath: path}
}

// run asks addr for seconds as the workload says.
func (c *clients) run(ctx context.Context, wl *workload, addr string, seconds float64) (load, error) {
	if wl.wrk && c.wrkPath != "" && seconds >= 1 {
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

// loadCommand is our own client (bench/load).
func (c *clients) loadCommand(ctx context.Context, wl *workload, addr string, more ...string) (*exec.Cmd, error) {
	file := c.w.path(wl.id + ".request")
	if err := os.WriteFile(file, wl.request.bytes(), 0o644); err != nil {
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
	l.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
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
