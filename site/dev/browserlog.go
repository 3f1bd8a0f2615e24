package dev

import (
	_ "embed"
	"encoding/json"
	"strings"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/events"
)

// This file passes on between the terminal and the console of a browser: what goes wrong in
// the scripts of a page, and what the program prints.

//go:embed page/console.js
var consoleScript []byte

// browserName is under which name lines of pages are told.
const browserName = "browser"

// complaint is POST browser: an error of a script in a page.
type complaint struct {
	resource.Leaf
	f *front
}

// Bounds of what a page says.
const (
	mostComplaint = 32 << 10
	mostPlaces    = 6
)

func (c complaint) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := c.f.trustedInPages(r); err != nil {
		return nil, err
	}
	var said struct{ Text, Stack, Page string }
	body, err := r.BodyBytes()
	if err != nil || len(body) > mostComplaint || json.Unmarshal(body, &said) != nil || said.Text == "" {
		return nil, &resource.Error{Status: 422, Detail: "No error of a page is in it."}
	}
	for i, line := range complaintLines(said.Text, said.Stack) {
		if i == 0 {
			line += "  on " + said.Page
		}
		c.f.s.tell(Event{Kind: EventOutput, Name: browserName, Text: cut(line, longestLine), Errors: true})
	}
	r.SetStatus(204)
	return nil, nil
}

// complaintLines is an error, and the first frames of its stack, which Chromium begins with
// the error once more.
func complaintLines(text, stack string) []string {
	lines := []string{strings.ReplaceAll(text, "\n", " ")}
	for line := range strings.SplitSeq(stack, "\n") {
		line = strings.TrimSpace(line)
		_, place, called := strings.Cut(line, "@") // as Firefox and Safari have it
		switch {
		case len(lines) > mostPlaces:
			return lines
		case strings.HasPrefix(line, "at "):
			lines = append(lines, "    "+line)
		case called && strings.Contains(place, ":"):
			lines = append(lines, "    at "+line)
		}
	}
	return lines
}

// pageLines gives lines of the program to the pages on this machine, many at a time.
type pageLines struct {
	s       *Supervisor
	streams map[*events.Stream]struct{}
	waiting []pageLine
	later   *reactor.DelayedCall
}

// pageLine is one of them.
type pageLine struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

const (
	linesTogether = 100 * time.Millisecond
	mostTogether  = 200 // lines beyond are left out: a console is no file
)

// joined is told of a page that listens.
func (p *pageLines) joined(stream *events.Stream, r *resource.Request) {
	if !p.s.opts.Console || !isHere(r) {
		return
	}
	if p.streams == nil {
		p.streams = map[*events.Stream]struct{}{}
	}
	p.streams[stream] = struct{}{}
	stream.NotifyClosed(func() { delete(p.streams, stream) })
}

// heard is told of a line.
func (p *pageLines) heard(e Event) {
	if len(p.streams) == 0 || e.Name == browserName || len(p.waiting) == mostTogether {
		return
	}
	name := e.Name
	if name == "" {
		name = "program"
	}
	p.waiting = append(p.waiting, pageLine{Name: name, Text: cut(stripANSI(e.Text), mostShown)})
	if p.later == nil {
		p.later = p.s.loop.CallLater(linesTogether, p.send)
	}
}

func (p *pageLines) send() {
	m := message("lines", map[string]any{"lines": p.waiting})
	p.waiting, p.later = nil, nil
	for stream := range p.streams {
		stream.SendPrepared(m)
	}
}
