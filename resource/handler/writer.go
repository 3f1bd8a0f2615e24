package handler

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"spindle/protocol"
)

// This file is the http.ResponseWriter, with what else net/http's can do. Its methods are
// for the handler's goroutine, one at a time, as net/http has it. What the head says is
// in head.go.

const (
	headBytes  = 2 << 10 // content held back before the head is sent: what is shorter has its length told
	pieceBytes = 4 << 10 // held back afterwards
	largeBytes = 32 << 10
)

// What is written is on its way to the loop in one of these.
var (
	buffers = sync.Pool{New: func() any { return new([pieceBytes]byte) }}
	larges  = sync.Pool{New: func() any { return new([largeBytes]byte) }}
)

// writer answers a request.
type writer struct {
	x      *exchange
	req    *http.Request
	header http.Header // the handler's own

	wroteHeader bool
	headSent    bool
	hijacked    bool
	refused     bool // an error page was sent in place of calling the handler
	status      int
	head        head  // of WriteHeader
	length      int64 // that the handler has promised; -1 when it has not
	written     int64 // content, also that of an answer to HEAD, which is not sent
	buf         *[pieceBytes]byte
	used        int // of buf
}

// Header is the fields of the answer, until WriteHeader, and its trailers afterwards.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader fixes status and fields. A 1xx status other than 101 is sent at once and
// does not count.
func (w *writer) WriteHeader(status int) {
	switch {
	case w.hijacked:
		w.complain("WriteHeader on a hijacked connection")
		return
	case w.wroteHeader:
		w.complain("superfluous WriteHeader")
		return
	case status < 100 || status > 999:
		panic("handler: invalid WriteHeader code " + strconv.Itoa(status))
	case status < 200 && status != 101:
		w.writeInformational(status)
		return
	}
	w.fixHead(status)
}

func (w *writer) writeInformational(status int) {
	x := w.x
	if status == 100 {
		x.out.post(x.r.Continue)
		return
	}
	fields := fieldsOf(w.header)
	x.out.post(func() { x.r.WriteInformational(status, fields) })
}

// complain logs what a handler does wrong, and where.
func (w *writer) complain(text string) {
	file, line := caller()
	w.x.h.log().Warn("handler: "+text, slog.String("request", w.x.head.Method+" "+protocol.Quote(w.x.head.Target)),
		slog.String("at", path.Base(file)+":"+strconv.Itoa(line)))
}

// caller is the first place outside of this package that leads here.
func caller() (file string, line int) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if !strings.HasPrefix(f.Function, "spindle/resource/handler.(*") {
			return f.File, f.Line
		}
	}
	return "", 0
}

// Write takes content. It blocks while the client is slow, and fails when it has gone.
func (w *writer) Write(p []byte) (int, error) {
	if n, err := w.admit(len(p)); n == 0 || err != nil {
		return 0, err
	}
	if w.req.Method == "HEAD" {
		w.keepStart(p)
		return len(p), nil
	}
	for left := p; len(left) > 0; {
		if w.used == 0 && len(left) >= pieceBytes && w.headSent {
			n := min(len(left), largeBytes)
			if err := w.send(left[:n]); err != nil {
				return len(p) - len(left), err
			}
			left = left[n:]
			continue
		}
		if len(w.room()) == 0 {
			if err := w.flush(); err != nil {
				return len(p) - len(left), err
			}
			continue
		}
		n := copy(w.room(), left)
		w.used += n
		left = left[n:]
	}
	return len(p), nil
}

