package resource

import (
	"errors"
	"runtime/debug"
	"slices"
	"strings"

	"spindle/protocol"
	"spindle/protocol/postmortem"
)

// This file has a development server see a panic, and takes the page that it makes of it.
// A program that nobody supervises does none of this.

// PanicError is the error of a panic with the value v, for Fail: it has the stack, for the
// log. seen is what postmortem.OfPanic gave for it, nil without a development server.
// Any goroutine.
func PanicError(v any, stack []byte, seen *postmortem.Pending) error {
	return &panicError{value: v, stack: stack, seen: seen}
}

// recovered is the error of a panic of this goroutine, while nobody else uses r. It is
// called by the deferred function that has recovered.
func (r *Request) recovered(v any) *panicError {
	var seen *postmortem.Pending
	if postmortem.Wanted() {
		seen = postmortem.OfPanic(v, r.exchange)
	}
	if r.watched != nil {
		r.watched.rendered()
	}
	return &panicError{value: v, stack: debug.Stack(), seen: seen}
}

// exchange describes what was asked, for a page.
func (r *Request) exchange() *postmortem.Exchange {
	x := DescribeHead(r.head)
	x.Said = r.watched.said()
	x.ID, x.Host, x.Peer = r.ID(), r.Authority(), r.Peer().String()
	for name, values := range r.Args() {
		for _, v := range values {
			x.Form = append(x.Form, postmortem.PairOf(name, v))
		}
	}
	if s := r.Session(); s != nil {
		for name, value := range s.Values() {
			p := postmortem.PairOf(name[strings.LastIndexByte(name, '.')+1:], value)
			p.Name = name
			x.Session = append(x.Session, p)
		}
	}
	slices.SortStableFunc(x.Form, func(a, b postmortem.Pair) int { return strings.Compare(a.Name, b.Name) })
	return x
}

// DescribeHead describes a request as far as its head goes. Any goroutine that may read h.
func DescribeHead(h *protocol.Head) *postmortem.Exchange {
	x := &postmortem.Exchange{Method: h.Method, Target: postmortem.MaskTarget(string(h.Target)), Version: versionText(h.Version),
		Host: string(h.Authority), Accept: string(h.List("Accept"))}
	for _, f := range h.Fields {
		if !protocol.EqualFold(f.Name, "Cookie") {
			x.Fields = append(x.Fields, postmortem.PairOf(string(f.Name), string(f.Value)))
		}
	}
	for name, value := range h.Cookies() {
		x.Cookies = append(x.Cookies, postmortem.CookiePairOf(string(name), string(value)))
	}
	return x
}

func versionText(v protocol.Version) string {
	switch v {
	case protocol.HTTP2:
		return "HTTP/2"
	case protocol.HTTP10:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// ticketField names the ticket of an answer that is a page of the development server. The
// server knows such pages by failureField.
const (
	ticketField  = "X-Spindle-Ticket"
	failureField = "X-Spindle-Failure"
)

// witnessed is the page that the development server makes of err, nil when there is none.
func (r *Request) witnessed(e *Error, err error) *postmortem.Pending {
	if e.Status != 500 || !postmortem.Wanted() {
		return nil
	}
	var p *panicError
	if errors.As(err, &p) {
		return p.seen
	}
	return postmortem.OfError(err, r.exchange)
}

// awaitPage answers with that page when it is there. Until then the exchange is as good as
// over for everybody else, and the loop goes on.
func (r *Request) awaitPage(e *Error, p *postmortem.Pending) {
	r.kept = true
	r.phase = failing
	r.dropContent()
	loop := r.ch.Loop()
	go func() {
		a := p.Wait()
		loop.CallFromThread(func() {
			if r.phase == failing {
				r.phase = rendering
				r.answerFailed(e, r.witnessPage(a))
			}
		})
	}()
}

// witnessPage is the page, with its fields; nil when there is none.
func (r *Request) witnessPage(a *postmortem.Answer) []byte {
	if a == nil || a.Page == nil {
		return nil
	}
	if a.Ticket != "" {
		r.SetField(ticketField, a.Ticket)
	}
	r.SetField(failureField, "panic")
	r.SetField("Content-Type", a.Type)
	r.SetField("Cache-Control", "no-store")
	r.SetField("X-Frame-Options", "DENY")
	r.SetField("Content-Security-Policy", "frame-ancestors 'none'")
	r.AddField("Vary", "Accept")
	return a.Page
}

// prepareWitness makes the stack of this goroutine ready to be looked at, once for each
// loop.
func (d *Dispatcher) prepareWitness() {
	if !d.grown && postmortem.Wanted() {
		d.grown = true
		postmortem.GrowStack()
	}
}
