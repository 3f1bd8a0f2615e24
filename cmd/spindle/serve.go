package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/site"
)

// This file turns what a command asks for into reactors and sites, runs them, and says
// at the end what they did.

// server is what one command serves.
type server struct {
	config  *listenConfig
	what    string                                             // it serves, for the banner
	tree    func(m *member) (root resource.Resource, p *start) // for one loop; p is nil without a start page
	factory func(*site.Site) reactor.Factory                   // nil: HTTP
	as      string                                             // the protocol that factory speaks
	debug   bool                                               // pages of errors show causes
	logger  func(m *member) site.AccessLogger                  // in place of the access log; nil: the access log
	later   bool                                               // announce is called when all is ready, not at once
	failed  error                                              // why it can not serve, found after the start
	group   *reactor.Group
	members []*member
	ports   []*reactor.Port // of the first loop, one for each endpoint
	log     *site.LogFile   // nil without an access log
	out     *os.File        // the access log
	errs    *os.File        // all that is for a person

	untrusted bool     // a certificate was made on the spot
	begin     []func() // called when the ports are open and the process has its last user
	service   service
}

// member is one loop with its site.
type member struct {
	loop *reactor.Reactor
	site *site.Site
}

// serve runs spindle web until a signal ends it.
func serve(c *webConfig, out, errs *os.File) error {
	if started, err := c.detach(out, errs); started || err != nil {
		return err
	}
	s := newServer(&c.listenConfig, out, errs)
	s.what = "the start page"
	if c.Path != "" {
		s.what = c.Path
	}
	s.tree = c.tree
	if c.Path != "" && c.identity != nil {
		s.begin = append(s.begin, func() { s.checkAs(checkDirectory("--path", c.Path)) })
	}
	switch c.As {
	case "cgi":
		return s.runCGI()
	case "fastcgi", "scgi":
		s.as, s.factory = c.As, c.scripts.factory
	}
	return s.run()
}

// tree is the tree of spindle web for one loop.
func (c *webConfig) tree(m *member) (resource.Resource, *start) {
	if c.Path != "" {
		return c.gateways.wrap(c.scripts.wrap(directory(c), nil), nil), nil
	}
	p := newStart(m.loop, func() site.Snapshot { return m.site.Stats() })
	return c.gateways.wrap(c.scripts.wrap(p.Root(), p.Mount), p.Mount), p
}

func newServer(c *listenConfig, out, errs *os.File) *server {
	return &server{config: c, group: reactor.NewGroup(c.Loops), out: out, errs: errs}
}

