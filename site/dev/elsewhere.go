package dev

import (
	"fmt"
	"html"
	"slices"

	"spindle/protocol"
	"spindle/protocol/postmortem"
	"spindle/reactor"
	"spindle/resource"
)

// This file tells who is on this machine from who is not, and has the latter see that a
// request has failed, not what it held: the page of a panic has variables, the environment,
// the log and what its console needs.

// isHere tells whether who asks is on this machine.
func isHere(r *resource.Request) bool {
	return isLocal(r.Peer()) && !slices.ContainsFunc(postmortem.ForwardedFields, func(name string) bool { return r.FieldBytes(name) != nil })
}

// isLocal tells whether the other end of a connection is on this machine.
func isLocal(a reactor.Addr) bool { return !a.IP.IsValid() || a.IP.Unmap().IsLoopback() }

// onlyTicket is the filter of an answer to somebody elsewhere: of the page of a panic it
// leaves which ticket has it. It implements resource.Filter.
type onlyTicket struct{ body []byte }

// Begin takes such pages alone.
func (w *onlyTicket) Begin(r *resource.Request, _ int, fields protocol.Fields) (protocol.Fields, bool) {
	if fields.Get(failureField) != "panic" {
		return fields, false
	}
	kind, text := shortPanic(r.Field("Accept"), fields.Get("X-Spindle-Ticket"))
	w.body = []byte(text)
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Accept-Ranges", "Digest", "Content-Digest", "Repr-Digest", "Content-MD5"} {
		fields.Del(name)
	}
	fields.Set("Content-Type", kind)
	return fields, true
}

// Filter drops what there is.
func (w *onlyTicket) Filter(dst, _ []byte) []byte { return dst }

// End puts the short page in its place.
func (w *onlyTicket) End(dst []byte) []byte { return append(dst, w.body...) }

// shortPanic is what there is to say of a ticket, in the form that the client likes best.
func shortPanic(accept, ticket string) (kind, text string) {
	const wrong = "Something went wrong"
	switch formOf(accept) {
	case asHTML:
		return "text/html; charset=utf-8", pageHead(wrong, "") + `<main class="failure ticket"><header><p class="stage">Panic</p><h1>` + wrong +
			`</h1><p class="hint">Ticket ` + html.EscapeString(ticket) + ` is shown on the machine that runs the development server.</p></header></main></body></html>`
	case asJSON:
		return "application/json", fmt.Sprintf("{\"error\":%q,\"ticket\":%q}\n", wrong, ticket)
	}
	return "text/plain; charset=utf-8", wrong + ": ticket " + ticket + "\n"
}
