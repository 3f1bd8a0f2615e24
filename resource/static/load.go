package static

import (
	"time"

	"spindle/reactor"
	"spindle/resource"
)

// This file brings what is not in memory: the look at the disk is a thread's, what
// comes of it is the loop's. Everybody who asks for the same name meanwhile waits
// for the one look.

// load is a look at the disk under way.
type load struct {
	began  time.Time
	known  *entry // what was in memory before, nil for nothing
	result *reactor.Deferred[outcome]
}

// outcome is what a load has found: a page, or a plan that is none, or an error.
type outcome struct {
	plan
	page *page // of a kindFile. Those who wait use it; it is released after that
	same bool  // page is that of before, unchanged
	err  error
}

// fresh is the page in memory for that key, nil when there is none that may be
// used without a look at the disk.
func (d *Dir) fresh(key []byte, r *resource.Request) *page {
	e := d.state.cache.get(key)
	if e == nil || d.isStale(e, r) {
		return nil
	}
	return e.page
}

func (d *Dir) isStale(e *entry, r *resource.Request) bool {
	if d.state.source.fixed() {
		return false
	}
	age := r.Now().Sub(e.checked)
	return d.Revalidate < 0 || age >= orDefault(d.Revalidate, defaultRevalidate) || age < 0 // the clock was set back
}

// look gives what answers for key, in a later turn. An error is in the outcome.
func (d *Dir) look(r *resource.Request, key string) *reactor.Deferred[outcome] {
	if l := d.state.loads[key]; l != nil {
		return l.result
	}
	l := &load{began: r.Now(), known: d.state.cache.entries[key], result: reactor.NewDeferred[outcome]()}
	if l.known != nil {
		l.known.page.retain()
	}
	d.state.loads[key] = l
	pool := r.Loop().ThreadPool()
	reactor.DeferToThreadPool(pool, func() (outcome, error) {
		return d.lookNow(key, l, pool), nil
	}).Then(func(o outcome) { d.looked(key, l, o) },
		func(err error) { d.looked(key, l, outcome{err: err}) })
	return l.result
}

// lookNow looks at the disk. Blocks: not on the loop.
func (d *Dir) lookNow(key string, l *load, pool *reactor.ThreadPool) (o outcome) {
	t, err := d.state.source.tree()
	if err != nil {
		return outcome{err: err}
	}
	if o.plan, o.err = d.plan(t, parseKey(key)); o.err != nil || o.kind != kindFile {
		return o
	}
	if l.known != nil && !l.known.racy && o.plan.same(&l.known.page.plan) {
		return outcome{plan: o.plan, page: l.known.page, same: true}
	}
	o.page, o.err = d.loadPage(t, o.plan, l.began, pool)
	return o
}

// looked keeps what was found and gives it to those who wait. When descriptors,
// threads or memory are short, or the file is being written, what is known still
// answers. Loop only.
func (d *Dir) looked(key string, l *load, o outcome) {
	delete(d.state.loads, key)
	if o.err != nil && l.known != nil && answerTo(o.err).Status == 503 {
		o = outcome{plan: l.known.page.plan, page: l.known.page, same: true}
	}
	d.keep(key, l, o)
	l.result.Callback(o)
	if o.page != nil {
		o.page.release()
	}
	if l.known != nil && !o.same {
		l.known.page.release()
	}
}

// keep puts the page of o into the cache, which takes a share of it. What was known
// before goes.
func (d *Dir) keep(key string, l *load, o outcome) {
	c := d.state.cache
	switch {
	case o.page == nil:
		c.drop(key)
	case o.same && c.entries[key] == l.known:
		l.known.checked = l.began
	default:
		o.page.retain()
		e := &entry{key: key, page: o.page, checked: l.began, racy: o.page.racy(l.began)}
		if o.same {
			e.racy = l.known.racy // it was not read again
		}
		if !c.put(e) {
			o.page.release()
		}
	}
}

// orDefault is v, or the default for 0.
func orDefault[T ~int | ~int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
