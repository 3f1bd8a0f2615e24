package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/cmd/spindle/daemon"
	"spindle/reactor"
)

// This file is the part of the command line, and of a server's life, that is about running as
// a service: --daemon, --pid-file, --user, --group and --error-log. What stops such a server is
// in control.go.

// serviceConfig is what the flags ask for.
type serviceConfig struct {
	Daemon   bool
	PIDFile  string
	User     string // NAME or NAME:GROUP
	Group    string
	ErrorLog string

	identity *daemon.Identity // nil: who started it
}

const serviceHelp = `--daemon has the server run by itself: the command returns when it answers, or with what it
said of the reason why it does not. --pid-file has its number, for 'spindle status', 'stop',
'reload' and 'reopen'. With --user it becomes that user once its ports are open and its
certificates and logs are, so root can start it at port 80; what it serves, and certificates
that change later, that user must be able to read.

--error-log has what goes wrong, each error with the id that is on its page; --error-mail has
errors mailed, too, without secrets and without anything waiting for it. Who writes is said to
a mail server that asks by SPINDLE_SMTP_USER and SPINDLE_SMTP_PASSWORD in the environment.

For systemd leave --daemon out:

  [Service]
  Type=notify
  ExecStart=/usr/local/bin/spindle web --path /srv/www --listen tcp:80 --user www-data
  ExecReload=/bin/kill -HUP $MAINPID
  Restart=on-failure`

func (c *serviceConfig) addServiceFlags(f *pflag.FlagSet, mail *mailConfig) {
	f.StringVar(&c.ErrorLog, "error-log", "", "`file` for what goes wrong, in place of standard error")
	mail.addMailFlags(f)
	f.BoolVarP(&c.Daemon, "daemon", "d", false, "run by itself, without this terminal; return when it answers")
	f.StringVar(&c.PIDFile, "pid-file", "", "`file` that has the number of the process as long as it runs")
	f.StringVar(&c.User, "user", "", "`user` to become when the ports are open, as name or name:group; for root")
	f.StringVar(&c.Group, "group", "", "`group` of that user, in place of its own")
}

func serviceCompletions() completions {
	return completions{"error-log": files, "error-mail": cobra.NoFileCompletions, "mail-from": cobra.NoFileCompletions, "smtp": fixed(defaultSMTP, "localhost:587"),
		"pid-file": files, "user": fixed("www-data", "nobody"), "group": fixed("www-data", "nogroup")}
}

// checkService tells what is wrong with the flags, and looks the user up.
func (c *listenConfig) checkService() error {
	if c.Group != "" && c.User == "" {
		return errors.New("--group goes with --user: name the user, too")
	}
	if err := c.findUser(); err != nil {
		return err
	}
	if !c.Daemon || daemon.Detached() != nil { // looked at already
		return nil
	}
	if c.listensTo(func(e *reactor.Endpoint) bool {
		return e.Kind == reactor.EndpointFD || e.Kind == reactor.EndpointSystemd
	}) {
		return errors.New("--daemon: a socket that is open already stays with the process that has it; leave --daemon out, as under systemd")
	}
	if os.Getenv("NOTIFY_SOCKET") != "" {
		return errors.New("--daemon: systemd keeps this process itself (Type=notify); leave --daemon out, or NOTIFY_SOCKET of its environment")
	}
	if c.LogFile == "" && c.Log != "" && c.Log != "none" {
		return fmt.Errorf("--log %s: a daemon has no standard output; name a file with --log-file", c.Log)
	}
	return nil
}

func (c *listenConfig) findUser() (err error) {
	if c.User == "" {
		return nil
	}
	name, group, both := strings.Cut(c.User, ":")
	switch {
	case name == "" || both && group == "":
		return fmt.Errorf("--user %s: give it as name or name:group", c.User)
	case both && c.Group != "":
		return fmt.Errorf("--user %s and --group %s both name a group: leave one out", c.User, c.Group)
	}
	if c.identity, err = daemon.Find(name, cmp.Or(group, c.Group)); err != nil {
		return failure{fmt.Errorf("--user %s: %w", c.User, err)}
	}
	if err := c.identity.Check(); err != nil {
		return failure{fmt.Errorf("--user %s: %w", c.User, err)}
	}
	if len(c.ACME.Names) > 0 && c.ACME.Dir == "" && !c.identity.IsOurs() {
		return fmt.Errorf("--acme with --user: name a directory in which %s keeps the certificates: --acme-dir /var/lib/spindle", c.identity.Name)
	}
	return nil
}

// detach starts the daemon that the flags ask for; false when this process is to serve.
func (c *listenConfig) detach(out, errs *os.File) (started bool, err error) {
	if !c.Daemon || daemon.Detached() != nil {
		return false, nil
	}
	_, err = daemon.Detach(os.Args[1:], out, errs)
	var exit *daemon.ExitError
	switch {
	case errors.As(err, &exit) && exit.Signal == 0 && exit.Code != 0:
		return true, exitCode(exit.Code)
	case err != nil:
		return true, failure{fmt.Errorf("--daemon: %w", err)}
	}
	return true, nil
}

