package session

import (
	"container/heap"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// The defaults of Sessions.
const (
	DefaultTimeout = 15 * time.Minute
	DefaultMost    = 100_000
	DefaultCookie  = "session"
)

// Sessions is the sessions of a Site; also of the Sites of a reactor.Group, which share them.
// The fields are set before the first request.
type Sessions struct {
	// Cookie is the name of the cookie; DefaultCookie. Over TLS it has the prefix __Host-,
	// or __Secure- with a Path or Domain.
	Cookie string
	// Path bounds where the client sends it; "/".
	Path string
	// Domain lets other hosts of that domain have it; "" is this host alone.
	Domain string
	// SameSite is when requests that other sites cause bear it; Lax. With None it is Secure
	// whatever the connection is, as browsers want it.
	SameSite protocol.SameSite
	// Lasting has the client keep the cookie when the browser ends, for Timeout.
	Lasting bool
	// Timeout is how long a session lives without a request; DefaultTimeout.
	Timeout time.Duration
	// Most bounds how many there are: for a new one goes the one that would end first, of
	// those that hold nothing if there are such. DefaultMost; one that holds nothing needs
	// about half a KiB.
	Most int
	// Log takes what goes wrong with the Store; nil means slog.Default().
	Log *slog.Logger

	loop   reactor.Loop
	writer *writer // nil without a Store

	mu    sync.Mutex
	byKey map[string]*Session
	empty queue // those that hold nothing: nobody loses by their end
	full  queue
	armed time.Time            // when the timer rings; zero when there is none
	timer *reactor.DelayedCall // of the loop
}

// New makes Sessions that live in memory and end by the clock of l, on which OnExpire calls.
func New(l reactor.Loop) *Sessions {
	return &Sessions{loop: l, byKey: make(map[string]*Session)}
}

// Of is the session of the client that asks: the one that its cookie names, or a new one,
// for which the answer sets the cookie. Once the head of the answer has been sent a new
// one can not be told to the client any more, and is not found again. Loop only.
func (t *Sessions) Of(r *resource.Request) *Session {
	if s := t.Find(r); s != nil {
		return s
	}
	s := t.newSession(r)
	t.add(s)
	t.give(r, s)
	return s
}

// Find is Of that makes none: nil when the client has no session. Loop only.
func (t *Sessions) Find(r *resource.Request) *Session {
	if s, ok := r.Value(t).(*Session); ok && !s.Expired() {
		return s
	}
	for id := range r.Cookies(t.cookieName(t.secure(r))) {
		s := t.touch(id, r.Now())
		if s == nil {
			continue // what another host or path has left there
		}
		if t.Lasting {
			t.give(r, s) // that the client keeps it as long, too
		} else {
			t.bind(r, s)
		}
		return s
	}
	return nil
}

// Regenerate moves what the session of the client holds to a new one, and tells the client.
// It is for the moment at which somebody logs in: who has planted or seen the old id has
// nothing, and neither has a request that came with it. Loop only, before the head of the
// answer is sent.
func (t *Sessions) Regenerate(r *resource.Request) *Session {
	old := t.Find(r)
	s := t.newSession(r)
	if old != nil {
		t.move(old, s)
	}
	t.add(s)
	if !s.isEmpty() {
		t.matters(s)
		t.changed(s)
	}
	t.give(r, s)
	return s
}

// move takes what old holds, and ends it.
func (t *Sessions) move(old, s *Session) {
	t.mu.Lock()
	s.timeout = old.timeout
	t.mu.Unlock()
	old.mu.Lock()
	s.values, s.raw, s.onExpire = old.values, old.raw, old.onExpire
	old.values, old.raw, old.onExpire = nil, nil, nil
	old.ended = true
	old.mu.Unlock()
	t.expire(old)
}

// Logout ends the session of the client, if there is one, and has it drop the cookie. Loop
// only.
func (t *Sessions) Logout(r *resource.Request) {
	s := t.Find(r)
	if s == nil {
		return
	}
	s.Expire()
	c := t.cookie(r, "")
	c.MaxAge = -1
	r.ReplaceCookie(c)
}

// Len is how many sessions there are.
func (t *Sessions) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byKey)
}

// give tells the client and the request of s. A cookie of ours that was set before in the
// same answer is of no use any more.
func (t *Sessions) give(r *resource.Request, s *Session) {
	c := t.cookie(r, s.ID())
	if t.Lasting {
		c.MaxAge = int((s.Timeout() + time.Second - 1) / time.Second)
	}
	r.ReplaceCookie(c)
	t.bind(r, s)
}

// bind has the request know its session.
func (t *Sessions) bind(r *resource.Request, s *Session) {
	r.SetValue(t, s)
	r.SetSession(s)
}

// newSession is one that nobody knows yet.
func (t *Sessions) newSession(r *resource.Request) *Session {
	id := rand.Text()
	return &Session{of: t, id: id, key: keyOf(id), timeout: t.timeout(), touched: r.Now()}
}

// cookie is the cookie with that value.
func (t *Sessions) cookie(r *resource.Request, value string) protocol.Cookie {
	secure := t.secure(r)
	c := protocol.Cookie{Name: t.cookieName(secure), Value: value, Path: t.Path, Domain: t.Domain,
		Secure: secure, HTTPOnly: true, SameSite: t.SameSite}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = protocol.SameSiteLax
	}
	return c
}

