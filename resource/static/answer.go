package static

import (
	"bytes"
	"fmt"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file answers: from a page in memory at once, for everything else after a
// look at the disk. How content is sent is in send.go.

// Child is nil: a Dir takes the rest of the path itself.
func (d *Dir) Child(string, *resource.Request) resource.Resource { return nil }

// Pass is the leaf that answers. With processors it may be theirs: then the disk is
// asked first, before the content of the request is.
func (d *Dir) Pass(r *resource.Request) (resource.Resource, error) {
	if d.state == nil {
		d.start()
	}
	if len(d.Processors) == 0 {
		return &d.state.leaf, nil
	}
	key, ok := d.askedFor(r)
	if !ok || d.fresh(key, r) != nil {
		return &d.state.leaf, nil
	}
	return resource.DeferredChild(d.foundFor(r, string(key))), nil
}

// leaf is the end of the walk.
type leaf struct {
	resource.Leaf
	dir *Dir
}

// RenderGET answers GET and HEAD.
func (l *leaf) RenderGET(r *resource.Request) ([]byte, error) { return l.dir.RenderGET(r) }

// RenderGET answers GET and HEAD for what is left of the path. It is what a tree
// calls by way of Pass, and what another leaf may call to answer with a file.
func (d *Dir) RenderGET(r *resource.Request) ([]byte, error) {
	if d.state == nil {
		d.start()
	}
	rest := r.PostpathBytes()
	if bytes.IndexByte(rest, '%') < 0 { // then a key that is known is clean
		if p := d.fresh(rest, r); p != nil {
			return d.answer(r, p)
		}
	}
	return d.renderUnclean(r)
}

// renderUnclean answers for a path that is encoded, or not in memory.
func (d *Dir) renderUnclean(r *resource.Request) ([]byte, error) {
	key, ok := d.askedFor(r)
	if !ok {
		return d.notFound(r, resource.ErrNotFound)
	}
	if p := d.fresh(key, r); p != nil {
		return d.answer(r, p)
	}
	name := string(key)
	d.look(r, name).Then(func(o outcome) {
		if !r.Finished() {
			r.Answer(d.follow(r, name, o))
		}
	}, r.Fail)
	return nil, resource.NotDoneYet
}

// askedFor is the key for what is left of the path: decoded, with its first slash.
// ok is false when no file can have that name, or it is not shown.
func (d *Dir) askedFor(r *resource.Request) (key []byte, ok bool) {
	rest := r.PostpathBytes()
	if len(rest) == 0 {
		return nil, true
	}
	key, ok = clean(append(make([]byte, 0, len(rest)), '/'), rest[1:])
	return key, ok && (d.DotFiles || !hidden(string(key[1:])))
}

// follow answers with what a look at the disk has found.
func (d *Dir) follow(r *resource.Request, key string, o outcome) ([]byte, error) {
	switch {
	case o.err != nil:
		return d.failed(r, key, o.err)
	case o.kind == kindFile:
		return d.answer(r, o.page)
	case o.kind == kindSlash:
		return redirectToSlash(r, key)
	case o.kind == kindListing:
		return d.list(r, o.name)
	}
	// A processor's file, and nobody went through Pass: its text is not for all.
	return nil, &resource.Error{Status: 403, Err: fmt.Errorf("static: %s: a processor's file was asked for by RenderGET", o.path)}
}

// answer answers with a page.
func (d *Dir) answer(r *resource.Request, p *page) ([]byte, error) {
	rep := p.choose(r)
	if len(p.reps) > 1 {
		r.AddField("Vary", "Accept-Encoding") // beside what others said
	}
	if isPlain(r.Head()) {
		r.SetFields(rep.fields)
		return d.sendWhole(r, rep)
	}
	return d.answerConditions(r, rep)
}

// isPlain tells whether a request has neither conditions nor ranges: nothing that
// begins with "If-", no Range. One look over the names in place of one for each.
func isPlain(h *protocol.Head) bool {
	for i := range h.Fields {
		name := h.Fields[i].Name
		if len(name) >= 5 && (name[0]|0x20 == 'i' && name[2] == '-' || len(name) == 5 && name[0]|0x20 == 'r') {
			return false
		}
	}
	return true
}

// answerConditions answers when the request has conditions, or asks for ranges.
func (d *Dir) answerConditions(r *resource.Request, rep *rep) ([]byte, error) {
	head, now := r.Head(), r.Now()
	v := protocol.Validators{ETag: rep.tag, Modified: rep.modTime}
	switch protocol.Precondition(head, v, now) {
	case 304:
		r.SetStatus(304)
		r.SetFields(rep.fields304)
		return nil, nil
	case 412:
		return nil, errPrecondition
	}
	r.SetFields(rep.fields)
	if !rep.seekable {
		return d.sendWhole(r, rep)
	}
	var room [4]protocol.ByteRange
	switch ranges, status := protocol.RangesOf(room[:0], head, v, rep.size, now); status {
	case 416:
		return unsatisfied(rep.size)
	case 206:
		return d.sendRanges(r, rep, ranges)
	}
	return d.sendWhole(r, rep)
}

var errPrecondition = &resource.Error{Status: 412}

func unsatisfied(size int64) ([]byte, error) {
	return nil, &resource.Error{Status: 416, Fields: []resource.ErrorField{
		{Name: "Content-Range", Value: string(protocol.AppendUnsatisfiedRange(nil, size))},
	}}
}

// choose is the representation that the client likes best.
func (p *page) choose(r *resource.Request) *rep {
	if len(p.reps) > 1 {
		if i := protocol.BestEncoding(r.Head().List("Accept-Encoding"), p.codings...); i >= 0 {
			return p.reps[1+i]
		}
	}
	return p.reps[0]
}

// failed answers for a name that could not be had.
func (d *Dir) failed(r *resource.Request, key string, err error) ([]byte, error) {
	page := answerTo(err)
	switch {
	case page.Status == 404 && d.Fallback != "" && key != "/"+d.Fallback && wantsPage(r, key):
		return d.fallBack(r)
	case page.Status == 404:
		return d.notFound(r, page)
	}
	return nil, page
}

// wantsPage tells whether the client wants a page to look at. A name with a dot is
// one of a file, which is missed for good, unless the client asks for HTML by name.
func wantsPage(r *resource.Request, key string) bool {
	accept := r.Head().List("Accept")
	if protocol.BestMedia(accept, "text/html") < 0 {
		return false
	}
	last := key[strings.LastIndexByte(key, '/')+1:]
	return !strings.Contains(last, ".") || bytes.Contains(bytes.ToLower(accept), []byte("text/html"))
}

// fallBack answers with the Fallback file; with 404 when that is not there either.
func (d *Dir) fallBack(r *resource.Request) ([]byte, error) {
	key := "/" + d.Fallback
	r.AddField("Vary", "Accept")
	if p := d.fresh([]byte(key), r); p != nil {
		return d.answer(r, p)
	}
	d.look(r, key).Then(func(o outcome) {
		switch {
		case r.Finished():
		case o.err == nil && o.kind != kindFile:
			r.Answer(d.notFound(r, resource.ErrNotFound))
		default:
			r.Answer(d.follow(r, key, o))
		}
	}, r.Fail)
	return nil, resource.NotDoneYet
}

// notFound answers 404, by the resource that was named for it if there is one.
func (d *Dir) notFound(r *resource.Request, err error) ([]byte, error) {
	if d.NotFound == nil {
		return nil, err
	}
	r.SetStatus(404)
	return resource.Render(d.NotFound, r)
}

// redirectToSlash sends the client to the directory with its slash: relative, so
// that it holds behind a proxy, and with "./", so that no name is taken for a
// scheme or a host.
func redirectToSlash(r *resource.Request, key string) ([]byte, error) {
	last := key[strings.LastIndexByte(key, '/')+1:]
	if key == "" { // the Dir's own name
		if used := r.Prepath(); len(used) > 0 {
			last = used[len(used)-1]
		}
	}
	to := "./" + escapeSegment(last) + "/"
	if q := r.Query(); q != "" {
		to += "?" + q
	}
	r.SetStatus(301)
	return r.Redirect(to)
}

// foundFor is the resource for key, when the disk has said what it is.
func (d *Dir) foundFor(r *resource.Request, key string) *reactor.Deferred[resource.Resource] {
	found := reactor.NewDeferred[resource.Resource]()
	d.look(r, key).Then(func(o outcome) {
		switch {
		case r.Finished():
		case o.err != nil || o.kind != kindProcessor:
			found.Callback(d.findings(r, key, o))
		default:
			r.Descend(o.segments)
			found.Callback(d.Processors[extension(o.path)](o.path))
		}
	}, found.Errback)
	return found
}

// findings is a leaf that answers with o.
func (d *Dir) findings(r *resource.Request, key string, o outcome) resource.Resource {
	if o.page != nil {
		o.page.retain()
		r.NotifyFinish(func(error) { o.page.release() })
	}
	return &findings{dir: d, key: key, outcome: o}
}

type findings struct {
	resource.Leaf
	dir *Dir
	key string
	outcome
}

// RenderGET answers GET and HEAD.
func (f *findings) RenderGET(r *resource.Request) ([]byte, error) {
	return f.dir.follow(r, f.key, f.outcome)
}

var (
	_ resource.Passer      = (*Dir)(nil)
	_ resource.GETRenderer = (*Dir)(nil)
	_ resource.GETRenderer = (*leaf)(nil)
	_ resource.GETRenderer = (*findings)(nil)
)
