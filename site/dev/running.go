package dev

import (
	"bytes"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// running is a generation that is a process of its own: requests are passed on to it.
type running struct {
	s *Supervisor
	p *program
	n int

	rootd *reactor.Deferred[resource.Resource]
	ended *reactor.Deferred[string]
	lines [2]lineCutter // of its output and its errors

	panics [2]panicReader // that are printed there
	races  [2]raceReader  // likewise

	hands hands
}

// startProgram starts one.
func (s *Supervisor) startProgram(spec programSpec) (generation, error) {
	g := &running{s: s, n: s.number, rootd: reactor.NewDeferred[resource.Resource](), ended: reactor.NewDeferred[string]()}
	p, err := startProgram(s.loop, spec, g.output)
	if err != nil {
		return nil, err
	}
	g.p = p
	p.ready.Then(func(p *program) {
		s.tellOwnPort(p)
		root, err := s.opts.Proxy(p.addr, p.secure, g.unanswered)
		settleWith(g.rootd, resource.Resource(marking{g: g, root: g.hands.around(root)}), err)
	}, func(err error) { settleWith(g.rootd, nil, err) })
	p.ended.Then(func(p *program) { settleWith(g.ended, p.status.String(), nil) }, nil)
	return g, nil
}

// tellOwnPort says once that a program does not listen where it is told to.
func (s *Supervisor) tellOwnPort(p *program) {
	if p.spec.port == 0 && p.own && !s.toldPort {
		s.toldPort = true
		s.notice("the program listens at " + p.addr + " and not at the port that the variable PORT names: at each change the old one has to end before the new one starts, and requests wait meanwhile")
	}
}

func (g *running) ready() *reactor.Deferred[resource.Resource] { return g.rootd }
func (g *running) over() *reactor.Deferred[string]             { return g.ended }
func (g *running) alone() bool                                 { return g.p.own }
func (g *running) words() string                               { return g.p.words.String() }
func (g *running) pid() int                                    { return g.p.pid() }

// stop lets the requests in hand end first: many a program ends at once when it is told
// to. Those that do not end, as streams, have half of the time.
func (g *running) stop(patience time.Duration) {
	g.hands.whenEmpty(g.s.loop, patience, g.p.stop)
}

// Type gives what somebody has typed to the program that answers, or to the one that is being
// started. It is false when there is none that reads. Loop only.
func (s *Supervisor) Type(text []byte) bool {
	for _, g := range []generation{s.current, s.next} {
		switch g := g.(type) {
		case *running:
			g.p.child.Write(text)
			return true
		case *hosted:
			if g.app.Type != nil && g.app.Type(text) {
				return true
			}
		}
	}
	return false
}

// Reads tells whether there is a program that reads what is typed. Loop only.
func (s *Supervisor) Reads() bool { return s.Type(nil) }

// output tells what the program prints, line by line.
func (g *running) output(_ *program, errs bool, data []byte) {
	which := 0
	if errs {
		which = 1
	}
	g.lines[which].add(data, func(line string) {
		g.s.tell(Event{Kind: EventOutput, Generation: g.n, PID: g.p.pid(), Text: line, Errors: errs})
		if report := g.races[which].line(line); report != nil {
			g.s.raced(report)
		}
		if p := g.panics[which].line(line); p != nil {
			g.s.printedPanic(p, g.p.pid())
		}
	})
}

// lineCutter makes lines of what comes in pieces.
type lineCutter struct{ rest []byte }

// longestLine is where a line that does not end is cut.
const longestLine = 16 << 10

func (c *lineCutter) add(data []byte, f func(line string)) {
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if room := longestLine - len(c.rest); i < 0 && len(data) < room {
			c.rest = append(c.rest, data...)
			return
		} else if i < 0 || i > room {
			f(string(append(c.rest, data[:room]...)))
			data = data[room:]
		} else {
			f(strings.TrimRight(string(append(c.rest, data[:i]...)), "\r"))
			data = data[i+1:]
		}
		c.rest = c.rest[:0]
	}
}

// describeEnd finds in the last words of a program why it has ended.
func (s *Supervisor) describeEnd(f *Failure) {
	f.Dir = s.target.root()
	switch {
	case f.late && s.opts.Direct != nil:
		f.Faults = append(f.Faults, Fault{
			Message: "it runs, and does not say that it is ready",
			Mend:    "with --direct it has to take over the socket of LISTEN_FDS and to send READY=1 to NOTIFY_SOCKET; without, any program will do"})
	case f.late:
		f.Faults = append(f.Faults, Fault{
			Message: "it runs, and listens at no port that is known",
			Mend:    "let it listen at the port that the variable PORT names, or say where it does with --app-port"})
	}
	defer s.doubtDirect(f)
	if f.Output == "" {
		return
	}
	if faults := parsePythonOutput(f.Output, []string{s.target.root()}); faults != nil {
		f.Faults = append(f.Faults, faults...)
	} else {
		f.Faults = append(f.Faults, parsePanic(f.Output, s.target.root())...)
	}
	switch {
	case !strings.Contains(f.Output, "address already in use"):
	case s.opts.Direct == nil:
		f.Faults = append(f.Faults, Fault{
			Message: "the program listens at a port that is taken, perhaps by this development server",
			Mend:    "let it listen at the port that the variable PORT names, or give 'spindle dev' another port with --listen"})
	}
}

// doubtDirect says what --direct takes, of a program that has ended without a word of its own
// on what is wrong: as one does that finds its port taken.
func (s *Supervisor) doubtDirect(f *Failure) {
	if s.opts.Direct == nil || len(f.Faults) > 0 {
		return
	}
	f.Faults = append(f.Faults, Fault{
		Message: "with --direct the program is given an open socket (LISTEN_FDS); one that opens the port itself finds it taken",
		Mend:    "have it take over the socket, or run it without --direct: then it is given a port of its own"})
}
