package dev

import "fmt"

// runCommand runs the command of a rule; one that is under way is ended first.
func (s *Supervisor) runCommand(text string) {
	if was := s.commands[text]; was != nil {
		was.kill()
	}
	run, err := runCommand(s.loop, s.target.root(), s.env(), "/bin/sh", "-c", text)
	if err != nil {
		s.notice(fmt.Sprintf("%s: %v", text, err))
		return
	}
	s.commands[text] = run
	run.result.Then(func(c *command) {
		if s.commands[text] == c {
			delete(s.commands, text)
		}
		if c.killed {
			return
		}
		e := Event{Kind: EventCommand, Name: text, Text: c.status.String()}
		if !c.ok() {
			e.Failure = &Failure{Stage: "command", Title: text + ": " + c.status.String(), Output: string(c.out) + string(c.errs)}
		}
		s.tell(e)
	}, nil)
}
