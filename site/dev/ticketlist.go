package dev

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file is the tree of the tickets: the list, and a page for each.

//go:embed page/ticket.js
var ticketScript []byte

// ticketTree is tickets/ and tickets/ID.
type ticketTree struct{ s *Supervisor }

// Child is a ticket.
func (x ticketTree) Child(id string, _ *resource.Request) resource.Resource {
	if t := x.s.tickets.find(id); t != nil {
		return ticketPage{s: x.s, t: t}
	}
	return nil
}

// RenderGET is the list.
func (x ticketTree) RenderGET(r *resource.Request) ([]byte, error) {
	unframed(r)
	list := x.s.tickets.list
	r.SetField("Vary", "Accept")
	switch protocol.BestMedia(r.FieldBytes("Accept"), "text/plain", "text/html", "application/json") {
	case 1:
		r.SetField("Content-Type", "text/html; charset=utf-8")
		return []byte(listPage(list, x.s.target.root())), nil
	case 2:
		r.SetField("Content-Type", "application/json")
		list := slices.Clone(list)
		return r.Later(reactor.DeferToThreadPool(r.Loop().ThreadPool(), func() ([]byte, error) {
			for i, t := range list {
				list[i] = t.whole()
			}
			text, err := json.Marshal(list)
			return append(text, '\n'), err
		}))
	}
	var b strings.Builder
	for _, t := range list {
		fmt.Fprintf(&b, "%s  %s  %s\n", t.ID, t.Time.Format("15:04:05"), t.Title())
	}
	return r.Text(b.String())
}

// unframed keeps a page out of frames.
func unframed(r *resource.Request) {
	r.SetField("X-Frame-Options", "DENY")
	r.SetField("Content-Security-Policy", "frame-ancestors 'none'")
	r.SetField("Referrer-Policy", "no-referrer")
}

func listPage(list []*Ticket, root string) string {
	var b strings.Builder
	b.WriteString(pageHead("Tickets", "") + `<main class="failure ticket"><header><p class="stage">Tickets</p><h1>What went wrong</h1>`)
	fmt.Fprintf(&b, `<p class="hint">The last %d panics and errors of the program, the newest first.</p></header>`, keptTickets)
	if len(list) == 0 {
		b.WriteString(`<p class="none">Nothing yet.</p>`)
	}
	b.WriteString(`<ul class="tickets">`)
	for _, t := range list {
		fmt.Fprintf(&b, `<li><a href="%stickets/%s"><time>%s</time><b>%s</b>`, Prefix, html.EscapeString(t.ID), t.Time.Format("15:04:05"), html.EscapeString(t.Title()))
		if x := t.Report.Exchange; x != nil {
			b.WriteString(`<span>` + html.EscapeString(x.Method+" "+x.Target) + `</span>`)
		}
		if f := t.place(); f != nil {
			fmt.Fprintf(&b, `<code>%s:%d</code>`, html.EscapeString(relativeTo(root, f.File)), f.Line)
		}
		b.WriteString(`</a></li>`)
	}
	b.WriteString(`</ul></main></body></html>`)
	return b.String()
}

// ticketPage is one ticket.
type ticketPage struct {
	resource.Leaf
	s *Supervisor
	t *Ticket
}

// RenderGET answers in the form that the client likes best.
func (x ticketPage) RenderGET(r *resource.Request) ([]byte, error) {
	unframed(r)
	r.SetField("Vary", "Accept")
	v := x.s.ticketView(x.t)
	switch protocol.BestMedia(r.FieldBytes("Accept"), "text/plain", "text/html", "application/json") {
	case 1:
		return v.answer(r, "text/html; charset=utf-8", v.page)
	case 2:
		return v.answer(r, "application/json", v.json)
	}
	return v.answer(r, "text/plain; charset=utf-8", v.text)
}

// Witness answers r with the page of an exception of an application that this process
// hosts, and keeps it: t has all but id, time and what was asked. talk has its frames, if
// these can be asked; nil otherwise. Loop only.
func (s *Supervisor) Witness(r *resource.Request, t *Ticket, talk Talk) {
	t.talk = talk
	report := &t.Report
	report.Exchange = resource.DescribeHead(r.Head())
	report.Exchange.ID, report.Exchange.Peer = r.ID(), r.Peer().String()
	t.judge(s.roots()...)
	s.tickets.add(t, s.loop.Now())
	s.tell(Event{Kind: EventTicket, Name: t.ID, Text: t.Title(), PID: report.PID})
	v := s.ticketView(t)
	r.SetStatus(500)
	r.SetField("X-Spindle-Ticket", t.ID)
	if !s.hostIsOurs(r) {
		r.SetField("Content-Type", "text/plain; charset=utf-8")
		r.Answer([]byte("Something went wrong: ticket "+t.ID+"\n"), nil)
		return
	}
	unframed(r)
	r.SetField(failureField, "panic")
	r.SetField("Cache-Control", "no-store")
	r.SetField("Vary", "Accept")
	reactor.DeferToThreadPool(s.loop.ThreadPool(), func() ([2]string, error) {
		kind, page := v.form(report.Exchange.Accept)
		return [2]string{kind, page}, nil
	}).Then(func(made [2]string) {
		r.SetField("Content-Type", made[0])
		r.Answer([]byte(made[1]), nil)
	}, r.Fail)
}

// prepareInspector has the debug information of a program read while it starts, so that its
// first panic has its variables at once.
func (s *Supervisor) prepareInspector(path string) {
	in := s.opts.Inspect
	if in == nil {
		return
	}
	reactor.DeferToThreadPool(s.loop.ThreadPool(), func() (struct{}, error) { return struct{}{}, in.Prepare(path) }).
		Then(nil, func(error) {}) // a panic will say why there is nothing to see
}

// expectWhole has the debug information of a program read as soon as it is there.
func (s *Supervisor) expectWhole(p *built) {
	if p.whole == nil || s.opts.Inspect == nil {
		s.prepareInspector(p.path)
		return
	}
	whole := s.opts.Inspect.Expect(p.path)
	p.whole.Then(func(path string) {
		whole(path, nil)
		s.prepareInspector(path)
	}, func(err error) { whole("", err) })
}
