// Proxied measures what it costs to pass a request on: CPU time of the proxy for each, of
// spindle web --proxy, nginx and httputil.ReverseProxy in front of the same upstream (the
// C loop of bench/limit), window by window in turns.
//
//	go run ./bench/proxied [-windows 5] [-seconds 1]
//
// It needs cc, wrk and nginx, and two cores: the proxies are on the first, upstream and
// client on the second. It exits with 1 when a bar is missed.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	windows := flag.Int("windows", 5, "windows for each proxy and workload")
	seconds := flag.Int("seconds", 1, "length of a window")
	profile := flag.String("spindle", "", "`program` to measure in place of a new build of cmd/spindle")
	flag.Parse()
	if err := run(*windows, *seconds, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "proxied:", err)
		os.Exit(1)
	}
}

// work is what is asked, and the bars: of spindle's CPU time, as a multiple of the others'.
// What a large content costs is nearly all the kernel's copying, for all of them.
type work struct {
	name, target                    string
	mostOfReverseProxy, mostOfNginx float64
}

var works = []work{{"13 bytes", "/plaintext", .6, 1.4}, {"1 MiB", "/big", 1.2, 1.4}}

func run(windows, seconds int, program string) error {
	dir, err := os.MkdirTemp("", "proxied")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(dir, program); err != nil {
		return err
	}
	up, addr, err := start("1", exec.Command(filepath.Join(dir, "limit"), "-listen", "127.0.0.1:0"))
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	defer end(up)
	proxies, err := proxies(dir, addr)
	defer func() {
		for _, p := range proxies {
			end(p.cmd)
		}
	}()
	if err != nil {
		return err
	}
	failed := false
	for _, w := range works {
		if err := measure(proxies, w, windows, seconds); err != nil {
			return err
		}
		failed = !report(proxies, w) || failed
	}
	if failed {
		return errors.New("a bar is missed")
	}
	return nil
}

func build(dir, program string) error {
	steps := []*exec.Cmd{
		exec.Command("cc", "-O2", "-o", filepath.Join(dir, "limit"), "bench/limit/limit.c", "bench/limit/answers.c"),
		exec.Command("go", "build", "-C", "bench/peers", "-o", filepath.Join(dir, "reverseproxy"), "./reverseproxy"),
	}
	if program == "" {
		steps = append(steps, exec.Command("go", "build", "-o", filepath.Join(dir, "spindle"), "./cmd/spindle"))
	} else if err := os.Symlink(program, filepath.Join(dir, "spindle")); err != nil {
		return err
	}
	for _, cmd := range steps {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
	}
	return nil
}

// proxy is one that is measured.
type proxy struct {
	name  string
	cmd   *exec.Cmd
	addr  string
	costs []float64 // µs of CPU for each request, by window
}

const nginxConf = `daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
	access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	upstream up { server %[2]s; keepalive 256; keepalive_requests 1000000000; }
	server { listen %[3]s; location / {
		proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
		proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;
		proxy_max_temp_file_size 0;
	} }
}
`

func proxies(dir, upstream string) (list []*proxy, err error) {
	conf := filepath.Join(dir, "nginx.conf")
	free, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, upstream, free), 0o600); err != nil {
		return nil, err
	}
	free2, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(free2)
	for _, p := range []struct {
		name, addr string
		args       []string
	}{
		{"spindle", free2, []string{filepath.Join(dir, "spindle"), "web", "--quiet", "--proxy", "/=http://" + upstream, "-l", "tcp:" + port + ":interface=127.0.0.1"}},
		{"nginx", free, []string{"nginx", "-p", dir, "-c", conf}},
		{"ReverseProxy", "", []string{filepath.Join(dir, "reverseproxy"), "-listen", "127.0.0.1:0", "-upstream", "http://" + upstream}},
	} {
		cmd, addr := exec.Command(p.args[0], p.args[1:]...), p.addr
		if addr == "" {
			cmd, addr, err = start("0", cmd)
		} else {
			cmd, err = startAt("0", cmd, addr)
		}
		if err != nil {
			return list, fmt.Errorf("%s: %w", p.name, err)
		}
		list = append(list, &proxy{name: p.name, cmd: cmd, addr: addr})
	}
	return list, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// pinned is cmd on one core.
