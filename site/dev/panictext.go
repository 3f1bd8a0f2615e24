package dev

import (
	"path/filepath"
	"strconv"
	"strings"
)

// This file finds panics in what a program prints: those that net/http and gin recover
// from by themselves, so that nobody is told of them otherwise.

// panicText is a panic as it was printed.
type panicText struct {
	by      string // who has recovered it: net/http, gin
	message string
	method  string // of the request, where that is printed too; else ""
	target  string
	frames  []Frame
	stack   strings.Builder
}

// panicReader takes the lines of a program, and puts such panics together.
type panicReader struct {
	now   *panicText
	last  bool   // only the place of the last frame is missing
	place *Frame // whose function comes in the next line
}

const mostPrinted = 128 << 10

var (
	servedPanic = pattern{text: `http: panic serving \S+: (.*)$`}
	ginPlace    = pattern{text: `^(/\S+\.go):(\d+) \(0x[0-9a-f]+\)$`}
	ginRequest  = pattern{text: `^([A-Z]+) (\S+) HTTP/\d`}
)

// line takes the next one. done is a panic that is complete.
func (r *panicReader) line(text string) (done *panicText) {
	text = plainText(text)
	if strings.Contains(text, "http: panic serving ") {
		if m := servedPanic.get().FindStringSubmatch(text); m != nil {
			done = r.end()
			r.now = &panicText{by: "net/http", message: m[1]}
			return done
		}
	}
	if strings.Contains(text, "[Recovery]") && strings.HasSuffix(text, "panic recovered:") {
		done = r.end()
		r.now = &panicText{by: "gin"}
		return done
	}
	if r.now == nil {
		return nil
	}
	if r.now.stack.Len() > mostPrinted {
		return r.end()
	}
	if r.now.by == "gin" {
		return r.gin(text)
	}
	return r.served(text)
}

// end gives what there is: nil where there are no frames.
func (r *panicReader) end() *panicText {
	p := r.now
	r.now, r.last, r.place = nil, false, nil
	if p == nil {
		return nil
	}
	if p.by != "gin" {
		p.frames = framesOfStack(p.stack.String())
	}
	if len(p.frames) == 0 {
		return nil
	}
	return p
}

// served takes a line of net/http: a stack as Go prints it.
func (r *panicReader) served(text string) *panicText {
	p := r.now
	if p.stack.Len() == 0 && !strings.HasPrefix(text, "goroutine ") {
		p.message += "\n" + text // it has several lines
		if len(p.message) > mostPrinted {
			r.end()
		}
		return nil
	}
	p.stack.WriteString(text + "\n")
	switch {
	case strings.HasPrefix(text, "created by "):
		r.last = true
	case r.last || text == "":
		return r.end()
	}
	return nil
}

// gin takes a line of gin.Recovery: the request, the value, then frames with their place
// first.
func (r *panicReader) gin(text string) *panicText {
	p := r.now
	if p.stack.Len() > 0 || ginPlace.get().MatchString(text) {
		p.stack.WriteString(text + "\n")
	}
	switch m := ginPlace.get().FindStringSubmatch(text); {
	case m != nil:
		line, _ := strconv.Atoi(m[2])
		p.frames = append(p.frames, Frame{File: filepath.Clean(m[1]), Line: line})
		r.place = &p.frames[len(p.frames)-1]
	case r.place != nil && strings.HasPrefix(text, "\t"):
		r.place.Function, _, _ = strings.Cut(strings.TrimSpace(text), ": ")
		r.place = nil
	case len(p.frames) > 0:
		for len(p.frames) > 1 && strings.Contains(p.frames[0].File, "/src/runtime/") {
			p.frames = p.frames[1:]
		}
		return r.end()
	case p.method == "" && ginRequest.get().MatchString(text):
		m := ginRequest.get().FindStringSubmatch(text)
		p.method, p.target = m[1], m[2]
	case strings.TrimSpace(text) != "":
		p.message = text // the last line before the frames
	}
	return nil
}

// plainText is text without colours.
func plainText(text string) string {
	for {
		i := strings.Index(text, "\x1b[")
		if i < 0 {
			return strings.TrimRight(text, "\r")
		}
		j := strings.IndexByte(text[i:], 'm')
		if j < 0 {
			return text[:i]
		}
		text = text[:i] + text[i+j+1:]
	}
}
