package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
	"spindle/protocol/cache"
	"spindle/reactor"
	"spindle/resource"
)

// Policy is how one of several upstreams is chosen.
type Policy uint8

// The policies. All pass over upstreams that are down, as long as one is not.
const (
	LeastBusy  Policy = iota // the one with the fewest requests under way
	RoundRobin               // one after the other
	Hash                     // by Proxy.Key: the same key goes to the same one
)

// Proxy is a leaf that passes requests on to upstreams. The fields are set before it is
// used. It belongs to one loop. Zero means the default that stands beside a field,
// negative none.
type Proxy struct {
	resource.Leaf

	// Policy is how an upstream is chosen where there are several.
	Policy Policy
	// Key is what Hash looks at; nil is the address of the client. See ByCookie and ByField.
	Key func(r *resource.Request) string

	// RewriteHost sends the upstream's own host as Host; else it is the one that the client
	// asked for.
	RewriteHost bool
	// RewriteAnswers has Location, Content-Location and the Path and Domain of cookies,
	// where they speak of the upstream, by its own host or by the one that the client asked
	// for, speak of the proxy's place on this server.
	RewriteAnswers bool
	// Forwarded sends the field Forwarded (RFC 7239) beside X-Forwarded-For, -Host and
	// -Proto. What a client says in any of these, in other X-Forwarded fields and in X-Real-IP
	// is passed on only if the site trusts it (site.Site.TrustedProxies).
	Forwarded bool
	// EditRequest, if set, changes a request before it is sent. An error is answered as
	// if Render had returned it.
	EditRequest func(r *resource.Request, h *protocol.RequestHead) error
	// EditAnswer, if set, changes status and fields of an answer before they are sent. An
	// error is answered in its place.
	EditAnswer func(r *resource.Request, a *Answer) error

	// Unanswered, if set, is told of a request that no upstream has answered, before it is
	// answered with 502 or 504. If it returns true, it answers the request itself, now or later.
	// What has come of the content is gone. Loop only.
	Unanswered func(r *resource.Request, err error) bool

	// MaxBodyBytes limits the content of a request; none. Beyond: 413.
	MaxBodyBytes int64
	// Retries is how many more upstreams are tried where one can not be reached, or dies
	// before it answers a request that may be repeated; 2.
	Retries int
	// MaxFails is after how many failures in a row an upstream is passed over for
	// FailTimeout; 3.
	MaxFails int
	// FailTimeout is that time; 10 s.
	FailTimeout time.Duration
	// Check, if set, asks every upstream for its health.
	Check *HealthCheck

	// Cache keeps answers that may be given to others too, and answers with them (RFC 9111);
	// nil keeps none.
	Cache *cache.Store
	// Pool keeps the connections; nil makes one with the first request, which SetUp, if it is
	// set, may change: its time-outs, limits and TLS.
	Pool  *agent.Pool
	SetUp func(pool *agent.Pool)
	// Log takes when an upstream goes down and comes back; nil is slog.Default().
	Log *slog.Logger

	upstreams []*Upstream
	turn      int
	ring      []point
	next      *exchange // between HeadReceived and Render
	checking  bool
	kept      []protocol.RawField // room for the fields of the request in hand
}

// Answer is the head of an upstream's answer, for Proxy.EditAnswer.
type Answer struct {
	Status int
	Fields protocol.Fields
}

// New makes a Proxy. An upstream is a URL: http://host:port/path, https://…, h2c://…
// (HTTP/2 without TLS), or a UNIX socket: unix:/run/app.sock, or with a path at the
// upstream, unix:/run/app.sock:/path.
func New(upstreams ...string) (*Proxy, error) {
	if len(upstreams) == 0 {
		return nil, errors.New("proxy: there is no upstream")
	}
	p := new(Proxy)
	for _, text := range upstreams {
		u, err := ParseUpstream(text)
		if err != nil {
			return nil, err
		}
		p.upstreams = append(p.upstreams, u)
	}
	return p, nil
}

// Upstreams are those of New.
func (p *Proxy) Upstreams() []*Upstream { return p.upstreams }

// HeadReceived has the content come as a stream. See resource.HeadReceiver.
func (p *Proxy) HeadReceived(r *resource.Request) error {
	if r.Head().ContentLength == 0 {
		return nil
	}
	if p.MaxBodyBytes > 0 {
		r.SetBodyLimit(p.MaxBodyBytes)
	} else {
		r.SetBodyLimit(-1)
	}
	x := &exchange{p: p, r: r}
	r.StreamBody(x.content, x.contentEnd)
	p.next = x
	return nil
}

// Render passes the request on.
func (p *Proxy) Render(r *resource.Request) ([]byte, error) {
	x := p.take(r)
	if err := p.begin(r.Loop()); err != nil {
		return nil, err
	}
	if p.Cache != nil {
		if body, err, done := x.fromCache(); done {
			return body, err
		}
	}
	if err := x.begin(); err != nil {
		return nil, err
	}
	return nil, resource.NotDoneYet
}

// take is the exchange that HeadReceived has made for r, else a new one.
func (p *Proxy) take(r *resource.Request) *exchange {
	x := p.next
	p.next = nil
	if x == nil || x.r != r {
		x = &exchange{p: p, r: r}
	}
	return x
}

// RenderCONNECT passes on a WebSocket that a client of HTTP/2 opens on a stream (RFC 8441).
// Tunnels are the affair of a Forward.
func (p *Proxy) RenderCONNECT(r *resource.Request) ([]byte, error) {
	if string(r.Head().Protocol) != "websocket" {
		return nil, &resource.Error{Status: 501}
	}
	return p.Render(r)
}

// begin makes what needs the loop.
func (p *Proxy) begin(l reactor.Loop) error {
	if p.Pool == nil {
		loop, ok := l.(agent.Loop)
		if !ok {
			return fmt.Errorf("proxy: on a %T no connection can be made", l)
		}
		p.Pool = agent.NewPool(loop)
		if p.SetUp != nil {
			p.SetUp(p.Pool)
		}
	}
	if p.Check != nil && !p.checking {
		p.checking = true
		p.startChecks()
	}
	return nil
}

func (p *Proxy) log() *slog.Logger {
	if p.Log != nil {
		return p.Log
	}
	return slog.Default()
}

// number is n, by default d, 0 when negative.
func number[T int | time.Duration](n, d T) T {
	switch {
	case n == 0:
		return d
	case n < 0:
		return 0
	}
	return n
}

var (
	_ resource.HeadReceiver    = (*Proxy)(nil)
	_ resource.Renderer        = (*Proxy)(nil)
	_ resource.CONNECTRenderer = (*Proxy)(nil)
)
