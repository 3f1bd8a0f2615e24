package main

import (
	"cmp"
	"errors"
	"fmt"

	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"spindle/cmd/spindle/daemon"
)

// This file is spindle status, stop, reload and reopen: what is done to a server that runs,
// which is found by its PID file.

// The exit codes of spindle status, as the Linux Standard Base has them for services.
const (
	statusDead    = 1 // the file is there, the process is not
	statusStopped = 3
	statusUnknown = 4
)

// control is one of these commands.
type control struct {
	PIDFile string
	Timeout time.Duration
	out     *os.File
	errs    *os.File
}

// newControls makes them.
func newControls(out, errs *os.File) []*cobra.Command {
	make := func(use, short, long string, run func(c *control) error, flags func(c *control, cmd *cobra.Command)) *cobra.Command {
		c := &control{out: out, errs: errs}
		cmd := &cobra.Command{
			Use: use, Short: short, Long: long, Args: cobra.NoArgs,
			Example:           "  spindle " + use + " --pid-file /run/spindle.pid",
			ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(*cobra.Command, []string) error {
				if c.PIDFile == "" {
					return errors.New("name the file that the server was started with: --pid-file FILE")
				}
				return run(c)
			},
		}
		cmd.Flags().StringVar(&c.PIDFile, "pid-file", "", "`file` that 'spindle web' or 'wsgi' was given with --pid-file")
		lists := completions{"pid-file": files}
		if flags != nil {
			flags(c, cmd)
			lists["timeout"] = fixed("10s", "1m")
		}
		for flag, f := range lists {
			if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
				panic(err) // no such flag: a slip in this program
			}
		}
		return cmd
	}
	return []*cobra.Command{
		make("status", "Tell whether a server runs", `Tell whether the server with this PID file runs: its number, since when, its command, and, as
far as this user may see it, where it listens.

It exits with 0 when the server runs, with 1 when it has died and left its file behind, with 3
when it does not run, and with 4 when that can not be told.`, (*control).status, nil),
		make("stop", "Stop a server", `Stop the server with this PID file: it answers what it has in hand, and ends. That is waited for.
Who has not ended in time is told, with what it still holds.

It exits with 0 when the server has ended, or did not run, else with 1.`, (*control).stop,
			func(c *control, cmd *cobra.Command) {
				cmd.Flags().DurationVar(&c.Timeout, "timeout", 35*time.Second, "how `long` it is waited for")
			}),
		make("reload", "Have a server load its application anew", `Have the server with this PID file load its Python application anew, without a pause, and open its
logs again (SIGHUP). Certificates need none of it: they are read again when they change.`,
			func(c *control) error { return c.signal(syscall.SIGHUP, "load its application anew") }, nil),
		make("reopen", "Have a server open its logs again", `Have the server with this PID file open --log-file and --error-log again, after something has moved
them away (SIGUSR1).`,
			func(c *control) error { return c.signal(syscall.SIGUSR1, "open its logs again") }, nil),
	}
}

// look reads the PID file. A file that is not there is a server that does not run.
func (c *control) look() (daemon.Status, error) {
	s, err := daemon.Look(c.PIDFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, failure{fmt.Errorf("--pid-file %w", err)}
	}
	return s, nil
}

func (c *control) status() error {
	s, err := c.look()
	switch {
	case err != nil:
		fmt.Fprintf(c.errs, "spindle: %v\n", err)
		return exitCode(statusUnknown)
	case !s.Running && s.PID == 0:
		fmt.Fprintf(c.out, "It does not run: %s.\n", c.noFile())
		return exitCode(statusStopped)
	case !s.Running:
		fmt.Fprintf(c.out, "It has died: process %d has left %s behind.\n", s.PID, c.PIDFile)
		return exitCode(statusDead)
	}
	c.describe(s)
	return nil
}

// noFile says what the file has to do with it.
func (c *control) noFile() string {
	if _, err := os.Stat(c.PIDFile); err == nil {
		return c.PIDFile + " is empty"
	}
	return "there is no " + c.PIDFile
}

// describe prints what can be seen of a process.
func (c *control) describe(s daemon.Status) {
	fmt.Fprintf(c.out, "Process %d runs since %s, for %s.\n", s.PID, s.Since.Format("2006-01-02 15:04:05"), spanText(time.Since(s.Since)))
	row := func(label, value string) {
		if value != "" {
			fmt.Fprintf(c.out, "  %-8s %s\n", label, value)
		}
	}
	row("Command", commandOf(s.PID))
	row("User", ownerOf(s.PID))
	row("Listens", strings.Join(daemon.Listeners(procDir, s.PID), ", "))
}

