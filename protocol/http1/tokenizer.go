package http1

import (
	"bytes"

	"github.com/evanphx/wildcat"

	"spindle/protocol"
)

// This file finds the end of a head as it arrives, checks every line of it
// strictly, takes the field lines apart, and then lets wildcat tokenize the request
// line. wildcat trusts its input: what it sees here is one line that has been
// checked. What the tokens mean is judged in head.go.

// tokenizer makes heads out of bytes. One serves all connections of a loop: what
// belongs to a connection is in headScan.
type tokenizer struct {
	maxLine   int // bytes of the request line
	maxBytes  int // bytes of the field lines
	maxFields int
	answers   bool // it reads answers: the first line is a status line

	parser wildcat.HTTPParser
	fields []protocol.RawField // head.Fields, to be used again
	head   protocol.Head
	host   []byte // the last Host that was well formed
}

// headScan is how far the head of a connection has been checked. The zero value
// is for a head of which nothing has come.
type headScan struct {
	pos    int32 // where the search for the next LF goes on
	line   int32 // where the line in hand begins
	block  int32 // where the field lines begin; 0 while the request line is in hand
	fields int32 // field lines that are complete
}

func newTokenizer(s *Settings) *tokenizer {
	t := &tokenizer{
		maxLine:   s.MaxRequestLineBytes,
		maxBytes:  s.MaxFieldBytes,
		maxFields: s.MaxFields,
	}
	t.parser = *wildcat.NewSizedHTTPParser(1) // it never sees a field
	return t
}

// scan goes over what is there of a head, which begins at buf[0], and returns
// its length once it is whole, 0 before. It looks at no byte twice. What it
// gives for a head does not depend on how the head was cut.
func (t *tokenizer) scan(buf []byte, s *headScan) (n int, err *protocol.Error) {
	if s.pos == 0 {
		if n := t.scanPlain(buf, s); n > 0 {
			return n, nil
		}
		if !t.answers {
			if err := checkStart(buf); err != nil {
				return 0, err
			}
		}
	}
	return t.scanLines(buf, s)
}

// scanLines is scan line by line: it says what is wrong, and waits for what is
// missing.
func (t *tokenizer) scanLines(buf []byte, s *headScan) (n int, err *protocol.Error) {
	whole := s.pos == 0 // else the fields of the lines before are not in hand
	if whole {
		t.fields = t.fields[:0]
	}
	for {
		i := bytes.IndexByte(buf[s.pos:], '\n')
		if i < 0 {
			if len(buf) > 1 { // checkStart may want to see two
				s.pos = int32(len(buf))
			}
			return 0, t.checkPart(buf[s.line:], s)
		}
		end := int(s.pos) + i
		line := buf[s.line:end] // with its CR
		if s.block == 0 {
			err = t.checkFirst(line)
			s.block = int32(end) + 1
		} else if len(line) == 1 && line[0] == '\r' {
			if whole {
				return end + 1, nil
			}
			*s = headScan{} // once more, now that all of it is here
			return t.scanLines(buf[:end+1], s)
		} else {
			err = t.checkNext(line, end+1, s)
		}
		if err != nil {
			return 0, err
		}
		s.pos = int32(end) + 1
		s.line = s.pos
	}
}

// checkStart looks at the first bytes, so that what is no HTTP at all is refused
// before a line of it is complete.
func checkStart(buf []byte) *protocol.Error {
	switch {
	case len(buf) == 0 || protocol.IsTokenByte(buf[0]):
		return nil
	case buf[0] == 0x16 && len(buf) == 1:
		return nil
	case buf[0] == 0x16 && buf[1] == 0x03:
		return errTLS
	case buf[0] == '\r' && len(buf) == 1:
		return nil
	case buf[0] == '\r' && buf[1] == '\n':
		return errEmptyLine
	case buf[0] == '\n':
		return errBareLF
	}
	return errMethod
}

// checkPart holds the limits on a line that is not complete: what is too long
// already is refused at once.
func (t *tokenizer) checkPart(part []byte, s *headScan) *protocol.Error {
	n := len(part)
	if s.block == 0 {
		if n > 0 && part[n-1] == '\r' {
			n--
		}
		if t.answers && !beginsStatus(part) {
			return errStatusLine
		}
		if n > t.maxLine {
			return errLineTooLong
		}
		return nil
	}
	if n > 1 && int(s.line-s.block)+n > t.maxBytes {
		return errBlockTooLong
	}
	return nil
}

