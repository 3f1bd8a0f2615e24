package cgi

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"spindle/protocol"
)

// This file reads what a script answers (RFC 3875 §6): a head of lines that end with
// CRLF or LF, an empty line, and the content.

// Reply is the head of a script's answer.
type Reply struct {
	// Status is what the script said, else 302 when there is a Location that is no
	// local redirect, else 200.
	Status int
	// Fields are those for the client: without Status, Content-Length, what is about
	// the connection, and what is below.
	Fields protocol.Fields
	// Length is the Content-Length, -1 when there is none.
	Length int64
	// Local is the path, with its query, of a local redirect (RFC 3875 §6.2.2): a
	// Location that begins with one "/", without a Status. "" otherwise.
	Local string
	// SendFile is the file that the server is asked to send in place of the content
	// (X-Sendfile, X-LIGHTTPD-send-file), Accel the path below the site where it finds
	// it (X-Accel-Redirect). "" when not asked.
	SendFile, Accel string
}

// Errors of a reply.
var (
	ErrReplyTooLong = errors.New("cgi: the head of the answer is longer than allowed")
	ErrReplyEmpty   = errors.New("cgi: the answer begins with an empty line: it has no head")
)

// ReplyReader takes the head off a script's output, however it is cut. The zero value
// is ready.
type ReplyReader struct {
	// Max is how many bytes the head may have; 0 means 64 KiB.
	Max int
	// NPH says that the output is to begin with a status line of HTTP, as that of a
	// script does that parses the head itself (RFC 3875 §5).
	NPH bool

	kept []byte // what came of the head, when it came in pieces
}

const defaultMaxReply = 64 << 10

// Read takes n bytes of data. reply is nil until the head is complete; then the rest
// of data is content. After an error, or a reply, it is not called again.
func (r *ReplyReader) Read(data []byte) (n int, reply *Reply, err error) {
	most := r.Max
	if most == 0 {
		most = defaultMaxReply
	}
	before := len(r.kept)
	text := data
	if before > 0 {
		r.kept = append(r.kept, data...)
		text = r.kept
	}
	end := headEnd(text, max(before-3, 0))
	if end > most || end < 0 && len(text) > most {
		return len(data), nil, ErrReplyTooLong
	}
	if end < 0 {
		if before == 0 {
			r.kept = append(r.kept, data...)
		}
		return len(data), nil, nil
	}
	reply, err = r.parse(text[:end])
	r.kept = nil
	return end - before, reply, err
}

// Begun tells whether a part of a head has come.
func (r *ReplyReader) Begun() bool { return len(r.kept) > 0 }

// headEnd is where the content begins: behind the first empty line, which is looked
// for from position from on; -1 when it has not come.
func headEnd(b []byte, from int) int {
	if len(b) > 0 && b[0] == '\n' {
		return 1
	}
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		return 2
	}
	for i := from; ; i++ {
		lf := bytes.IndexByte(b[i:], '\n')
		if lf < 0 {
			return -1
		}
		i += lf
		switch rest := b[i+1:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 2
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 3
		}
	}
}

// replyParts is what stands in a head before it is judged.
type replyParts struct {
	status   string
	location string
	length   string
	coding   bool // a Transfer-Encoding
}

// parse reads the lines of a whole head.
func (r *ReplyReader) parse(head []byte) (*Reply, error) {
	reply := &Reply{Length: -1}
	var p replyParts
	lines := 0
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			break
		}
		var err error
		if version := bytes.HasPrefix(line, []byte("HTTP/")); lines == 0 && version {
			_, status, _ := strings.Cut(string(line), " ")
			p.status = strings.TrimSpace(status)
		} else if lines == 0 && r.NPH {
			return nil, fmt.Errorf("cgi: the answer does not begin with a status line of HTTP, but with %s", protocol.Quote(line))
		} else {
			err = reply.take(line, &p)
		}
		if err != nil {
			return nil, err
		}
		lines++
	}
	if lines == 0 {
		return nil, ErrReplyEmpty
	}
	return reply, reply.judge(&p, r.NPH)
}

// take takes one field line.
func (reply *Reply) take(line []byte, p *replyParts) error {
	name, value, ok := strings.Cut(string(line), ":")
	value = protocol.TrimBlank(value)
	if !ok {
		return fmt.Errorf("cgi: the head of the answer has a line without a colon: %s", protocol.Quote(line))
	}
	if err := protocol.CheckField(name, value); err != nil {
		return fmt.Errorf("cgi: the head of the answer: %w", err)
	}
	switch lower := strings.ToLower(name); lower {
	case "status":
		p.status = value
	case "content-length":
		if p.length != "" && p.length != value {
			return errors.New("cgi: the answer has two lengths")
		}
		p.length = value
	case "location":
		p.location = value
	case "x-sendfile", "x-lighttpd-send-file":
		reply.SendFile = value
	case "x-accel-redirect":
		reply.Accel = value
	case "transfer-encoding":
		p.coding = true
	case "connection", "keep-alive", "upgrade", "trailer", "te", "proxy-connection":
	default:
		reply.Fields = append(reply.Fields, protocol.Field{Name: name, Value: value})
	}
	return nil
}

// judge finds what the parts mean together.
func (reply *Reply) judge(p *replyParts, nph bool) error {
	if p.coding {
		return errors.New("cgi: the answer has a Transfer-Encoding, which is the server's own affair")
	}
	if p.length != "" {
		n, err := strconv.ParseUint(p.length, 10, 63)
		if err != nil {
			return fmt.Errorf("cgi: Content-Length %s of the answer is no number", protocol.Quote(p.length))
		}
		reply.Length = int64(n)
	}
	reply.Status = 200
	switch {
	case p.status != "":
		var ok bool
		if reply.Status, ok = parseStatus(p.status); !ok {
			return fmt.Errorf("cgi: Status %s of the answer is not from 200 to 599", protocol.Quote(p.status))
		}
	case p.location != "" && p.location[0] == '/' && !strings.HasPrefix(p.location, "//") && !nph:
		reply.Local = p.location
		return nil
	case p.location != "":
		reply.Status = 302
	}
	if p.location != "" {
		reply.Fields.Add("Location", p.location)
	}
	return nil
}

// parseStatus reads three digits, and a reason behind a blank, which is dropped.
func parseStatus(text string) (status int, ok bool) {
	if len(text) < 3 || len(text) > 3 && text[3] != ' ' {
		return 0, false
	}
	for _, c := range []byte(text[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		status = status*10 + int(c-'0')
	}
	return status, status >= 200 && status <= 599
}
