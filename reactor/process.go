package reactor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// This file holds child processes: how one is started, and how its end is told.
// Its pipes are in childpipe.go.
//
//	ProcessMade ─▶ OutReceived, ErrReceived, PipeReceived … ─▶ PipeLost for each pipe ─┐
//	           └─▶ ProcessExited, whenever it comes ───────────────────────────────────┴─▶ ProcessEnded

// Process says what to run.
type Process struct {
	// Path is the program; without a slash it is looked up in PATH.
	Path string
	// Args are its arguments, without its own name.
	Args []string
	// Name is what the program is told as its name; empty means Path.
	Name string
	// Dir is where it runs; empty means here. A relative Path is seen from it.
	Dir string
	// Env is its environment, as key=value; nil means that of this process,
	// empty means none.
	Env []string
	// FDs says what its descriptors are; those that are not named are closed.
	// nil means pipes for 0 (written by us), 1 and 2 (read by us).
	FDs map[int]ChildFD
	// Sys is for what only some systems have: user and group, session.
	Sys *syscall.SysProcAttr
}

// ChildFD is one descriptor of a child process: a pipe to us, or a file.
type ChildFD struct {
	Pipe PipeEnd
	File *os.File // where Pipe is NoPipe; nil means /dev/null
}

// PipeEnd is the end of a pipe that the child has.
type PipeEnd uint8

// The ends of a pipe.
const (
	NoPipe      PipeEnd = iota
	ChildReads          // what we write with WriteToChild
	ChildWrites         // what we receive
)

// ProcessProtocol handles the events of one child process. All its methods are
// called on the loop, one at a time, never from inside a call that it makes.
type ProcessProtocol interface {
	// ProcessMade is the first call.
	ProcessMade(c *ChildProcess)
	// OutReceived and ErrReceived bring what came on the descriptors 1 and 2.
	// data is valid until return.
	OutReceived(data []byte)
	ErrReceived(data []byte)
	// ProcessEnded is the last call, made once: the process has exited and all
	// pipes are closed, so that everything it wrote has been received. (A
	// grandchild that holds a pipe delays it; LoseConnection does not wait.)
	ProcessEnded(status ProcessStatus)
}

// ExitProtocol is a ProcessProtocol that is told of the exit at once, when there
// may still be output to come.
type ExitProtocol interface {
	ProcessProtocol
	ProcessExited(status ProcessStatus)
}

// PipeProtocol is a ProcessProtocol with more pipes than the usual three, or
// that wants to know when each of them is closed.
type PipeProtocol interface {
	ProcessProtocol
	// PipeReceived brings what came on another descriptor than 1 and 2. data is
	// valid until return.
	PipeReceived(fd int, data []byte)
	// PipeLost tells that a pipe is closed: reason is ErrDone, or what the
	// system said (EPIPE: the child closed its end before it read everything).
	PipeLost(fd int, reason error)
}

// ProcessStatus is how a process ended.
type ProcessStatus struct {
	Code   int            // what it exited with; -1 where it did not
	Signal syscall.Signal // what killed it; 0 where none did
	Err    error          // why nothing is known: ErrStopped, or of the system
}

// Success tells whether the process exited with 0.
func (s ProcessStatus) Success() bool { return s == ProcessStatus{} }

// String is "exit status 1", "signal: killed" or what Err says.
func (s ProcessStatus) String() string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Signal != 0:
		return "signal: " + s.Signal.String()
	}
	return fmt.Sprintf("exit status %d", s.Code)
}

// ChildProcess is a running child as its protocol sees it. It is the Consumer of
// the child's standard input, and the PushProducer of its output, so that both
// can be joined to a connection. When the protocol panics, the child is killed.
// When the reactor stops, the pipes are closed, the child is left alone, and
// ProcessEnded is told ErrStopped. Loop only.
type ChildProcess struct {
	loop    Loop
	proto   ProcessProtocol
	process *os.Process
	in      []*childInput
	out     []*childOutput
	open    int // pipes that are not lost
	status  ProcessStatus
	made    bool // ProcessMade was called
	paused  bool
	exited  bool
	ended   bool
	stop    TriggerID
}

// SpawnProcess starts a child process. p.ProcessMade is called in the next turn.
// The loop waits for the program to be loaded, about a millisecond. After an
// error p is not called. Loop only.
func SpawnProcess(l Loop, p ProcessProtocol, spec Process) (*ChildProcess, error) {
	c := &ChildProcess{loop: l, proto: p}
	files, err := c.openPipes(spec)
	if err == nil {
		c.process, err = spec.start(files)
	}
	for _, f := range files {
		if f.close {
			_ = f.File.Close()
		}
	}
	if err != nil {
		for _, in := range c.in {
			_ = in.file.Close()
		}
		for _, out := range c.out {
			_ = out.file.Close()
		}
		return nil, fmt.Errorf("reactor: can not run %q: %w", spec.Path, err)
	}
	c.begin()
	go c.wait()
	return c, nil
}

// childFile is one descriptor of the child while it is being started.
type childFile struct {
	*os.File
	close bool // it is ours to close
}

// openPipes opens what spec.FDs says: our ends become c's, the child's come back
// by descriptor.
func (c *ChildProcess) openPipes(spec Process) ([]childFile, error) {
	fds := spec.FDs
	if fds == nil {
		fds = map[int]ChildFD{0: {Pipe: ChildReads}, 1: {Pipe: ChildWrites}, 2: {Pipe: ChildWrites}}
	}
	var files []childFile
	for _, fd := range sortedKeys(fds) {
		const most = 1023
		if fd < 0 || fd > most {
			return files, fmt.Errorf("descriptor %d is not from 0 to %d", fd, most)
		}
		files = append(files, make([]childFile, fd+1-len(files))...)
		f, err := c.openFD(fd, fds[fd])
		if err != nil {
			return files, err
		}
		files[fd] = f
	}
	return files, nil
}

