package static

import (
	"strings"

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

// listingKey is all that a listing depends on, beside the disk.
type listingKey struct {
	root, name string
	order      order
	asJSON     bool
}

// list answers with the listing of a directory.
func (d *Dir) list(r *resource.Request, name string) ([]byte, error) {
	root := r.Prepath()
	key := listingKey{
		root: strings.Join(root, "\x00"), name: name, order: parseOrder(r.Query()),
		asJSON: protocol.BestMedia(r.Head().List("Accept"), listingForms...) == 1,
	}
	d.makeShared(r.Loop().ThreadPool(), key, root).Then(func(m made) {
		if !r.Finished() {
			r.Answer(answerListing(r, m, key.asJSON))
		}
	}, func(err error) {
		if !r.Finished() {
			r.Fail(answerTo(err))
		}
	})
	return nil, resource.NotDoneYet
}

// makeShared has a thread make the listing, unless one does already.
func (d *Dir) makeShared(pool *reactor.ThreadPool, key listingKey, root []string) *reactor.Deferred[made] {
	if under := d.state.listings[key]; under != nil {
		return under
	}
	l := &listing{root: root, below: segmentsOf(key.name), order: key.order}
	result := reactor.DeferToThreadPool(pool, func() (made, error) {
		return d.makeListing(l, key.name, key.asJSON)
	})
	if !result.Settled() {
		d.state.listings[key] = result
	}
	return result.Then(func(made) { delete(d.state.listings, key) }, func(error) { delete(d.state.listings, key) })
}

// makeListing reads the directory and makes the page. Blocks: not on the loop.
func (d *Dir) makeListing(l *listing, name string, asJSON bool) (m made, err error) {
	t, err := d.state.source.tree()
	if err != nil {
		return m, err
	}
	if l.entries, l.more, err = t.list(name, maxListing, d.DotFiles); err != nil {
		return m, err
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
