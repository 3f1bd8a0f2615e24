package cgi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"spindle/protocol/cgi"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/gateway"
)

// run is one request for a script, and the process that answers it: the resource that the
// walk ends at, and the reactor.ProcessProtocol.
type run struct {
	resource.Leaf
	set         *Settings
	script      *gateway.Script
	interpreter string

	r       *resource.Request
	env     cgi.Env
	content gateway.Content
	answer  gateway.Answer
	errors  gateway.Lines
	turn    *gateway.Turn
	child   *reactor.ChildProcess
	limit   *reactor.DelayedCall
	kill    *reactor.DelayedCall
	ended   bool
}

func newRun(set *Settings, s *gateway.Script, interpreter string) *run {
	return &run{set: set, script: s, interpreter: interpreter}
}

// HeadReceived has the content come as a stream. See resource.HeadReceiver.
func (p *run) HeadReceived(r *resource.Request) error {
	p.content.Receive(r, p.set.MaxBodyBytes)
	return nil
}

// Render waits for a place, and starts the script.
func (p *run) Render(r *resource.Request) ([]byte, error) {
	p.r = r
	p.answer = gateway.Answer{R: r, Source: p, Max: gateway.Limit(p.set.MaxOutput, 1<<30), Files: p.set.Files}
	p.answer.Reader.NPH = strings.HasPrefix(filepath.Base(p.script.Filename), "nph-")
	p.errors.Line = func(line string) {
		p.set.log().Warn("cgi: "+line, "script", p.script.Filename)
	}
	options := gateway.Options{Authorization: p.set.Authorization, Variables: p.set.Variables}
	if err := gateway.AddRequest(&p.env, r, p.script, p.content.Length(), &options); err != nil {
		return nil, err
	}
	p.content.Hold()
	turn, err := p.set.queue.Enter(r.Loop(), p.start, p.fail)
	if err != nil {
		return nil, err
	}
	p.turn = turn
	if p.ended {
		p.turn.Leave()
	}
	r.NotifyFinish(p.over)
	return nil, resource.NotDoneYet
}

// start runs the script.
func (p *run) start() {
	child, err := reactor.SpawnProcess(p.r.Loop(), p, p.process())
	if err != nil {
		p.ended = true
		p.turn.Leave()
		p.fail(&resource.Error{Status: statusOf(err), Err: p.explain(err)})
		return
	}
	p.child = child
	if d := gateway.Limit(p.set.TimeLimit, 60*time.Second); d > 0 {
		p.limit = p.r.Loop().CallLater(d, func() {
			p.answer.Fail(&resource.Error{Status: 504, Err: fmt.Errorf("cgi: %s has not ended in %v", p.script.Filename, d)})
			p.end()
		})
	}
	p.content.Start(stdin{child})
}

// process is what to run. The script runs in its own directory (RFC 3875 §7.2), in a
// process group of its own.
func (p *run) process() reactor.Process {
	for _, name := range p.inherit() {
		if value, ok := os.LookupEnv(name); ok {
			if _, has := p.env.Lookup(name); !has {
				p.env.Add(name, value)
			}
		}
	}
	spec := reactor.Process{
		Path: p.script.Filename,
		Dir:  filepath.Dir(p.script.Filename),
		Env:  p.env.Strings(),
		Sys:  &syscall.SysProcAttr{Setpgid: true},
	}
	if p.interpreter != "" {
		spec.Path, spec.Args = p.interpreter, []string{p.script.Filename}
	}
	return spec
}

func (p *run) inherit() []string {
	if p.set.Inherit != nil {
		return p.set.Inherit
	}
	return inherited
}

