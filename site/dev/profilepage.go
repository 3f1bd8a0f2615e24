package dev

import (
	"encoding/json"
	"fmt"
	"strconv"

	"spindle/resource"
)

// This file is what a page asks for about profiles:
//
//	GET  profiles                 the list
//	POST profiles?request=7       makes one of number 7
//	GET  profiles/3               one
//	GET  profiles/3/cpu.pprof     its files, for go tool pprof
//	GET  profiles/3/allocs.pprof

// profilePages is the tree of them.
type profilePages struct {
	resource.Leaf
	s *Supervisor
	p *profiles
}

// Pass finds what is asked for.
func (x profilePages) Pass(r *resource.Request) (resource.Resource, error) {
	rest := r.Postpath()
	if len(rest) == 0 {
		return profileList{s: x.s, p: x.p}, nil
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	y := x.p.find(id)
	if err != nil || y == nil {
		return nil, &resource.Error{Status: 404, Detail: "This profile is not kept any more."}
	}
	ends := map[string]string{"cpu.pprof": ".cpu", "allocs.pprof": ".allocs"}
	switch {
	case len(rest) == 1:
		return jsonPage{of: y.show}, nil
	case len(rest) == 2 && ends[rest[1]] != "" && y.state == "done":
		return download{path: y.base + ends[rest[1]], name: fmt.Sprintf("profile-%d-%s", y.id, rest[1])}, nil
	}
	return nil, resource.ErrNotFound
}

func (y *profile) show() any {
	return struct {
		shownProfile
		Base    string          `json:"base"`
		Summary json.RawMessage `json:"summary,omitempty"`
	}{y.line(), y.base, y.summary}
}

// profileList is all of them.
type profileList struct {
	resource.Leaf
	s *Supervisor
	p *profiles
}

func (x profileList) RenderGET(r *resource.Request) ([]byte, error) { return sendJSON(r, x.p.shown()) }

func (x profileList) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	rec := x.s.front.dash.rec.find(int64(number(r.Arg("request"))))
	if rec == nil || !rec.whole {
		return nil, &resource.Error{Status: 404, Detail: "This request is not kept any more."}
	}
	y, err := x.p.make(rec, r.Host(), r.Secure())
	if err != nil {
		return sendJSON(r, map[string]string{"error": err.Error()})
	}
	return sendJSON(r, map[string]int64{"id": y.id})
}
