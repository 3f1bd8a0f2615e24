package proxy

import (
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/protocol/cache"
	"spindle/resource"
)

// This file answers from what was kept of earlier answers (RFC 9111). What may be kept, and
// used, package cache decides.

// cached is what an exchange has to do with the cache.
type cached struct {
	key   string       // URL, "" when the cache has no part in it
	entry *cache.Entry // kept, to be asked about
	fill  *cache.Entry // to be kept, when its content is here
	body  []byte
	asked time.Time
	serve bool // the answer is the entry
}

// fromCache answers with what is kept, if that may be. done is false when the upstream
// has to be asked.
func (x *exchange) fromCache() (body []byte, err error, done bool) {
	r := x.r
	h := r.Head()
	if h.Method != "GET" && h.Method != "HEAD" || h.ContentLength != 0 || h.Upgrade || h.Field("Range") != nil {
		return nil, nil, false
	}
	store := x.p.Cache
	x.key = cacheKey(r)
	e, use := store.Lookup(x.key, h, r.Now())
	if use == cache.Refresh && x.p.EditAnswer != nil {
		use = cache.Revalidate // the hook wants a request
	}
	switch use {
	case cache.Refresh:
		if store.Refresh(e) {
			x.refresh(e)
		}
		fallthrough
	case cache.Fresh:
		return x.kept(e, "hit"), nil, true
	case cache.Forbidden:
		return nil, &resource.Error{Status: 504, Detail: "What you ask for is not kept here."}, true
	}
	x.entry = e
	return nil, nil, false
}

// cacheKey is the URL that r is for.
func cacheKey(r *resource.Request) string {
	h := r.Head()
	var b strings.Builder
	b.WriteString(cacheOrigin(r))
	b.Write(h.Path)
	if h.Query != nil {
		b.WriteByte('?')
		b.Write(h.Query)
	}
	return b.String()
}

// cacheOrigin is what the keys of a host begin with. What a trusted proxy says of the host goes
// to the upstream, whose answer may differ by it.
func cacheOrigin(r *resource.Request) string {
	origin := r.Scheme() + "://" + strings.ToLower(string(r.Head().Authority))
	if said := r.Field("X-Forwarded-Host"); said != "" && r.PeerTrusted() {
		origin += "," + strings.ToLower(said)
	}
	return origin
}

// variesByUs tells whether an answer was chosen by a field that is made here: nothing in the
// requests of two clients tells then whether one may have the other's answer.
func variesByUs(fields protocol.Fields) bool {
	list := []byte(strings.Join(fields.Values("Vary"), ","))
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return false
		}
		if aboutClient(member) || protocol.EqualFold(member, "forwarded") {
			return true
		}
		list = rest
	}
}

// kept makes the answer from an entry, and gives back its content.
func (x *exchange) kept(e *cache.Entry, how string) []byte {
	r := x.r
	now := r.Now()
	status, body := e.Status, e.Body
	if status == 200 {
		if s := protocol.Precondition(r.Head(), e.Validators(now), now); s != 0 {
			status, body = s, nil
		}
	}
	r.SetStatus(status)
	r.Untyped()
	set := r.ResponseFields()
	fields := make(protocol.Fields, 0, len(e.Fields)+2)
	for _, f := range e.Fields {
		if !protocol.EqualFold(f.Name, "age") && (len(set) == 0 || !set.Has(f.Name)) {
			fields = append(fields, f)
		}
	}
	fields.Add("Age", strconv.Itoa(int(e.Age(now)/time.Second)))
	fields.Add("Cache-Status", "Spindle; "+how+"; ttl="+strconv.Itoa(int(e.TTL(now)/time.Second))) // RFC 9211
	r.AddFields(fields)
	return body
}

// condition has the upstream say whether the entry still holds, in place of what the client
// wants to know.
func (x *exchange) condition() {
	if x.entry == nil {
		return
	}
	ask := x.entry.Conditions()
	if len(ask) == 0 {
		return
	}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		x.head.Fields.Del(name)
	}
	x.head.Fields = append(x.head.Fields, ask...)
}

// answerFromCache tells whether the head of an answer is the upstream's word that the entry
// is the answer.
func (x *exchange) answerFromCache(h *protocol.ResponseHead) bool {
	e, now := x.entry, x.r.Now()
	switch {
	case x.key == "" || e == nil:
		return false
	case h.Status == 304 && len(e.Conditions()) > 0:
		x.p.Cache.Freshen(e, x.r.Head(), x.p.answerFields(nil, nil, h), x.asked, now)
		x.serve = true // when the 304 has ended
		return true
	case h.Status >= 500 && e.ForError(now):
		x.giveUp(nil)
		x.r.Answer(x.kept(e, "hit; detail=stale-if-error"), nil)
		return true
	}
	return false
}

