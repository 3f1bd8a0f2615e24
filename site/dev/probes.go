package dev

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"spindle/protocol/probe"
	"spindle/reactor"
)

// This file is the other side of protocol/probe: the line to each program that has one in
// it.

// probes is the socket. Loop only, but for accept and what it calls.
type probes struct {
	s        *Supervisor
	path     string
	l        *net.UnixListener
	lines    []*probeLine // of programs that run
	heard    map[string]func(p *probeLine, key string, data []byte)
	watching bool
	met      func(*probeLine) // is told of each program that has said who it is; may be nil
	left     func(*probeLine) // and of each whose line has ended
}

// probeLine is the line to one process. Loop only, but for c.
type probeLine struct {
	s        *Supervisor
	c        *net.UnixConn
	pid      int
	key      string // marks the requests that are passed on to it
	hello    probe.Hello
	asked    int
	waiting  map[int]*reactor.Deferred[json.RawMessage]
	figures  map[string]json.RawMessage // the last
	figureAt time.Time
}

const (
	mostProbeLine = 12 << 20
	mostProbes    = 16
	probePatience = 10 * time.Second // for an answer
)

// newProbes opens the socket below the private directory.
func newProbes(s *Supervisor) (*probes, error) {
	path := filepath.Join(s.base, "probe")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	p := &probes{s: s, path: path, l: l}
	p.heard = map[string]func(*probeLine, string, []byte){"hello": p.hello, "figures": p.figures, "answer": p.answer, "span": p.span, "slow": p.slowCallback}
	go p.accept()
	return p, nil
}

func (p *probes) close() { _ = p.l.Close() }

// accept is a goroutine's work.
func (p *probes) accept() {
	room := make(chan struct{}, mostProbes)
	for c := nextOf(p.l); c != nil; c = nextOf(p.l) {
		select {
		case room <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		go func() {
			defer func() { <-room }()
			defer c.Close()
			p.hear(c)
		}()
	}
}

// probeMessage is a line that was heard.
type probeMessage struct {
	kind, key string
	data      []byte
}

// hear is one program, up to its end. What has come together is told together.
func (p *probes) hear(c *net.UnixConn) {
	x := &probeLine{s: p.s, c: c, pid: peerPID(c), key: rand.Text(), waiting: map[int]*reactor.Deferred[json.RawMessage]{}}
	p.s.loop.CallFromThread(func() { p.add(x) })
	in := bufio.NewReaderSize(c, 64<<10)
	var batch []probeMessage
	for {
		line, err := readLine(in, mostProbeLine)
		if err != nil {
			break
		}
		kind, rest, _ := bytes.Cut(line, []byte(" "))
		key, data, _ := bytes.Cut(rest, []byte(" "))
		batch = append(batch, probeMessage{string(kind), string(key), data})
		if next, _ := in.Peek(in.Buffered()); bytes.IndexByte(next, '\n') >= 0 {
			continue // there is another one
		}
		all := batch
		batch = nil
		p.s.loop.CallFromThread(func() { p.take(x, all) })
	}
	p.s.loop.CallFromThread(func() { p.gone(x) })
}

var errLongLine = errors.New("dev: a line that is too long")

// readLine reads a line of most bytes at most, without its end. The bytes are the caller's.
func readLine(in *bufio.Reader, most int) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		if len(line)+len(piece) > most {
			return nil, errLongLine
		}
		line = append(line, piece...)
		if err == nil {
			return line[:len(line)-1], nil
		}
		if err != bufio.ErrBufferFull {
			return nil, err
		}
	}
}

// add greets a program.
func (p *probes) add(x *probeLine) {
	p.lines = append(p.lines, x)
	x.say("welcome - " + x.key)
	if p.watching {
		x.say("watch - on")
	}
}

// take takes what a program has said.
func (p *probes) take(x *probeLine, all []probeMessage) {
	for _, m := range all {
		if f := p.heard[m.kind]; f != nil {
			f(x, m.key, m.data)
		}
	}
}

