package proxy

import (
	"time"

	"spindle/protocol"
	"spindle/protocol/agent"
)

// This file asks upstreams for their health.

// HealthCheck is how that is done. Zero means the default that stands beside a field.
type HealthCheck struct {
	Path     string        // asked for with GET at each upstream, below its own path; "/"
	Host     string        // the Host field; that of the upstream
	Interval time.Duration // 10 s
	Timeout  time.Duration // for the whole answer; 5 s
	// Healthy tells whether an answer of that status is a good one; nil is 2xx and 3xx.
	Healthy func(status int) bool
}

// startChecks begins them, for as long as the loop runs.
func (p *Proxy) startChecks() {
	for _, u := range p.upstreams {
		c := &checker{p: p, u: u}
		c.ask()
	}
}

// checker asks one upstream, again and again.
type checker struct {
	p    *Proxy
	u    *Upstream
	call *agent.Call
	turn int // so that what belongs to the check before is not taken for this one's
	bad  bool
}

func (c *checker) ask() {
	check := c.p.Check
	path, host := check.Path, check.Host
	if path == "" {
		path = "/"
	}
	if host == "" {
		host = c.u.authority
	}
	c.bad = true
	c.turn++
	h := &protocol.RequestHead{Method: "GET", Scheme: c.u.scheme, Authority: host, Target: c.u.base + path,
		Fields: protocol.Fields{{Name: "User-Agent", Value: "Spindle health check"}}}
	c.call = nil
	turn := c.turn
	c.call = c.p.Pool.Ask(c.u.origin, h, c)
	c.p.Pool.Loop().CallLater(number(check.Timeout, 5*time.Second), func() {
		if c.turn == turn && c.call != nil {
			c.call.Abort(nil)
			c.done(false)
		}
	})
}

// ChannelReady is of no interest.
func (c *checker) ChannelReady(protocol.ClientChannel) {}

// InformationalReceived is of no interest.
func (c *checker) InformationalReceived(*protocol.ResponseHead) {}

// HeadReceived looks at the status.
func (c *checker) HeadReceived(h *protocol.ResponseHead) {
	healthy := h.Status >= 200 && h.Status < 400
	if c.p.Check.Healthy != nil {
		healthy = c.p.Check.Healthy(h.Status)
	}
	c.bad = !healthy
}

// BodyReceived is of no interest.
func (c *checker) BodyReceived([]byte) {}

// BodyFinished ends a check.
func (c *checker) BodyFinished(protocol.Fields) { c.done(!c.bad) }

// ExchangeLost ends a check.
func (c *checker) ExchangeLost(error) { c.done(false) }

// done notes the result, and has the next check made.
func (c *checker) done(healthy bool) {
	c.call = nil
	c.turn++
	if c.u.sick == healthy {
		c.u.sick = !healthy
		state := "healthy again"
		if !healthy {
			state = "not healthy"
		}
		c.p.log().Warn("proxy: upstream is "+state, "upstream", c.u.Text)
	}
	if healthy {
		c.u.downUntil = time.Time{}
	}
	c.p.Pool.Loop().CallLater(number(c.p.Check.Interval, 10*time.Second), c.ask)
}
