package site

import (
	"strconv"
	"time"

	"spindle/reactor"
)

// This file turns an Entry into a line of the combined format, and holds what
// all formats share. log_short.go and log_json.go have the others; where lines
// are kept and written is in log.go.

// LogFormat appends the line of e, with its line feed, to dst. It keeps nothing
// of e. A format remembers the text of the current second, so each loop has one
// of its own. Loop only.
type LogFormat func(dst []byte, e *Entry) []byte

// NewCombinedFormat is Apache's combined format with the time in UTC:
//
//	192.0.2.7 - - [02/Jan/2006:15:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl/8"
//
// What comes from the peer is escaped: quotes and backslashes with a backslash,
// line feed, return and tab as \n, \r and \t, any other byte that is not
// printable ASCII as \xhh. An exchange that the client broke off before its
// answer began has status 499. A refused head shows what was received of it as
// the request line, and status 444 when the connection was closed without an
// answer.
func NewCombinedFormat() LogFormat {
	stamp := &timeText{layout: "[02/Jan/2006:15:04:05 -0700]", zone: time.UTC}
	return func(dst []byte, e *Entry) []byte { return appendCombined(dst, e, stamp) }
}

func appendCombined(dst []byte, e *Entry, stamp *timeText) []byte {
	dst = appendHost(dst, e.Peer)
	dst = append(dst, " - - "...)
	dst = stamp.append(dst, e.Time)
	dst = append(dst, ' ', '"')
	dst = appendRequestLine(dst, e)
	dst = append(dst, '"', ' ')
	dst = strconv.AppendInt(dst, int64(e.loggedStatus()), 10)
	dst = append(dst, ' ')
	dst = appendCount(dst, e.Bytes)
	dst = append(dst, ' ', '"')
	dst = appendEscapedOrDash(dst, e.Referer)
	dst = append(dst, '"', ' ', '"')
	dst = appendEscapedOrDash(dst, e.Agent)
	return append(dst, '"', '\n')
}

// appendHost appends the address without its port, "-" for a UNIX socket.
func appendHost(dst []byte, a reactor.Addr) []byte {
	if !a.IP.IsValid() {
		return append(dst, '-')
	}
	return a.IP.AppendTo(dst)
}

// appendRequestLine appends the request line, escaped.
func appendRequestLine(dst []byte, e *Entry) []byte {
	if e.Refused != "" {
		return appendEscapedOrDash(dst, firstLine(e.Target))
	}
	dst = appendEscaped(dst, e.Method)
	dst = append(dst, ' ')
	dst = appendEscaped(dst, e.Target)
	dst = append(dst, ' ')
	return append(dst, e.Version.Dotted()...)
}

// appendCount appends n, or "-" for nothing.
func appendCount(dst []byte, n int64) []byte {
	if n <= 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, n, 10)
}

func appendEscapedOrDash(dst, s []byte) []byte {
	if len(s) == 0 {
		return append(dst, '-')
	}
	return appendEscaped(dst, s)
}

// appendEscaped appends s so that it can stand between quotes on one line.
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, c)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

// firstLine is s up to its first line end.
func firstLine(s []byte) []byte {
	for i, c := range s {
		if c == '\r' || c == '\n' {
			return s[:i]
		}
	}
	return s
}

// nginx's numbers for what has no answer, which log tools know.
const (
	statusClosed  = 444 // the server closed without one
	statusAborted = 499 // the client left before it began
)

func (e *Entry) loggedStatus() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Refused != "":
		return statusClosed
	}
	return statusAborted
}

// timeText is a time as text, made anew once a second.
type timeText struct {
	layout string
	zone   *time.Location
	second int64
	text   []byte
}

func (t *timeText) append(dst []byte, now time.Time) []byte {
	if s := now.Unix(); s != t.second || t.text == nil {
		t.second = s
		t.text = now.In(t.zone).AppendFormat(t.text[:0], t.layout)
	}
	return append(dst, t.text...)
}
