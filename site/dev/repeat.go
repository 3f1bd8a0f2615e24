package dev

import (
	"fmt"
	"slices"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file sends recorded requests again after each save, until they pass:
//
//	GET  repeats            those that are sent
//	POST repeats?request=7  has number 7 sent after each save from now on
//	POST repeats?stop=3     no more

// mostRepeats is how many there may be.
const mostRepeats = 8

// repeats has them. Loop only.
type repeats struct {
	c    *recorder
	list []*repeat
	last int64
}

// repeat is one.
type repeat struct {
	id     int64
	x      *record // what is sent: a copy, which stays when the record is let go
	of     int64   // number of the newest record of it
	was    int64   // number of the one before
	own    reactor.Addr
	secure bool
	tries  int
	status int
	state  string // waiting, sending, failing, passes
	why    string // it could not be sent, or was cut
}

// shownRepeat is what a page is told.
type shownRepeat struct {
	ID     int64  `json:"id"`
	Of     int64  `json:"of"`
	Was    int64  `json:"was,omitempty"`
	Method string `json:"method"`
	Target string `json:"target"`
	Tries  int    `json:"tries"`
	Status int    `json:"status,omitempty"`
	State  string `json:"state"`
	Why    string `json:"why,omitempty"`
}

// passes tells whether an exchange went well.
func (x *record) passes() bool { return x.lost == "" && x.status < 400 }

// add has x sent after each save.
func (p *repeats) add(x *record, own reactor.Addr, secure bool) error {
	if _, err := x.head("http", "mark"); err != nil {
		return err
	}
	if slices.ContainsFunc(p.list, func(r *repeat) bool { return r.of == x.id }) {
		return nil
	}
	p.last++
	y := x.snapshot()
	y.answer, y.content = nil, kept{}
	p.list = append(atMost(p.list, mostRepeats-1), &repeat{id: p.last, x: y, of: x.id, own: own, secure: secure, status: x.status, state: "waiting"})
	p.tell()
	return nil
}

// stop sends one no more.
func (p *repeats) stop(id int64) {
	p.list = slices.DeleteFunc(p.list, func(r *repeat) bool { return r.id == id })
	p.tell()
}

// saved sends all of them to the new program. Those that had passed are over.
func (p *repeats) saved() {
	p.list = slices.DeleteFunc(p.list, func(r *repeat) bool { return r.state == "passes" })
	for _, r := range p.list {
		if r.state != "sending" {
			p.send(r)
		}
	}
	if len(p.list) > 0 {
		p.tell()
	}
}

// send sends one.
func (p *repeats) send(r *repeat) {
	r.state, r.why = "sending", ""
	r.tries++
	p.c.send(r.x, r.of, r.own, r.secure).Then(func(y *record) {
		r.was, r.of, r.status, r.why = r.of, y.id, y.status, y.lost
		r.state = "failing"
		if y.passes() {
			r.state = "passes"
		}
		p.over(r)
	}, func(err error) {
		r.state, r.why = "failing", err.Error()
		p.over(r)
	})
}

// over tells how one went.
func (p *repeats) over(r *repeat) {
	if !slices.Contains(p.list, r) {
		return
	}
	text := fmt.Sprintf("%s %s, sent again: ", r.x.method, cut(r.x.target, 80))
	switch {
	case r.why != "":
		text += r.why + "; it is sent after the next save, too"
	case r.state == "passes":
		text += fmt.Sprintf("%d %s, it passes now", r.status, protocol.StatusText(r.status))
	default:
		text += fmt.Sprintf("still %d %s", r.status, protocol.StatusText(r.status))
	}
	p.c.s.notice(text)
	p.tell()
}

// shown is all of them.
func (p *repeats) shown() []shownRepeat {
	list := make([]shownRepeat, 0, len(p.list))
	for _, r := range p.list {
		list = append(list, shownRepeat{ID: r.id, Of: r.of, Was: r.was, Method: r.x.method, Target: cut(r.x.target, 400), Tries: r.tries, Status: r.status, State: r.state, Why: r.why})
	}
	return list
}

// tell tells pages.
func (p *repeats) tell() { p.c.s.front.dash.pages.Broadcast(message("repeats", p.shown())) }

// repeatPage is the page of them.
type repeatPage struct {
	resource.Leaf
	p *repeats
}

func (x repeatPage) RenderGET(r *resource.Request) ([]byte, error) { return sendJSON(r, x.p.shown()) }

func (x repeatPage) RenderPOST(r *resource.Request) ([]byte, error) {
	c := x.p.c
	if err := c.s.front.trusted(r); err != nil {
		return nil, err
	}
	if stop := r.Arg("stop"); stop != "" {
		x.p.stop(int64(number(stop)))
		return sendJSON(r, x.p.shown())
	}
	rec := c.find(int64(number(r.Arg("request"))))
	if rec == nil || !rec.whole {
		return nil, &resource.Error{Status: 404, Detail: "This request is not kept any more."}
	}
	if err := x.p.add(rec, r.Host(), r.Secure()); err != nil {
		return nil, &resource.Error{Status: 422, Detail: err.Error()}
	}
	return sendJSON(r, x.p.shown())
}
