package handler

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"syscall"

	"spindle/protocol"
	"spindle/protocol/postmortem"
	"spindle/reactor"
	"spindle/resource"
)

// This file is one request on its way to a goroutine and back: how it begins, how the
// call of the handler ends, and what the loss of the client means.

// errGone is what writing gives when the client has gone: what a socket would.
var errGone = &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}

// errLost is what reading gives then.
var errLost = fmt.Errorf("handler: the client is gone: %w", io.ErrUnexpectedEOF)

// exchange is one request. What comes in goes through in, what goes out through out; all
// else of the Request is touched on the loop only.
type exchange struct {
	h    *Handler
	r    *resource.Request // loop only
	loop reactor.Loop

	// What the request says, copied for the goroutine.
	head       *protocol.Head
	used       int // bytes of its path that led to this leaf
	peer, host reactor.Addr
	tls        *tls.ConnectionState
	trailers   http.Header // under in.mu: set before in ends

	in     inlet
	out    outlet
	ctx    context.Context // of the http.Request
	cancel context.CancelFunc
	quiet  func() bool         // has lost not called
	seen   *postmortem.Pending // of a panic; the goroutine's
	freed  bool                // loop only: it does not count as running any more
}

func newExchange(h *Handler, r *resource.Request) *exchange {
	x := &exchange{h: h, r: r, loop: r.Loop()}
	x.in.init(x.settleBody)
	x.in.pause = r.PauseBody
	x.in.post = x.loop.CallFromThread
	x.out.init(x.loop, x.lost)
	return x
}

// settleBody lets the content come again, unless it was paused anew meanwhile.
func (x *exchange) settleBody() {
	if !x.in.isPaused() {
		x.r.ResumeBody()
	}
}

// begin takes from the Request what the goroutine needs. Loop only.
func (x *exchange) begin() {
	r := x.r
	x.head = r.Head().Clone()
	x.used = len(r.PathBytes()) - len(r.PostpathBytes())
	x.peer, x.host, x.tls = r.Peer(), r.Host(), r.TLS()
	ctx := context.WithValue(x.h.context(), http.LocalAddrContextKey, netAddr(x.host))
	x.ctx, x.cancel = context.WithCancel(ctx)
	x.quiet = context.AfterFunc(r.Context(), x.lost)
	r.NotifyHalfClose(x.cancel)
}

// contentEnded is the end of the content. Loop only.
func (x *exchange) contentEnded(err error) {
	var refused *protocol.Error
	switch {
	case err == nil:
		if t := x.r.Trailers(); len(t) > 0 {
			x.in.mu.Lock()
			x.trailers = headerOf(t)
			x.in.mu.Unlock()
		}
		x.in.end(io.EOF)
	case errors.As(err, &refused):
		x.in.end(err)
	default:
		x.in.end(errLost)
	}
}

// lost is called when the exchange has ended otherwise than by the handler: whatever waits
// is told. Any goroutine.
func (x *exchange) lost() {
	x.cancel()
	x.out.fail(errGone)
	x.in.end(errLost)
}

// serve calls the handler.
func (x *exchange) serve() {
	w := &writer{x: x, length: -1, header: make(http.Header)}
	returned := false
	if postmortem.Wanted() {
		postmortem.GrowStack()
	}
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler && postmortem.Wanted() {
			x.seen = postmortem.OfPanic(p, func() *postmortem.Exchange { return x.describe(w.req) })
		}
		x.end(w, p, returned)
	}()
	w.req = x.request()
	if w.req == nil {
		w.refused = true
		x.refuse(400, "The address can not be read.")
		returned = true
		return
	}
	if x.head.Version == protocol.HTTP2 {
		x.h.handler.ServeHTTP(w, w.req)
	} else {
		x.h.handler.ServeHTTP(&hijacker{w}, w.req)
	}
	returned = true
}

// end goes on after the handler has returned, panicked, or ended its goroutine.
func (x *exchange) end(w *writer, p any, returned bool) {
	x.cancel()
	x.in.close(http.ErrBodyReadAfterClose)
	switch {
	case w.hijacked:
		if p != nil && p != http.ErrAbortHandler {
			x.h.log().Error("handler: panic after Hijack", "peer", tcpOrUnix(x.peer), "panic", p, "stack", string(debug.Stack()))
		}
	case returned:
		w.finish()
	case p == nil || p == http.ErrAbortHandler:
		x.out.post(func() { x.r.Abort(nil) })
	default:
		stack := debug.Stack()
		err := resource.PanicError(p, stack, x.seen)
		x.out.post(func() {
			if !x.r.Finished() {
				x.r.Fail(&resource.Error{Status: 500, Err: err})
			} else {
				x.h.log().Error("handler: "+err.Error(), "stack", string(stack))
			}
		})
	}
	x.out.post(x.free)
	w.giveBuffer()
}

// describe says what was asked, for the page of a panic: of a form what the handler has read.
// r is nil when the request was refused.
func (x *exchange) describe(r *http.Request) *postmortem.Exchange {
	d := resource.DescribeHead(x.head)
	d.Peer = x.peer.String()
	if r == nil {
		return d
	}
	form := r.Form
	if form == nil {
		form = r.URL.Query()
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, v := range form[name] {
			d.Form = append(d.Form, postmortem.PairOf(name, v))
		}
	}
	return d
}

// refuse answers with an error page.
func (x *exchange) refuse(status int, detail string) {
	x.out.post(func() { x.r.Fail(&resource.Error{Status: status, Detail: detail}) })
}

// free makes place for another call, once. Loop only.
func (x *exchange) free() {
	if !x.freed {
		x.freed = true
		x.quiet()
		x.h.ended()
	}
}

// netAddr is a as net has it.
func netAddr(a reactor.Addr) net.Addr {
	if !a.IP.IsValid() {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	return &net.TCPAddr{IP: a.IP.AsSlice(), Port: int(a.Port), Zone: a.IP.Zone()}
}
