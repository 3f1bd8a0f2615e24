package resource

import (
	"os"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// This file lets the content of an answer be changed on its way to the protocol, whoever
// writes it and however: a resource does not know that there is a filter.

// Filter changes the content of one answer. Its methods are called on the loop, in this
// order: Begin, Filter any number of times, End.
type Filter interface {
	// Begin sees the head of the answer. fields are its own copy, which it may change; ok
	// tells that it wants the content, false that the answer goes by as it is, with
	// fields. It is not asked for an answer that has no content, but for one to HEAD.
	Begin(r *Request, status int, fields protocol.Fields) (changed protocol.Fields, ok bool)
	// Filter appends to dst what becomes of data, and returns it. data is valid until
	// return.
	Filter(dst, data []byte) []byte
	// End appends to dst what follows the last of the content, and returns it.
	End(dst []byte) []byte
}

// AddFilter has f see the answer. Those that were added later see it earlier. To be called
// before the answer is begun, in a Pass most often.
func (r *Request) AddFilter(f Filter) {
	if r.tooLate() {
		return
	}
	r.ch = &filtered{Channel: r.ch, r: r, f: f}
}

// filtered is a Channel that a Filter stands in front of.
type filtered struct {
	protocol.Channel
	r        *Request
	f        Filter
	on       bool // it takes the content
	producer reactor.Producer
	buf      []byte
	file     *filteredFile // of the SendFile that is under way
	after    []func()      // what came meanwhile
}

// begin asks the filter, and says with what head the answer begins. The length of what it
// takes is not known.
func (c *filtered) begin(status int, fields protocol.Fields) protocol.Fields {
	if status == 101 || protocol.NoContent(status) {
		return fields
	}
	changed, ok := c.f.Begin(c.r, status, append(protocol.Fields(nil), fields...))
	c.on = ok
	return changed
}

// Respond answers whole.
func (c *filtered) Respond(status int, fields protocol.Fields, body []byte) {
	if c.HeadSent() {
		return
	}
	fields = c.begin(status, fields)
	if c.on {
		out := c.f.Filter(make([]byte, 0, len(body)+512), body)
		body = c.f.End(out)
	}
	c.Channel.Respond(status, fields, body)
}

// WriteHead starts an answer.
func (c *filtered) WriteHead(status int, fields protocol.Fields, length int64) {
	if c.HeadSent() {
		return
	}
	fields = c.begin(status, fields)
	if c.on {
		length = -1
	}
	c.Channel.WriteHead(status, fields, length)
}

// Write sends what becomes of data.
func (c *filtered) Write(data []byte) {
	switch {
	case !c.on:
		c.Channel.Write(data)
	case c.file != nil:
		kept := append([]byte(nil), data...)
		c.after = append(c.after, func() { c.Write(kept) })
	default:
		c.buf = c.f.Filter(c.buf[:0], data)
		if len(c.buf) > 0 {
			c.Channel.Write(c.buf)
		} else {
			c.askAgain()
		}
	}
}

// WriteShared sends what becomes of data.
func (c *filtered) WriteShared(data []byte) {
	if !c.on {
		c.Channel.WriteShared(data)
		return
	}
	c.Write(data)
}

// askAgain has a pull producer asked once more whose piece was kept back whole.
func (c *filtered) askAgain() {
	if _, push := c.producer.(reactor.PushProducer); c.producer != nil && !push {
		c.Channel.UnregisterProducer()
		c.Channel.RegisterProducer(c.producer)
	}
}

// RegisterProducer makes p the producer.
func (c *filtered) RegisterProducer(p reactor.Producer) {
	c.producer = p
	c.Channel.RegisterProducer(p)
}

// UnregisterProducer ends it.
func (c *filtered) UnregisterProducer() {
	c.producer = nil
	c.Channel.UnregisterProducer()
}

// SendFile reads the file on a thread, a piece at a time, when the filter takes it.
func (c *filtered) SendFile(f *os.File, off, n int64, done func(err error)) {
	switch {
	case !c.on:
		c.Channel.SendFile(f, off, n, done)
	case c.file != nil:
		c.after = append(c.after, func() { c.SendFile(f, off, n, done) })
	default:
		c.file = &filteredFile{c: c, f: f, off: off, left: n, done: done}
		c.file.next()
	}
}

// Finish ends the answer.
func (c *filtered) Finish(trailers protocol.Fields) {
	if c.file != nil {
		c.after = append(c.after, func() { c.Finish(trailers) })
		return
	}
	if c.on {
		if rest := c.f.End(c.buf[:0]); len(rest) > 0 {
			c.Channel.Write(rest)
		}
		c.on = false
	}
	c.Channel.Finish(trailers)
}

// filteredFile sends a file through the filter. No more of it is read than the client has
// taken.
type filteredFile struct {
	c         *filtered
	f         *os.File
	off, left int64
	done      func(err error)
}

const (
	filePiece   = 64 << 10
	filesAhead  = 256 << 10             // bytes that may wait for the client
	fileRecheck = 10 * time.Millisecond // whether it has taken them
)

func (w *filteredFile) next() {
	loop := w.c.Loop()
	if w.c.Buffered() > filesAhead {
		loop.CallLater(fileRecheck, w.next)
		return
	}
	piece := make([]byte, min(w.left, filePiece))
	reactor.DeferToThreadPool(loop.ThreadPool(), func() (int, error) {
		return w.f.ReadAt(piece, w.off)
	}).Then(func(n int) { w.read(piece[:n], nil) }, func(err error) { w.read(nil, err) })
}

// read takes a piece. The client may be gone by now: then writing does nothing.
func (w *filteredFile) read(piece []byte, err error) {
	c := w.c
	if err != nil { // io.EOF too: it is shorter than promised
		c.file = nil
		c.Channel.Abort(err)
		w.end(err)
		return
	}
	c.buf = c.f.Filter(c.buf[:0], piece)
	if len(c.buf) > 0 {
		c.Channel.Write(c.buf)
	}
	w.off += int64(len(piece))
	if w.left -= int64(len(piece)); w.left > 0 {
		w.next()
		return
	}
	c.file = nil
	w.end(nil)
	after := c.after
	c.after = nil
	for _, f := range after {
		f()
	}
}

func (w *filteredFile) end(err error) {
	if w.done != nil {
		w.done(err)
	}
}
