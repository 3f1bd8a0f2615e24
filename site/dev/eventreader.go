package dev

import (
	"bytes"
	"strings"
)

// This file takes an event stream apart as it passes, as the HTML standard says (§9.2.6
// of its section on server-sent events); what that has a browser drop is shown, and said.

// eventReader follows one stream. It keeps an event that has come in part, no more than
// mostOfMessage of it.
type eventReader struct {
	tell  func(p passed, data []byte)
	begun bool
	cr    bool   // the last byte was one: a line feed behind it belongs to it
	line  []byte // the first of the line under way
	long  int64  // bytes of it
	p     passed // the event under way
	data  []byte
	lines int  // of data
	any   bool // something of an event has come
}

const byteOrderMark = "\xef\xbb\xbf"

// follow takes the next bytes.
func (e *eventReader) follow(p []byte) {
	for len(p) > 0 {
		if e.cr && p[0] == '\n' {
			e.cr = false
			e.p.wire++
			p = p[1:]
			continue
		}
		e.cr = false
		i := bytes.IndexByte(p, '\n')
		before := p
		if i >= 0 {
			before = p[:i]
		}
		if j := bytes.IndexByte(before, '\r'); j >= 0 {
			i, e.cr = j, true
		}
		if i < 0 {
			e.take(p)
			return
		}
		e.take(p[:i])
		e.p.wire++
		p = p[i+1:]
		e.endLine()
	}
}

// take takes a piece of a line.
func (e *eventReader) take(p []byte) {
	e.long += int64(len(p))
	e.p.wire += int64(len(p))
	if room := mostOfMessage - len(e.line); room > 0 {
		e.line = append(e.line, p[:min(room, len(p))]...)
	}
}

// endLine deals with a line.
func (e *eventReader) endLine() {
	line, long := e.line, e.long
	e.line, e.long = e.line[:0], 0
	if !e.begun {
		e.begun = true
		if bytes.HasPrefix(line, []byte(byteOrderMark)) {
			line, long = line[len(byteOrderMark):], long-int64(len(byteOrderMark))
		}
	}
	if long == 0 {
		e.dispatch()
		return
	}
	if line[0] == ':' {
		text := bytes.TrimPrefix(line[1:], []byte(" "))
		e.tell(passed{kind: "comment", size: long - int64(len(line)-len(text)), wire: long + 1, frames: 1}, text)
		e.p.wire = max(0, e.p.wire-long-1)
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	e.field(name, value, long-int64(len(line)-len(value)))
}

// field takes one; size is that of the whole value.
func (e *eventReader) field(name, value []byte, size int64) {
	e.any = true
	switch string(name) {
	case "data":
		if e.lines > 0 {
			e.addData([]byte("\n"), 1)
		}
		e.lines++
		e.addData(value, size)
	case "event":
		e.p.name = cut(string(value), 200)
	case "id":
		if bytes.IndexByte(value, 0) >= 0 {
			e.odd("an id with a NUL, which is not taken")
			return
		}
		e.p.eventID = cut(string(value), 200)
	case "retry":
		if e.p.retry = cut(string(value), 20); strings.Trim(e.p.retry, "0123456789") != "" || e.p.retry == "" {
			e.odd("a retry that is not a number, which is not taken")
		}
	default:
		e.odd("a field that means nothing: " + cut(string(name), 40))
	}
}

// addData takes a piece of data.
func (e *eventReader) addData(p []byte, size int64) {
	e.p.size += size
	if room := mostOfMessage - len(e.data); room > 0 {
		e.data = append(e.data, p[:min(room, len(p))]...)
	}
}

func (e *eventReader) odd(note string) {
	if e.p.note == "" {
		e.p.note = note
	}
}

// dispatch tells of the event under way.
func (e *eventReader) dispatch() {
	if e.any {
		e.p.kind, e.p.frames = "event", 1
		if e.lines == 0 {
			e.odd("without data: a page is not told of it")
		}
		e.tell(e.p, e.data)
	}
	e.p, e.data, e.lines, e.any = passed{}, e.data[:0], 0, false
	if cap(e.data) > mostOfMessage/4 {
		e.data = nil
	}
	if cap(e.line) > mostOfMessage/4 {
		e.line = nil
	}
}

// end tells of what was not ended.
func (e *eventReader) end() {
	if e.long > 0 {
		e.endLine()
	}
	if e.any {
		e.p.note = "not ended by an empty line: a page is not told of it"
		e.dispatch()
	}
}
