package dev

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
	"spindle/reactor"
)

// This file runs one generation of a program: from its start to the moment when it is
// ready, and to its end with all that it has started.

// The times of a program.
const (
	knockFirst   = 4 * time.Millisecond // whether its port is open, as long as it may be about to
	knockEvery   = 15 * time.Millisecond
	lookForPorts = 400 * time.Millisecond
	startTimeout = 60 * time.Second
)

// way is how a program comes to its port.
type way uint8

const (
	byPort   way = iota // it listens at the port that PORT names
	bySocket            // it takes an open socket over, and says when it is ready
)

// programSpec is what to run.
type programSpec struct {
	path string
	args []string
	dir  string
	env  []string
	way  way
	port int // where it listens whatever PORT says; 0: by way

	public *reactor.Port // whose socket it is given; nil: one of its own
	base   string        // directory for sockets
	tag    string        // names the generation

	report string // socket for reports of panics; "" for none
	probe  string // socket of protocol/probe; "" for none
	still  bool   // stacks do not shrink, so that what points into them stays right
}

// program is one running program. Loop only.
type program struct {
	loop   reactor.Loop
	spec   programSpec
	child  *reactor.ChildProcess
	addr   string // host:port where it listens
	secure bool   // with TLS
	own    bool   // at a port of its own choosing, so that there can be one at a time

	ready   *reactor.Deferred[*program]
	ended   *reactor.Deferred[*program]
	status  reactor.ProcessStatus
	output  func(p *program, errs bool, data []byte)
	words   tail // the last of what it printed
	started time.Time
	notify  *net.UnixConn
	knock   *reactor.DelayedCall
	killer  *reactor.DelayedCall
	limit   *reactor.DelayedCall
	asked   bool // it was told to end
}

// startProgram runs a program. An error means that it could not be started; that it
// ended too early is the error of ready.
func startProgram(l reactor.Loop, spec programSpec, output func(p *program, errs bool, data []byte)) (*program, error) {
	p := &program{loop: l, spec: spec, output: output, started: l.Now(),
		ready: reactor.NewDeferred[*program](), ended: reactor.NewDeferred[*program]()}
	if spec.public != nil {
		f, addr, err := publicSocket(spec.public)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p.addr = addr
		return p, p.startWithSocket(f)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	p.addr = socket.Addr().String()
	if spec.port != 0 {
		p.addr, p.own = net.JoinHostPort("127.0.0.1", strconv.Itoa(spec.port)), true
	}
	if spec.way == bySocket {
		f, err := socket.(*net.TCPListener).File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return p, p.startWithSocket(f)
	}
	_ = socket.Close() // its number is the program's
	return p, p.start(nil, nil)
}

// startWithSocket has the program inherit an open socket, as systemd does.
func (p *program) startWithSocket(socket *os.File) (err error) {
	path := filepath.Join(p.spec.base, "notify."+p.spec.tag)
	if p.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		return err
	}
	go p.hear(p.notify)
	return p.start(socket, map[string]string{
		"LISTEN_FDS": "1", "LISTEN_FDNAMES": reactor.StandIn, "NOTIFY_SOCKET": path})
}

// start runs it. Who is given a socket is told its own process id, which only a shell
// that becomes the program knows beforehand.
func (p *program) start(socket *os.File, more map[string]string) error {
	s := p.spec
	_, port, _ := net.SplitHostPort(p.addr)
	set := map[string]string{"PORT": port, supervisedVariable: "1"}
	for k, v := range more {
		set[k] = v
	}
	if s.report != "" {
		set[postmortem.Variable] = s.report
	}
	if s.probe != "" {
		set[probe.Variable] = s.probe
	}
	if s.still {
		set["GODEBUG"] = withSetting(s.env, "gcshrinkstackoff=1")
	}
	fds := map[int]reactor.ChildFD{0: {Pipe: reactor.ChildReads}, 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}}
	run := reactor.Process{Path: s.path, Args: s.args, Dir: s.dir, Env: environ(s.env, set), FDs: fds, Sys: childAttr()}
	if socket != nil {
		fds[3] = reactor.ChildFD{File: socket}
		run.Path, run.Name = "/bin/sh", "sh"
		run.Args = append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, s.path}, s.args...)
	}
	child, err := reactor.SpawnProcess(p.loop, (*programProtocol)(p), run)
	if err != nil {
		p.closeNotify()
		return err
	}
	p.child = child
	Keep(child.Pid())
	p.limit = p.loop.CallLater(startTimeout, func() {
		p.fail(&Failure{Stage: "start", Title: fmt.Sprintf("The program was not ready after %v", startTimeout), late: true})
		p.stop(0)
	})
	if s.way == byPort {
		p.knockAgain()
	}
	return nil
}

// knockAgain asks for the port soon.
func (p *program) knockAgain() {
	wait := knockEvery
	if p.loop.Now().Sub(p.started) < lookForPorts {
		wait = knockFirst
	}
	p.knock = p.loop.CallLater(wait, p.tryPort)
}

