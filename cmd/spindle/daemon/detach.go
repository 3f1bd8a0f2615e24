package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file starts the program again in a session of its own. The two have a pipe between
// them: the daemon writes a line into it when it is ready, and one that has ended before has
// said why at the terminal, which it keeps until then.

const (
	detachedKey = "SPINDLE_DAEMON" // in its environment: the descriptor of the pipe
	detachedFD  = 3
	readyLine   = "READY\n"
)

// Ready is the daemon's end of the pipe.
type Ready struct{ pipe *os.File }

// Detached is not nil in a process that Detach has started.
var Detached = sync.OnceValue(func() *Ready {
	text, ok := os.LookupEnv(detachedKey)
	if !ok {
		return nil
	}
	_ = os.Unsetenv(detachedKey) // its children are none
	fd, err := strconv.Atoi(text)
	if err != nil || fd != detachedFD {
		return nil
	}
	var info unix.Stat_t
	if unix.Fstat(fd, &info) != nil || info.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil
	}
	unix.CloseOnExec(fd)
	return &Ready{os.NewFile(uintptr(fd), "ready")}
})

// Tell has the process that called Detach end. It does nothing on nil.
func (r *Ready) Tell() {
	if r == nil {
		return
	}
	_, _ = io.WriteString(r.pipe, readyLine) // who asked may be gone
	_ = r.pipe.Close()
}

// ExitError is a daemon that has ended before it was ready. It has said why itself, if it
// could.
type ExitError struct {
	Code   int            // 0 with a signal
	Signal syscall.Signal // 0 without
}

// Error says how.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("the daemon was ended by a signal (%s) before it was ready", e.Signal)
	}
	return fmt.Sprintf("the daemon ended with %d before it was ready", e.Code)
}

// Detach runs this program with the same arguments as a daemon, with out and errs until it is
// ready, and returns then with its number, or with an *ExitError. An interrupt meanwhile ends
// the daemon. Blocks.
func Detach(args []string, out, errs *os.File) (pid int, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ours.Close()
	cmd := exec.Command(program, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, errs, []*os.File{theirs}
	cmd.Env = append(os.Environ(), detachedKey+"="+strconv.Itoa(detachedFD))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 0, err
	}
	defer passOn(cmd.Process)()
	if text, err := io.ReadAll(ours); err == nil && string(text) == readyLine {
		return cmd.Process.Pid, nil
	}
	return 0, exitOf(cmd.Wait())
}

// passOn has the daemon end with this process, until stop is called.
func passOn(p *os.Process) (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for range c {
			_ = p.Signal(syscall.SIGTERM) // it may have ended
		}
	}()
	return func() {
		signal.Stop(c)
		close(c)
	}
}

// exitOf is how a daemon has ended that was not ready.
func exitOf(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &ExitError{}
	case !errors.As(err, &exit):
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{Signal: status.Signal()}
	}
	return &ExitError{Code: exit.ExitCode()}
}