// service is the part of a server's life that the flags ask for.
type service struct {
	pidFile *daemon.PIDFile
	output  *daemon.Output // nil: standard output and error stay
	waiting atomic.Int32   // loops that do not turn yet
}

// prepareService takes the PID file and the place of standard error, before anything is
// served.
func (s *server) prepareService() (err error) {
	c := s.config
	if c.PIDFile != "" {
		if c.identity != nil {
			if err := c.identity.LeadsAway(c.PIDFile); err != nil {
				return failure{fmt.Errorf("--pid-file %s: %w", c.PIDFile, err)}
			}
		}
		if s.service.pidFile, err = daemon.Claim(c.PIDFile); err != nil {
			return failure{pidFileHeld(err)}
		}
	}
	if c.identity != nil {
		for _, path := range []string{c.LogFile, c.ErrorLog} {
			if path == "" {
				continue
			}
			if err := c.identity.Create(path, 0o640); err != nil {
				return failure{fmt.Errorf("%s can not be given to %s: %w", path, c.identity.Name, err)}
			}
		}
	}
	if !c.Daemon && c.ErrorLog == "" {
		return nil
	}
	if s.service.output, err = daemon.OpenOutput(cmp.Or(c.ErrorLog, c.LogFile)); err != nil {
		return failure{fmt.Errorf("--error-log %w", err)}
	}
	s.service.output.ReopenOn(syscall.SIGUSR1, syscall.SIGHUP)
	return nil
}

// pidFileHeld says what to do about a PID file.
func pidFileHeld(err error) error {
	var held *daemon.HeldError
	if !errors.As(err, &held) {
		return fmt.Errorf("--pid-file %w", err)
	}
	return fmt.Errorf("--pid-file %s: %w.\n'spindle stop --pid-file %[1]s' ends it", held.Path, processNamed(held))
}

// processNamed is the error with the command of the process, where that can be seen.
func processNamed(held *daemon.HeldError) error {
	if command := commandOf(held.PID); held.PID != 0 && command != "" {
		return fmt.Errorf("process %d is running: %s", held.PID, command)
	}
	return held
}

// assume becomes the user that the flags name. The ports are open then.
func (s *server) assume() error {
	c := s.config
	id := c.identity
	if id == nil || id.IsOurs() {
		return nil
	}
	if len(c.ACME.Names) > 0 {
		if err := id.Give(c.ACME.Dir); err != nil {
			return failure{fmt.Errorf("--acme-dir %s can not be given to %s: %w", c.ACME.Dir, id.Name, err)}
		}
	}
	if err := id.Assume(); err != nil {
		return failure{fmt.Errorf("--user %s: %w", c.User, err)}
	}
	for _, path := range []string{c.LogFile, c.ErrorLog} {
		if path == "" {
			continue
		}
		if err := daemon.CanReopen(path); err != nil {
			fmt.Fprintf(s.errs, "spindle: %s could not open %s again after a rotation: chown %[1]s %[2]s\n", id.Name, path)
		}
	}
	return nil
}

// checkAs ends the server when the user that it has become can not do what is needed.
func (s *server) checkAs(err error) {
	if err != nil {
		s.fail(failure{fmt.Errorf("%w (as %s)", err, s.config.identity.Name)})
	}
}

// awaitLoops has ready called when every loop turns and what is served is there.
func (s *server) awaitLoops() {
	s.service.waiting.Store(int32(len(s.members)))
	for _, m := range s.members {
		m.loop.AddSystemEventTrigger(reactor.After, reactor.Startup, func() *reactor.Deferred[struct{}] {
			if s.service.waiting.Add(-1) == 0 {
				s.ready()
			}
			return nil
		})
	}
}

// ready leaves the terminal, and tells who waits for it.
func (s *server) ready() {
	if o := s.service.output; o != nil {
		fds := []int{int(os.Stderr.Fd())}
		if s.config.Daemon {
			fds = append(fds, int(os.Stdout.Fd()))
		}
		if err := o.Take(fds...); err != nil {
			s.fail(failure{fmt.Errorf("--error-log: %w", err)})
			return
		}
	}
	daemon.Detached().Tell()
}

// catchSignals has the signals of 'spindle reload' and 'reopen' end no server, even one that has
// nothing to do about them. SIGHUP is also what a terminal says when it goes: then the server
// stops with it, as one that is in the foreground should.
func (c *listenConfig) catchSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGHUP)
	if !hasTerminal() {
		return
	}
	go func() {
		for range signals {
			if !hasTerminal() {
				_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
				return
			}
		}
	}()
}

// hasTerminal tells whether the process is controlled from a terminal that is there.
func hasTerminal() bool {
	f, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// howToStop is how this server is stopped, for the banner.
func (c *listenConfig) howToStop() string {
	switch {
	case !c.Daemon:
		return "Ctrl-C stops it."
	case c.PIDFile != "":
		return fmt.Sprintf("Process %d; 'spindle stop --pid-file %s' stops it.", os.Getpid(), c.PIDFile)
	}
	return fmt.Sprintf("Process %d; 'kill %[1]d' stops it.", os.Getpid())
}