// explain says of a script that can not be started what is wrong with it, as far as the
// system's word does not: a missing interpreter looks like a missing script.
func (p *run) explain(err error) error {
	_, missing := os.Stat(p.script.Filename)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.interpreter != "":
		return fmt.Errorf("cgi: the interpreter %s of %s is not there: %w", p.interpreter, p.script.Filename, err)
	case errors.Is(err, fs.ErrNotExist) && missing == nil:
		return fmt.Errorf("cgi: the interpreter that the first line of %s names is not there (%s): %w", p.script.Filename, firstLine(p.script.Filename), err)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("cgi: %s is no program, and its first line names no interpreter: %w", p.script.Filename, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cgi: %s may not be executed by this user: %w", p.script.Filename, err)
	}
	return fmt.Errorf("cgi: %s: %w", p.script.Filename, err)
}

// firstLine is the first line of a script, as far as it is worth showing.
func firstLine(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 200)
	n, _ := f.Read(b)
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return fmt.Sprintf("%q", line)
}

// statusOf is 404 for a script that is gone, 503 when the system has no room, else 500.
func statusOf(err error) int {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return 503
	}
	return 500
}

// ProcessMade does nothing. See reactor.ProcessProtocol.
func (p *run) ProcessMade(c *reactor.ChildProcess) {}

// OutReceived takes a piece of the answer.
func (p *run) OutReceived(data []byte) {
	p.answer.Data(data)
	p.answer.Flush()
}

// ErrReceived takes what goes to the log.
func (p *run) ErrReceived(data []byte) { p.errors.Write(data) }

// ProcessEnded ends the answer. A script that was killed is not taken for one that has
// said all; its exit status is only told in the log, since scripts end with that of
// whatever they did last.
func (p *run) ProcessEnded(status reactor.ProcessStatus) {
	p.ended = true
	p.errors.End()
	p.cancel()
	p.content.Drop()
	p.turn.Leave()
	switch {
	case errors.Is(status.Err, reactor.ErrStopped):
		_ = p.child.SignalGroup(syscall.SIGTERM)
		p.fail(&resource.Error{Status: 503, Err: status.Err})
	case status.Signal != 0 || status.Err != nil:
		p.fail(&resource.Error{Status: 502, Err: fmt.Errorf("cgi: %s: %s", p.script.Filename, status)})
	default:
		if status.Code != 0 {
			p.set.log().Warn("cgi: "+status.String(), "script", p.script.Filename)
		}
		p.answer.End()
	}
}

func (p *run) fail(err error) { p.answer.Fail(err) }

// over is called when the exchange is over. A script that has sent the client on, or left
// it a file, may go on with what it does.
func (p *run) over(err error) {
	switch {
	case p.ended:
	case p.child == nil:
		p.turn.Leave()
	case err != nil || !p.answer.Left():
		p.end()
	}
}

// end ends the script, with all that it has started: asked first, then killed.
func (p *run) end() {
	if p.child == nil || p.ended || p.kill != nil {
		return
	}
	child := p.child
	_ = child.SignalGroup(syscall.SIGTERM)
	p.kill = child.Loop().CallLater(max(gateway.Limit(p.set.Grace, 5*time.Second), 0), func() {
		p.kill = nil
		_ = child.SignalGroup(syscall.SIGKILL)
		child.LoseConnection()
	})
	child.CloseStdin()
	child.ResumeReading() // so that what it still writes goes nowhere
}

func (p *run) cancel() {
	for _, t := range []*reactor.DelayedCall{p.limit, p.kill} {
		if t != nil {
			t.Cancel()
		}
	}
}

// PauseReading and ResumeReading pass on what the client's pace asks for. See
// gateway.Source.
func (p *run) PauseReading() { p.child.PauseReading() }

// ResumeReading lets the output go on.
func (p *run) ResumeReading() { p.child.ResumeReading() }

// Unwanted ends the script.
func (p *run) Unwanted() { p.end() }

// stdin is the standard input of a script as the Sink of its content.
type stdin struct{ *reactor.ChildProcess }

// End closes it.
func (s stdin) End() { s.CloseStdin() }

var (
	_ resource.HeadReceiver   = (*run)(nil)
	_ resource.Renderer       = (*run)(nil)
	_ reactor.ProcessProtocol = (*run)(nil)
	_ gateway.Source          = (*run)(nil)
)