// withSetting is GODEBUG of an environment, and one setting more.
func withSetting(env []string, setting string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if name, value, _ := cutEnv(env[i]); name == "GODEBUG" && value != "" {
			return value + "," + setting
		}
	}
	return setting
}

// hear is a goroutine's work: what the program says of itself.
func (p *program) hear(c *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		p.loop.CallFromThread(func() { p.heard(text) })
	}
}

// heard takes a message of sd_notify(3).
func (p *program) heard(text string) {
	for _, line := range splitLines(text) {
		switch line {
		case "X_SPINDLE_TLS=1":
			p.secure = true
		case "READY=1":
			defer p.isReady()
		}
	}
}

// tryPort asks, on a thread, whether somebody listens there, or at another port of the
// program's own choosing.
func (p *program) tryPort() {
	p.knock = nil
	addr, pid, own := p.addr, p.child.Pid(), p.own
	look := !own && p.loop.Now().Sub(p.started) > lookForPorts
	reactor.DeferToThreadPool(p.loop.ThreadPool(), func() (string, error) {
		if knocks(addr) {
			return addr, nil
		}
		if look {
			if port := groupPort(pid); port != 0 {
				return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
			}
		}
		return "", nil
	}).Then(func(found string) {
		switch {
		case p.ready.Settled():
		case found == "":
			p.knockAgain()
		default:
			p.own = p.own || found != addr
			p.addr = found
			p.isReady()
		}
	}, func(error) { p.knockAgain() })
}

// knocks tells whether a connection is taken. Blocks: not on the loop.
func knocks(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (p *program) isReady() {
	p.stopTimers()
	if !p.ready.Settled() {
		p.ready.Callback(p)
	}
}

func (p *program) fail(err error) {
	p.stopTimers()
	if !p.ready.Settled() {
		p.ready.Errback(err)
	}
}

func (p *program) stopTimers() {
	for _, t := range []*reactor.DelayedCall{p.knock, p.limit} {
		if t != nil {
			t.Cancel()
		}
	}
	p.knock, p.limit = nil, nil
}

func (p *program) closeNotify() {
	if p.notify != nil {
		_ = p.notify.Close()
		_ = os.Remove(filepath.Join(p.spec.base, "notify."+p.spec.tag))
		p.notify = nil
	}
}

// pid is its process, the first of its group.
func (p *program) pid() int { return p.child.Pid() }

// running tells whether it has not ended.
func (p *program) running() bool { return !p.ended.Settled() }

// stop asks the program to end, and ends it with all that it has started when it has
// not after patience.
func (p *program) stop(patience time.Duration) {
	if !p.running() || p.asked && patience > 0 {
		return
	}
	p.asked = true
	pid := p.child.Pid()
	if patience > 0 {
		killGroup(pid, sigTerm)
		p.killer = p.loop.CallLater(patience, func() { killGroup(pid, sigKill) })
		return
	}
	killGroup(pid, sigKill)
}

// programProtocol is the program as its process sees it.
type programProtocol program

func (p *programProtocol) ProcessMade(*reactor.ChildProcess) {}

func (p *programProtocol) OutReceived(data []byte) {
	p.words.add(data)
	p.output((*program)(p), false, data)
}

func (p *programProtocol) ErrReceived(data []byte) {
	p.words.add(data)
	p.output((*program)(p), true, data)
}

// lastWordsTime is how long the pipes of a program that has ended may stay open: what is
// still in them has come by then, and who else holds them is not of its group.
const lastWordsTime = time.Second

// ProcessExited ends what the program has left running: its pipes would stay open.
func (p *programProtocol) ProcessExited(status reactor.ProcessStatus) {
	killGroup(p.child.Pid(), sigKill)
	Unkeep(p.child.Pid())
	p.loop.CallLater(lastWordsTime, p.child.LoseConnection)
}

func (p *programProtocol) ProcessEnded(status reactor.ProcessStatus) {
	q := (*program)(p)
	q.status = status
	if q.killer != nil {
		q.killer.Cancel()
	}
	q.closeNotify()
	q.fail(fmt.Errorf("dev: the program ended: %s", status))
	q.ended.Callback(q)
}

// tail keeps the last of what was printed.
type tail struct{ b []byte }

const tailBytes = 16 << 10

func (t *tail) add(data []byte) {
	t.b = append(t.b, data...)
	if len(t.b) > 2*tailBytes {
		t.b = t.b[:copy(t.b, t.b[len(t.b)-tailBytes:])]
	}
}

// String is the last lines.
func (t *tail) String() string {
	b := t.b
	if len(b) > tailBytes {
		b = b[len(b)-tailBytes:]
	}
	return string(b)
}

func splitLines(s string) (lines []string) {
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] != '\n' {
			i++
		}
		lines = append(lines, s[:i])
		s = s[min(i+1, len(s)):]
	}
	return lines
}
