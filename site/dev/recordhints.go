package dev

import (
	"strings"

	"spindle/protocol"
	"spindle/protocol/lint"
)

// This file looks at the answers of the program, and gives hints where they are not as HTTP
// wants them. What the way here mends or drops is heard of as it came: see
// resource.OriginObserver.

const (
	keptFaults   = 8
	hintedPaths  = 3    // of a rule that are told of at the terminal; the others are on the dashboard
	hintedAtMost = 2000 // rules with a path that are remembered
)

// hinting is what record has for its hints.
type hinting struct {
	origin       protocol.Fields // of the program, as they came; nil when the answer is not its own
	originStatus int
	overHTTP     bool // they came with those of the connection
	faults       []protocol.Fault
	hints        []lint.Hint
}

// OriginHead keeps the head as the program gave it.
func (x *record) OriginHead(h *protocol.ResponseHead) {
	x.origin = protocol.RawFields(h.Fields).Text(make(protocol.Fields, 0, len(h.Fields)))
	x.originStatus, x.overHTTP = h.Status, h.Version != 0
}

// OriginFault keeps what the way here mends. It may come when the record is in the ring.
func (x *record) OriginFault(f protocol.Fault) {
	replaced := f.Kind == protocol.FaultCut && x.generation != x.c.s.served() // and ended with what it had in hand
	if replaced || len(x.faults) == keptFaults {
		return
	}
	x.faults = append(x.faults, f)
	if x.id != 0 {
		x.lint()
		x.c.over()
	}
}

// lint makes the hints, and tells of those that are new.
func (x *record) lint() {
	if x.origin == nil && len(x.faults) == 0 {
		return
	}
	e := lint.Exchange{Method: x.method, Authority: x.authority, Secure: x.scheme == "https", Request: x.fields, Status: x.originStatus,
		Fields: x.origin, Hop: x.overHTTP, Faults: x.faults, Whole: x.lost == "", Now: x.c.s.loop.Now()}
	if x.ownAnswer() {
		e.Sent, e.Content = x.content.size, x.content.bytes()
		x.hints = lint.Check(&e)
	} else {
		x.hints = lint.CheckFaults(&e)
	}
	for i := range x.hints {
		x.c.hinted.tell(x, &x.hints[i])
	}
}

// ownAnswer tells whether what was sent is the program's answer, and no page of ours in its
// place.
func (x *record) ownAnswer() bool {
	return x.origin != nil && (x.status == x.originStatus || x.originStatus == 101) && !x.answer.Has(failureField) && !x.origin.Has("X-Spindle-Ticket")
}

// hinted remembers what was told at the terminal. Loop only.
type hinted struct {
	s     *Supervisor
	told  map[string]bool
	paths map[string]int // of a rule
}

func newHinted(s *Supervisor) *hinted {
	return &hinted{s: s, told: map[string]bool{}, paths: map[string]int{}}
}

// tell tells of a hint of x, once for each rule and path; of a rule that many paths break
// the first ones stand for all.
func (h *hinted) tell(x *record, hint *lint.Hint) {
	path, _, _ := strings.Cut(x.target, "?")
	key := hint.Rule + " " + x.method + " " + path
	if h.told[key] || len(h.told) == hintedAtMost || h.paths[hint.Rule] > hintedPaths {
		return
	}
	h.told[key] = true
	h.paths[hint.Rule]++
	text := hint.Text + " (" + hint.Section + ")"
	if h.paths[hint.Rule] > hintedPaths {
		text = "and more paths: " + text
	}
	h.s.tell(Event{Kind: EventHint, Name: hint.Rule, Method: x.method, Target: cut(path, 200), Status: x.status, Text: text})
}
