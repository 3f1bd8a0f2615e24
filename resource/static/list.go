package static

import (
	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file answers with the listing of a directory: a thread reads the directory
// and makes the page.

// listingForms is what a listing can be.
var listingForms = []string{"text/html", "application/json"}

// made is a listing as it is sent.
type made struct {
	body []byte
	tag  string
}

func (d *Dir) list(r *resource.Request, name string) ([]byte, error) {
	asJSON := protocol.BestMedia(r.Head().List("Accept"), listingForms...) == 1
	l := &listing{root: r.Prepath(), below: segmentsOf(name), order: parseOrder(r.Query())}
	return resource.Later(r, reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() (made, error) {
		return d.makeListing(l, name, asJSON)
	}), func(m made) ([]byte, error) {
		return answerListing(r, m, asJSON)
	})
}

// makeListing reads the directory and makes the page. Blocks: not on the loop.
func (d *Dir) makeListing(l *listing, name string, asJSON bool) (m made, err error) {
	t, err := d.state.source.tree()
	if err != nil {
		return m, answerTo(err)
	}
	if l.entries, l.more, err = t.list(name, maxListing, d.DotFiles); err != nil {
		return m, answerTo(err)
	}
	if asJSON {
		m.body, err = l.json()
	} else {
		m.body, err = l.html()
	}
	m.tag = contentTag(hashOf(m.body), "")
	return m, err
}

func answerListing(r *resource.Request, m made, asJSON bool) ([]byte, error) {
	r.AddField("Vary", "Accept")
	r.SetField("ETag", m.tag)
	r.SetField("Cache-Control", "no-cache")
	switch protocol.Precondition(r.Head(), protocol.Validators{ETag: m.tag}, r.Now()) {
	case 304:
		r.SetStatus(304)
		return nil, nil
	case 412:
		return nil, errPrecondition
	}
	r.SetField("X-Content-Type-Options", "nosniff")
	if asJSON {
		r.SetField("Content-Type", "application/json")
	} else {
		r.SetField("Content-Type", "text/html; charset=utf-8")
		r.SetField("Content-Security-Policy", listingPolicy)
	}
	return m.body, nil
}
