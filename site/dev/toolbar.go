package dev

import (
	_ "embed"
	"encoding/json"
	"strings"

	"spindle/protocol/probe"
	"spindle/reactor"
	"spindle/resource"
)

// This file is what the line in a corner of a page shows: how that page was made.

//go:embed page/toolbar.js
var toolbarScript []byte

// madePage is GET made?target=/path: the newest page that was answered there.
type madePage struct {
	resource.Leaf
	s *Supervisor
}

// made is what is told of it.
type made struct {
	ID       int64  `json:"id"`
	Method   string `json:"method"`
	Status   int    `json:"status"`
	Took     int64  `json:"took"` // µs
	Answered string `json:"answered,omitempty"`
	Hints    int    `json:"hints,omitempty"`
}

func (p madePage) RenderGET(r *resource.Request) ([]byte, error) {
	x := p.s.front.dash.rec.newestPage(r.Arg("target"))
	if x == nil {
		return nil, resource.ErrNotFound
	}
	return laterJSON(r, reactor.Chain(x.whenWatched(), func(struct{}) *reactor.Deferred[[]byte] {
		body, err := json.Marshal(made{ID: x.id, Method: x.method, Status: x.status, Took: x.took.Microseconds(), Answered: x.answeredBy(), Hints: len(x.hints)})
		if err != nil {
			return reactor.Failed[[]byte](err)
		}
		return reactor.Succeeded(body)
	}))
}

// newestPage is the last answer of HTML at a target; nil when none is kept.
func (c *recorder) newestPage(target string) *record {
	for i := len(c.ring) - 1; i >= 0; i-- {
		if x := c.ring[i]; x.target == target && strings.HasPrefix(x.answer.Get("Content-Type"), "text/html") {
			return x
		}
	}
	return nil
}

// answeredBy is the resource of the program at which the walk has ended, "" where that is not
// known.
func (x *record) answeredBy() string {
	var t probe.Timeline
	if json.Unmarshal(x.inner, &t) != nil || len(t.Steps) == 0 {
		return ""
	}
	return t.Steps[len(t.Steps)-1].Type
}