func sortedKeys(m map[int]ChildFD) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *ChildProcess) openFD(fd int, what ChildFD) (childFile, error) {
	switch {
	case what.Pipe != NoPipe && what.File != nil:
		return childFile{}, fmt.Errorf("descriptor %d is given a pipe and a file", fd)
	case what.Pipe == NoPipe && what.File != nil:
		return childFile{File: what.File}, nil
	case what.Pipe == NoPipe:
		f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		return childFile{f, true}, err
	}
	if _, able := c.proto.(PipeProtocol); !able && what.Pipe == ChildWrites && fd != 1 && fd != 2 {
		return childFile{}, fmt.Errorf("descriptor %d is to be received, and %T has no PipeReceived", fd, c.proto)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return childFile{}, err
	}
	if what.Pipe == ChildReads {
		c.in = append(c.in, &childInput{c: c, fd: fd, file: w})
		return childFile{r, true}, nil
	}
	c.out = append(c.out, &childOutput{c: c, fd: fd, file: r, credit: make(chan struct{}, 1)})
	return childFile{w, true}, nil
}

// start runs the program.
func (s Process) start(files []childFile) (*os.Process, error) {
	path := s.Path
	if !strings.Contains(path, "/") {
		var err error
		if path, err = exec.LookPath(path); err != nil {
			return nil, errors.Unwrap(err)
		}
	}
	name := s.Name
	if name == "" {
		name = s.Path
	}
	attr := &os.ProcAttr{Dir: s.Dir, Env: s.Env, Sys: s.Sys}
	for _, f := range files {
		attr.Files = append(attr.Files, f.File)
	}
	return os.StartProcess(path, append([]string{name}, s.Args...), attr)
}

// begin lets events come.
func (c *ChildProcess) begin() {
	c.open = len(c.in) + len(c.out)
	c.stop = c.loop.AddSystemEventTrigger(After, Shutdown, func() *Deferred[struct{}] {
		c.stopped()
		return nil
	})
	c.loop.CallFromThread(func() {
		if !c.ended {
			c.made = true
			c.tell(func() { c.proto.ProcessMade(c) })
		}
	})
	for _, out := range c.out {
		go out.read()
	}
}

// wait is a goroutine's work; the process is no zombie afterwards.
func (c *ChildProcess) wait() {
	state, err := c.process.Wait()
	c.loop.CallFromThread(func() { c.onExit(statusOf(state, err)) })
}

func statusOf(state *os.ProcessState, err error) ProcessStatus {
	if err != nil {
		return ProcessStatus{Code: -1, Err: err}
	}
	status := ProcessStatus{Code: state.ExitCode()}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		status.Signal = w.Signal()
	}
	return status
}

// onExit is called when the process is no more. What was written to it may still
// be read by its children; then the pipes to it are closed.
func (c *ChildProcess) onExit(status ProcessStatus) {
	if c.ended {
		return
	}
	c.exited, c.status = true, status
	for _, in := range c.in {
		in.stopProducer()
		in.closeSoon()
	}
	if p, ok := c.proto.(ExitProtocol); ok {
		c.tell(func() { p.ProcessExited(status) })
	}
	c.checkEnd()
}

// checkEnd tells the end when all has come.
func (c *ChildProcess) checkEnd() {
	if c.ended || !c.exited || c.open > 0 {
		return
	}
	c.ended = true
	c.loop.RemoveSystemEventTrigger(c.stop)
	c.tell(func() { c.proto.ProcessEnded(c.status) })
}

// stopped ends everything but the child itself, with the reactor.
func (c *ChildProcess) stopped() {
	if c.ended {
		return
	}
	c.ended = true
	c.closeAll()
	if c.made {
		c.tell(func() { c.proto.ProcessEnded(ProcessStatus{Code: -1, Err: ErrStopped}) })
	}
}

// tell calls the protocol. A panic of it kills the child.
func (c *ChildProcess) tell(f func()) {
	if p := contained(f); p != nil {
		logPanic(loggerOf(c.loop), "the protocol of a child process", p)
		_ = c.process.Kill()
		c.closeAll()
	}
}

// closeAll closes the pipes and drops what was to be written.
func (c *ChildProcess) closeAll() {
	for _, in := range c.in {
		in.stopProducer()
		in.lose(ErrDone)
	}
	for _, out := range c.out {
		out.close()
	}
}

// Loop is where the child's events come.
func (c *ChildProcess) Loop() Loop { return c.loop }

// Pid is the number of the process.
func (c *ChildProcess) Pid() int { return c.process.Pid }

// Signal sends a signal to the process; os.ErrProcessDone when it has exited.
func (c *ChildProcess) Signal(sig os.Signal) error { return c.process.Signal(sig) }

// SignalGroup sends a signal to the process and to all that it has started, when it was
// made the leader of a group (Sys.Setpgid). Before ProcessEnded it also reaches those that
// outlive it and hold a pipe; afterwards it is os.ErrProcessDone.
func (c *ChildProcess) SignalGroup(sig syscall.Signal) error {
	if c.ended && c.exited {
		return os.ErrProcessDone
	}
	return syscall.Kill(-c.process.Pid, sig)
}

// LoseConnection closes all pipes: those to the child when it has read what was
// written, those from it at once. The child is not killed.
func (c *ChildProcess) LoseConnection() {
	for _, in := range c.in {
		in.stopProducer()
		in.closeSoon()
	}
	for _, out := range c.out {
		out.close()
	}
}