func (t *Sessions) secure(r *resource.Request) bool {
	return r.Secure() || t.SameSite == protocol.SameSiteNone
}

func (t *Sessions) cookieName(secure bool) string {
	name := t.Cookie
	if name == "" {
		name = DefaultCookie
	}
	switch {
	case !secure || strings.HasPrefix(name, "__"):
		return name
	case t.Domain == "" && (t.Path == "" || t.Path == "/"):
		return "__Host-" + name
	}
	return "__Secure-" + name
}

func (t *Sessions) timeout() time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return DefaultTimeout
}

func (t *Sessions) most() int {
	if t.Most > 0 {
		return t.Most
	}
	return DefaultMost
}

// keyOf is what a session is known by here and in a Store: who reads either learns no id.
func keyOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// add takes a session in, for which others go when there are too many.
func (t *Sessions) add(s *Session) {
	for {
		t.mu.Lock()
		var first *Session
		if most := t.most(); len(t.byKey) >= most {
			if first = t.empty.first(); first == nil {
				first = t.full.first()
			}
		}
		if first == nil {
			break
		}
		t.mu.Unlock()
		t.expire(first)
	}
	t.put(s, &t.empty)
	t.mu.Unlock()
	t.arm()
}

// put places a session, with t.mu.
func (t *Sessions) put(s *Session, q *queue) {
	t.byKey[s.key] = s
	s.queue = q
	heap.Push(q, s)
}

// matters notes that the session holds something.
func (t *Sessions) matters(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.queue == &t.empty {
		heap.Remove(s.queue, s.place)
		t.put(s, &t.full)
	}
}

// touch is the session with that id, whose expiry it puts off; nil when there is none.
func (t *Sessions) touch(id string, now time.Time) *Session {
	t.mu.Lock()
	s := t.byKey[keyOf(id)]
	if s == nil || !now.Before(s.expires()) {
		t.mu.Unlock()
		return nil
	}
	s.touched = now
	heap.Fix(s.queue, s.place)
	// The Store need not know each second of it.
	stale := s.queue == &t.full && now.Sub(s.saved) > s.timeout/10
	t.mu.Unlock()
	s.mu.Lock()
	s.id = id
	s.mu.Unlock()
	if stale {
		t.changed(s)
	}
	return s
}

// setTimeout changes how long a session lives.
func (t *Sessions) setTimeout(s *Session, d time.Duration) {
	t.mu.Lock()
	s.timeout = d
	if s.queue != nil {
		heap.Fix(s.queue, s.place)
	}
	t.mu.Unlock()
	t.arm()
	t.matters(s)
	t.changed(s)
}

// expire ends a session.
func (t *Sessions) expire(s *Session) {
	t.mu.Lock()
	if s.queue == nil {
		t.mu.Unlock()
		return
	}
	heap.Remove(s.queue, s.place)
	s.queue = nil
	delete(t.byKey, s.key)
	t.forget(s)
	t.mu.Unlock()
	s.mu.Lock()
	told := s.onExpire
	s.values, s.raw, s.onExpire, s.ended = nil, nil, nil, true
	s.mu.Unlock()
	for _, f := range told {
		t.loop.CallFromThread(f)
	}
}

// first is the session that ends first, of all; nil when there is none. With t.mu.
func (t *Sessions) first() *Session {
	a, b := t.empty.first(), t.full.first()
	if a == nil || b != nil && b.expires().Before(a.expires()) {
		return b
	}
	return a
}

// arm has the timer ring when the first session ends. A timer that rings too early costs
// nothing but the ringing, so that one which is put off need not be moved.
func (t *Sessions) arm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.first()
	if first == nil {
		return
	}
	if at := first.expires(); t.armed.IsZero() || at.Before(t.armed) {
		t.armed = at
		t.loop.CallFromThread(t.setTimer)
	}
}

// setTimer runs on the loop.
func (t *Sessions) setTimer() {
	if t.timer != nil {
		t.timer.Cancel()
		t.timer = nil
	}
	t.mu.Lock()
	at := t.armed
	t.mu.Unlock()
	if !at.IsZero() {
		t.timer = t.loop.CallLater(max(at.Sub(t.loop.Now()), 0), t.ring)
	}
}

// mostAtOnce is how many sessions end in one turn; the others do in the next.
const mostAtOnce = 1000

// ring ends what is due.
func (t *Sessions) ring() {
	t.timer = nil
	t.mu.Lock()
	t.armed = time.Time{}
	t.mu.Unlock()
	now := t.loop.Now()
	for range mostAtOnce {
		t.mu.Lock()
		s := t.first()
		due := s != nil && !now.Before(s.expires())
		t.mu.Unlock()
		if !due {
			break
		}
		t.expire(s)
	}
	t.arm()
}

// queue is sessions, the one that ends first at its head: a heap.
type queue []*Session

func (q queue) first() *Session {
	if len(q) == 0 {
		return nil
	}
	return q[0]
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].expires().Before(q[j].expires()) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is for package heap.
func (q *queue) Push(x any) {
	s := x.(*Session)
	s.place = len(*q)
	*q = append(*q, s)
}

// Pop is for package heap.
func (q *queue) Pop() any {
	old := *q
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return s
}