// checkFirst checks the request line (RFC 9112 §3), or the status line (§4). line has its CR still.
func (t *tokenizer) checkFirst(line []byte) *protocol.Error {
	if t.answers && !beginsStatus(line) {
		return errStatusLine
	}
	n := len(line) - 1
	if n < 0 || line[n] != '\r' {
		if len(line) > t.maxLine {
			return errLineTooLong
		}
		return errBareLF
	}
	if n > t.maxLine {
		return errLineTooLong
	}
	if t.answers {
		return checkStatusLine(line[:n])
	}
	return checkRequestLine(line[:n])
}

// checkNext checks a field line, which ends at end. line has its CR still.
func (t *tokenizer) checkNext(line []byte, end int, s *headScan) *protocol.Error {
	if end-int(s.block) > t.maxBytes {
		return errBlockTooLong
	}
	if s.fields++; int(s.fields) > t.maxFields {
		return errTooManyFields
	}
	n := len(line) - 1
	if n < 0 || line[n] != '\r' {
		return errBareLF
	}
	f, err := cutFieldLine(line[:n])
	t.fields = append(t.fields, f)
	return err
}

// checkRequestLine wants a token, a space, a target, a space and a version: no
// other blank anywhere.
func checkRequestLine(line []byte) *protocol.Error {
	i := 0
	for i < len(line) && protocol.IsTokenByte(line[i]) {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ' ' {
		return errMethod
	}
	target := i + 1
	for i = target; i < len(line) && targetByte(line[i]); i++ {
	}
	if i == target || i == len(line) || line[i] != ' ' {
		return errTarget
	}
	return checkVersion(line[i+1:])
}

// targetByte tells whether c may stand in a target. More than RFC 3986 has is
// let through, as clients send it and no server reads it in two ways: all that
// is neither blank, control byte nor the mark of a fragment.
func targetByte(c byte) bool { return c > ' ' && c != 0x7f && c != '#' }

// checkVersion takes HTTP/1.0, and HTTP/1.1 and what comes after it as 1.1 (RFC
// 9110 §2.5).
func checkVersion(v []byte) *protocol.Error {
	if len(v) != 8 || string(v[:5]) != "HTTP/" || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return errVersion
	}
	if v[5] != '1' {
		return errMajorVersion
	}
	return nil
}

// cutFieldLine takes a field line apart. It wants a token, a colon right behind it,
// and no control byte but HTAB in the value (RFC 9110 §5.5, RFC 9112 §5.1). A line
// that begins with a blank, as a fold does (RFC 9112 §5.2), has no token in front.
func cutFieldLine(line []byte) (f protocol.RawField, err *protocol.Error) {
	i := 0
	for i < len(line) && protocol.IsTokenByte(line[i]) {
		i++
	}
	switch {
	case i < len(line) && line[i] == ':' && i > 0:
		if value := line[i+1:]; cleanValue(value) {
			return protocol.RawField{Name: line[:i:i], Value: protocol.TrimBlank(value)}, nil
		}
		return f, errValue
	case i == 0 && (line[0] == ' ' || line[0] == '\t'):
		return f, errFold
	}
	return f, errName
}

// cleanValue tells whether b has no control byte but HTAB.
func cleanValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// tokenize makes the head of buf, which scan has just found to be whole. wildcat
// takes the request line apart. The field lines were taken apart by scan, which
// had to look at each of their bytes anyway: wildcat's second look at them took
// five times as long as all the rest (a head of 570 bytes: 2.2 of 2.9 µs). The head
// and its fields are those of the tokenizer, valid until the next call of scan.
func (t *tokenizer) tokenize(buf []byte, s *headScan) (*protocol.Head, *protocol.Error) {
	// Nothing of the head before is left in the parser: what is read here it
	// sets anew for each request line that scan lets through.
	// It is given no more than the method and the target: the version was compared with
	// the only one there is.
	p := &t.parser
	version := int(s.block) - len(versionTail) + 1
	if _, err := p.Parse(buf[:version]); err != wildcat.ErrMissingData { // the rest is what it misses
		return nil, errTokenizer
	}
	h := &t.head
	*h = protocol.Head{}
	h.Target, h.Method, h.Version = p.Path, method(p.Method), protocol.HTTP11
	if buf[version+len("HTTP/1.")] == '0' {
		h.Version = protocol.HTTP10
	}
	return h, t.judge(h)
}

// method makes a string of m, without an allocation when it is a known one.
func method(m []byte) string {
	switch string(m) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	case "PROPFIND":
		return "PROPFIND"
	case "REPORT":
		return "REPORT"
	case "QUERY":
		return "QUERY"
	}
	return string(m)
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// parseDigits reads s, which has to be digits and nothing else. big means that
// they are more than an int64 holds.
func parseDigits(s []byte) (n int64, ok, big bool) {
	for _, c := range s {
		if !isDigit(c) {
			return 0, false, false
		}
		if n > (1<<63-1-9)/10 {
			big = true
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(s) > 0, big
}
