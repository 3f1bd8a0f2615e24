package cache

import (
	"time"

	"spindle/protocol"
)

// This file reads Cache-Control (RFC 9111 §5.2).

// control is what the directives of one message say; a time is -1 when it is not there.
type control struct {
	noStore, noCache, private, public   bool
	mustRevalidate, proxyRevalidate     bool
	mustUnderstand, onlyIfCached        bool
	maxAge, sMaxage, minFresh, maxStale time.Duration
	whileRevalidate, ifError            time.Duration
}

// forever is what a number beyond all measure counts as (RFC 9111 §1.2.2).
const forever = (1<<31 - 1) * time.Second

// parse reads the list of Cache-Control. What has not the form of a number of seconds
// counts as 0: stale rather than wrong (§4.2.1).
func parse(list []byte) control {
	c := control{maxAge: -1, sMaxage: -1, minFresh: -1, maxStale: -1, whileRevalidate: -1, ifError: -1}
	for {
		member, rest, ok := protocol.NextMember(list)
		if !ok {
			return c
		}
		list = rest
		name, value, has := cut(member)
		c.take(name, value, has)
	}
}

func cut(member []byte) (name, value []byte, has bool) {
	for i, b := range member {
		if b == '=' {
			value = protocol.TrimBlank(member[i+1:])
			if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			return protocol.TrimBlank(member[:i]), value, true
		}
	}
	return member, nil, false
}

func (c *control) take(name, value []byte, has bool) {
	is := func(s string) bool { return protocol.EqualFold(name, s) }
	switch {
	case is("no-store"):
		c.noStore = true
	case is("no-cache"): // with field names too: it is simpler to ask again
		c.noCache = true
	case is("private"):
		c.private = true
	case is("public"):
		c.public = true
	case is("must-revalidate"):
		c.mustRevalidate = true
	case is("proxy-revalidate"):
		c.proxyRevalidate = true
	case is("must-understand"):
		c.mustUnderstand = true
	case is("only-if-cached"):
		c.onlyIfCached = true
	case is("max-age"):
		shorter(&c.maxAge, value)
	case is("s-maxage"):
		shorter(&c.sMaxage, value)
	case is("min-fresh"):
		shorter(&c.minFresh, value)
	case is("max-stale") && !has:
		c.maxStale = forever
	case is("max-stale"):
		shorter(&c.maxStale, value)
	case is("stale-while-revalidate"):
		shorter(&c.whileRevalidate, value)
	case is("stale-if-error"):
		shorter(&c.ifError, value)
	}
}

// shorter sets d, or leaves it when it is there twice and the other is shorter.
func shorter(d *time.Duration, value []byte) {
	if t := seconds(value); *d < 0 || t < *d {
		*d = t
	}
}

func seconds(value []byte) time.Duration {
	n := time.Duration(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0
		}
		if n = n*10 + time.Duration(c-'0'); n > forever/time.Second {
			return forever
		}
	}
	return n * time.Second
}
