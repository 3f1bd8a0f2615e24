package lint

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"spindle/protocol"
)

// This file looks at the content and what is said of it.

// knownCodings are what stands in Content-Encoding.
var knownCodings = []string{"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "aes128gcm", "dcb", "dcz"}

func (c *check) content() {
	kind := c.Fields.Get("Content-Type")
	media, ok := protocol.ParseMediaType(kind)
	switch {
	case c.Method == "HEAD" || protocol.NoContent(c.Status) || c.switches():
		return
	case c.Sent == 0:
	case kind == "":
		c.hint("type", "RFC 9110 §8.3", "there is content and no Content-Type: clients guess what it is")
	case !ok || !strings.Contains(media.Type, "/"):
		c.hint("type", "RFC 9110 §8.3.1", "Content-Type %s is no media type", protocol.Quote(kind))
	default:
		c.charset(media)
	}
	c.coding()
}

// charset tells of text that may be shown as other letters. What says it itself, or is
// ASCII, is fine.
func (c *check) charset(media protocol.MediaType) {
	if !media.Is("text/html") && !media.Is("text/plain") && !media.Is("text/css") && !media.Is("text/csv") || c.Fields.Has("Content-Encoding") {
		return
	}
	if _, said := media.Param("charset"); said || !beyondASCII(c.Content) {
		return
	}
	start := bytes.ToLower(c.Content[:min(len(c.Content), 1024)])
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(start, []byte("\xfe\xff")) || bytes.HasPrefix(start, []byte("\xff\xfe")):
	case media.Is("text/html") && bytes.Contains(start, []byte("charset")):
	case media.Is("text/css") && bytes.HasPrefix(start, []byte("@charset")):
	default:
		c.hint("charset", "RFC 9110 §8.3.2", "%s has letters beyond ASCII and no charset: browsers may take UTF-8 for Latin-1", media.Type)
	}
}

// mostLooked is how much of the content is looked through for letters: the check is made for
// every request.
const mostLooked = 16 << 10

// beyondASCII tells of bytes that are not ASCII.
func beyondASCII(data []byte) bool {
	data = data[:min(len(data), mostLooked)]
	for len(data) >= 8 {
		if binary.NativeEndian.Uint64(data)&0x8080808080808080 != 0 {
			return true
		}
		data = data[8:]
	}
	return slices.ContainsFunc(data, func(b byte) bool { return b >= 0x80 })
}

// coding tells of Content-Encoding that is none.
func (c *check) coding() {
	value := c.Fields.Get("Content-Encoding")
	for _, name := range members(value) {
		switch lower := strings.ToLower(name); {
		case lower == "identity":
			c.hint("coding", "RFC 9110 §8.4.1", "identity is no coding for Content-Encoding: leave the field out")
		case !slices.Contains(knownCodings, lower):
			c.hint("coding", "RFC 9110 §8.4", "Content-Encoding %s is no coding that clients know%s", protocol.Quote(name), perhapsCharset(lower))
		}
	}
	if protocol.EqualFold(value, "gzip") && len(c.Content) >= 2 && !bytes.HasPrefix(c.Content, []byte{0x1f, 0x8b}) {
		c.hint("coding", "RFC 9110 §8.4.1.3", "Content-Encoding says gzip, and the content does not begin as gzip does")
	}
}

func perhapsCharset(name string) string {
	if strings.HasPrefix(name, "utf") || strings.HasPrefix(name, "iso-") {
		return ": a charset belongs into Content-Type"
	}
	return ""
}

// members is the members of a list, without blanks.
func members(list string) (found []string) {
	for _, m := range strings.Split(list, ",") {
		if m = strings.TrimSpace(m); m != "" {
			found = append(found, m)
		}
	}
	return found
}

// dates tells of dates and tags that clients can not read.
func (c *check) dates() {
	for _, name := range []string{"Date", "Last-Modified", "Expires"} {
		value := c.Fields.Get(name)
		if value == "" || name == "Expires" && (value == "0" || value == "-1") { // as much as said: RFC 9111 §5.3
			continue
		}
		if _, ok := protocol.ParseDate([]byte(value), c.Now); !ok {
			c.hint("date", "RFC 9110 §5.6.7", "%s %s is not a date as HTTP writes it (Sun, 06 Nov 1994 08:49:37 GMT)", name, protocol.Quote(value))
		} else if !strings.HasSuffix(value, " GMT") || len(value) != len("Sun, 06 Nov 1994 08:49:37 GMT") {
			c.hint("date", "RFC 9110 §5.6.7", "%s %s has an obsolete form: it is to be as in Sun, 06 Nov 1994 08:49:37 GMT", name, protocol.Quote(value))
		}
	}
	if tag := c.Fields.Get("ETag"); tag != "" && !isTag(tag) {
		c.hint("etag", "RFC 9110 §8.8.3", `ETag %s is not in quotes, as in "abc" or W/"abc"`, protocol.Quote(tag))
	}
	c.future()
}

// future tells of what was changed after now.
func (c *check) future() {
	changed, ok := protocol.ParseDate([]byte(c.Fields.Get("Last-Modified")), c.Now)
	date, dated := protocol.ParseDate([]byte(c.Fields.Get("Date")), c.Now)
	if !dated {
		date = c.Now
	}
	if ok && changed.Sub(date).Seconds() > 5 { // not of clocks that differ a little
		c.hint("last-modified", "RFC 9110 §8.8.2.1", "Last-Modified is later than the answer itself: conditional requests fail")
	}
}

// isTag tells whether s is an entity tag.
func isTag(s string) bool {
	s = strings.TrimPrefix(s, "W/")
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' &&
		!strings.ContainsFunc(s[1:len(s)-1], func(r rune) bool { return r == '"' || r <= ' ' || r == 0x7f })
}
