package wsgi

import (
	_ "embed"
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"spindle/reactor"
)

// This file is one process of a Stem, and the workers that are forked of it. Its socket is
// read and written by a goroutine each, since descriptors are sent over it.

//go:embed worker/stem.py
var stemPart string

var stemSource = append(append([]byte(nil), developedSource...), "\n"+stemPart...)

// The frames of a stem: what goes between it and the server.
const (
	stemModules = 'M' // to the stem, at the start: what to load, what to leave out, variables, environment
	stemFork    = 'F' // to the stem: number, threads, processes, environment; descriptors come along
	stemQuit    = 'Q' // to the stem: fork no more, and end when the forks have
	stemReady   = 'L' // all is loaded
	stemFaults  = 'X' // what is to be left out: names and reasons
	stemAgain   = 'F' // that was all, it ends
	stemBorn    = 'B' // number and process of a fork
	stemRefusal = 'S' // number, and why there is none
	stemEnded   = 'E' // process, code, signal
)

// stemProcess is one.
type stemProcess struct {
	s       *Stem
	spec    stemSpec
	own     map[string]bool
	modules map[string]bool // that it was told of
	child   *reactor.ChildProcess
	conn    *net.UnixConn
	out     chan stemMessage
	decoder decoder
	words   output
	number  int
	asked   map[string]*fork // not answered yet, by number
	forks   map[string]*fork // by process
	faults  map[string]string
	limit   *reactor.DelayedCall
	retired bool
	over    bool
}

// stemMessage is what is sent, with descriptors; the goroutine closes them.
type stemMessage struct {
	data  []byte
	files []*os.File
}

// fork is a worker that is being forked. It is its process until that is known.
type fork struct {
	w       *worker
	foster  *reactor.Foster
	ours    *os.File // of its control
	child   *reactor.ChildProcess
	signals []os.Signal // sent before
	limit   *reactor.DelayedCall
}

func (f *fork) Pid() int { return 0 }
func (f *fork) Signal(sig os.Signal) error {
	f.signals = append(f.signals, sig)
	return nil
}
func (f *fork) Write([]byte)    {} // it has nothing to read for yet
func (f *fork) LoseConnection() {}

// begin starts a process that loads what is known.
func (s *Stem) begin() (*stemProcess, error) {
	p := &stemProcess{s: s, spec: s.spec, own: maps.Clone(s.own), modules: map[string]bool{}, out: make(chan stemMessage, 64),
		asked: map[string]*fork{}, forks: map[string]*fork{}, faults: map[string]string{}}
	ours, theirs, err := reactor.SocketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	defer ours.Close() // conn has one of its own
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	p.conn = conn.(*net.UnixConn)
	p.child, err = reactor.SpawnProcess(s.r, p, reactor.Process{
		Path: s.spec.python,
		Args: []string{"-c", boot, strconv.Itoa(len(stemSource)), s.spec.target, "1", "1", "stem"},
		Dir:  s.spec.dir,
		Env:  s.spec.env,
		FDs:  map[int]reactor.ChildFD{0: {}, 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}, 3: {File: theirs}},
		Sys:  &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.lives(p.child.Pid(), true)
	go p.write()
	go p.read()
	p.out <- stemMessage{data: slices.Concat(stemSource, p.wanted())}
	p.limit = s.r.CallLater(stemTimeout, p.kill)
	return p, nil
}

// wanted is the frames of the start.
func (p *stemProcess) wanted() []byte {
	var pairs []string
	for _, name := range p.s.order {
		p.modules[name] = true
		pairs = append(pairs, name, p.s.origins[name])
	}
	data := stemFrame(stemModules, pairs...)
	data = append(data, stemFrame(stemModules, slices.Collect(maps.Keys(p.s.leftOut))...)...)
	data = append(data, stemFrame(stemModules, slices.Collect(maps.Keys(p.own))...)...)
	return append(data, stemFrame(stemModules, p.spec.env...)...)
}

func stemFrame(kind byte, parts ...string) []byte {
	payload := strings.Join(parts, "\x00")
	return append(appendHeader(nil, kind, len(payload)), payload...)
}

// write is a goroutine's work.
func (p *stemProcess) write() {
	for m := range p.out {
		var rights []byte
		if len(m.files) > 0 {
			var fds []int
			for _, f := range m.files {
				fds = append(fds, int(f.Fd()))
			}
			rights = unix.UnixRights(fds...)
		}
		n, _, err := p.conn.WriteMsgUnix(m.data, rights, nil)
		for _, f := range m.files {
			_ = f.Close()
		}
		if err == nil && n < len(m.data) {
			_, err = p.conn.Write(m.data[n:])
		}
		if err != nil {
			_ = p.conn.Close() // which read tells of
		}
	}
}

// read is a goroutine's work.
func (p *stemProcess) read() {
	buf := make([]byte, 16<<10)
	for {
		n, err := p.conn.Read(buf)
		data := slices.Clone(buf[:n])
		p.s.r.CallFromThread(func() {
			if !p.over && len(data) > 0 {
				if e := p.decoder.feed(data, p); e != nil {
					p.kill()
				}
			}
			if err != nil {
				p.lost()
			}
		})
		if err != nil {
			return
		}
	}
}

// piece is of no use here.
func (p *stemProcess) piece([]byte) {}

// frame takes what it says.
func (p *stemProcess) frame(kind byte, payload []byte) error {
	parts := strings.Split(string(payload), "\x00")
	switch {
	case kind == stemReady:
		p.limit.Cancel()
		p.s.isReady(p)
	case kind == stemFaults:
		for i := 0; i+1 < len(parts); i += 2 {
			p.faults[parts[i]] = parts[i+1]
		}
	case kind == stemAgain:
		p.retired = true
		p.s.leaves(p, p.faults)
	case kind == stemBorn && len(parts) == 2:
		p.born(parts[0], parts[1])
	case kind == stemRefusal && len(parts) == 2:
		if f := p.take(parts[0]); f != nil {
			p.s.stale(p, parts[1])
			p.alone(f)
		}
	case kind == stemEnded && len(parts) == 3:
		if f := p.forks[parts[0]]; f != nil {
			delete(p.forks, parts[0])
			f.child.Exited(statusOf(parts[1], parts[2]))
		}
	default:
		return errGarbage
	}
	return nil
}

// fork asks for a worker.
func (p *stemProcess) fork(w *worker, env []string) bool {
	foster, err := reactor.NewFoster(p.s.r, w, map[int]reactor.ChildFD{0: w.app.input(), 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}})
	if err != nil {
		return false
	}
	ours, theirs, err := reactor.SocketPair()
	if err != nil {
		foster.Discard()
		return false
	}
	p.number++
	number := strconv.Itoa(p.number)
	f := &fork{w: w, foster: foster, ours: ours}
	m := stemMessage{data: stemFrame(stemFork, append([]string{number, strconv.Itoa(max(w.app.Threads, 1)), strconv.Itoa(max(w.app.Workers, 1))}, env...)...)}
	m.files = append(foster.Release(), theirs)
	p.asked[number] = f
	f.limit = p.s.r.CallLater(forkTimeout, p.kill)
	w.process, w.forked = f, true
	select {
	case p.out <- m:
	default: // it has not taken anything for long
		for _, file := range m.files {
			_ = file.Close()
		}
		p.kill()
	}
	return true
}

