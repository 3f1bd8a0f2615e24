package dev

import (
	"strconv"
	"strings"
)

// debug attaches Delve to a program, in place of the one before.
func (s *Supervisor) debug(g generation) {
	if s.opts.Debugger == "" || g.pid() == 0 {
		return
	}
	const name = "dlv"
	attach := func() {
		run, err := runCommand(s.loop, s.target.root(), s.env(), name, "attach", strconv.Itoa(g.pid()), "--headless", "--listen="+s.opts.Debugger,
			"--api-version=2", "--accept-multiclient", "--continue", "--log-dest=2")
		if err != nil {
			s.notice("Delve can not be run (" + err.Error() + "): go install github.com/go-delve/delve/cmd/dlv@v1.27.2")
			return
		}
		s.commands[name] = run
		run.line = func(line string) bool {
			listens := strings.Contains(line, "server listening at")
			if listens {
				s.notice("Delve listens at " + s.opts.Debugger)
			}
			return listens
		}
		run.result.Then(func(c *command) {
			if s.commands[name] == c {
				delete(s.commands, name)
			}
			if !c.killed && s.current == g {
				s.notice("Delve has ended: " + strings.TrimSpace(string(c.errs)))
			}
		}, nil)
	}
	if was := s.commands[name]; was != nil {
		was.result.Then(func(*command) { attach() }, nil)
		was.kill()
		return
	}
	attach()
}
