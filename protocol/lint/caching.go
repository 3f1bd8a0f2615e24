package lint

import (
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file looks at what is said to caches, and to pages of other sites.

// directives are those of Cache-Control, in lower case.
func directives(list []string) map[string]string {
	found := map[string]string{}
	for _, m := range members(strings.Join(list, ",")) {
		name, value, _ := strings.Cut(m, "=")
		found[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return found
}

func (c *check) caching() {
	d := directives(c.Fields.Values("Cache-Control"))
	for _, name := range []string{"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"} {
		value, ok := d[name]
		if _, err := strconv.ParseUint(value, 10, 63); ok && err != nil {
			c.hint("cache", "RFC 9111 §5.2.2", "%s of Cache-Control is %s, and no number of seconds", name, protocol.Quote(value))
		}
	}
	_, public := d["public"]
	_, private := d["private"]
	_, none := d["no-store"]
	shared := public || positive(d["s-maxage"])
	switch {
	case public && private:
		c.hint("cache", "RFC 9111 §5.2.2", "Cache-Control says both public and private")
	case none && public:
		c.hint("cache", "RFC 9111 §5.2.2.5", "Cache-Control says both no-store and public")
	case none && (positive(d["max-age"]) || positive(d["s-maxage"])):
		c.hint("cache", "RFC 9111 §5.2.2.5", "Cache-Control says no-store, and how long to store it")
	case shared && c.Fields.Has("Set-Cookie"):
		c.hint("cache-cookie", "RFC 9111 §7.3", "a shared cache may keep this answer, and gives its Set-Cookie to everybody")
	}
	c.vary()
}

// positive tells of a number of seconds above 0.
func positive(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && n > 0
}

func (c *check) vary() {
	for _, name := range members(strings.Join(c.Fields.Values("Vary"), ",")) {
		if !protocol.IsToken(name) {
			c.hint("vary", "RFC 9110 §12.5.5", "Vary lists %s, which is no name of a field", protocol.Quote(name))
		}
	}
}

// sharing looks at what pages of other sites may read.
func (c *check) sharing() {
	const section = "Fetch §3.2 (CORS)"
	origin := c.Fields.Get("Access-Control-Allow-Origin")
	credentials := c.Fields.Get("Access-Control-Allow-Credentials")
	switch {
	case origin == "*" && credentials == "true":
		c.hint("cors", section, "Access-Control-Allow-Origin is * with Access-Control-Allow-Credentials: browsers refuse that")
	case strings.ContainsAny(origin, ", "):
		c.hint("cors", section, "Access-Control-Allow-Origin names several origins: it takes one, or *")
	case origin != "" && origin != "*" && origin != "null" && !strings.Contains(origin, "://"):
		c.hint("cors", section, "Access-Control-Allow-Origin %s is no origin, as in https://example.org", protocol.Quote(origin))
	case origin != "" && strings.HasSuffix(origin, "/"):
		c.hint("cors", section, "Access-Control-Allow-Origin %s ends in a slash: no origin does", protocol.Quote(origin))
	case origin != "" && origin != "*" && origin == c.Request.Get("Origin") && c.Method == "GET" && !c.varies("origin") && !c.uncached():
		c.hint("cors", section, "Access-Control-Allow-Origin repeats the Origin of the request without Vary: Origin: a cache gives it to other sites")
	}
	if credentials != "" && credentials != "true" {
		c.hint("cors", section, "Access-Control-Allow-Credentials is %s: only true has a meaning", protocol.Quote(credentials))
	}
}

func (c *check) varies(name string) bool {
	for _, m := range members(strings.Join(c.Fields.Values("Vary"), ",")) {
		if m == "*" || protocol.EqualFold(m, name) {
			return true
		}
	}
	return false
}

// uncached tells that nobody keeps the answer.
func (c *check) uncached() bool {
	_, none := directives(c.Fields.Values("Cache-Control"))["no-store"]
	return none
}
