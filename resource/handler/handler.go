package handler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/resource"
)

// This file is the leaf: it takes requests on the loop and hands each to a goroutine,
// of which there is a bounded number.

// The defaults of a Handler.
const (
	// DefaultMaxRunning is generous, because a handler blocks where a resource would
	// wait: on databases, on upstreams, on slow clients. A goroutine that waits costs
	// some 10 KiB and no processor time, so a thousand of them are cheap, and what a
	// thousand handlers are stuck in is not helped by more of them.
	DefaultMaxRunning = 1024
	// DefaultMaxWaiting is how many requests wait for one of those.
	DefaultMaxWaiting = 1024
)

// Handler is a leaf that has an http.Handler answer. Its fields are set before it is
// first asked and not changed afterwards. It belongs to one loop, as the tree does; the
// http.Handler behind it may be shared by several.
type Handler struct {
	resource.Leaf
	// StripPrefix takes the part of the path that led to this leaf (Prepath) off the
	// request's URL, as http.StripPrefix does, for an application that is to believe
	// that it is at the root; what is left of "/app" is "/". RequestURI stays whole.
	// Without it the handler sees the path that the client asked for, as below an
	// http.ServeMux: then the redirects and links that it makes from it are right.
	StripPrefix bool
	// MaxBodyBytes bounds the content of a request; beyond: 413. 0 means no limit, as
	// with net/http, since content is passed on as it comes and kept nowhere; a
	// handler sets its own by http.MaxBytesReader.
	MaxBodyBytes int64
	// MaxRunning is how many calls of the http.Handler may be under way; 0 means
	// DefaultMaxRunning. One that has hijacked its connection does not count: the
	// limit of connections is the site's.
	MaxRunning int
	// MaxWaiting is how many requests may wait for one of those to end; 0 means
	// DefaultMaxWaiting, negative means none. Beyond: 503 with Retry-After.
	MaxWaiting int
	// ErrorLog takes what a handler does wrong; nil means slog.Default().
	ErrorLog *slog.Logger

	handler http.Handler
	base    context.Context // with http.ServerContextKey
	fresh   *exchange       // between HeadReceived and Render of the same request
	running int
	waiting []*exchange // for one that runs to end, oldest first
}

// New makes a leaf that has h answer. It panics when h is nil.
func New(h http.Handler) *Handler {
	if h == nil {
		panic("handler: New without an http.Handler")
	}
	return &Handler{handler: h}
}

// HeadReceived asks for the content as a stream, which a client that waits to be told
// so sends when the handler reads. See resource.HeadReceiver.
func (h *Handler) HeadReceived(r *resource.Request) error {
	if h.full() {
		return &resource.Error{Status: 503, Detail: "Too many requests are being worked on. Please try again soon.",
			Fields: []resource.ErrorField{{Name: "Retry-After", Value: "1"}}}
	}
	if h.MaxBodyBytes > 0 {
		r.SetBodyLimit(h.MaxBodyBytes)
	} else {
		r.SetBodyLimit(-1)
	}
	h.fresh = newExchange(h, r)
	if r.Head().ContentLength != 0 {
		r.HoldContinue()
		r.StreamBody(h.fresh.in.received, h.fresh.contentEnded)
	}
	return nil
}

// Render has the http.Handler called, now or when others have ended.
func (h *Handler) Render(r *resource.Request) ([]byte, error) {
	x := h.fresh
	h.fresh = nil
	x.begin()
	if h.running < orDefault(h.MaxRunning, DefaultMaxRunning) {
		h.running++
		go x.serve()
	} else {
		h.waiting = append(h.waiting, x)
	}
	return nil, resource.NotDoneYet
}

// RenderCONNECT is Render: a handler that makes tunnels takes the connection over, which
// HTTP/2 has none to give for.
func (h *Handler) RenderCONNECT(r *resource.Request) ([]byte, error) {
	if r.Version() == protocol.HTTP2 {
		h.fresh = nil
		return nil, &resource.Error{Status: 501, Detail: "There are no tunnels over HTTP/2 at this address."}
	}
	return h.Render(r)
}

// full tells whether there is no place for another request.
func (h *Handler) full() bool {
	if h.running < orDefault(h.MaxRunning, DefaultMaxRunning) {
		return false
	}
	if room := max(orDefault(h.MaxWaiting, DefaultMaxWaiting), 0); len(h.waiting) < room {
		return false
	}
	h.dropLost()
	return len(h.waiting) >= max(orDefault(h.MaxWaiting, DefaultMaxWaiting), 0)
}

// dropLost takes those whose client has gone off the queue.
func (h *Handler) dropLost() {
	kept := h.waiting[:0]
	for _, x := range h.waiting {
		if !x.r.Finished() {
			kept = append(kept, x)
		}
	}
	clear(h.waiting[len(kept):])
	h.waiting = kept
}

// ended is told of a call that is over, or does not count any more; the next one begins.
func (h *Handler) ended() {
	for len(h.waiting) > 0 {
		x := h.waiting[0]
		h.waiting[0] = nil
		h.waiting = h.waiting[1:]
		if !x.r.Finished() {
			go x.serve()
			return
		}
	}
	h.waiting = nil
	h.running--
}

// Running is how many calls of the http.Handler are under way, Waiting how many requests
// wait for one. Loop only.
func (h *Handler) Running() int { return h.running }

// Waiting is how many requests wait. Loop only.
func (h *Handler) Waiting() int { return len(h.waiting) }

// State is how it does, for a person. Loop only.
func (h *Handler) State() string {
	return fmt.Sprintf("%d under way, %d waiting", h.running, len(h.waiting))
}

// context is what the contexts of all requests come from.
func (h *Handler) context() context.Context {
	if h.base == nil {
		server := &http.Server{Handler: h.handler, ErrorLog: slog.NewLogLogger(h.log().Handler(), slog.LevelError)}
		h.base = context.WithValue(context.Background(), http.ServerContextKey, server)
	}
	return h.base
}

func (h *Handler) log() *slog.Logger {
	if h.ErrorLog != nil {
		return h.ErrorLog
	}
	return slog.Default()
}

// orDefault is n, or what 0 stands for.
func orDefault(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

// tcpOrUnix is how net/http writes the address of a peer: one of a UNIX socket is "@".
func tcpOrUnix(a reactor.Addr) string {
	if !a.IP.IsValid() {
		return "@"
	}
	return a.String()
}

var (
	_ resource.Renderer        = (*Handler)(nil)
	_ resource.CONNECTRenderer = (*Handler)(nil)
	_ resource.HeadReceiver    = (*Handler)(nil)
)
