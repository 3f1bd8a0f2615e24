package resource

import (
	"bytes"
	"fmt"
	"strings"

	"spindle/protocol"
)

// This file answers a request with what is at another place of the same tree, without
// the client being told (the local redirect of RFC 3875 §6.2.2).

// maxTurns is how often one request may be sent on.
const maxTurns = 10

// Redispatch has the tree answer as if the client had asked by GET (HEAD stays HEAD) for
// target, a path with its query that begins with one slash. Path and Query are those of
// target from now on; Target stays what the client sent. Content of the request that has
// not been read is dropped, and so is what was set for the answer. After the head of the
// answer was sent it aborts. A request that was sent on too often is answered 500.
func (r *Request) Redispatch(target string) {
	if r.isOver() {
		return
	}
	if r.turns++; r.turns > maxTurns {
		r.Fail(fmt.Errorf("resource: sent on %d times, the last time to %s", maxTurns, protocol.Quote(target)))
		return
	}
	if r.headSent || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		r.Fail(fmt.Errorf("resource: can not be sent on to %s", protocol.Quote(target)))
		return
	}
	r.kept = true
	r.clearAnswer()
	r.status = 0
	r.dropContent()
	r.head = headFor(r.head, target)
	r.used, r.phase = 0, walking
	r.res = r.d.Root
	r.guarded(stepGoOn)
}

// headFor is h as that of a GET for target, without what is about content.
func headFor(h *protocol.Head, target string) *protocol.Head {
	h = h.Clone()
	if h.Method != "HEAD" {
		h.Method = "GET"
	}
	path, query, has := strings.Cut(target, "?")
	h.Path, h.Query, h.Base, h.Form = []byte(path), nil, 0, protocol.OriginForm
	if has {
		h.Query = []byte(query)
	}
	h.ContentLength, h.ExpectContinue = 0, false
	fields := h.Fields[:0]
	for _, f := range h.Fields {
		if len(f.Name) < 8 || !bytes.EqualFold(f.Name[:8], []byte("Content-")) {
			fields = append(fields, f)
		}
	}
	h.Fields = fields
	return h
}

// dropContent forgets what has come of the content, and has the rest of it dropped.
func (r *Request) dropContent() {
	r.body.release(r)
	dropped := r.body.dropped || !r.body.complete && r.head.ContentLength != 0
	r.body = content{dropped: dropped}
	if dropped {
		r.ch.ResumeBody()
	}
}