func pinned(core string, cmd *exec.Cmd) *exec.Cmd {
	c := exec.Command("taskset", append([]string{"-c", core}, cmd.Args...)...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	c.Stderr = os.Stderr
	return c
}

// start starts a server that says where it listens.
func start(core string, cmd *exec.Cmd) (*exec.Cmd, string, error) {
	cmd = pinned(core, cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		end(cmd)
		return nil, "", err
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return cmd, strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:]), nil
}

// startAt starts a server that was told where to listen, and waits for it.
func startAt(core string, cmd *exec.Cmd, addr string) (*exec.Cmd, error) {
	cmd = pinned(core, cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return cmd, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	end(cmd)
	return nil, errors.New("it does not listen")
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		_ = cmd.Process.Kill()
	}
}

// measure takes windows in turns.
func measure(proxies []*proxy, w work, windows, seconds int) error {
	for _, p := range proxies {
		p.costs = nil
	}
	for i := range windows + 1 {
		for _, p := range proxies {
			before := cpuTime(p.cmd.Process.Pid)
			n, err := load(p.addr, w.target, seconds)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if cost := float64((cpuTime(p.cmd.Process.Pid) - before).Nanoseconds()) / 1e3 / float64(n); i > 0 { // the first warms up
				p.costs = append(p.costs, cost)
			}
		}
	}
	return nil
}

var (
	counted = regexp.MustCompile(`(\d+) requests in`)
	wrong   = regexp.MustCompile(`(?m)^\s*(Socket errors|Non-2xx).*`)
)

// load asks with 64 connections, and gives back how many answers came.
func load(addr, target string, seconds int) (int, error) {
	out, err := pinned("1", exec.Command("wrk", "-t1", "-c64", "-d"+strconv.Itoa(seconds)+"s", "http://"+addr+target)).Output()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w", err)
	}
	if bad := wrong.Find(out); bad != nil {
		return 0, fmt.Errorf("wrk: %s", bad)
	}
	m := counted.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk says %q", out)
	}
	n, err := strconv.Atoi(string(m[1]))
	if n == 0 {
		err = errors.New("there was no answer")
	}
	return n, err
}

// cpuTime is what all threads of a process and its children have spent.
func cpuTime(pid int) (sum time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, t := range threads {
		b, _ := os.ReadFile(filepath.Join(t, "schedstat"))
		first, _, _ := strings.Cut(string(b), " ")
		ns, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(ns)
		children, _ := os.ReadFile(filepath.Join(t, "children"))
		for child := range strings.FieldsSeq(string(children)) {
			n, _ := strconv.Atoi(child)
			sum += cpuTime(n)
		}
	}
	return sum
}

// report prints the medians, and tells whether the bars are reached.
func report(proxies []*proxy, w work) bool {
	m := map[string]float64{}
	for _, p := range proxies {
		slices.Sort(p.costs)
		m[p.name] = p.costs[len(p.costs)/2]
		fmt.Printf("%-10s %-13s %8.1f µs of CPU for each request (%.1f to %.1f)\n", w.name, p.name, m[p.name], p.costs[0], p.costs[len(p.costs)-1])
	}
	toPeer, toNginx := m["spindle"]/m["ReverseProxy"], m["spindle"]/m["nginx"]
	fmt.Printf("%-10s spindle is %.2f × ReverseProxy (at most %.1f), %.2f × nginx (at most %.1f)\n", w.name, toPeer, w.mostOfReverseProxy, toNginx, w.mostOfNginx)
	return toPeer <= w.mostOfReverseProxy && toNginx <= w.mostOfNginx
}
