package dev

import (
	"encoding/json"
	"html"

	"spindle/reactor"
	"spindle/resource"
)

// This file is a console in an application while it runs: a ticket of no exception, with the
// guard that those have.

// Opened is such a console.
type Opened struct {
	Ticket *Ticket
	Talk   Talk
}

// livePage is live: GET is a page, POST opens one.
type livePage struct {
	resource.Leaf
	s *Supervisor
}

const liveHelp = "Only an application of Python can be talked to while it runs. Into a Go program that runs lead --debugger 127.0.0.1:2345 and dlv connect 127.0.0.1:2345."

func (x livePage) RenderGET(r *resource.Request) ([]byte, error) {
	unframed(r)
	if x.s.opts.Kind != WSGI {
		return r.Text(liveHelp + "\n")
	}
	return r.HTML(pageHead("Console", postScript) + coverHead + `A console in the application</h1><p class="hint">It runs what you enter in a worker, while that serves, ` +
		`with the names of the application's module. The PIN is at the terminal. What you name stays in this console.</p></header>` +
		postButton("Open one", x.s.front.token) + `</main></body></html>`)
}

// RenderPOST opens one, and says under which ticket.
func (x livePage) RenderPOST(r *resource.Request) ([]byte, error) {
	if err := x.s.front.trusted(r); err != nil {
		return nil, err
	}
	h, ok := x.s.current.(*hosted)
	if !ok || h.app.Console == nil {
		return nil, &resource.Error{Status: 409, Detail: liveHelp}
	}
	return laterJSON(r, reactor.Chain(h.app.Console(), func(o Opened) *reactor.Deferred[[]byte] {
		o.Ticket.talk = o.Talk
		o.Ticket.judge(x.s.roots()...)
		x.s.tickets.add(o.Ticket, x.s.loop.Now())
		body, err := json.Marshal(map[string]string{"to": Prefix + "tickets/" + o.Ticket.ID})
		if err != nil {
			return reactor.Failed[[]byte](err)
		}
		return reactor.Succeeded(body)
	}))
}

// liveLink leads there from the dashboard.
func liveLink(kind Kind) string {
	if kind != WSGI {
		return ""
	}
	return "\n  <a href=\"" + Prefix + "live\" title=\"Talk to the application while it runs\">Console</a>"
}

// postScript has the button of a page post to it, and go where the answer leads to.
const postScript = `<script>addEventListener('DOMContentLoaded', () => { const b = document.querySelector('[data-token]'); b.onclick = async () => { ` +
	`const a = await fetch(location.pathname, { method: 'POST', headers: { 'X-Spindle-Token': b.dataset.token } }); ` +
	`if (!a.ok) { b.textContent = 'That did not succeed'; return; } const { to } = await a.json(); if (to) location.href = to; else location.reload(); }; });</script>`

func postButton(text, token string) string {
	return `<button type="button" data-token="` + html.EscapeString(token) + `">` + html.EscapeString(text) + `</button>`
}
