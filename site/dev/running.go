package dev

import (
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

	root   resource.Resource // that passes requests on
	busy   int               // requests that it has in hand
	ending bool              // it is to be told to end when there are none
	wait   *reactor.DelayedCall
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
		root, err := s.opts.Proxy(p.addr, p.secure)
		g.root = root
		settleWith(g.rootd, resource.Resource(inHand{g: g}), err)
	}, func(err error) { settleWith(g.rootd, nil, err) })
	p.ended.Then(func(p *program) { settleWith(g.ended, p.status.String(), nil) }, nil)
	return g, nil
}

func (g *running) ready() *reactor.Deferred[resource.Resource] { return g.rootd }
func (g *running) over() *reactor.Deferred[string]             { return g.ended }
func (g *running) alone() bool                                 { return g.p.own }
func (g *running) words() string                               { return g.p.words.String() }
func (g *running) pid() int                                    { return g.p.pid() }

// stop lets the requests in hand end first: many a program ends at once when it is told
// to. Those that do not end, as streams, have half of the time.
func (g *running) stop(patience time.Duration) {
	if g.busy == 0 || patience <= 0 || g.ending {
		g.p.stop(patience)
		return
	}
	g.ending = true
	g.wait = g.s.loop.CallLater(patience/2, func() { g.p.stop(patience / 2) })
}

// inHand counts the requests on their way to the program.
type inHand struct {
	resource.Leaf
	g *running
}

// Pass goes on to the program.
func (x inHand) Pass(r *resource.Request) (resource.Resource, error) {
	g := x.g
	g.busy++
	r.NotifyFinish(func(error) {
		if g.busy--; g.busy == 0 && g.ending {
			g.wait.Cancel()
			g.p.stop(g.s.opts.patience())
		}
	})
	return g.root, nil
}

// output tells what the program prints, line by line.
func (g *running) output(_ *program, errs bool, data []byte) {
	cutter := &g.lines[0]
	if errs {
		cutter = &g.lines[1]
	}
	cutter.add(data, func(line string) {
		g.s.tell(Event{Kind: EventOutput, Generation: g.n, Text: line, Errors: errs})
	})
}

// lineCutter makes lines of what comes in pieces.
type lineCutter struct{ rest []byte }

// longestLine is where a line that does not end is cut.
const longestLine = 16 << 10

func (c *lineCutter) add(data []byte, f func(line string)) {
	c.rest = append(c.rest, data...)
	for {
		i := strings.IndexByte(string(c.rest), '\n')
		switch {
		case i >= 0:
			f(strings.TrimRight(string(c.rest[:i]), "\r"))
			c.rest = c.rest[i+1:]
		case len(c.rest) > longestLine:
			f(string(c.rest))
			c.rest = nil
		default:
			return
		}
	}
}

// describeEnd finds in the last words of a program why it has ended.
func (s *Supervisor) describeEnd(f *Failure) {
	f.Dir = s.target.root()
	if f.Output == "" {
		return
	}
	if faults := parsePythonOutput(f.Output, []string{s.target.root()}); faults != nil {
		f.Faults = append(f.Faults, faults...)
	} else if fault := parsePanic(f.Output, s.target.root()); fault != nil {
		f.Faults = append(f.Faults, *fault)
	}
	if strings.Contains(f.Output, "address already in use") {
		f.Faults = append(f.Faults, Fault{
			Message: "the program listens at a port that is taken, perhaps by this development server",
			Mend:    "let it listen at the port that the variable PORT names, or give 'spindle dev' another port with --listen"})
	}
}
