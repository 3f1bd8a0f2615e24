package report

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"runtime"
	"strings"

	"spindle/protocol/probe"
)

// This file is the http.ResponseWriter that handlers are given: it knows whether an answer
// has begun, and can do what the one of net/http can.

// writer is what the two kinds have in common.
type writer struct {
	http.ResponseWriter
	r        *http.Request
	begun    bool
	away     bool         // the connection was hijacked
	returned bool         // the handler has, or was answered for
	watch    *probe.Watch // nil unless the development server wants to know when what happens
	task     probe.Task
	held     *held // an answer that may become the page; nil for none
}

// newWriter makes the writer of a request, and the form of it that the handler is given.
func newWriter(w http.ResponseWriter, r *http.Request) (watched *writer, shown http.ResponseWriter) {
	watched = &writer{ResponseWriter: w, r: r, watch: probe.Began(r.Header.Get(probe.Field))}
	r.Header.Del(probe.Field)
	if c, ok := w.(classic); ok {
		return watched, &classicWriter{watched, c}
	}
	if c, ok := w.(multiplexed); ok {
		return watched, &multiplexedWriter{watched, c}
	}
	return watched, watched
}

// begins notes the begin of the answer.
func (w *writer) begins(status int) {
	if w.watch != nil && !w.begun {
		w.watch.Answer, w.watch.Status = w.watch.Since(), status
	}
	w.begun = true
}

// over ends the answer, and tells of the request.
func (w *writer) over() {
	if w.held != nil {
		w.settle()
	}
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

// WriteHeader begins the answer. That of who has recovered a panic waits.
func (w *writer) WriteHeader(status int) {
	switch {
	case w.held != nil:
		return // it has begun, as far as the handler knows
	case status < 200:
	case w.begun && !w.away:
		w.superfluous()
		return
	case status >= 500 && !w.begun && w.hold(status):
		return
	default:
		w.begins(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// superfluous logs what net/http would, which would name this package as the caller.
func (w *writer) superfluous() {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	f, more := frames.Next()
	for more && strings.HasPrefix(f.Function, "net/http.") {
		f, more = frames.Next()
	}
	logf := log.Printf
	if s, ok := w.r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.ErrorLog != nil {
		logf = s.ErrorLog.Printf
	}
	logf("http: superfluous response.WriteHeader call from %s (%s:%d)", f.Function, path.Base(f.File), f.Line)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.held != nil && w.keep(p) {
		return len(p), nil
	}
	w.begins(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// WriteString is for io.WriteString.
func (w *writer) WriteString(s string) (int, error) {
	if w.held != nil {
		return w.Write([]byte(s))
	}
	w.begins(http.StatusOK)
	return io.WriteString(w.ResponseWriter, s)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for who asserts http.Flusher, as many do.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController.
func (w *writer) FlushError() error {
	w.release()
	w.begins(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// closeNotifier is the old interface of net/http, which gin asks for.
type closeNotifier interface{ CloseNotify() <-chan bool }

// classic is what net/http gives to handlers of HTTP/1.
type classic interface {
	http.Hijacker
	io.ReaderFrom
	closeNotifier
}

// classicWriter is a writer that can do that.
type classicWriter struct {
	*writer
	inner classic
}

// Hijack gives the connection away.
func (w *classicWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.release()
	c, rw, err := w.inner.Hijack()
	if err == nil {
		w.away = true
		w.begins(http.StatusSwitchingProtocols)
	}
	return c, rw, err
}

// ReadFrom sends files without copying them.
func (w *classicWriter) ReadFrom(src io.Reader) (int64, error) {
	w.release()
	w.begins(http.StatusOK)
	return w.inner.ReadFrom(src)
}

// CloseNotify is for programs that are older than contexts, and for gin.
func (w *classicWriter) CloseNotify() <-chan bool { return w.inner.CloseNotify() }

// multiplexed is what net/http gives to handlers of HTTP/2.
type multiplexed interface {
	http.Pusher
	closeNotifier
}

// multiplexedWriter is a writer that can do that.
type multiplexedWriter struct {
	*writer
	inner multiplexed
}

// Push starts a push of HTTP/2.
func (w *multiplexedWriter) Push(target string, opts *http.PushOptions) error {
	return w.inner.Push(target, opts)
}

// CloseNotify is for programs that are older than contexts, and for gin.
func (w *multiplexedWriter) CloseNotify() <-chan bool { return w.inner.CloseNotify() }

var (
	_ http.Flusher    = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
	_ classic         = (*classicWriter)(nil)
	_ multiplexed     = (*multiplexedWriter)(nil)
)