// take is the fork of a number, which is answered now.
func (p *stemProcess) take(number string) *fork {
	f := p.asked[number]
	if f != nil {
		delete(p.asked, number)
		f.limit.Cancel()
	}
	return f
}

// born takes a worker that runs.
func (p *stemProcess) born(number, text string) {
	f := p.take(number)
	pid, err := strconv.Atoi(text)
	if f == nil || err != nil || pid < 2 {
		return
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		p.alone(f)
		return
	}
	w := f.w
	f.child = f.foster.Begin(process)
	p.forks[text] = f
	w.process = f.child
	w.lives(true)
	if err := p.s.r.AdoptConnection(f.ours, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return w.control })); err != nil {
		w.signal(syscall.SIGKILL)
	}
	for _, sig := range f.signals {
		_ = f.child.Signal(sig)
	}
	if w.stopping {
		w.control.close()
	}
}

// alone gives a worker an interpreter of its own.
func (p *stemProcess) alone(f *fork) {
	f.foster.Discard()
	_ = f.ours.Close()
	w := f.w
	w.forked = false
	var err error
	if !w.stopping && !w.doomed {
		if err = w.spawnAlone(p.s.r); err == nil {
			return
		}
		w.refusal = &LoadError{Target: w.app.Target, Reason: err.Error()}
	}
	w.ProcessEnded(reactor.ProcessStatus{Code: -1, Err: errors.Join(err, reactor.ErrDone)})
}

// retire has it end when its forks have.
func (p *stemProcess) retire() {
	if p.retired || p.over {
		return
	}
	p.retired = true
	select {
	case p.out <- stemMessage{data: stemFrame(stemQuit)}:
	default:
		p.kill()
	}
}

// kill ends it at once. Its forks go on.
func (p *stemProcess) kill() {
	if !p.over {
		_ = p.child.Signal(syscall.SIGKILL)
	}
}

// lost is told when it has ended, or is about to.
func (p *stemProcess) lost() {
	if p.over {
		return
	}
	p.over = true
	p.limit.Cancel()
	_ = p.conn.Close()
	close(p.out)
	_ = p.child.Signal(syscall.SIGKILL)
	if !p.retired {
		p.s.died(p, p.words.lastWords())
	}
	for _, number := range slices.Sorted(maps.Keys(p.asked)) {
		if f := p.take(number); f != nil {
			p.alone(f)
		}
	}
	for _, f := range p.forks {
		awaitEnd(p.s.r, f.child.Pid(), func() { f.child.Exited(reactor.ProcessStatus{Code: -1, Err: errOrphan}) })
	}
}

// errOrphan is how a fork has ended whose parent had ended before.
var errOrphan = errors.New("it ended, and nobody was told how")

// ProcessMade does nothing. See reactor.ProcessProtocol.
func (p *stemProcess) ProcessMade(*reactor.ChildProcess) {}

// OutReceived drops what it prints: a worker would have done so again.
func (p *stemProcess) OutReceived([]byte) {}

// ErrReceived keeps its last words.
func (p *stemProcess) ErrReceived(data []byte) { p.words.keep(data) }

// ProcessExited closes what its forks have not taken over. See reactor.ExitProtocol.
func (p *stemProcess) ProcessExited(reactor.ProcessStatus) {
	p.s.lives(p.child.Pid(), false)
	p.s.r.CallLater(pipesTimeout, p.child.LoseConnection)
}

// ProcessEnded is the end. See reactor.ProcessProtocol.
func (p *stemProcess) ProcessEnded(reactor.ProcessStatus) { p.lost() }

var (
	_ process              = (*fork)(nil)
	_ reactor.ExitProtocol = (*stemProcess)(nil)
	_ sink                 = (*stemProcess)(nil)
)
