// Wsgi measures servers of WSGI applications side by side: spindle wsgi, waitress, gunicorn
// and Twisted's WSGIResource, each with one process of Python and the same trivial
// application, window by window in turns.
//
//	go run ./bench/wsgi [-windows 3] [-seconds 2]
//
// It needs wrk, taskset, and Debian's python3-waitress, gunicorn and python3-twisted. Each
// server has the first core for itself, the client the second. It exits with 1 when a bar
// is missed: requests of a line per second at least those of waitress and gunicorn, and
// twice those of Twisted; 100 MiB up and answers of 1 MiB in constant memory.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	windows := flag.Int("windows", 3, "windows for each server and workload")
	seconds := flag.Int("seconds", 2, "length of a window")
	flag.Parse()
	if err := run(*windows, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "wsgi:", err)
		os.Exit(1)
	}
}

// contestant is one server. PORT stands for its port in args.
type contestant struct {
	name string
	args []string
	bar  float64 // how many times its requests spindle has to answer
	mate string  // the entry of spindle that it is compared with

	port  int
	cmd   *exec.Cmd
	rates map[string][]float64 // of each path
}

func contestants(spindle string) []*contestant {
	ours := func(threads string) []string {
		return []string{spindle, "wsgi", "trivial", "--python", "/usr/bin/python3", "--chdir", "bench/wsgi", "--listen", "127.0.0.1:PORT",
			"--threads", threads, "--log", "none", "--quiet"}
	}
	return []*contestant{
		{name: "spindle, 1 thread", args: ours("1")},
		{name: "spindle, 4 threads", args: ours("4")},
		{name: "gunicorn, sync", bar: 1, mate: "spindle, 1 thread",
			args: []string{"/usr/bin/gunicorn", "--chdir", "bench/wsgi", "--bind", "127.0.0.1:PORT", "--log-level", "error", "trivial"}},
		{name: "gunicorn, 4 threads", bar: 1, mate: "spindle, 4 threads",
			args: []string{"/usr/bin/gunicorn", "--chdir", "bench/wsgi", "--bind", "127.0.0.1:PORT", "--log-level", "error", "--threads", "4", "trivial"}},
		{name: "waitress, 4 threads", bar: 1, mate: "spindle, 4 threads",
			args: []string{"/usr/bin/waitress-serve", "--listen", "127.0.0.1:PORT", "trivial:application"}},
		{name: "Twisted, WSGIResource", bar: 2, mate: "spindle, 4 threads",
			args: []string{"/usr/bin/twist3", "--log-level", "error", "web", "--listen", "tcp:PORT:interface=127.0.0.1", "--wsgi", "trivial.application"}},
	}
}

var paths = []string{"/", "/big"}

func run(windows, seconds int) error {
	dir, err := os.MkdirTemp("", "wsgi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "spindle")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/spindle").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	all := contestants(program)
	defer func() {
		for _, c := range all {
			c.stop()
		}
	}()
	for _, c := range all {
		if err := c.start(); err != nil {
			return err
		}
	}
	for range windows {
		for _, path := range paths {
			for _, c := range all {
				if err := c.window(path, seconds); err != nil {
					return err
				}
			}
		}
	}
	return errors.Join(report(all), memory(all[1]))
}

// start runs the server and waits until it answers.
func (c *contestant) start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	c.rates = map[string][]float64{}
	args := []string{"-c", "0"}
	for _, a := range c.args {
		args = append(args, strings.ReplaceAll(a, "PORT", strconv.Itoa(c.port)))
	}
	c.cmd = exec.Command("taskset", args...)
	c.cmd.Env = append(os.Environ(), "PYTHONPATH=bench/wsgi")
	var said bytes.Buffer
	c.cmd.Stderr = &said
	if err := c.cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r, err := http.Get(c.url("/"))
		if err == nil {
			r.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", c.name, err, said.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *contestant) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", c.port, path)
}

func (c *contestant) stop() {
	if c.cmd != nil && c.cmd.Process != nil {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		_ = c.cmd.Wait()
	}
}

var rate = regexp.MustCompile(`Requests/sec: +([0-9.]+)`)

// window asks for a path as fast as it is answered.
func (c *contestant) window(path string, seconds int) error {
	out, err := exec.Command("taskset", "-c", "1", "wrk", "-t1", "-c16", "-d"+strconv.Itoa(seconds)+"s", c.url(path)).CombinedOutput()
	m := rate.FindSubmatch(out)
	if err != nil || m == nil || strings.Contains(string(out), "Non-2xx") {
		return fmt.Errorf("%s%s: %v\n%s", c.name, path, err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	c.rates[path] = append(c.rates[path], n)
	return err
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// report prints the table, and tells which bars are missed.
func report(all []*contestant) (missed error) {
	fmt.Printf("%-24s", "requests/s, median")
	for _, path := range paths {
		fmt.Printf("%24s", path)
	}
	fmt.Println()
	mates := map[string]*contestant{}
	for _, c := range all {
		mates[c.name] = c
		fmt.Printf("%-24s", c.name)
		for _, path := range paths {
			r := c.rates[path]
			fmt.Printf("%24s", fmt.Sprintf("%.0f (%.0f–%.0f)", median(r), slices.Min(r), slices.Max(r)))
		}
		fmt.Println()
	}
	for _, c := range all {
		if c.mate == "" {
			continue
		}
		ours, theirs := median(mates[c.mate].rates["/"]), median(c.rates["/"])
		if ours < c.bar*theirs {
			missed = errors.Join(missed, fmt.Errorf("%s answers %.0f, less than %.0f × %.0f of %s", c.mate, ours, c.bar, theirs, c.name))
		}
	}
	return missed
}

// memory sends 100 MiB up and has a slow client take large answers: the server's peak
// must not grow by more than 2 MiB.
func memory(c *contestant) error {
	before, err := peak(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	const size = 100 << 20
	r, err := http.Post(c.url("/count"), "application/octet-stream", io.LimitReader(zeros{}, size))
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || string(got) != strconv.Itoa(size) {
		return fmt.Errorf("100 MiB up: %q, %v", got, err)
	}
	for range 20 {
		if r, err = http.Get(c.url("/big")); err != nil {
			return err
		}
		defer r.Body.Close() // not read: the client is slow
	}
	after, err := peak(c.cmd.Process.Pid)
	fmt.Printf("memory of %s: peak %d KiB, after 100 MiB up and with 20 clients that do not take a MiB %d KiB\n", c.name, before, after)
	if after > before+2<<10+20*256 {
		err = errors.Join(err, fmt.Errorf("the memory grows by %d KiB", after-before))
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var high = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most that a process has had in memory, in KiB.
func peak(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := high.FindSubmatch(text)
	if m == nil {
		return 0, errors.New("the system does not tell the memory of a process")
	}
	return strconv.Atoi(string(m[1]))
}
