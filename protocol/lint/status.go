package lint

import (
	"net/url"
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file looks at what a status wants.

// wanted is a field that an answer of a status has.
var wanted = map[int]struct{ field, section, why string }{
	401: {"WWW-Authenticate", "RFC 9110 §15.5.2", "which says how to log in"},
	405: {"Allow", "RFC 9110 §15.5.6", "which lists the methods"},
	407: {"Proxy-Authenticate", "RFC 9110 §15.5.8", "which says how to log in"},
	426: {"Upgrade", "RFC 9110 §15.5.22", "which names the protocol"},
}

func (c *check) status() {
	if w, ok := wanted[c.Status]; ok && !c.Fields.Has(w.field) {
		c.hint("status-field", w.section, "%d is without %s, %s", c.Status, w.field, w.why)
	}
	switch c.Status {
	case 101:
		c.upgraded()
	case 204:
		if c.Hop && c.Fields.Has("Content-Length") {
			c.hint("content-none", "RFC 9110 §8.6", "204 has no content, nor a Content-Length")
		}
	case 205:
		if c.Sent > 0 {
			c.hint("content-none", "RFC 9110 §15.3.6", "205 has no content, and %d bytes were sent", c.Sent)
		}
	case 304:
		c.notModified()
	}
	if c.Hop && protocol.NoContent(c.Status) && c.Fields.Has("Transfer-Encoding") && c.Status != 304 {
		c.hint("content-none", "RFC 9112 §6.1", "%d has no content, nor a Transfer-Encoding", c.Status)
	}
	c.retryAfter()
}

// upgraded tells of a switch that the client does not take.
func (c *check) upgraded() {
	if c.Hop && !c.Fields.Has("Upgrade") {
		c.hint("status-field", "RFC 9110 §15.2.2", "101 is without Upgrade, which names the protocol")
	}
	if c.Request.Has("Sec-WebSocket-Key") && !c.Fields.Has("Sec-WebSocket-Accept") {
		c.hint("status-field", "RFC 6455 §4.2.2", "101 for a WebSocket is without Sec-WebSocket-Accept: browsers give up")
	}
}

// notModified tells of 304 for who has nothing to go on with.
func (c *check) notModified() {
	switch {
	case c.Method != "GET" && c.Method != "HEAD":
		c.hint("not-modified", "RFC 9110 §15.4.5", "304 is an answer to GET or HEAD, not to %s", c.Method)
	case !c.Request.Has("If-None-Match") && !c.Request.Has("If-Modified-Since"):
		c.hint("not-modified", "RFC 9110 §15.4.5", "304 without If-None-Match or If-Modified-Since: the client may have nothing to show")
	}
}

func (c *check) retryAfter() {
	value := c.Fields.Get("Retry-After")
	if value == "" {
		return
	}
	if _, err := strconv.ParseUint(value, 10, 63); err == nil {
		return
	}
	if _, ok := protocol.ParseDate([]byte(value), c.Now); !ok {
		c.hint("retry-after", "RFC 9110 §10.2.3", "Retry-After %s is neither seconds nor a date", protocol.Quote(value))
	}
}

// ranges looks at Content-Range.
func (c *check) ranges() {
	value := c.Fields.Get("Content-Range")
	kind, _ := protocol.ParseMediaType(c.Fields.Get("Content-Type"))
	switch {
	case c.Status == 206 && !c.Request.Has("Range"):
		c.hint("range", "RFC 9110 §15.3.7", "206 was answered to who asked for no Range")
	case c.Status == 206 && value == "" && !kind.Is("multipart/byteranges"):
		c.hint("range", "RFC 9110 §15.3.7", "206 is without Content-Range, so that nobody knows which part it is")
	case c.Status == 206 && value != "":
		c.rangeLength(value)
	case c.Status == 416 && value == "":
		c.hint("range", "RFC 9110 §15.5.17", "416 is without Content-Range, which says how long the whole is (bytes */1234)")
	case value != "" && c.Status != 206 && c.Status != 416 && c.Method != "PUT":
		c.hint("range", "RFC 9110 §14.4", "Content-Range has no meaning with %d", c.Status)
	}
}

// rangeLength compares what is said with what came.
func (c *check) rangeLength(value string) {
	first, last, size, ok := parseContentRange(value)
	switch {
	case !ok:
		c.hint("range", "RFC 9110 §14.4", "Content-Range %s is not as in bytes 0-99/1234", protocol.Quote(value))
	case first > last || size >= 0 && last >= size:
		c.hint("range", "RFC 9110 §14.4", "Content-Range %s is no part of the whole", protocol.Quote(value))
	case c.Method == "GET" && c.Whole && c.Sent != last-first+1:
		c.hint("range", "RFC 9110 §15.3.7", "Content-Range %s is of %d bytes, and %d were sent", protocol.Quote(value), last-first+1, c.Sent)
	}
}

// parseContentRange reads a range of bytes; size is -1 when it is not known. Of other units
// there is nothing to say.
func parseContentRange(s string) (first, last, size int64, ok bool) {
	span, whole, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	from, to, is := strings.Cut(span, "-")
	if !ok || !is || !strings.HasPrefix(s, "bytes ") {
		return 0, 0, 0, false
	}
	size = -1
	var err [3]error
	first, err[0] = strconv.ParseInt(from, 10, 64)
	last, err[1] = strconv.ParseInt(to, 10, 64)
	if whole != "*" {
		size, err[2] = strconv.ParseInt(whole, 10, 64)
	}
	return first, last, size, err[0] == nil && err[1] == nil && err[2] == nil && first >= 0 && size >= -1
}

// location looks at where a client is sent.
func (c *check) location() {
	value := c.Fields.Get("Location")
	switch c.Status {
	case 301, 302, 303, 307, 308:
		if value == "" {
			c.hint("location", "RFC 9110 §15.4", "%d is without Location, so that nobody knows where to go", c.Status)
			return
		}
	case 201:
	default:
		return
	}
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || strings.ContainsAny(value, " \"<>\\^`{|}"):
		c.hint("location", "RFC 9110 §10.2.2", "Location %s is no URI: what it holds has to be escaped", protocol.Quote(value))
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host == "":
		c.hint("location", "RFC 9110 §10.2.2", "Location %s names no host", protocol.Quote(value))
	case c.Secure && u.Scheme == "http" && protocol.EqualFold(u.Host, c.Authority):
		c.hint("location", "RFC 9110 §10.2.2", "Location leads from https back to http: the program does not know that it is asked over TLS (X-Forwarded-Proto)")
	}
}
