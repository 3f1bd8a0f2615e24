package resource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"spindle/protocol"
	"spindle/protocol/postmortem"
	"spindle/reactor"
)

// This file turns an error into an answer: a page with a status, or, when the head
// was sent already, a cut connection.

// panicError is a panic of the application's code.
type panicError struct {
	value any
	stack []byte
	seen  *postmortem.Pending // by the development server; nil without one
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Fail ends the request with the page of err: the status of an *Error, else 500 with
// an id that is on the page and in the log. When the head was sent already it aborts,
// so that the client sees that the answer is cut.
func (r *Request) Fail(err error) {
	if r.isOver() {
		return
	}
	r.failed = true
	e := asError(err)
	r.report(e, err)
	if r.headSent {
		r.abort(err)
		return
	}
	r.clearAnswer()
	r.status = e.Status
	for _, f := range e.Fields {
		r.SetField(f.Name, f.Value)
	}
	if p := r.witnessed(e, err); p != nil {
		r.awaitPage(e, p)
		return
	}
	r.answerFailed(e, nil)
}

// answerFailed answers with a page, nil for that of e.
func (r *Request) answerFailed(e *Error, page []byte) {
	if page == nil {
		page = r.errorPage(e)
	}
	r.fault = nil // of the page itself: what could be set is set
	if r.phase != over {
		r.respond(page)
	}
}

// failAnyhow is Fail for what must be known even when the answer is done: then it is
// only logged.
func (r *Request) failAnyhow(err error) {
	if r.phase >= failing {
		r.report(&Error{Status: 500, Err: err}, err)
		return
	}
	r.Fail(err)
}

// report logs what is the server's fault, and what the error has for the log.
func (r *Request) report(e *Error, err error) {
	level := slog.LevelInfo
	switch {
	case e.isOurs() || r.headSent:
		level = slog.LevelError
	case e.Err == nil:
		return // the client's fault, and in the access log
	}
	attrs := []slog.Attr{
		slog.String("request", r.describe()),
		slog.Int("status", e.Status),
		slog.String("id", r.ID()),
		slog.String("err", err.Error()),
	}
	var p *panicError
	if errors.As(err, &p) && p.seen == nil { // else the development server has it
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	r.d.log().LogAttrs(context.Background(), level, "resource: request failed", attrs...)
}

// reportCut logs why an answer was cut where it is not the client's doing.
func (r *Request) reportCut(err error) {
	if isClients(err) {
		return
	}
	r.d.log().LogAttrs(context.Background(), slog.LevelError, "resource: answer cut", slog.String("request", r.describe()),
		slog.Int("status", r.Status()), slog.String("id", r.ID()), slog.String("err", err.Error()))
}

// isClients tells whether err is that of a connection whose other end is gone.
func isClients(err error) bool {
	for _, e := range []error{reactor.ErrDone, reactor.ErrStopped, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return err == reactor.ErrAborted
}

// clearAnswer takes back what was set for an answer that is not to be: all that
// describes its content. Fields that speak of the exchange (cookies, CORS, security)
// stay.
func (r *Request) clearAnswer() {
	r.fault = nil
	r.length = -1
	r.pending = r.pending[:0]
	r.trailers = nil
	r.untyped = false
	kept := r.fields[:0]
	for _, f := range r.fields {
		if !describesContent(f.Name) {
			kept = append(kept, f)
		}
	}
	clear(r.fields[len(kept):])
	r.fields = kept
}

func describesContent(name string) bool {
	switch strings.ToLower(name) {
	case "etag", "last-modified", "cache-control", "expires", "accept-ranges", "location":
		return true
	}
	return len(name) > 8 && protocol.EqualFold(name[:8], "Content-") &&
		!strings.HasPrefix(strings.ToLower(name), "content-security-policy")
}

// errorPage is the page of e: the site's own, else the stock one.
func (r *Request) errorPage(e *Error) []byte {
	if r.d.ErrorPage != nil {
		if page := r.ownErrorPage(e); page != nil || r.phase == over {
			return page
		}
	}
	return r.stockPage(e)
}

// ownErrorPage asks the site for its page. A panic there must not prevent the answer.
func (r *Request) ownErrorPage(e *Error) (page []byte) {
	defer func() {
		if p := recover(); p != nil {
			r.d.log().Error("resource: ErrorPage panics", "request", r.describe(), "panic", p)
			r.DelField("Content-Type")
			page = nil
		}
	}()
	return r.d.ErrorPage(r, e)
}