// gone forgets one that has ended: nobody answers what it was asked.
func (p *probes) gone(x *probeLine) {
	for i, y := range p.lines {
		if x == y {
			p.lines = append(p.lines[:i:i], p.lines[i+1:]...)
			break
		}
	}
	if p.left != nil {
		p.left(x)
	}
	for n, d := range x.waiting {
		delete(x.waiting, n)
		settleWith(d, nil, errProbeGone)
	}
}

var (
	errProbeGone = errors.New("the program has ended")
	// ErrNoProbe is that the program does not tell of itself, or not yet.
	ErrNoProbe = errors.New("the program does not tell of itself: this takes a program of Spindle, or one of net/http that is built with --witness or has report.Handler")
)

// of is the line to the program with that process id, or to one that it has started; nil
// when there is none.
func (p *probes) of(pid int) *probeLine {
	if p == nil || pid == 0 {
		return nil
	}
	var kin *probeLine
	for _, x := range p.lines {
		if x.hello.PID == 0 {
			continue
		}
		if x.pid == pid {
			return x
		}
		if group, err := syscall.Getpgid(x.pid); err == nil && group == pid {
			kin = x
		}
	}
	return kin
}

// probe is the line to the program that answers, nil when it has none.
func (s *Supervisor) probe() *probeLine {
	if s.current == nil {
		return nil
	}
	return s.probes.of(s.current.pid())
}

// Ask asks the program that answers; name is that under which it has called probe.Handle.
// Loop only.
func (s *Supervisor) Ask(name, arg string) *reactor.Deferred[json.RawMessage] {
	x := s.probe()
	if x == nil {
		return reactor.Failed[json.RawMessage](ErrNoProbe)
	}
	return x.ask(name, arg)
}

// Heard has f told, on the loop, of each message of a kind that a program sends with
// probe.Tell. Before Start.
func (s *Supervisor) Heard(kind string, f func(pid int, key string, data []byte)) {
	if s.probes != nil {
		s.probes.heard[kind] = func(x *probeLine, key string, data []byte) { f(x.pid, key, data) }
	}
}

// ask asks one program.
func (x *probeLine) ask(name, arg string) *reactor.Deferred[json.RawMessage] {
	x.asked++
	n := x.asked
	d := reactor.NewDeferred[json.RawMessage]()
	x.waiting[n] = d
	d.OnCancel(func() { delete(x.waiting, n) }) // an answer that comes too late is nobody's
	x.say(fmt.Sprintf("ask %d %s %s", n, name, arg))
	return d.Timeout(x.s.loop, probePatience)
}

// say sends a line. It does not wait: a program that has left so much unread is given up.
func (x *probeLine) say(line string) {
	text := []byte(line + "\n")
	sent := 0
	if raw, err := x.c.SyscallConn(); err == nil {
		_ = raw.Write(func(fd uintptr) bool {
			sent, _ = syscall.Write(int(fd), text)
			return true
		})
	}
	if sent != len(text) {
		_ = x.c.Close()
	}
}

func (p *probes) hello(x *probeLine, _ string, data []byte) {
	if json.Unmarshal(data, &x.hello) == nil && x.pid == 0 {
		x.pid = x.hello.PID // where the system does not tell
	}
	if p.met != nil {
		p.met(x)
	}
}

func (p *probes) figures(x *probeLine, _ string, data []byte) {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) == nil {
		x.figures, x.figureAt = all, x.s.loop.Now()
	}
}

func (p *probes) answer(x *probeLine, key string, data []byte) {
	n, _ := strconv.Atoi(key)
	d := x.waiting[n]
	if d == nil {
		return
	}
	delete(x.waiting, n)
	var a struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(data, &a); err != nil {
		settleWith(d, nil, err)
	} else if a.Error != "" {
		settleWith(d, nil, errors.New(a.Error))
	} else {
		settleWith(d, a.Value, nil)
	}
}

// watch has programs tell figures, or no more.
func (p *probes) watch(on bool) {
	if p == nil || p.watching == on {
		return
	}
	p.watching = on
	for _, x := range p.lines {
		if on {
			x.say("watch - on")
		} else {
			x.say("watch - off")
			x.figures = nil
		}
	}
}