// startFill begins to keep an answer, if it may be kept, and says what the cache had to do
// with it.
func (x *exchange) startFill(a *Answer) {
	switch {
	case x.key == "":
		if x.p.Cache != nil {
			x.invalidate(a)
		}
		return
	case x.r.Method() == "GET" && !variesByUs(a.Fields):
		x.fill = cache.Judge(x.r.Head(), a.Status, append(protocol.Fields(nil), a.Fields...), x.asked, x.r.Now())
	}
	status := "Spindle; fwd=uri-miss"
	if x.entry != nil {
		status = "Spindle; fwd=stale"
	}
	if x.fill != nil {
		status += "; stored"
	}
	a.Fields.Add("Cache-Status", status)
}

// invalidate drops what an unsafe request has changed (RFC 9111 §4.4).
func (x *exchange) invalidate(a *Answer) {
	switch x.r.Method() {
	case "GET", "HEAD", "OPTIONS", "TRACE", "CONNECT":
		return
	}
	if a.Status < 200 || a.Status > 399 {
		return
	}
	x.p.Cache.Invalidate(cacheKey(x.r))
	own := cacheOrigin(x.r)
	for _, name := range []string{"Location", "Content-Location"} {
		switch at := a.Fields.Get(name); {
		case strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//"):
			x.p.Cache.Invalidate(own + at)
		case strings.HasPrefix(at, own+"/"):
			x.p.Cache.Invalidate(at)
		}
	}
}

// addToFill keeps a piece of content.
func (c *cached) addToFill(s *cache.Store, data []byte) {
	if c.fill == nil {
		return
	}
	if int64(len(c.body)+len(data)) > s.EntryLimit() {
		c.fill, c.body = nil, nil
		return
	}
	c.body = append(c.body, data...)
}

// refresh asks for a fresh answer behind the client's back (RFC 5861 §3).
func (x *exchange) refresh(e *cache.Entry) {
	prefix := x.prefix()
	b := &refresher{p: x.p, q: x.r.Head().Clone(), e: e}
	b.x = exchange{p: x.p, r: x.r, pre: &prefix}
	b.x.entry = e
	if err := b.x.choose(); err != nil {
		x.p.Cache.Refreshed(e)
		return
	}
	b.x.r = nil // it is answered now, and may serve another
	b.x.head.Method = "GET"
	b.key, b.asked = x.key, x.r.Now()
	b.call = x.p.Pool.Ask(b.x.u.origin, &b.x.head, b)
}

// refresher is a request without a client.
type refresher struct {
	cached
	p *Proxy
	x exchange // for what it knows of the upstream
	q *protocol.Head
	e *cache.Entry

	call *agent.Call
}

// ChannelReady, InformationalReceived are of no interest.
func (b *refresher) ChannelReady(protocol.ClientChannel)          {}
func (b *refresher) InformationalReceived(*protocol.ResponseHead) {}

// HeadReceived judges the answer.
func (b *refresher) HeadReceived(h *protocol.ResponseHead) {
	now := b.p.Pool.Loop().Now()
	a := Answer{Status: h.Status, Fields: b.p.answerFields(nil, nil, h)}
	switch {
	case h.Status == 304:
		b.p.Cache.Freshen(b.e, b.q, a.Fields, b.asked, now)
	case h.Status < 500:
		if b.p.RewriteAnswers {
			b.x.rewrite(&a)
		}
		get := *b.q
		get.Method = "GET"
		if !variesByUs(a.Fields) {
			b.fill = cache.Judge(&get, a.Status, a.Fields, b.asked, now)
		}
		if b.fill == nil {
			b.p.Cache.Invalidate(b.key)
		}
	}
}

// BodyReceived keeps content. What is not kept nobody waits for, and it may have no end.
func (b *refresher) BodyReceived(data []byte) {
	if b.addToFill(b.p.Cache, data); b.fill == nil {
		b.call.Abort(nil)
		b.p.Cache.Refreshed(b.e)
	}
}

// BodyFinished keeps the answer.
func (b *refresher) BodyFinished(protocol.Fields) {
	if b.fill != nil {
		b.p.Cache.Put(b.key, b.q, b.fill, b.body)
	}
	b.p.Cache.Refreshed(b.e)
}

// ExchangeLost lets another try.
func (b *refresher) ExchangeLost(error) { b.p.Cache.Refreshed(b.e) }
