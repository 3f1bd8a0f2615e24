package http1

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"spindle/protocol"
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
	for at+2 <= len(buf) && !isCRLF(buf[at:]) {
		name := at
		for at < len(buf) && protocol.IsTokenByte(buf[at]) {
			at++
		}
		if at == name || at == len(buf) || buf[at] != ':' || len(fields) == t.maxFields {
			return 0
		}
		colon := at
		if at = valueEnd(buf, colon+1); at == 0 {
			return 0
		}
		fields = append(fields, protocol.RawField{
			Name:  buf[name:colon:colon],
			Value: protocol.TrimBlank(buf[colon+1 : at]),
		})
		at += 2
	}
	t.fields = fields
	if at+2 > len(buf) || at-block > t.maxBytes {
		return 0
	}
	s.block = int32(block)
	return at + 2
}

// isCRLF tells whether b, of two bytes or more, begins with CR LF.
func isCRLF(b []byte) bool { return b[0] == '\r' && b[1] == '\n' }

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
	for i = target; i < len(buf) && targetByte(buf[i]); i++ {
	}
	const rest = len(" HTTP/1.1\r\n")
	if i == target || len(buf)-i < rest {
		return 0
	}
	tail := buf[i : i+rest]
	if tail[0] != ' ' || string(tail[1:8]) != "HTTP/1." || !isDigit(tail[8]) || !isCRLF(tail[9:]) {
		return 0
	}
	return i + rest
}

// valueEnd is where the value that begins at from ends with CR LF; 0 when it does not,
// or has a control byte in it. It looks at eight bytes at once.
func valueEnd(buf []byte, from int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := from
	for i+8 <= len(buf) {
		x := binary.LittleEndian.Uint64(buf[i:])
		d := x ^ ones*0x7f
		// Below 0x20, or DEL: the lowest of the marked bytes is marked rightly.
		marks := ((x-ones*0x20)&^x | (d-ones)&^d) & tops
		if marks == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(marks) / 8; buf[i] != '\t' {
			break
		}
		i++
	}
	for i < len(buf) && (buf[i] >= ' ' && buf[i] != 0x7f || buf[i] == '\t') {
		i++
	}
	if i+2 > len(buf) || !isCRLF(buf[i:]) {
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
