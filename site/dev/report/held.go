package report

import (
	"crypto/rand"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"spindle/protocol/postmortem"
)

// This file is the answer of who has recovered a panic by himself, as the middleware of
// routers does: the frames are there as long as his deferred function has not returned. So
// the panic is reported when his answer begins, with a status of 500 and up; the answer
// waits until it is known whether it says more than that something went wrong.

// held is such an answer.
type held struct {
	status  int
	header  http.Header // as it was when the answer began
	body    []byte
	ticket  string
	pending *postmortem.Pending
}

const (
	mostHeld  = 2 << 10 // bytes of content; who says more has a page of his own
	mostShort = 512     // bytes that a browser is shown the page in place of
)

// The fields of answers that have to do with a ticket.
const (
	ticketField  = "X-Spindle-Ticket"
	failureField = "X-Spindle-Failure"
)

// hold reports the panic that the calling deferred function has recovered, and keeps the
// answer back. It is false where there is none, and nobody to report it to.
func (w *writer) hold(status int) bool {
	if !postmortem.Wanted() || !panicking() {
		return false
	}
	h := &held{status: status, ticket: rand.Text()[:10]}
	h.pending = postmortem.OfRecovered(func() *postmortem.Exchange {
		x := w.describe()
		x.ID = h.ticket
		return x
	})
	if h.pending == nil {
		return false
	}
	h.header = w.Header().Clone()
	w.held = h
	return true
}

// panicking tells whether the calling goroutine is in a function that is deferred by one
// that has panicked.
func panicking() bool {
	var calls [64]uintptr
	frames := runtime.CallersFrames(calls[:runtime.Callers(4, calls[:])])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function == "runtime.gopanic" {
			return true
		}
	}
	return false
}

// keep keeps p back. It is false when the answer goes out as it is.
func (w *writer) keep(p []byte) bool {
	h := w.held
	if len(p) > 0 && (len(h.body)+len(p) > mostHeld || h.isPage(p)) {
		w.release()
		return false
	}
	h.body = append(h.body, p...)
	return true
}

// isPage tells whether the answer is HTML; p is more of it.
func (h *held) isPage(p []byte) bool {
	kind := h.header.Get("Content-Type")
	if kind == "" {
		kind = http.DetectContentType(append(h.body[:len(h.body):len(h.body)], p...))
	}
	return strings.HasPrefix(kind, "text/html") || strings.HasPrefix(kind, "application/xhtml")
}

// settle ends the answer: with the page, or as it is.
func (w *writer) settle() {
	h := w.held
	if h.saysMore(w.r.Header.Get("Accept")) {
		w.release()
		return
	}
	a := h.pending.Wait()
	if a == nil || a.Page == nil {
		w.release()
		return
	}
	w.held = nil
	w.show(h.status, a)
}

// saysMore tells whether there is something in the answer for who likes such content:
// nothing but the name of the status is nothing, and a few words that are no page are
// nothing for a browser.
func (h *held) saysMore(accept string) bool {
	text := strings.TrimSpace(string(h.body))
	switch {
	case text == "" || strings.EqualFold(text, http.StatusText(h.status)):
		return false
	case strings.Contains(accept, "text/html"):
		return len(text) > mostShort
	}
	return true
}

// release sends what was held back, with the ticket beside it.
func (w *writer) release() {
	h := w.held
	if h == nil {
		return
	}
	w.held = nil
	now := w.Header()
	maps.DeleteFunc(now, func(name string, _ []string) bool { return !h.isTrailer(name) })
	maps.Copy(now, h.header)
	now.Set(ticketField, h.ticket)
	w.begins(h.status)
	w.ResponseWriter.WriteHeader(h.status)
	if len(h.body) > 0 {
		_, _ = w.ResponseWriter.Write(h.body)
	}
}

// isTrailer tells of a field that is sent behind the content.
func (h *held) isTrailer(name string) bool {
	return strings.HasPrefix(name, http.TrailerPrefix) || slices.ContainsFunc(h.header["Trailer"], func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(one string) bool { return strings.EqualFold(strings.TrimSpace(one), name) })
	})
}

// show answers with the page.
func (w *writer) show(status int, a *postmortem.Answer) {
	h := w.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool { return describesContent(name) })
	h.Set("Content-Type", a.Type)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'")
	if a.Ticket != "" {
		h.Set(ticketField, a.Ticket)
	}
	h.Set(failureField, "panic")
	w.begins(status)
	w.ResponseWriter.WriteHeader(status)
	_, _ = w.ResponseWriter.Write(a.Page)
}

// describesContent tells of a field that is not true of another content. Others speak of the
// exchange: who may read the answer, say.
func describesContent(name string) bool {
	switch name {
	case "Etag", "Last-Modified", "Expires", "Accept-Ranges", "Location", "Trailer":
		return true
	}
	return strings.HasPrefix(name, "Content-")
}
