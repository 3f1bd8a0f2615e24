package cache

import (
	"strings"
	"time"

	"spindle/protocol"
)

// This file decides what may be kept and for how long (RFC 9111 §3, §4.2), and which request
// a kept answer is for (§4.1).

// Entry is a kept answer. It is not changed but by its Store.
type Entry struct {
	Status int
	Fields protocol.Fields
	Body   []byte

	key      string
	vary     []protocol.Field // of the request, by which it was selected
	control  control
	lifetime time.Duration
	age      time.Duration // when it was received
	received time.Time
	size     int64
	asking   bool // somebody asks for a fresh one: see Store.Refresh

	prev, next *Entry // by use, in the store's list
}

// heuristic statuses may be kept without a word of how long (RFC 9110 §15.1).
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood tells whether the meaning of a status is known here, as keeping it demands.
func understood(status int) bool {
	return heuristic(status) || status == 302 || status == 303 || status == 307
}

const (
	heuristicPart = 10 // of the time since it was changed
	heuristicMost = 24 * time.Hour
)

// Judge makes an entry of an answer without its content, nil when it must not be kept. q is the
// request that it answers; fields are those of the answer, without those of the hop, and are
// kept. asked is when the request was sent.
func Judge(q *protocol.Head, status int, fields protocol.Fields, asked, now time.Time) *Entry {
	if q.Method != "GET" || !understood(status) || q.Field("Range") != nil {
		return nil
	}
	c, request := parse([]byte(strings.Join(fields.Values("Cache-Control"), ","))), parse(q.List("Cache-Control"))
	switch {
	case c.noStore, request.noStore, c.private, fields.Has("Set-Cookie") && !c.public && c.sMaxage < 0:
		return nil
	case q.Field("Authorization") != nil && !c.forAuthorized():
		return nil // §3.5
	case q.Field("Content-Range") != nil, fields.Has("Content-Range"):
		return nil
	}
	e := &Entry{Status: status, Fields: fields, control: c}
	if !e.selectBy(q) {
		return nil
	}
	if !e.measure(asked, now) && !e.hasValidator() {
		return nil
	}
	return e
}

// forAuthorized tells whether an answer to a request with Authorization may be given to others.
func (c *control) forAuthorized() bool { return c.public || c.sMaxage >= 0 || c.mustRevalidate }

// selectBy notes the fields of the request that Vary names; it is false for "*".
func (e *Entry) selectBy(q *protocol.Head) bool {
	list := []byte(strings.Join(e.Fields.Values("Vary"), ","))
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return true
		}
		if string(member) == "*" {
			return false
		}
		name := string(member)
		e.vary = append(e.vary, protocol.Field{Name: name, Value: normal(q.List(name))})
		list = rest
	}
}

// normal is the value of a field as it is compared: members without blanks around them.
func normal(list []byte) string {
	var b strings.Builder
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return b.String()
		}
		b.Write(member)
		b.WriteByte(',')
		list = rest
	}
}

// selects tells whether the entry is for a request like q.
func (e *Entry) selects(q *protocol.Head) bool {
	for _, v := range e.vary {
		if normal(q.List(v.Name)) != v.Value {
			return false
		}
	}
	return true
}

// measure finds how old the answer is and how long it is fresh (§4.2.1, §4.2.3). It is false
// when nothing says that it is fresh at all.
func (e *Entry) measure(asked, now time.Time) bool {
	e.received = now
	date, dated := e.date("Date", now)
	if !dated {
		date = now
	}
	apparent := max(now.Sub(date), 0)
	said := time.Duration(0)
	if v := e.Fields.Get("Age"); v != "" {
		said = seconds([]byte(v))
	}
	e.age = max(apparent, said+now.Sub(asked))
	switch {
	case e.control.sMaxage >= 0:
		e.lifetime = e.control.sMaxage
	case e.control.maxAge >= 0:
		e.lifetime = e.control.maxAge
	case e.Fields.Has("Expires"):
		expires, ok := e.date("Expires", now)
		if e.lifetime = 0; ok { // what is no date has expired (§5.3)
			e.lifetime = max(expires.Sub(date), 0)
		}
	case heuristic(e.Status) || e.control.public:
		if modified, ok := e.date("Last-Modified", now); ok {
			e.lifetime = min(max(date.Sub(modified), 0)/heuristicPart, heuristicMost)
		}
	}
	return e.lifetime > 0
}

func (e *Entry) date(name string, now time.Time) (time.Time, bool) {
	return protocol.ParseDate([]byte(e.Fields.Get(name)), now)
}

func (e *Entry) hasValidator() bool { return e.Fields.Has("ETag") || e.Fields.Has("Last-Modified") }

// Age is how old the answer is (§4.2.3).
func (e *Entry) Age(now time.Time) time.Duration { return e.age + max(now.Sub(e.received), 0) }

// TTL is how long it is still fresh; negative when it is stale.
func (e *Entry) TTL(now time.Time) time.Duration { return e.lifetime - e.Age(now) }

// Use is what may be done with a kept answer.
type Use uint8

// The uses.
const (
	Fresh      Use = iota // answer with it
	Revalidate            // ask whether it still holds
	Refresh               // answer with it, and ask for a fresh one (RFC 5861 §3)
	Forbidden             // the client wants what is kept only, and it can not be used: 504
)

// judge says what may be done with it for q (§4, §4.2.4, §5.2.1).
func (e *Entry) judge(q *protocol.Head, now time.Time) Use {
	c := parse(q.List("Cache-Control"))
	if q.Field("Cache-Control") == nil && protocol.HasMember(q.List("Pragma"), "no-cache") {
		c.noCache = true
	}
	use := e.freshness(&c, now)
	if q.Field("Authorization") != nil && !e.control.forAuthorized() {
		use = Revalidate
	}
	if use == Revalidate && c.onlyIfCached {
		return Forbidden
	}
	return use
}

func (e *Entry) freshness(c *control, now time.Time) Use {
	left := e.TTL(now)
	switch {
	case c.noCache, e.control.noCache, c.maxAge >= 0 && e.Age(now) > c.maxAge:
		return Revalidate
	case left > 0 && (c.minFresh < 0 || left >= c.minFresh):
		return Fresh
	case left > 0 || e.control.mustRevalidate || e.control.proxyRevalidate || e.control.sMaxage >= 0:
		return Revalidate
	case c.maxStale >= 0 && -left <= c.maxStale:
		return Fresh
	case e.control.whileRevalidate >= 0 && -left <= e.control.whileRevalidate && c.minFresh < 0:
		return Refresh
	}
	return Revalidate
}

// ForError tells whether it may be used although it is stale, because the server fails (RFC
// 5861 §4).
func (e *Entry) ForError(now time.Time) bool {
	return e.control.ifError >= 0 && -e.TTL(now) <= e.control.ifError && !e.control.mustRevalidate && !e.control.proxyRevalidate
}

// Conditions are the fields that ask whether it still holds (§4.3.1).
func (e *Entry) Conditions() (fields protocol.Fields) {
	if tag := e.Fields.Get("ETag"); tag != "" {
		fields.Add("If-None-Match", tag)
	}
	if modified := e.Fields.Get("Last-Modified"); modified != "" {
		fields.Add("If-Modified-Since", modified)
	}
	return fields
}

// Validators are those of the kept answer, for the conditions of a client.
func (e *Entry) Validators(now time.Time) protocol.Validators {
	v := protocol.Validators{}
	if tag := e.Fields.Get("ETag"); protocol.IsETag(tag) {
		v.ETag = tag
	}
	v.Modified, _ = e.date("Last-Modified", now)
	return v
}
