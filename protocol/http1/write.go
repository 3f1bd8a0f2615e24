package http1

import (
	"strconv"
	"time"

	"spindle/protocol"
)

// This file writes the heads of answers.

const (
	okLine     = "HTTP/1.1 200 OK\r\n"
	dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT" // RFC 9110 §5.6.7
)

// send queues b.
func (c *Channel) send(b []byte) {
	c.queued += int64(len(b))
	c.flags |= wrote
	c.t.Write(b)
}

// sendShared queues b without a copy.
func (c *Channel) sendShared(b []byte) {
	c.queued += int64(len(b))
	c.flags |= wrote
	c.t.WriteShared(b)
}

// own is what the fields of an answer say of what is the channel's affair.
type own uint8

const (
	ownServer  own = 1 << iota // there is a Server field
	ownDate                    // there is a Date field
	ownClose                   // Connection lists "close"
	ownUpgrade                 // there is an Upgrade field
	ownDropped                 // there is one that isOwn
)

// head makes the head of the answer to the exchange in hand, in the transport's
// available buffer, and sets c.answer to how the content is framed. length is -1
// when it is not known.
func (c *Channel) head(status int, fields protocol.Fields, length int64) []byte {
	if status < 200 && status != 101 || status > 999 {
		c.complain("the answer had the impossible status " + strconv.Itoa(status))
		status, length = 500, 0
	}
	own := own(0)
	if needsLook(fields) {
		own = lookAt(fields)
	}
	if status == 200 && length >= 0 && own == 0 && !c.is(unusual) && !c.f.draining {
		return c.usualHead(fields, length)
	}
	return c.anyHead(status, fields, length, own)
}

// anyHead is head for every answer.
func (c *Channel) anyHead(status int, fields protocol.Fields, length int64, own own) []byte {
	if own&ownClose != 0 || c.is(draining|waits) || c.f.draining {
		c.flags |= closing
	}
	c.answer = c.framing(status, &length)
	c.promised = max(length, 0)
	b := c.appendStart(c.t.AvailableBuffer(), status, own)
	for i := range fields {
		if f := &fields[i]; own&ownDropped == 0 || !isOwn(f.Name) {
			b = appendField(b, f.Name, f.Value)
		}
	}
	b = c.appendFraming(b, status, length)
	b = c.appendConnection(b, own)
	return append(b, "\r\n"...)
}

// The flags that show in a head.
const unusual = headMethod | connect | http10 | closing | draining | waits

// usualHead is head for most answers: with content of a known length, on a connection that
// goes on. It does what anyHead would.
func (c *Channel) usualHead(fields protocol.Fields, length int64) []byte {
	c.answer, c.promised = answerLength, length
	b := append(c.t.AvailableBuffer(), c.f.prefix...)
	for i := range fields {
		b = appendField(b, fields[i].Name, fields[i].Value)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, length, 10)
	return append(b, "\r\n\r\n"...)
}

// framing decides how the content of an answer is framed (RFC 9112 §6.3).
func (c *Channel) framing(status int, length *int64) answer {
	tunnel := c.is(connect) && status/100 == 2
	if status == 101 || tunnel {
		c.flags |= switching
	}
	switch {
	case c.is(headMethod) || tunnel || protocol.NoContent(status):
		return answerEmpty
	case status == 205: // RFC 9110 §15.3.6
		*length = 0
		return answerLength
	case *length >= 0:
		return answerLength
	case c.is(http10):
		c.flags |= closing
		return answerClose
	}
	return answerChunked
}

// lookAt finds what concerns the channel among the fields.
func lookAt(fields protocol.Fields) (o own) {
	for i := range fields {
		o |= ownOf(&fields[i])
	}
	return o
}

