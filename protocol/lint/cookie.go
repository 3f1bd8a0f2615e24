package lint

import (
	"net/netip"
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file looks at cookies: what browsers refuse, and what makes one that stands for a
// person less safe than it could be.

const mostCookie = 4096 // bytes of name and value that browsers take

// cookie is a Set-Cookie taken apart.
type cookie struct {
	name, value string
	attributes  map[string]string // by their name in lower case
}

func parseCookie(s string) (k cookie, ok bool) {
	pair, rest, _ := strings.Cut(s, ";")
	k.name, k.value, ok = strings.Cut(pair, "=")
	k.name, k.value = strings.TrimSpace(k.name), strings.TrimSpace(k.value)
	k.attributes = map[string]string{}
	for rest != "" {
		var a string
		a, rest, _ = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(a, "=")
		k.attributes[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return k, ok && protocol.IsToken(k.name)
}

func (k *cookie) has(attribute string) bool { _, ok := k.attributes[attribute]; return ok }

// expired tells of a cookie that is taken away, which needs no protection.
func (k *cookie) expired(c *check) bool {
	if n, err := strconv.Atoi(k.attributes["max-age"]); err == nil {
		return n <= 0
	}
	at, ok := protocol.ParseDate([]byte(k.attributes["expires"]), c.Now)
	return ok && at.Before(c.Now)
}

// person tells of a cookie that stands for somebody, by its name. Those against forged
// requests are read by scripts, and are worth nothing alone.
func (k *cookie) person() bool {
	name := strings.ToLower(k.name)
	if strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return false
	}
	for _, word := range []string{"session", "sessid", "auth", "token", "jwt", "login"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "sid" || strings.HasSuffix(name, ".sid") || strings.HasSuffix(name, "_sid")
}

func (c *check) cookies() {
	seen := map[string]bool{}
	for _, value := range c.Fields.Values("Set-Cookie") {
		k, ok := parseCookie(value)
		if !ok {
			c.hint("cookie", "RFC 6265 §4.1.1", "Set-Cookie does not begin with name=value")
			continue
		}
		id := k.name + "\x00" + strings.ToLower(k.attributes["domain"]) + "\x00" + k.attributes["path"]
		if seen[id] {
			c.hint("cookie-twice", "RFC 6265 §4.1.1", "the cookie %s is set twice in one answer", k.name)
		}
		seen[id] = true
		c.refused(&k)
		if k.person() && !k.expired(c) {
			c.unsafe(&k)
		}
	}
}

// refused tells of what browsers do not take, or not as it is meant.
func (c *check) refused(k *cookie) {
	a := k.attributes
	same := strings.ToLower(a["samesite"])
	switch {
	case len(k.name)+len(k.value) > mostCookie:
		c.hint("cookie-size", "RFC 6265 §6.1", "the cookie %s has %d bytes: browsers drop those above %d", k.name, len(k.name)+len(k.value), mostCookie)
	case same == "none" && !k.has("secure"):
		c.hint("cookie-samesite", "RFC 6265bis §4.1.2.7", "the cookie %s has SameSite=None and not Secure: browsers refuse it", k.name)
	case k.has("samesite") && same != "none" && same != "lax" && same != "strict":
		c.hint("cookie-samesite", "RFC 6265bis §4.1.2.7", "the cookie %s has SameSite=%s, which is none of Strict, Lax and None", k.name, a["samesite"])
	case strings.HasPrefix(k.name, "__Host-") && (!k.has("secure") || k.has("domain") || a["path"] != "/"):
		c.hint("cookie-prefix", "RFC 6265bis §4.1.3.2", "the cookie %s needs Secure, Path=/ and no Domain: browsers refuse it", k.name)
	case strings.HasPrefix(k.name, "__Secure-") && !k.has("secure"):
		c.hint("cookie-prefix", "RFC 6265bis §4.1.3.1", "the cookie %s needs Secure: browsers refuse it", k.name)
	}
	if _, err := strconv.ParseInt(a["max-age"], 10, 64); err != nil && k.has("max-age") {
		c.hint("cookie-date", "RFC 6265 §4.1.1", "Max-Age of the cookie %s is no number of seconds", k.name)
	}
	if _, ok := protocol.ParseDate([]byte(dashless(a["expires"])), c.Now); !ok && k.has("expires") {
		c.hint("cookie-date", "RFC 6265 §4.1.1", "Expires of the cookie %s is no date: it ends with the browser", k.name)
	}
	if host := hostOf(c.Authority); !mayName(a["domain"], host) {
		c.hint("cookie-domain", "RFC 6265 §4.1.2.3", "the cookie %s is for the domain %s, and this is %s: browsers refuse it", k.name, a["domain"], host)
	}
}

// dashless is a date as HTTP writes it of one with dashes, which many frameworks make and all
// browsers read.
func dashless(date string) string {
	if len(date) > 11 && date[7] == '-' && date[11] == '-' {
		return date[:7] + " " + date[8:11] + " " + date[12:]
	}
	return date
}

func hostOf(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		authority = authority[:i]
	}
	return strings.ToLower(strings.Trim(authority, "[]"))
}

// mayName tells whether a host may set a cookie for a domain. Hosts without a dot, and
// addresses, are those of development.
func mayName(domain, host string) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return true
	}
	return domain == "" || host == domain || strings.HasSuffix(host, "."+domain)
}

// unsafe tells what a cookie that stands for somebody lacks.
func (c *check) unsafe(k *cookie) {
	if !k.has("httponly") {
		c.hint("cookie-httponly", "RFC 6265 §4.1.2.6", "the cookie %s is not HttpOnly: any script of the page can read it", k.name)
	}
	if !k.has("samesite") {
		c.hint("cookie-samesite", "RFC 6265bis §4.1.2.7", "the cookie %s has no SameSite: some browsers send it along from other sites", k.name)
	}
	if c.Secure && !k.has("secure") {
		c.hint("cookie-secure", "RFC 6265 §4.1.2.5", "the cookie %s is set over https and not Secure: it would be sent over http, too", k.name)
	}
}
