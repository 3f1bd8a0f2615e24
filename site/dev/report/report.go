// Package report lets a program of net/http, whatever router it has, be looked at by
// spindle dev: when it panics, with the variables of every frame; and while it runs, its
// goroutines, its memory, and when what happens to a request.
//
//	http.ListenAndServe(addr, report.Handler(router))
//
// spindle dev builds it into programs of net/http that do not have it (see package attach).
// Where no development server supervises the program, Handler is its argument. Programs of
// Spindle need none of this.
package report

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"sort"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// Handler calls next, and answers with the page of the development server when it panics
// before it has answered. What it has answered already is cut, as net/http does it. A
// router that recovers panics by itself, as gin.Default does, answers with that page too,
// unless it has one of its own. Any goroutine.
func Handler(next http.Handler) http.Handler {
	return Logged(next, func(string, ...any) {})
}

// Logged is Handler that logs panics as net/http does, by logf, also those that it has
// answered with the page.
func Logged(next http.Handler, logf func(format string, args ...any)) http.Handler {
	if !postmortem.Wanted() {
		return next
	}
	probe.Start("net/http")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		postmortem.GrowStack()
		watched, shown := newWriter(w, r)
		defer watched.over()
		defer func() {
			if v := recover(); v != nil && !watched.answered(v, logf) {
				panic(v) // to net/http, which logs it
			}
		}()
		if watched.watch != nil {
			watched.watch.Render = watched.watch.Since()
		}
		watched.task = probe.NewTask(r.Context(), r.Method+" "+r.URL.Path, watched.watch.Number())
		defer watched.task.End()
		defer watched.task.Begin("handler")()
		next.ServeHTTP(shown, r)
		watched.returned = true
	})
}

// LogLevel is the level of a log that the dashboard of the development server can change:
// make a handler with it as slog.HandlerOptions.Level. The handler that slog has by itself
// follows without it.
var LogLevel slog.Leveler = probe.LogLevel

// answered reports a panic that nobody has recovered from, and answers with the page. It is
// false when that can not be. It is called by the deferred function that has recovered.
func (w *writer) answered(v any, logf func(format string, args ...any)) bool {
	if v == http.ErrAbortHandler {
		w.held = nil // it is to be cut
		return false
	}
	if w.held != nil { // it was reported when the answer began
		w.logPanic(v, logf)
		w.returned = true
		return true
	}
	p := postmortem.OfPanic(v, w.describe)
	if w.begun {
		return false // there is no place for a page
	}
	a := p.Wait()
	if a == nil || a.Page == nil {
		return false
	}
	w.logPanic(v, logf)
	w.show(http.StatusInternalServerError, a)
	w.returned = true
	return true
}

// logPanic logs as net/http does.
func (w *writer) logPanic(v any, logf func(format string, args ...any)) {
	logf("http: panic serving %v: %v\n%s", w.r.RemoteAddr, v, debug.Stack())
}

// describe says what was asked, and what the handler has logged.
func (w *writer) describe() *postmortem.Exchange {
	x := describe(w.r)
	x.Said = w.task.Said()
	return x
}

// describe says what was asked.
func describe(r *http.Request) *postmortem.Exchange {
	x := &postmortem.Exchange{Method: r.Method, Target: postmortem.MaskTarget(r.RequestURI), Version: r.Proto,
		Host: r.Host, Peer: r.RemoteAddr, Accept: r.Header.Get("Accept")}
	for name, values := range r.Header {
		for _, v := range values {
			if name != "Cookie" {
				x.Fields = append(x.Fields, postmortem.PairOf(name, v))
			}
		}
	}
	for _, c := range r.Cookies() {
		x.Cookies = append(x.Cookies, postmortem.CookiePairOf(c.Name, c.Value))
	}
	form := r.Form // what the handler has read; the content is not touched
	if form == nil {
		form = r.URL.Query()
	}
	for name, values := range form {
		for _, v := range values {
			x.Form = append(x.Form, postmortem.PairOf(name, v))
		}
	}
	for _, list := range [][]postmortem.Pair{x.Fields, x.Form} {
		sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	}
	return x
}
