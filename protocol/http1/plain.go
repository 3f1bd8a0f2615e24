package http1

import (
	"bytes"
	"slices"

	"spindle/protocol"
	"spindle/protocol/internal/word"
)

// This file finds and checks a head in one pass over its bytes, when it is all there
// and nothing is wrong with it, as nearly every head is. It never refuses: of any
// other head it says 0, and scanLines looks again and says what it is. What it takes,
// scanLines takes with the same result; a fuzz target holds them together.

// scanPlain returns the length of the head at the front of buf, 0 when it is not
// whole or not beyond doubt. It fills in t.fields and s.block.
func (t *tokenizer) scanPlain(buf []byte, s *headScan) int {
	block := 0
	if t.answers {
		block = plainStatusLine(buf)
	} else {
		block = plainRequestLine(buf)
	}
	if block == 0 || block-2 > t.maxLine {
		return 0
	}
	fields := t.fields[:0]
	at := block
	for ; ; at += len(crlf) {
		if at+len(crlf) > len(buf) {
			return 0
		}
		if string(buf[at:at+len(crlf)]) == crlf {
			break
		}
		name := at
		for at < len(buf) && protocol.IsTokenByte(buf[at]) {
			at++
		}
		if at == name || at+1 >= len(buf) || buf[at] != ':' || len(fields) == t.maxFields {
			return 0
		}
		colon, from := at, at+1
		if buf[from] == ' ' {
			from++ // as nearly everyone writes it
		}
		if at = valueEnd(buf, from); at == 0 {
			return 0
		}
		value := buf[from:at]
		if len(value) > 0 && (value[0] <= ' ' || value[len(value)-1] <= ' ') {
			value = protocol.TrimBlank(value)
		}
		if len(fields) == cap(fields) {
			fields = slices.Grow(fields, 1)
		}
		fields = fields[:len(fields)+1]
		f := &fields[len(fields)-1] // in place: a literal would be built beside it and copied
		f.Name, f.Value = buf[name:colon:colon], value
	}
	t.fields = fields
	if at-block > t.maxBytes {
		return 0
	}
	s.block = int32(block)
	return at + len(crlf)
}

const crlf = "\r\n"

// plainRequestLine is the length of the request line with its CR LF, 0 when it is not
// whole or not as checkRequestLine wants it.
func plainRequestLine(buf []byte) int {
	i := 0
	for i < len(buf) && protocol.IsTokenByte(buf[i]) {
		i++
	}
	if i == 0 || i == len(buf) || buf[i] != ' ' {
		return 0
	}
	target := i + 1
	i = targetEnd(buf, target)
	if i == target || len(buf)-i < len(versionTail) {
		return 0
	}
	tail := buf[i : i+len(versionTail)]
	if string(tail[:8]) != versionTail[:8] || !isDigit(tail[8]) || string(tail[9:]) != crlf {
		return 0
	}
	return i + len(versionTail)
}

// versionTail is what stands behind the target: one digit of it may be another.
const versionTail = " HTTP/1.1\r\n"

// targetEnd is where the target that begins at from ends: at the first byte that is none of
// it, or at the end of buf.
func targetEnd(buf []byte, from int) int {
	i := from
	for ; i+8 <= len(buf); i += 8 {
		x := word.Load(buf[i : i+8])
		if marks := word.Below(x, '!') | word.Equal(x, 0x7f) | word.Equal(x, '#'); marks != 0 {
			return i + word.First(marks)
		}
	}
	for i < len(buf) && targetByte(buf[i]) {
		i++
	}
	return i
}

// valueEnd is where the value that begins at from ends with CR LF; 0 when it does not,
// or has a control byte in it.
func valueEnd(buf []byte, from int) int {
	i := from
	for i+8 <= len(buf) {
		x := word.Load(buf[i : i+8])
		marks := word.Controls(x)
		if marks == 0 {
			i += 8
			continue
		}
		if i += word.First(marks); buf[i] != '\t' {
			break
		}
		i++
	}
	for i < len(buf) && (buf[i] >= ' ' && buf[i] != 0x7f || buf[i] == '\t') {
		i++
	}
	if i+len(crlf) > len(buf) || string(buf[i:i+len(crlf)]) != crlf {
		return 0
	}
	return i
}

// plainStatusLine is the length of the status line with its CR LF, 0 when it is not whole
// or not as checkStatusLine wants it.
func plainStatusLine(buf []byte) int {
	i := bytes.IndexByte(buf, '\n')
	if i < 1 || buf[i-1] != '\r' || checkStatusLine(buf[:i-1]) != nil {
		return 0
	}
	return i + 1
}