// commandOf is the command line of a process; "" when it can not be seen.
func commandOf(pid int) string {
	if text := commandLine(filepath.Join(procDir, strconv.Itoa(pid))); text != "" {
		return text
	}
	return psColumn(pid, "command=")
}

// ownerOf is the name of a process's user; "" when it can not be seen.
func ownerOf(pid int) string {
	if status, err := os.ReadFile(filepath.Join(procDir, strconv.Itoa(pid), "status")); err == nil {
		_, rest, _ := strings.Cut(string(status), "\nUid:")
		if ids := strings.Fields(rest); len(ids) > 1 {
			return userName(ids[1]) // the effective one
		}
	}
	return psColumn(pid, "user=")
}

// psColumn asks ps, where there is no /proc.
func psColumn(pid int, column string) string {
	text, err := exec.Command("ps", "-o", column, "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// signal sends s to the server.
func (c *control) signal(s syscall.Signal, what string) error {
	state, err := c.look()
	switch {
	case err != nil:
		return err
	case !state.Running:
		return failure{errors.New("it does not run: " + cmp.Or(c.leftBehind(state), c.noFile()))}
	}
	if err := c.kill(state.PID, s); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Process %d was told to %s.\n", state.PID, what)
	return nil
}

func (c *control) leftBehind(s daemon.Status) string {
	if s.PID == 0 {
		return ""
	}
	return fmt.Sprintf("process %d has left %s behind", s.PID, c.PIDFile)
}

func (c *control) kill(pid int, s syscall.Signal) error {
	if pid == 0 { // to the system that would be this process and its like
		return failure{fmt.Errorf("a process has %s, and its number is not in it yet: try again", c.PIDFile)}
	}
	err := syscall.Kill(pid, s)
	switch {
	case errors.Is(err, syscall.EPERM):
		us := "this user"
		if u, err := user.Current(); err == nil {
			us = u.Username
		}
		return failure{fmt.Errorf("process %d is of user %s, and %s may not signal it: try it with sudo", pid, ownerOf(pid), us)}
	case err != nil:
		return failure{fmt.Errorf("process %d can not be signalled: %w", pid, err)}
	}
	return nil
}

// stopPause is between two looks at a server that is ending.
const stopPause = 50 * time.Millisecond

func (c *control) stop() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout %v: give a time to wait", c.Timeout)
	}
	state, err := c.look()
	switch {
	case err != nil:
		return err
	case !state.Running:
		fmt.Fprintf(c.out, "It does not run: %s.\n", cmp.Or(c.leftBehind(state), c.noFile()))
		return nil
	}
	if err := c.kill(state.PID, syscall.SIGTERM); err != nil {
		return err
	}
	began := time.Now()
	said := began
	for {
		now, err := c.look()
		took := time.Since(began)
		switch {
		case err != nil:
			return err
		case !now.Running || now.PID != state.PID && now.PID != 0:
			fmt.Fprintf(c.out, "Process %d has ended, in %s.\n", state.PID, spanText(took))
			return nil
		case took >= c.Timeout:
			return failure{fmt.Errorf("process %d has not ended within %v.\n%sIt goes on with that; a second 'spindle stop' ends it at once",
				state.PID, c.Timeout, whatIsLeft(state.PID))}
		case time.Since(said) >= 2*time.Second:
			said = time.Now()
			fmt.Fprintf(c.errs, "Process %d answers what it has in hand; waiting for %s of %v.\n", state.PID, spanText(took.Truncate(time.Second)), c.Timeout)
		}
		time.Sleep(stopPause)
	}
}

// whatIsLeft is what a process that does not end still has, line by line.
func whatIsLeft(pid int) string {
	var b strings.Builder
	if n := daemon.Connected(procDir, pid); n > 0 {
		fmt.Fprintf(&b, "It has %s open.\n", counted(int64(n), "connection"))
	}
	for _, child := range daemon.Children(procDir, pid) {
		fmt.Fprintf(&b, "Its process %d runs: %s\n", child, commandOf(child))
	}
	return b.String()
}
