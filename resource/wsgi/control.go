package wsgi

import (
	_ "embed"
	"fmt"
	"os"
	"strconv"
	"strings"

	"spindle/reactor"
)

// This file is the connection of a worker process as a whole.

// The program that a worker runs, in its parts.
var (
	//go:embed worker/link.py
	linkPart string
	//go:embed worker/answer.py
	answerPart string
	//go:embed worker/serve.py
	servePart string
	//go:embed worker/sources.py
	sourcesPart string
	//go:embed worker/load.py
	loadPart string
	//go:embed worker/process.py
	processPart string

	source = []byte(linkPart + "\n" + answerPart + "\n" + servePart + "\n" + sourcesPart + "\n" + loadPart + "\n" + processPart)
)

// The parts that only a development server sends: nothing of them is in any other worker.
var (
	//go:embed worker/values.py
	valuesPart string
	//go:embed worker/journal.py
	journalPart string
	//go:embed worker/frames.py
	framesPart string
	//go:embed worker/sections.py
	sectionsPart string
	//go:embed worker/console.py
	consolePart string
	//go:embed worker/modules.py
	modulesPart string

	developedSource = []byte(string(source) + "\n" + valuesPart + "\n" + journalPart + "\n" + framesPart + "\n" + sectionsPart + "\n" + consolePart + "\n" + modulesPart)
)

// source is the program for the workers of a.
func (a *App) source() []byte {
	if a.Failed != nil {
		return developedSource
	}
	return source
}

// control is the protocol of that connection.
type control struct {
	w       *worker
	t       reactor.Transport
	decoder decoder
	files   []*os.File // come along, not used yet
	closed  bool
}

// ConnectionMade sends the program, which a fork has. See reactor.Protocol.
func (c *control) ConnectionMade(t reactor.Transport) {
	c.t = t
	if !c.w.forked {
		t.WriteShared(c.w.app.source())
	}
}

// FileReceived keeps the descriptor of a link. See reactor.FileReceiver.
func (c *control) FileReceived(f *os.File) { c.files = append(c.files, f) }

// DataReceived takes what the worker says. See reactor.Protocol.
func (c *control) DataReceived(data []byte) {
	if c.closed {
		return
	}
	if err := c.decoder.feed(data, c); err != nil {
		c.w.broke(err)
	}
}

// piece is of no use here.
func (c *control) piece([]byte) {}

// frame takes one.
func (c *control) frame(kind byte, payload []byte) error {
	switch kind {
	case frameLoaded:
		parts := strings.SplitN(string(payload), "\x00", 3)
		if len(parts) < 3 {
			return errGarbage
		}
		c.w.hasLoaded(Info{Version: parts[0], Python: parts[1], File: parts[2]})
	case frameFailure:
		reason, trace, _ := strings.Cut(string(payload), "\x00")
		c.w.refusal = &LoadError{Target: c.w.app.Target, Reason: reason, Trace: strings.TrimSpace(trace)}
	case frameLink, frameConsole:
		if len(c.files) == 0 || kind == frameConsole && (c.w.console != nil || c.w.app.Failed == nil) {
			return errGarbage
		}
		f := c.files[0]
		c.files = c.files[1:]
		if kind == frameConsole {
			c.w.console = newConsole(c.w.app)
			return c.w.app.adopt(f, c.w.console)
		}
		return c.w.app.adopt(f, &link{w: c.w})
	case frameMemory:
		n, err := strconv.ParseInt(string(payload), 10, 64)
		if err != nil {
			return errGarbage
		}
		c.w.hasGrown(n)
	case frameModules, frameBegun, frameMisfit:
		return c.stemFrame(kind, strings.Split(string(payload), "\x00"))
	case frameSources:
		c.w.app.hasRead(strings.Split(string(payload), "\x00"))
	default:
		return fmt.Errorf("wsgi: a worker sends a frame %q over its control", kind)
	}
	return nil
}

// stemFrame takes what a Stem has to know.
func (c *control) stemFrame(kind byte, parts []string) error {
	s := c.w.app.stem()
	switch {
	case s == nil:
		return errGarbage
	case kind == frameModules:
		s.met(parts)
	case kind == frameBegun:
		s.begun(c.w, parts[0], parts[1:])
	case kind == frameMisfit:
		c.w.isMisfit(parts[0])
	}
	return nil
}

// close tells the worker that it is to exit.
func (c *control) close() {
	if !c.closed && c.t != nil {
		c.closed = true
		c.t.LoseConnection()
	}
}

// ConnectionLost is the last call. See reactor.Protocol.
func (c *control) ConnectionLost(error) {
	for _, f := range c.files {
		_ = f.Close()
	}
	if !c.closed {
		c.closed = true
		c.w.lost(nil)
	}
}

var (
	_ reactor.FileReceiver = (*control)(nil)
	_ sink                 = (*control)(nil)
)