// needsLook tells whether one of the fields has a name as long as one that concerns the
// channel.
func needsLook(fields protocol.Fields) bool {
	const lengths = 1<<4 | 1<<6 | 1<<7 | 1<<10 | 1<<14 | 1<<17
	for i := range fields {
		if n := len(fields[i].Name); n < 32 && lengths>>n&1 != 0 {
			return true
		}
	}
	return false
}

func ownOf(f *protocol.Field) (o own) {
	switch {
	case isOwn(f.Name):
		o = ownDropped
		if protocol.EqualFold(f.Name, "connection") && hasClose(f.Value) {
			o |= ownClose
		}
	case protocol.EqualFold(f.Name, "date"):
		o = ownDate
	case protocol.EqualFold(f.Name, "server"):
		o = ownServer
	case protocol.EqualFold(f.Name, "upgrade"):
		o = ownUpgrade
	}
	return o
}

// hasClose tells whether the list has the member "close".
func hasClose(list string) bool {
	s := seen{}
	s.noteConnection([]byte(list))
	return s.close
}

// isOwn tells whether the channel writes the field of that name itself, or not
// at all.
func isOwn(name string) bool {
	switch len(name) {
	case 10:
		return protocol.EqualFold(name, "connection") || protocol.EqualFold(name, "keep-alive")
	case 14:
		return protocol.EqualFold(name, "content-length")
	case 17:
		return protocol.EqualFold(name, "transfer-encoding")
	}
	return false
}

// appendStart appends the status line, and Server and Date where they are not
// among the fields.
func (c *Channel) appendStart(b []byte, status int, o own) []byte {
	f := c.f
	if o&(ownServer|ownDate) == 0 {
		if status == 200 {
			return append(b, f.prefix...)
		}
		b = appendStatusLine(b, status)
		return append(b, f.prefix[len(okLine):]...)
	}
	b = appendStatusLine(b, status)
	if o&ownServer == 0 && f.set.ServerName != "-" {
		b = appendField(b, "Server", f.set.ServerName)
	}
	if o&ownDate == 0 {
		b = append(b, f.prefix[len(f.prefix)-dateLine:]...)
	}
	return b
}

const dateLine = len("Date: ") + len(dateLayout) + len("\r\n")

// refresh makes the prefix of that second.
func (f *Factory) refresh(second int64) {
	f.prefixed = second
	b := append(f.prefix[:0], okLine...)
	if f.set.ServerName != "-" {
		b = appendField(b, "Server", f.set.ServerName)
	}
	b = append(b, "Date: "...)
	b = time.Unix(second, 0).UTC().AppendFormat(b, dateLayout)
	f.prefix = append(b, "\r\n"...)
}

// appendStatusLine appends the status line (RFC 9112 §4).
func appendStatusLine(b []byte, status int) []byte {
	if status == 200 {
		return append(b, okLine...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, protocol.StatusText(status)...)
	return append(b, "\r\n"...)
}

// appendField appends one field line.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendFraming appends Content-Length or Transfer-Encoding. An answer that
// never has content has neither (RFC 9110 §8.6), but for one to HEAD, which has
// what GET would have.
func (c *Channel) appendFraming(b []byte, status int, length int64) []byte {
	switch {
	case c.is(switching) || protocol.NoContent(status):
		return b
	case length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		return append(b, "\r\n"...)
	case c.answer == answerChunked:
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return b
}

// appendConnection appends what the client has to know of the connection (RFC
// 9112 §9.6, RFC 9110 §7.8).
func (c *Channel) appendConnection(b []byte, o own) []byte {
	switch {
	case c.is(switching) && c.is(connect):
		return b
	case o&ownUpgrade != 0 && c.is(switching):
		return append(b, "Connection: Upgrade\r\n"...)
	case o&ownUpgrade != 0 && c.is(closing):
		return append(b, "Connection: Upgrade, close\r\n"...)
	case o&ownUpgrade != 0:
		return append(b, "Connection: Upgrade\r\n"...)
	case c.is(closing):
		return append(b, "Connection: close\r\n"...)
	case c.is(http10):
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}
