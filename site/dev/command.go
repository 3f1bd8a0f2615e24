package dev

import (
	"os"
	"syscall"

	"spindle/protocol/postmortem"
	"spindle/reactor"
)

// This file runs commands that end by themselves: the go command, a formatter, a CSS
// builder. What they print is kept, up to a bound.

// How much is kept of what a command prints.
const (
	mostOutput = 256 << 10 // of errors
	mostListed = 64 << 20
)

// command is one run.
type command struct {
	child  *reactor.ChildProcess
	out    []byte // of the standard output
	errs   []byte // of the standard error
	cut    bool   // there was more
	result *reactor.Deferred[*command]
	status reactor.ProcessStatus
	killed bool

	mostErrs int                         // bytes of errors that are kept
	line     func(line string) (no bool) // told of each line of errors as it comes; one that it takes is not kept. May be nil
	lines    lineCutter
}

// runCommand starts a command in a process group of its own. Its result comes when it has
// ended, however it ended; the error is only that it could not be started. Loop only.
func runCommand(l reactor.Loop, dir string, env []string, args ...string) (*command, error) {
	c := &command{mostErrs: mostOutput, result: reactor.NewDeferred[*command]()}
	child, err := reactor.SpawnProcess(l, c, reactor.Process{
		Path: args[0], Args: args[1:], Dir: dir, Env: env,
		FDs: map[int]reactor.ChildFD{0: {}, 1: {Pipe: reactor.ChildWrites}, 2: {Pipe: reactor.ChildWrites}},
		Sys: childAttr(),
	})
	if err != nil {
		return nil, err
	}
	c.child = child
	return c, nil
}

// ok tells whether the command succeeded.
func (c *command) ok() bool { return c.status.Success() && !c.killed }

// kill ends the command and all that it has started.
func (c *command) kill() {
	if c.killed || c.result.Settled() {
		return
	}
	c.killed = true
	killGroup(c.child.Pid(), sigKill)
	c.child.LoseConnection()
}

func (c *command) ProcessMade(*reactor.ChildProcess) {}

// OutReceived keeps what go list prints: it is read whole, or not at all.
func (c *command) OutReceived(data []byte) { c.out = c.keep(c.out, data, mostListed) }

func (c *command) ErrReceived(data []byte) {
	if c.line == nil {
		c.errs = c.keep(c.errs, data, c.mostErrs)
		return
	}
	c.lines.add(data, func(line string) {
		if !c.line(line) {
			c.errs = c.keep(c.errs, []byte(line+"\n"), c.mostErrs)
		}
	})
}

// keep appends what there is room for.
func (c *command) keep(to, data []byte, most int) []byte {
	if room := most - len(to); len(data) > room {
		data = data[:max(room, 0)]
		c.cut = true
	}
	return append(to, data...)
}

func (c *command) ProcessEnded(status reactor.ProcessStatus) {
	c.status = status
	c.errs = c.keep(c.errs, c.lines.rest, c.mostErrs)
	c.result.Callback(c)
}

const (
	sigTerm = syscall.SIGTERM
	sigKill = syscall.SIGKILL
)

// killGroup sends a signal to all processes of a group.
func killGroup(pid int, sig syscall.Signal) {
	if pid > 1 {
		_ = syscall.Kill(-pid, sig)
	}
}

// environ is env with the pairs set in place of those that are there.
func environ(env []string, set map[string]string) []string {
	list := make([]string, 0, len(env)+len(set))
	for _, e := range env {
		name, _, _ := cutEnv(e)
		if _, replaced := set[name]; !replaced {
			list = append(list, e)
		}
	}
	for name, value := range set {
		list = append(list, name+"="+value)
	}
	return list
}

func cutEnv(entry string) (name, value string, ok bool) {
	for i := 1; i < len(entry); i++ {
		if entry[i] == '=' {
			return entry[:i], entry[i+1:], true
		}
	}
	return entry, "", false
}

// inherited is the environment of this process without what was meant for it alone.
func inherited() []string {
	drop := map[string]bool{"LISTEN_FDS": true, "LISTEN_PID": true, "LISTEN_FDNAMES": true, "NOTIFY_SOCKET": true, postmortem.Variable: true}
	var list []string
	for _, e := range os.Environ() {
		if name, _, _ := cutEnv(e); !drop[name] {
			list = append(list, e)
		}
	}
	return list
}
