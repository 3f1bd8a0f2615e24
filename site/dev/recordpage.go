package dev

import (
	"encoding/json"
	"slices"
	"strconv"

	"spindle/reactor"
	"spindle/resource"
)

// This file is what a page asks for about one record:
//
//	GET  requests/7        what was sent and answered; with the one that it repeats, a comparison
//	POST requests/7/send   sends it again, edited if there is a draft; gives the number of the new one

// recordPages is the tree of them.
type recordPages struct {
	resource.Leaf
	d *dashboard
}

// Pass finds the record.
func (p recordPages) Pass(r *resource.Request) (resource.Resource, error) {
	rest := r.Postpath()
	if len(rest) == 0 || len(rest) > 2 || len(rest) == 2 && rest[1] != "send" {
		return nil, resource.ErrNotFound
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	x := p.d.rec.find(id)
	if err != nil || x == nil {
		return nil, &resource.Error{Status: 404, Detail: "This request is not kept any more."}
	}
	if len(rest) == 2 {
		return recordSend{d: p.d, x: x}, nil
	}
	return recordPage{d: p.d, x: x}, nil
}

// recordPage is GET of one.
type recordPage struct {
	resource.Leaf
	d *dashboard
	x *record
}

func (p recordPage) RenderGET(r *resource.Request) ([]byte, error) {
	r.SetField("Content-Type", "application/json")
	r.SetField("X-Content-Type-Options", "nosniff")
	return r.Later(reactor.Chain(p.x.whenWatched(), func(struct{}) *reactor.Deferred[[]byte] {
		x, was := p.x.snapshot(), p.d.rec.find(p.x.again).snapshot()
		return reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) { return json.Marshal(x.show(was)) })
	}))
}

// snapshot is a copy for another goroutine. Content is never changed once it is there.
func (x *record) snapshot() *record {
	if x == nil {
		return nil
	}
	y := *x
	y.c = nil
	y.fields, y.answer = slices.Clone(x.fields), slices.Clone(x.answer)
	return &y
}

// recordSend is POST of one.
type recordSend struct {
	resource.Leaf
	d *dashboard
	x *record
}

// HeadReceived bounds the draft.
func (p recordSend) HeadReceived(r *resource.Request) error {
	r.SetBodyLimit(8 * mostContent) // as JSON it is longer
	return p.d.s.front.trusted(r)
}

func (p recordSend) RenderPOST(r *resource.Request) ([]byte, error) {
	text, err := r.BodyBytes()
	if err != nil {
		return nil, err
	}
	x := p.x
	if !x.whole {
		return nil, &resource.Error{Status: 410, Detail: "What this request was is not kept any more."}
	}
	if len(text) > 0 {
		var d draft
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, &resource.Error{Status: 400, Err: err}
		}
		if x, err = d.apply(x); err != nil {
			return nil, &resource.Error{Status: 422, Detail: err.Error()}
		}
	}
	sent := p.d.rec.send(x, p.x.id, r.Host(), r.Secure())
	r.NotifyLost(func(error) { sent.Cancel() })
	done := reactor.NewDeferred[[]byte]()
	sent.Then(func(y *record) {
		r.SetField("Content-Type", "application/json")
		body, err := json.Marshal(map[string]int64{"id": y.id})
		settleWith(done, body, err)
	}, func(err error) {
		settleWith(done, nil, error(&resource.Error{Status: 422, Detail: err.Error(), Err: err}))
	})
	return r.Later(done)
}
