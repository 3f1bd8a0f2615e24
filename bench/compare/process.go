package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTime = 15 * time.Second // until a server listens
	stopTime  = 3 * time.Second  // from SIGTERM to SIGKILL
)

// process is one running server.
type process struct {
	*server
	as    wire
	cmd   *exec.Cmd
	addr  string
	pids  []int // with those it has started
	ended chan struct{}
	said  tail
}

// start runs s on core and waits until it listens.
func start(ctx context.Context, s *server, w *workspace, as wire, core int) (*process, error) {
	addr := "127.0.0.1:0"
	if s.freePort {
		var err error
		if addr, err = freeAddr(); err != nil {
			return nil, err
		}
	}
	cmd, err := s.command(w, as, addr)
	if err != nil {
		return nil, err
	}
	p := &process{server: s, as: as, cmd: cmd, addr: addr, ended: make(chan struct{})}
	cmd.Stderr = &p.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(core, cmd); err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go p.watch(out, listening)
	if err := p.awaitReady(ctx, listening); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w\n%s", s.name, err, p.said.String())
	}
	p.pids = []int{cmd.Process.Pid}
	return p, nil
}

// watch reads what the server prints until it ends.
func (p *process) watch(out interface{ Read([]byte) (int, error) }, listening chan<- string) {
	word := "listening on "
	if p.as.secure() {
		word = "listening with TLS on "
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), word); ok {
			select {
			case listening <- addr:
			default:
			}
			continue
		}
		fmt.Fprintln(&p.said, lines.Text())
	}
	p.cmd.Wait()
	close(p.ended)
}

// awaitReady waits for the line that says the address, or, where the address was
// given and nothing is printed, until somebody can connect.
func (p *process) awaitReady(ctx context.Context, listening <-chan string) error {
	deadline := time.After(startTime)
	for {
		select {
		case p.addr = <-listening:
			return nil
		case <-p.ended:
			return errors.New("ended at once")
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("does not listen after %v", startTime)
		case <-time.After(20 * time.Millisecond):
			if !p.freePort {
				continue
			}
			if c, err := net.Dial("tcp", p.addr); err == nil {
				c.Close()
				return nil
			}
		}
	}
}

// stop ends the server and what it has started, each by its id.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return
	case <-time.After(stopTime):
	}
	for _, pid := range p.pids {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	p.cmd.Process.Kill()
	<-p.ended
}

// stopAll ends them side by side.
func stopAll(all []*process) {
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(p.stop)
	}
	wg.Wait()
}

// freeAddr is an address that nobody listens on just now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// tail keeps the last of what a process said, for the message about its end.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailMax = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > tailMax {
		t.b = t.b[len(t.b)-tailMax:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// oneCore is the environment of a server in Go that has one core.
func oneCore() []string { return append(os.Environ(), "GOMAXPROCS=1") }
