package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site/dev"
)

// This file runs a target as 'spindle dev' does, for one question, with nothing that listens
// for others: a Go program is at a port of its own on this machine meanwhile.

// once is one such run.
type once struct {
	loop       *reactor.Reactor
	stop       func()
	supervisor *dev.Supervisor
	terminal   *devTerminal
	err        error
	asked      bool
	over       bool // what the program prints when it is told to end is of no interest
}

// runOnce builds and starts what p is, calls ask on the loop when it answers, and stops it when
// what ask gives is settled. What the program prints, and why it does not run, goes to errs.
func runOnce(p *project, errs *os.File, ask func(*once) *reactor.Deferred[struct{}]) error {
	o := p.options
	o.With, o.Tasks, o.After, o.Debugger, o.Vet, o.Test, o.Lint, o.Checks = nil, nil, "", "", false, false, "", nil
	o.Patience = 2 * time.Second
	o.Hosts = []string{"*"} // nobody else asks
	if err := dev.StartKeeper(); err != nil {
		return failure{err}
	}
	p.config.Loops = 1
	d := &devServer{server: newServer(&p.config.listenConfig, os.Stdout, errs), config: p.config}
	x := &once{loop: d.group.Reactors()[0], stop: d.group.Stop}
	o.Proxy = d.upstream
	if p.app != nil {
		o.App = p.app.generations(p.config, &o, x.said, func() *dev.Supervisor { return x.supervisor })
	} else if o.Kind == dev.Files {
		o.App = func(reactor.Loop, int) (dev.App, error) { return dev.App{Root: editedFiles(o.Dir)}, nil }
	}
	var err error
	if x.supervisor, err = dev.New(x.loop, o); err != nil {
		return failure{fmt.Errorf("%s", withoutPackage(err))}
	}
	d.supervisor = x.supervisor
	x.terminal = newDevTerminal(d)
	x.supervisor.Listen(func(e dev.Event) { x.heard(e, ask) })
	x.loop.AddSystemEventTrigger(reactor.After, reactor.Startup, func() *reactor.Deferred[struct{}] {
		x.supervisor.Start()
		return nil
	})
	if err := d.group.Run(); err != nil {
		return failure{err}
	}
	x.terminal.out.flush()
	if x.err == nil && !x.asked {
		return failure{errors.New("it was interrupted")}
	}
	return x.err
}

// surveyOf asks what 'spindle dev' would watch, and runs nothing.
func surveyOf(p *project, errs *os.File, take func(dev.Survey)) error {
	o := p.options
	p.config.Loops = 1
	d := &devServer{server: newServer(&p.config.listenConfig, os.Stdout, errs), config: p.config}
	loop := d.group.Reactors()[0]
	o.Proxy = d.upstream
	if o.Kind == dev.WSGI || o.Kind == dev.Files {
		o.App = func(reactor.Loop, int) (dev.App, error) { return dev.App{}, errors.New("nothing is run") }
	}
	s, err := dev.New(loop, o)
	if err != nil {
		return err
	}
	var failed error
	loop.AddSystemEventTrigger(reactor.After, reactor.Startup, func() *reactor.Deferred[struct{}] {
		end := func() { loop.CallLater(0, d.group.Stop) }
		s.Survey().Then(func(v dev.Survey) { take(v); end() }, func(err error) { failed = err; end() })
		return nil
	})
	if err := d.group.Run(); err != nil {
		return failure{err}
	}
	return failed
}

// heard takes an event of the supervisor.
func (x *once) heard(e dev.Event, ask func(*once) *reactor.Deferred[struct{}]) {
	switch e.Kind {
	case dev.EventOutput:
		if !x.over {
			x.terminal.show(e)
		}
	case dev.EventFailed:
		if !x.asked {
			x.asked = true
			x.terminal.failure(e.Time, e.Failure)
			x.end(errTold)
		}
	case dev.EventReady:
		if !x.asked {
			x.asked = true
			ask(x).Then(func(struct{}) { x.end(nil) }, x.end)
		}
	}
}

// said takes a line that a worker has printed.
func (x *once) said(worker, line string) {
	x.supervisor.Show(dev.Event{Kind: dev.EventOutput, Name: worker, Text: line, Time: time.Now(), Errors: true})
	if !x.over {
		x.terminal.output(dev.Event{Name: worker, Text: line, Time: time.Now()})
	}
}

func (x *once) end(err error) {
	x.err, x.over = err, true
	x.loop.CallLater(0, x.stop)
}

// root is what answers requests.
func (x *once) root() resource.Resource { return x.supervisor.Root() }
