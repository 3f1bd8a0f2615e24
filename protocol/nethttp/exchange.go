package nethttp

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"strconv"
	"sync"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the side of the goroutine that called ServeHTTP.

// call is something to be done there, which writes n bytes.
type call struct {
	n int
	f func() error
}

// queue is what the loop wants done.
type queue struct {
	mu    sync.Mutex
	cond  sync.Cond
	calls []call
	end   ending
}

// ending is how ServeHTTP returns, once all calls are made.
type ending uint8

const (
	endNot   ending = iota
	endDone         // the answer is complete
	endAbort        // the answer is cut; what is queued is dropped
)

// add has f called. Any goroutine.
func (q *queue) add(n int, f func() error) {
	q.mu.Lock()
	if q.end == endNot {
		q.calls = append(q.calls, call{n, f})
	}
	q.mu.Unlock()
	q.cond.Signal()
}

// addLast has f called, and then ServeHTTP return. Any goroutine.
func (q *queue) addLast(f func() error) {
	q.mu.Lock()
	if q.end == endNot {
		q.calls = append(q.calls, call{0, f})
		q.end = endDone
	}
	q.mu.Unlock()
	q.cond.Signal()
}

// finish has ServeHTTP return. Any goroutine.
func (q *queue) finish(e ending) {
	q.mu.Lock()
	if q.end == endNot {
		if q.end = e; e == endAbort {
			q.calls = nil
		}
	}
	q.mu.Unlock()
	q.cond.Signal()
}

// take waits for calls, or the end.
func (q *queue) take() ([]call, ending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.calls) == 0 && q.end == endNot {
		q.cond.Wait()
	}
	calls := q.calls
	q.calls = nil
	if len(calls) > 0 && q.end == endDone {
		return calls, endNot // it comes when they are made
	}
	return calls, q.end
}

// serve has the loop answer, and does what it says until the end.
func (c *Channel) serve() {
	loop := c.f.loop
	quiet := context.AfterFunc(c.req.Context(), func() {
		loop.CallFromThread(func() { c.lose(reactor.ErrDone) })
	})
	loop.CallFromThread(c.begin)
	end := c.work()
	quiet()
	c.stopReading()
	if end == endAbort {
		panic(http.ErrAbortHandler)
	}
}

// work makes the calls, and tells the loop how far it is.
func (c *Channel) work() ending {
	for {
		calls, end := c.out.take()
		if end != endNot {
			return end
		}
		n := 0
		for _, call := range calls {
			if err := call.f(); err != nil {
				c.f.loop.CallFromThread(func() { c.lose(err) })
				return endAbort
			}
			n += call.n
		}
		if err := c.flushIfIdle(); err != nil {
			c.f.loop.CallFromThread(func() { c.lose(err) })
			return endAbort
		}
		if n > 0 {
			c.f.loop.CallFromThread(func() { c.wrote(n) })
		}
	}
}

// flushIfIdle flushes when nothing more is to be written for now.
func (c *Channel) flushIfIdle() error {
	c.out.mu.Lock()
	idle := len(c.out.calls) == 0 && c.out.end == endNot
	c.out.mu.Unlock()
	if !idle || !c.begun {
		return nil
	}
	return c.flush()
}

// flush sends what was written, where the ResponseWriter can.
func (c *Channel) flush() error {
	if err := c.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// intake is the state of the reading of content.
type intake struct {
	mu      sync.Mutex
	cond    sync.Cond
	busy    bool // a piece is with the loop
	over    bool // nobody wants more
	all     bool // there is no more: the goroutine reads no further
	started bool
	done    chan struct{} // closed when the goroutine has ended
}

// read is the goroutine that reads the content: a piece at a time, the next when the loop
// has taken the one before.
func (c *Channel) read() {
	defer close(c.in.done)
	buf := make([]byte, pieceBytes)
	for {
		n, err := c.req.Body.Read(buf)
		if err != nil {
			c.in.mu.Lock()
			c.in.all = true
			c.in.mu.Unlock()
		}
		if n > 0 && !c.give(buf[:n]) {
			return
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			trailers := trailersOf(c.req.Trailer)
			c.f.loop.CallFromThread(func() { c.contentEnd(trailers, err) })
			return
		}
	}
}

// give hands a piece to the loop, and waits until it is taken. It tells whether more is
// wanted.
func (c *Channel) give(piece []byte) bool {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.over {
		return false
	}
	c.in.busy = true
	c.f.loop.CallFromThread(func() { c.content(piece) })
	for c.in.busy && !c.in.over {
		c.in.cond.Wait()
	}
	return !c.in.over
}

// stopReading ends the goroutine that reads, which may wait for the client: net/http
// would wait for it in turn. What of the content is unread then ends the connection. When
// nothing is, net/http reads on by itself, and a deadline would end the next request.
func (c *Channel) stopReading() {
	c.in.mu.Lock()
	c.in.over = true
	started, all := c.in.started, c.in.all
	c.in.mu.Unlock()
	c.in.cond.Signal()
	if !started {
		return
	}
	select {
	case <-c.in.done:
		return
	default:
	}
	if all || c.control.SetReadDeadline(time.Unix(1, 0)) == nil {
		<-c.in.done
	}
}

// writeHead gives status and fields to the ResponseWriter; length is -1 when it is not
// known.
func (c *Channel) writeHead(status int, fields protocol.Fields, length int64) {
	c.begun = true
	h := c.w.Header()
	addFields(h, fields)
	if h.Get("Upgrade") != "" {
		if c.head.Version == protocol.HTTP2 {
			h.Del("Upgrade") // RFC 9113 §8.2.2
		} else {
			h.Add("Connection", "Upgrade")
		}
	}
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil // it is not to be guessed
	}
	if name := c.f.set.ServerName; name != "-" && h.Get("Server") == "" {
		h.Set("Server", name)
	}
	if length >= 0 && !protocol.NoContent(status) {
		h.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	c.w.WriteHeader(status)
}

// writeInformational writes a 1xx answer, whose fields do not stay for the final one.
func (c *Channel) writeInformational(status int, fields protocol.Fields) {
	h := c.w.Header()
	kept := h.Clone()
	clear(h)
	addFields(h, fields)
	c.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, kept)
}

// writeTrailers has the fields follow the content. net/http, which would tell the length of
// short content, is to frame it so that they can.
func (c *Channel) writeTrailers(fields protocol.Fields) error {
	if err := c.flush(); err != nil {
		return err
	}
	h := c.w.Header()
	for _, f := range fields {
		if protocol.JudgeTrailer(f.Name) == protocol.TrailerGood && protocol.CheckField(f.Name, f.Value) == nil {
			h.Add(http.TrailerPrefix+f.Name, f.Value)
		}
	}
	return nil
}

// addFields adds fields to h, without those that are the affair of the server.
func addFields(h http.Header, fields protocol.Fields) {
	for _, f := range fields {
		switch name := textproto.CanonicalMIMEHeaderKey(f.Name); name {
		case "Keep-Alive", "Transfer-Encoding", "Content-Length":
		case "Connection":
			if protocol.HasMember([]byte(f.Value), "close") {
				h.Set("Connection", "close")
			}
		case "Date", "Server", "Content-Type":
			h.Set(name, f.Value)
		default:
			h.Add(name, f.Value)
		}
	}
}
