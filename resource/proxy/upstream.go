package proxy

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/resource"
)

// This file holds the upstreams: what they are, which one is chosen, and how one that
// fails is passed over.

// Upstream is one server that requests are passed on to.
type Upstream struct {
	// Text is what it was made from.
	Text string

	origin    agent.Origin
	scheme    string // for RequestHead
	authority string // its own
	base      string // path in front of what is passed on, without its last slash

	busy      int
	fails     int // in a row
	downUntil time.Time
	sick      bool // by its health check
}

// ParseUpstream reads an upstream as New takes it.
func ParseUpstream(text string) (*Upstream, error) {
	u := &Upstream{Text: text}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path, base, _ := strings.Cut(path, ":")
		if path == "" {
			return nil, fmt.Errorf("proxy: upstream %q: the path of the socket is missing", text)
		}
		u.origin = agent.Origin{Scheme: "http", Path: path}
		u.scheme, u.authority = "http", "localhost"
		return u, u.setBase(base)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, fmt.Errorf("proxy: upstream %q: write http://host:port, https://host or unix:/path/of/socket", text)
	}
	authority, base := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, base = rest[:i], rest[i:]
	}
	origin, err := agent.ParseOrigin(scheme, authority)
	if err != nil {
		return nil, fmt.Errorf("proxy: upstream %q: %w", text, err)
	}
	u.origin, u.authority = origin, authority
	if u.scheme = "http"; scheme == "https" {
		u.scheme = "https"
	}
	return u, u.setBase(base)
}

func (u *Upstream) setBase(base string) error {
	base = strings.TrimRight(base, "/")
	h := protocol.RequestHead{Method: "GET", Authority: "x", Target: cmp.Or(base, "/")}
	if err := h.Check(); err != nil || strings.Contains(base, "?") {
		return fmt.Errorf("proxy: upstream %q: its path is not one that can be sent", u.Text)
	}
	u.base = base
	return nil
}

// Up tells whether requests go to it, as far as is known.
func (u *Upstream) Up(now time.Time) bool { return !u.sick && !now.Before(u.downUntil) }

// Busy is how many requests are under way.
func (u *Upstream) Busy() int { return u.busy }

// State is how the upstreams do, for a person: how many of them answered when they were
// asked last, and what is under way. Loop only.
func (p *Proxy) State() string {
	if p.Pool == nil {
		return "not asked yet"
	}
	up, busy, now := 0, 0, p.Pool.Loop().Now()
	for _, u := range p.upstreams {
		busy += u.busy
		if u.Up(now) && u.fails == 0 {
			up++
		}
	}
	return fmt.Sprintf("%d of %d up, %d under way", up, len(p.upstreams), busy)
}

// choose picks an upstream for r that is not in tried, nil when there is none left.
func (p *Proxy) choose(r *resource.Request, tried []*Upstream) *Upstream {
	if len(p.upstreams) == 1 {
		if len(tried) > 0 {
			return nil
		}
		return p.upstreams[0]
	}
	now := r.Now()
	if u := p.pick(r, func(u *Upstream) bool { return u.Up(now) && !slices.Contains(tried, u) }); u != nil {
		return u
	}
	return p.pick(r, func(u *Upstream) bool { return !slices.Contains(tried, u) })
}

// pick is one that will do, by the policy.
func (p *Proxy) pick(r *resource.Request, ok func(*Upstream) bool) *Upstream {
	switch p.Policy {
	case Hash:
		return p.hashed(r, ok)
	case RoundRobin:
		for range p.upstreams {
			u := p.upstreams[p.turn%len(p.upstreams)]
			p.turn++
			if ok(u) {
				return u
			}
		}
		return nil
	}
	p.turn++ // so that equal ones take turns
	var best *Upstream
	for i := range p.upstreams {
		u := p.upstreams[(i+p.turn)%len(p.upstreams)]
		if ok(u) && (best == nil || u.busy < best.busy) {
			best = u
		}
	}
	return best
}

// point is a place on the ring of a consistent hash: keys up to at, from the point before,
// belong to u. An upstream has many, so that the keys of one that is down are
// spread over all others, and no other key moves.
type point struct {
	at uint64
	u  *Upstream
}

const pointsEach = 100

func (p *Proxy) hashed(r *resource.Request, ok func(*Upstream) bool) *Upstream {
	if p.ring == nil {
		for _, u := range p.upstreams {
			for i := range pointsEach {
				p.ring = append(p.ring, point{hash(u.Text + "#" + strconv.Itoa(i)), u})
			}
		}
		slices.SortFunc(p.ring, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	}
	key := ""
	if p.Key != nil {
		key = p.Key(r)
	}
	if key == "" {
		key = clientText(r)
	}
	at, _ := slices.BinarySearchFunc(p.ring, hash(key), func(q point, h uint64) int { return cmp.Compare(q.at, h) })
	for i := range p.ring {
		if u := p.ring[(at+i)%len(p.ring)].u; ok(u) {
			return u
		}
	}
	return nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	n := h.Sum64()
	n ^= n >> 33 // FNV alone leaves keys that differ at their end close together
	n *= 0xff51afd7ed558ccd
	return n ^ n>>33
}

// ByCookie is a Key that is the value of a cookie.
func ByCookie(name string) func(*resource.Request) string {
	return func(r *resource.Request) string {
		value, _ := r.Cookie(name)
		return value
	}
}

// ByField is a Key that is the value of a field.
func ByField(name string) func(*resource.Request) string {
	return func(r *resource.Request) string { return r.Field(name) }
}

// failed counts a failure that is the upstream's.
func (p *Proxy) failed(u *Upstream, now time.Time, err error) {
	u.fails++
	if most := number(p.MaxFails, 3); most > 0 && u.fails >= most && len(p.upstreams) > 1 {
		if u.Up(now) {
			p.log().Warn("proxy: upstream is passed over", "upstream", u.Text, "for", number(p.FailTimeout, 10*time.Second), "err", err)
		}
		u.downUntil = now.Add(number(p.FailTimeout, 10*time.Second))
	}
}

// answered counts an answer.
func (u *Upstream) answered() { u.fails = 0 }
