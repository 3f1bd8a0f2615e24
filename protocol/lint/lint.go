// Package lint tells what is wrong with an answer, as hints for who writes the program: each
// with the section that says so. It is a pure function; what is a matter of taste, or right
// for reasons that can not be seen from outside, is no hint.
package lint

import (
	"fmt"
	"strings"
	"time"

	"spindle/protocol"
)

// Hint is one thing that is wrong.
type Hint struct {
	Rule    string `json:"rule"`    // names the kind, as in "cookie-secure"
	Text    string `json:"text"`    // a sentence without its full stop
	Section string `json:"section"` // as in "RFC 9110 §8.3"
}

// Exchange is what is looked at.
type Exchange struct {
	Method    string
	Authority string // host, with a port or without
	Secure    bool   // asked over TLS
	Request   protocol.Fields

	Status int
	Fields protocol.Fields
	Hop    bool             // Fields are as they came over HTTP/1.1, with those of the connection
	Faults []protocol.Fault // that can not be seen any more

	Whole   bool   // the answer has ended as it should
	Sent    int64  // bytes of its content
	Content []byte // the beginning of it; nil when it is not known
	Now     time.Time
}

// Check is the hints, in the order of the rules. It does not keep x.
func Check(x *Exchange) []Hint {
	c := &check{Exchange: x}
	c.faults()
	c.repeated()
	c.values()
	c.content()
	c.dates()
	c.status()
	c.ranges()
	c.location()
	c.cookies()
	c.caching()
	c.sharing()
	return c.hints
}

// CheckFaults is the hints for the faults alone: where the answer that was sent is not that
// of the program.
func CheckFaults(x *Exchange) []Hint {
	c := &check{Exchange: x}
	c.faults()
	return c.hints
}

// check collects them.
type check struct {
	*Exchange
	hints []Hint
}

func (c *check) hint(rule, section, format string, args ...any) {
	c.hints = append(c.hints, Hint{Rule: rule, Text: fmt.Sprintf(format, args...), Section: section})
}

// faults tells of what was mended on the way.
func (c *check) faults() {
	for _, f := range c.Faults {
		switch f.Kind {
		case protocol.FaultExtra:
			c.extra(f)
		case protocol.FaultCut:
			c.hint("length-less", "RFC 9112 §8", "the connection ended before the answer was complete%s", c.ofLength())
		case protocol.FaultUnreadable:
			c.hint("unreadable", sectionOfUnreadable(f.Text), "the answer can not be read: %s", f.Text)
		case protocol.FaultLength:
			c.hint("length", "RFC 9110 §8.6", "%s", f.Text)
		case protocol.FaultBody:
			c.hint("content-none", sectionOfNone(c.Status), "%d has no content, and %d bytes were given", c.Status, f.Bytes)
		}
	}
}

// extra tells of bytes behind the end.
func (c *check) extra(f protocol.Fault) {
	switch {
	case c.Method == "HEAD":
		c.hint("content-none", "RFC 9110 §9.3.2", "an answer to HEAD has no content, and %d bytes or more came behind it", f.Bytes)
	case protocol.NoContent(c.Status):
		c.hint("content-none", sectionOfNone(c.Status), "%d has no content, and %d bytes or more came behind it", c.Status, f.Bytes)
	default:
		c.hint("length-more", "RFC 9110 §8.6", "%d bytes or more came behind the content%s", f.Bytes, c.ofLength())
	}
}

func (c *check) ofLength() string {
	if n := c.Fields.Get("Content-Length"); n != "" {
		return fmt.Sprintf(" (Content-Length: %s)", n)
	}
	return ""
}

// sectionOfUnreadable is where it stands how that is written.
func sectionOfUnreadable(why string) string {
	switch {
	case strings.Contains(why, "Content-Length") || strings.Contains(why, "Transfer-Encoding") || strings.Contains(why, "transfer coding"):
		return "RFC 9112 §6.3"
	case strings.Contains(why, "field"):
		return "RFC 9112 §5"
	case strings.Contains(why, "chunk"):
		return "RFC 9112 §7.1"
	case strings.Contains(why, "status line"):
		return "RFC 9112 §4"
	}
	return "RFC 9112 §2.2"
}

func sectionOfNone(status int) string {
	switch status {
	case 204:
		return "RFC 9110 §15.3.5"
	case 304:
		return "RFC 9110 §15.4.5"
	}
	return "RFC 9110 §6.4.1"
}

// single are fields of which an answer has one at most.
var single = []string{"Age", "Content-Length", "Content-Location", "Content-Range", "Content-Type", "Date", "ETag", "Expires", "Last-Modified",
	"Location", "Retry-After", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Strict-Transport-Security"}

// repeated tells of fields that are there twice.
func (c *check) repeated() {
	for _, name := range single {
		if list := c.Fields.Values(name); len(list) > 1 {
			c.hint("repeated", "RFC 9110 §5.3", "%s is there %d times: clients take one of them, or none", name, len(list))
		}
	}
}

// values tells of values that differ from client to client.
func (c *check) values() {
	for _, f := range c.Fields {
		if i := strings.IndexFunc(f.Value, func(r rune) bool { return r > 0x7e }); i >= 0 {
			c.hint("field-ascii", "RFC 9110 §5.5", "the value of %s is not ASCII, and clients read it differently%s", f.Name, asWritten(f.Name))
		}
	}
	if !c.Hop && !c.switches() {
		for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
			if c.Fields.Has(name) && !(name == "Upgrade" && c.Status == 426) {
				c.hint("hop", "RFC 9110 §7.6.1", "%s is about a connection, which is the server's affair; HTTP/2 forbids it", name)
			}
		}
	}
}

func (c *check) switches() bool { return c.Status == 101 }

// asWritten is how text that is not ASCII is written in a field.
func asWritten(name string) string {
	if protocol.EqualFold(name, "Content-Disposition") {
		return ": write filename*=UTF-8''… (RFC 8187)"
	}
	return ""
}
