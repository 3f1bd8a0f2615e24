package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"spindle/protocol/agent"
	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/resource/static"
	"spindle/site"
	"spindle/site/dev"
)

// This file runs spindle dev.

// devServer is one run of it.
type devServer struct {
	*server
	config     *devConfig
	supervisor *dev.Supervisor
	terminal   *devTerminal
	events     io.WriteCloser // nil without --events
	front      string         // URL of the second port; "" without --direct
	shows      bool           // the terminal shows requests
}

// serveDev runs until a signal or a key ends it.
func serveDev(c *devConfig, out, errs *os.File) error {
	o, app, err := c.options()
	if err != nil {
		return err
	}
	if err := dev.StartKeeper(); err != nil {
		return failure{err}
	}
	c.Loops = 1
	d := &devServer{server: newServer(&c.listenConfig, out, errs), config: c}
	d.later = true // the banner comes with what is watched
	d.server.debug = true
	if c.LogFile == "" && c.Log != "json" && c.Log != "combined" {
		d.shows = c.Log != "none" && !c.Quiet
		c.Log = "none" // it is the terminal's affair
		d.logger = func(*member) site.AccessLogger { return devLog{d} }
	}
	loop := d.group.Reactors()[0]
	loop.SlowCallback = -1 // nothing of the user's runs on it: a busy machine is no news
	o.Proxy = d.upstream
	o.Highlight = highlight
	o.Connections = d.connections
	if c.Direct {
		o.Direct = d.publicPort
	}
	switch {
	case app != nil:
		o.App = app.generations(c, &o, d.said, func() *dev.Supervisor { return d.supervisor })
	case o.Kind == dev.Files:
		o.App = func(reactor.Loop, int) (dev.App, error) { return dev.App{Root: editedFiles(o.Dir)}, nil }
	}
	if err := d.openEvents(); err != nil {
		return err
	}
	if d.supervisor, err = dev.New(loop, o); err != nil {
		return failure{fmt.Errorf("%s", withoutPackage(err))}
	}
	d.terminal = newDevTerminal(d)
	d.supervisor.Listen(d.terminal.show)
	d.supervisor.Listen(d.record)
	if d.what = d.supervisor.Describe(); c.Env != "" {
		d.what += ", environment " + c.Env
	}
	if app != nil {
		d.what += ", " + processesAndThreads(c.Workers, c.Threads)
	}
	d.tree = func(*member) (resource.Resource, *start) { return c.gateways.wrap(d.supervisor.Root(), nil), nil }
	loop.AddSystemEventTrigger(reactor.After, reactor.Startup, func() *reactor.Deferred[struct{}] {
		if c.Direct {
			if err := d.openFront(); err != nil {
				d.fail(err)
				return nil
			}
		}
		d.announce()
		d.terminal.hint()
		for _, text := range c.stray {
			d.supervisor.Notice(text)
		}
		d.supervisor.Start()
		d.terminal.takeKeys()
		return nil
	})
	defer d.onHangup(loop)()
	err = d.run()
	d.terminal.restore()
	if d.events != nil {
		_ = d.events.Close()
	}
	return err
}

// upstream is what passes requests on to a program.
func (d *devServer) upstream(addr string, secure bool, unanswered func(*resource.Request, error) bool) (resource.Resource, error) {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	p, err := proxy.New(scheme + addr)
	if err != nil {
		return nil, err
	}
	p.Retries = -1
	p.MaxFails = -1
	p.Unanswered = unanswered
	if secure { // its certificate is for the outside
		p.Pool = agent.NewPool(d.group.Reactors()[0])
		p.Pool.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	return p, nil
}

// connections is those of the public ports.
func (d *devServer) connections() (open, idle int) {
	for _, m := range d.members { // one: there is one loop
		c := m.site.Connections()
		open, idle = open+c.Open, idle+c.Idle
	}
	return open, idle
}

// editedFiles serves a directory whose files change all the time.
func editedFiles(dir string) *static.Dir {
	files := static.New(dir)
	files.Listing = true
	files.MaxAge = -1
	files.Revalidate = -1
	return files
}

// said takes a line that a worker has printed.
func (d *devServer) said(worker, line string) {
	e := dev.Event{Kind: dev.EventOutput, Name: worker, Text: line, Time: time.Now(), Errors: true}
	d.terminal.show(e)
	d.supervisor.Show(e)
}

// openEvents opens what --events names.
func (d *devServer) openEvents() error {
	switch name := d.config.JSON; name {
	case "":
		return nil
	case "-":
		d.events = d.out
		return nil
	default:
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return failure{fmt.Errorf("--events %s: %w", name, err)}
		}
		d.events = f
		return nil
	}
}

// record writes an event for editors.
func (d *devServer) record(e dev.Event) {
	if d.events == nil {
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	_, _ = d.events.Write(append(line, '\n'))
}

// devLog is the access log of a terminal.
type devLog struct{ d *devServer }

// Log shows an exchange, unless its path is a quiet one.
func (l devLog) Log(e *site.Entry) {
	target := string(e.Target)
	p, _, _ := strings.Cut(target, "?")
	if strings.HasPrefix(p, dev.Prefix) || l.d.config.isQuiet(p) || l.d.supervisor.Profiles(e.Method, target) {
		return
	}
	l.d.record(dev.Event{Kind: dev.EventRequest, Time: e.Time, Method: e.Method, Target: target, Status: e.Status, Bytes: e.Bytes, Took: e.Duration})
	if l.d.shows {
		l.d.terminal.request(e)
	}
}

// isQuiet tells whether requests for p are not shown.
func (c *devConfig) isQuiet(p string) bool {
	for _, pattern := range c.QuietAt {
		if ok, _ := path.Match(pattern, p); ok || strings.HasSuffix(pattern, "/*") && strings.HasPrefix(p, strings.TrimSuffix(pattern, "*")) {
			return true
		}
	}
	return false
}