// run serves until a signal ends it, or something fails.
func (s *server) run() error {
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads any more ends no service
	s.config.catchSignals()
	defer func() { s.service.pidFile.Release() }()
	defer s.mailErrors()()
	if err := s.prepareService(); err != nil {
		return err
	}
	if err := s.openLog(); err != nil {
		return err
	}
	s.build()
	if s.failed != nil {
		return s.failed
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.assume(); err != nil {
		return err
	}
	for _, f := range s.begin {
		f()
	}
	if s.failed != nil {
		return s.failed
	}
	if !s.later {
		s.announce()
	}
	s.awaitLoops()
	started := time.Now()
	err := s.group.Run()
	s.closeLog()
	if s.failed != nil {
		return s.failed
	}
	if !s.config.Quiet {
		s.farewell(s.errs, time.Since(started))
	}
	if err != nil {
		return failure{err}
	}
	return nil
}

// announce says where the server is reached.
func (s *server) announce() {
	switch {
	case s.config.Quiet:
	case s.as != "":
		s.behind(s.errs)
	default:
		s.banner(s.errs, machineAddrs())
	}
	if s.config.Open {
		go s.openBrowser()
	}
}

// fail ends the server because of err. On a loop, or before they run.
func (s *server) fail(err error) {
	s.failed = err
	s.group.Stop()
}

// openLog opens what the access log is written to.
func (s *server) openLog() error {
	c := s.config
	switch {
	case c.Log == "none", (c.Quiet || c.Daemon) && c.Log == "" && c.LogFile == "":
		return nil
	case c.LogFile == "":
		s.log = site.NewLogFile(s.out)
		return nil
	}
	f, err := site.OpenLogFile(c.LogFile)
	if err != nil {
		return failure{fmt.Errorf("--log-file %s", strings.TrimPrefix(withoutPackage(err), "log file "))}
	}
	s.log = f
	f.ReopenOn(syscall.SIGUSR1, syscall.SIGHUP)
	return nil
}

// closeLog waits for the last lines, though not for ever.
func (s *server) closeLog() {
	if s.log == nil {
		return
	}
	if !s.log.Drain(5 * time.Second) {
		fmt.Fprintln(s.errs, "spindle: the last lines of the access log could not be written")
	}
	s.log.Close()
}

// logFormat is a format for one loop.
func (s *server) logFormat() site.LogFormat {
	terminal := s.config.LogFile == "" && isTerminal(s.out)
	switch name := s.config.Log; {
	case name == "json":
		return site.NewJSONFormat()
	case name == "combined", name == "" && !terminal:
		return site.NewCombinedFormat()
	}
	return site.NewShortFormat(terminal && site.ColourTerminal(s.out))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// build makes a site with a tree of its own for each loop.
func (s *server) build() {
	var starts []*start
	for _, loop := range s.group.Reactors() {
		m := &member{loop: loop}
		root, p := s.tree(m)
		if p != nil {
			starts = append(starts, p)
		}
		if fields := s.config.Fields; fields != nil {
			root = resource.Wrap(root, func(r *resource.Request) error {
				r.OverrideFields(fields)
				return nil
			})
		}
		m.site = site.New(s.config.secured(root))
		m.site.Log = s.accessLog(m)
		m.site.Debug, m.site.TrustedProxies = s.debug, s.config.trusted
		s.members = append(s.members, m)
	}
	join(starts)
}

// accessLog is what the site of a loop tells of its exchanges; nil for nothing.
func (s *server) accessLog(m *member) site.AccessLogger {
	if s.logger != nil {
		return s.logger(m)
	}
	if s.log == nil {
		return nil
	}
	l := site.NewAccessLog(m.loop, s.logFormat(), s.log)
	if s.config.LogFile == "" {
		l.FlushEvery = 50 * time.Millisecond // somebody is looking
	}
	return l
}

func (s *server) listen() error {
	sites := map[*reactor.Reactor]reactor.Factory{}
	for _, m := range s.members {
		sites[m.loop] = m.site
		if s.factory != nil {
			sites[m.loop] = s.factory(m.site)
		}
	}
	for _, text := range s.config.Listen {
		if err := s.probe(text); err != nil {
			return err
		}
		e, err := reactor.ParseEndpoint(text)
		if err != nil {
			return err // it was parsed before
		}
		s.config.obtaining(&e)
		trusted, err := signed(&e)
		if err != nil {
			return err
		}
		s.untrusted = s.untrusted || !trusted
		ports, err := s.group.ListenEndpoint(e, func(r *reactor.Reactor) (reactor.Factory, error) { return sites[r], nil })
		if err != nil {
			return failure{explain(err, text)}
		}
		s.ports = append(s.ports, ports[0])
	}
	return nil
}

// probe asks for a port as one that is not shared. The loops share theirs, and the
// system would let them share it with another server, too.
func (s *server) probe(text string) error {
	e, err := reactor.ParseEndpoint(text)
	if err != nil || len(s.members) == 1 || e.ReusePort || !isTCP(e) {
		return err
	}
	if err := tryPort(e); errors.Is(err, syscall.EADDRINUSE) {
		return failure{explain(&reactor.ListenError{Endpoint: e, Err: err}, text)}
	}
	return nil
}

// openBrowser opens the first page that a browser can reach.
func (s *server) openBrowser() {
	for _, p := range s.ports {
		url, ok := localURL(servedBy(p))
		if !ok {
			continue
		}
		if err := exec.Command(opener(), url).Run(); err != nil {
			fmt.Fprintf(s.errs, "spindle: no browser could be opened (%v); open %s yourself\n", err, url)
		}
		return
	}
	fmt.Fprintln(s.errs, "spindle: --open does nothing here: a browser can not reach a UNIX socket")
}

// opener is the program that opens a URL on this system.
func opener() string {
	if runtime.GOOS == "darwin" {
		return "open"
	}
	return "xdg-open"
}

// farewell sums up.
func (s *server) farewell(w io.Writer, d time.Duration) {
	var sum site.Snapshot
	for _, m := range s.members {
		sum.Add(site.Snapshot{Counters: m.site.Counters(), Connections: m.site.Connections()})
	}
	fmt.Fprintf(w, "Spindle served %s, %s, on %s in %s.\n", counted(sum.Requests, "request"),
		sizeText(sum.BytesOut), counted(sum.Connections.Accepted, "connection"), spanText(d))
}
