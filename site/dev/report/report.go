// Package report lets a program of net/http, whatever router it has, be looked at by
// spindle dev: when it panics, with the variables of every frame; and while it runs, its
// goroutines, its memory, and when what happens to a request.
//
//	http.ListenAndServe(addr, report.Handler(router))
//
// A router that recovers panics by itself, as gin.Default does, must leave that to Handler:
// gin.New. Where no development server supervises the program, Handler is its argument.
// Programs of Spindle need none of this.
package report

import (
	"log/slog"
	"net/http"
	"sort"

	"spindle/protocol/postmortem"
	"spindle/protocol/probe"
)

// Handler calls next, and answers with the page of the development server when it panics
// before it has answered. What it has answered already is cut, as net/http does it. Any
// goroutine.
func Handler(next http.Handler) http.Handler {
	if !postmortem.Wanted() {
		return next
	}
	probe.Start("net/http")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		postmortem.GrowStack()
		watched := &writer{ResponseWriter: w, watch: probe.Began(r.Header.Get(probe.Field))}
		r.Header.Del(probe.Field)
		defer watched.over()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			a := postmortem.OfPanic(v, func() *postmortem.Exchange { return describe(r) }).Wait()
			if a == nil || a.Page == nil || watched.begun {
				panic(v) // to net/http, which logs it
			}
			answer(watched, a)
			watched.returned = true
		}()
		if watched.watch != nil {
			watched.watch.Render = watched.watch.Since()
		}
		task := probe.NewTask(r.Context(), r.Method+" "+r.URL.Path, watched.watch.Number())
		defer task.End()
		defer task.Begin("handler")()
		next.ServeHTTP(watched, r)
		watched.returned = true
	})
}

// LogLevel is the level of a log that the dashboard of the development server can change:
// make a handler with it as slog.HandlerOptions.Level. The handler that slog has by itself
// follows without it.
var LogLevel slog.Leveler = probe.LogLevel

// answer sends the page.
func answer(w http.ResponseWriter, a *postmortem.Answer) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", a.Type)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'")
	h.Set("X-Spindle-Ticket", a.Ticket)
	h.Set("X-Spindle-Failure", "panic")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(a.Page)
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
		x.Cookies = append(x.Cookies, postmortem.PairOf(c.Name, c.Value))
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

// writer knows whether an answer has begun.
type writer struct {
	http.ResponseWriter
	begun    bool
	returned bool         // the handler has, or was answered for
	watch    *probe.Watch // nil unless the development server wants to know when what happens
}

// begins notes the begin of the answer.
func (w *writer) begins(status int) {
	if w.watch != nil && !w.begun {
		w.watch.Answer, w.watch.Status = w.watch.Since(), status
	}
	w.begun = true
}

// over tells of the request.
func (w *writer) over() {
	x := w.watch
	if x == nil {
		return
	}
	if w.returned {
		w.begins(http.StatusOK) // net/http answers for who has said nothing
	} else {
		x.Lost = "panic"
	}
	x.Rendered, x.End = x.Since(), x.Since()
	x.Tell()
}

func (w *writer) WriteHeader(status int) {
	if status >= 200 {
		w.begins(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begins(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for who asserts http.Flusher, as many do.
func (w *writer) Flush() {
	w.begins(http.StatusOK)
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}