// admit tells how much of n bytes may be written.
func (w *writer) admit(n int) (int, error) {
	switch {
	case w.hijacked:
		return 0, http.ErrHijacked
	case !w.wroteHeader:
		w.fixHead(200)
	}
	switch {
	case n == 0:
		return 0, nil
	case protocol.NoContent(w.status) || w.status == 101:
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.length >= 0 && w.written > w.length {
		return 0, http.ErrContentLength
	}
	return n, nil
}

// room is what is free of the buffer.
func (w *writer) room() []byte {
	if w.buf == nil {
		w.buf = buffers.Get().(*[pieceBytes]byte)
	}
	if !w.headSent {
		return w.buf[w.used:headBytes]
	}
	return w.buf[w.used:]
}

// keepStart keeps the start of the content of an answer to HEAD, for its type and length.
func (w *writer) keepStart(p []byte) {
	if w.headSent {
		return
	}
	n := copy(w.room(), p)
	if w.used += n; n < len(p) {
		_ = w.flush()
	}
}

func (w *writer) giveBuffer() {
	if w.buf != nil {
		buffers.Put(w.buf)
		w.buf = nil
	}
}

// WriteString is Write.
func (w *writer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// flush sends what is in the buffer, and the head before.
func (w *writer) flush() error {
	if !w.headSent {
		w.sendHead()
	}
	if w.used == 0 || w.req.Method == "HEAD" {
		w.used = 0
		return w.x.out.failed()
	}
	buf, n := w.buf, w.used
	w.buf, w.used = nil, 0
	r := w.x.r
	return w.x.out.send(n, func() {
		_, _ = r.Write(buf[:n])
		buffers.Put(buf)
	})
}

// send sends a copy of p, of largeBytes at most.
func (w *writer) send(p []byte) error {
	own, n, r := larges.Get().(*[largeBytes]byte), len(p), w.x.r
	copy(own[:], p)
	return w.x.out.send(n, func() {
		_, _ = r.Write(own[:n])
		larges.Put(own)
	})
}

// sendHead sends the head of an answer whose content is not all there.
func (w *writer) sendHead() {
	w.headSent = true
	if w.status == 101 {
		return // it goes with the connection; see Hijack
	}
	w.head.sniff(w.buf, w.used)
	x, head, length := w.x, w.head, w.length
	x.out.post(func() {
		head.set(x.r)
		if length >= 0 {
			x.r.SetContentLength(length)
		}
		x.r.SendHead()
		x.r.RegisterProducer(&x.out)
	})
}

// Flush sends what was written. See http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush, and tells when the client has gone. See http.ResponseController.
func (w *writer) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if !w.wroteHeader {
		w.fixHead(200)
	}
	return w.flush()
}

// finish ends the answer after the handler has returned.
func (w *writer) finish() {
	x := w.x
	if w.refused {
		return
	}
	if !w.wroteHeader {
		w.fixHead(200)
	}
	trailers := w.head.trailersOf(w.header)
	switch err := x.out.failed(); {
	case err != nil:
		x.out.post(func() { x.r.Abort(err) })
		return
	case w.status == 101:
		err := errors.New("handler: 101 (Switching Protocols) was written, and the connection not hijacked")
		x.out.post(func() { x.r.Fail(err) })
		return
	case !w.headSent && w.canTellLength():
		w.respond()
		return
	}
	if err := w.flush(); err != nil {
		x.out.post(func() { x.r.Abort(err) })
		return
	}
	x.out.post(func() {
		x.quiet()
		for _, t := range trailers {
			x.r.AddTrailer(t.Name, t.Value)
		}
		x.r.Finish()
	})
}

// canTellLength tells whether the content, which is all in the buffer, goes out with its
// length.
func (w *writer) canTellLength() bool {
	switch {
	case w.head.hasTrailer || w.head.framed:
		return false
	case w.length >= 0:
		return w.length == int64(w.used) && w.req.Method != "HEAD"
	}
	return w.req.Method != "HEAD" || w.used > 0
}

// respond answers whole.
func (w *writer) respond() {
	w.headSent = true
	w.head.sniff(w.buf, w.used)
	x, head, buf, n := w.x, w.head, w.buf, w.used
	w.buf, w.used = nil, 0
	x.out.post(func() {
		x.quiet()
		var content []byte
		if buf != nil {
			content = append(content, buf[:n]...)
			buffers.Put(buf)
		}
		head.set(x.r)
		x.r.Answer(content, nil)
	})
}

// SetReadDeadline bounds the time that reading the content may take. See
// http.ResponseController.
func (w *writer) SetReadDeadline(t time.Time) error {
	w.x.in.setDeadline(t)
	return nil
}

// SetWriteDeadline bounds the time that writing may wait for the client. See
// http.ResponseController.
func (w *writer) SetWriteDeadline(t time.Time) error {
	w.x.out.setDeadline(t)
	return nil
}

// EnableFullDuplex does nothing: the content of a request can always be read while the
// answer is written. See http.ResponseController.
func (w *writer) EnableFullDuplex() error { return nil }

// CloseNotify tells when the client has gone. See http.CloseNotifier.
func (w *writer) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	go func() {
		<-w.req.Context().Done()
		gone <- true
	}()
	return gone
}

// hijacker is a writer over a connection of HTTP/1, which can be taken over.
type hijacker struct{ *writer }

// Hijack gives the connection away. See http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.hijack() }

var (
	_ http.Flusher    = (*writer)(nil)
	_ io.ReaderFrom   = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
	_ http.Hijacker   = (*hijacker)(nil)
)
