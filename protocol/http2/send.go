package http2

import (
	"os"

	"spindle/protocol"
)

// This file is what goes out: content within the windows of the client, and no more
// than the transport takes, so that what is urgent does not wait behind what is not.

const (
	sendMark   = 128 << 10 // bytes queued in the transport above which nothing more is given to it
	highWater  = 64 << 10  // bytes queued in a stream above which its push producer is paused
	lowWater   = 16 << 10  // below which it is resumed
	chunkSize  = 16 << 10  // of what is copied to wait
	coldWindow = 256 << 10 // of a file, that a thread reads at once
	pullRounds = 16        // times that producers are asked in one event
)

// piece is content that waits: bytes, or a part of a file.
type piece struct {
	data   []byte
	shared bool // data is not changed by anybody
	file   *filePiece
}

type filePiece struct {
	f       *os.File
	off, n  int64
	done    func(error)
	warm    []byte // read by a thread
	reading bool   // by a thread
}

// left is how many bytes are to be sent.
func (p *piece) left() int {
	if p.file != nil {
		return int(min(p.file.n, maxWindow))
	}
	return len(p.data)
}

// write queues b.
func (c *Conn) write(b []byte) {
	c.queued += int64(len(b))
	c.t.Write(b)
}

// mayPass tells whether n bytes of content can leave at once, before everything
// else: nothing waits, and the windows are open.
func (c *Conn) mayPass(s *Stream, n int) bool {
	return n <= c.peerFrame && n <= s.window && n <= c.window &&
		(c.ready == nil || c.ready.len == 0) && c.t.Buffered() < sendMark
}

// writeLast writes head and the last content of a stream behind it.
func (c *Conn) writeLast(s *Stream, head, body []byte) {
	n := len(body)
	s.window -= n
	c.window -= n
	c.earn(n)
	s.flags |= localEnded
	b := appendFrame(head, n, frameData, flagEndStream, s.id)
	if n <= copiedAtMost || c.is(secure) {
		c.write(append(b, body...))
		return
	}
	c.write(b)
	c.queued += int64(n)
	c.t.WriteShared(body)
}

// send sends content at once as far as that is possible, and queues the rest.
func (s *Stream) send(data []byte, shared bool) {
	c := s.c
	for len(s.out) == 0 && len(data) > 0 && !s.heldBack() {
		n := min(len(data), c.peerFrame, s.window, c.window)
		if n <= 0 || !c.mayPass(s, n) {
			break
		}
		c.sendData(s, data[:n], shared, 0)
		data = data[n:]
	}
	if len(data) == 0 {
		return
	}
	if shared {
		s.enqueue(piece{data: data, shared: true})
		return
	}
	s.copyIn(data)
}

// sendData writes one DATA frame.
func (c *Conn) sendData(s *Stream, data []byte, shared bool, flags uint8) {
	n := len(data)
	b := appendFrame(c.t.AvailableBuffer(), n, frameData, flags, s.id)
	if shared && n > copiedAtMost && !c.is(secure) {
		c.write(b)
		c.queued += int64(n)
		c.t.WriteShared(data)
	} else {
		c.write(append(b, data...))
	}
	c.spend(s, n)
}

// spend takes n bytes off the windows.
func (c *Conn) spend(s *Stream, n int) {
	s.window -= n
	c.window -= n
	s.stalled = 0
	c.earn(n)
}

// earn makes up for the frames with which a client takes what is sent to it.
func (c *Conn) earn(n int) {
	if c.earned += n; c.earned >= 1<<10 {
		c.pleased(c.earned >> 10)
		c.earned &= 1<<10 - 1
	}
}

// copyIn queues a copy of data.
func (s *Stream) copyIn(data []byte) {
	if k := len(s.out) - 1; k >= s.first && !s.out[k].shared && s.out[k].file == nil {
		last := &s.out[k]
		n := min(len(data), cap(last.data)-len(last.data))
		last.data = append(last.data, data[:n]...)
		s.grow(n)
		data = data[n:]
	}
	for len(data) > 0 {
		n := min(len(data), chunkSize)
		chunk := make([]byte, n, max(n, min(chunkSize, 2<<10)))
		copy(chunk, data)
		s.enqueue(piece{data: chunk})
		data = data[n:]
	}
}

// enqueue puts p behind what waits.
func (s *Stream) enqueue(p piece) {
	s.out = append(s.out, p)
	if p.file != nil {
		s.queued += p.file.n
	} else {
		s.grow(len(p.data))
	}
	s.c.makeReady(s)
}

// grow counts n bytes that wait in memory.
func (s *Stream) grow(n int) {
	s.queued += int64(n)
	s.c.waiting += int64(n)
}

// pump gives the transport what it takes, the most urgent first.
func (c *Conn) pump() {
	q := c.ready
	if q == nil {
		return
	}
	for q.len > 0 && c.state < stateLinger {
		if c.window <= 0 {
			c.shut()
			return
		}
		if c.t.Buffered() >= sendMark {
			return
		}
		c.sendSome(q.best())
	}
}

// shut begins the time in which the client has to open the connection's window.
func (c *Conn) shut() {
	if c.closed == 0 && c.f.set.WriteTimeout != 0 {
		c.closed = c.f.now
		c.due(c.closed + int64(c.f.set.WriteTimeout))
	}
}

// sendSome sends one frame of s, which is ready.
func (c *Conn) sendSome(s *Stream) {
	p := &s.out[s.first]
	n := min(p.left(), c.mostData(), s.window, c.window)
	if p.file != nil {
		c.sendFile(s, p.file, n)
		return
	}
	var flags uint8
	if n == len(p.data) && s.first == len(s.out)-1 && s.is(finishing) && s.ending == nil {
		flags = flagEndStream
		s.flags |= localEnded
	}
	data := p.data[:n]
	if p.data = p.data[n:]; len(p.data) == 0 {
		s.pop()
	}
	s.queued -= int64(n)
	c.waiting -= int64(n)
	c.sendData(s, data, true, flags)
	c.sent(s)
}

// mostData is how much of what is long goes into a DATA frame: over TLS one record.
func (c *Conn) mostData() int {
	if c.is(secure) {
		return min(c.peerFrame, maxRecord-headerLen)
	}
	return c.peerFrame
}

// pop takes the first piece away.
func (s *Stream) pop() {
	s.out[s.first] = piece{}
	if s.first++; s.first == len(s.out) {
		s.out, s.first = s.out[:0], 0
	}
}

// sent decides what becomes of s after a frame of it.
func (c *Conn) sent(s *Stream) {
	switch {
	case s.is(localEnded):
		c.unready(s)
		c.ended(s)
	case len(s.out) == 0:
		c.unready(s)
		if s.is(finishing) {
			c.endLocal(s)
		}
	case s.window <= 0:
		c.unready(s)
		c.stall(s)
	case s.priority.incremental():
		c.unready(s)
		c.makeReady(s)
	}
}

// stall begins the time in which the client has to open the window of s.
func (c *Conn) stall(s *Stream) {
	if s.stalled == 0 && c.f.set.WriteTimeout != 0 {
		s.stalled = c.f.now
		c.due(s.stalled + int64(c.f.set.WriteTimeout))
	}
}

// endLocal ends what we send on s, with trailers if there are any.
func (c *Conn) endLocal(s *Stream) {
	s.flags |= localEnded
	b := c.t.AvailableBuffer()
	if s.ending != nil {
		b = s.appendTrailers(b, s.ending)
	} else {
		b = appendFrame(b, 0, frameData, flagEndStream, s.id)
	}
	c.write(b)
	c.ended(s)
}

// ended goes on after END_STREAM was sent.
func (c *Conn) ended(s *Stream) {
	c.pleased(1)
	if s.tun != nil {
		s.tun.sentEnd()
		return
	}
	switch {
	case c.client != nil:
		c.client.sentWhole(s)
	case !s.is(finishing): // the head was all, and Finish is still to come
	case s.is(peerEnded):
		c.close(s)
	case s.is(waits), c.f.set.MaxDiscardBytes == 0, max(s.left, s.discarded) > c.f.set.MaxDiscardBytes:
		c.sendReset(s.id, codeNo)
		c.close(s)
	}
}

// close takes s off the connection.
func (c *Conn) close(s *Stream) {
	if s.is(closed) {
		return
	}
	s.flags |= closed
	c.flags |= served | changed
	s.forget()
	c.unready(s)
	c.remove(s)
	if c.data == s {
		c.data = nil
	}
	for i := s.first; i < len(s.out); i++ {
		c.waiting -= int64(len(s.out[i].data))
	}
	s.out, s.first = nil, 0 // what is queued stays counted: for ConnectionLost
	c.dropIn(s)
}

// dropIn drops content that nobody has taken.
func (c *Conn) dropIn(s *Stream) {
	if n := len(s.in); n > 0 {
		s.in = nil
		if s.is(closed) {
			c.giveBack(nil, n)
		} else {
			c.giveBack(s, n) // what still comes needs a window to be dropped
		}
	}
	s.trailers = nil
}

// loseStream ends a stream whose client is gone, or wants it no more.
func (c *Conn) loseStream(s *Stream, reason error) {
	rcv, tun := s.rcv, s.tun
	var done []func(error)
	if rcv == nil { // else ConnectionLost says it
		done = s.filesLeft()
	}
	if p := s.producer; p != nil {
		s.dropProducer()
		p.StopProducing()
	}
	s.forget()
	c.close(s)
	for _, done := range done {
		done(reason)
	}
	switch {
	case tun != nil:
		tun.lost(reason)
	case rcv != nil:
		rcv.ConnectionLost(reason)
	}
}

// sendRefusal answers a request that has, or will have, no Receiver.
func (c *Conn) sendRefusal(id uint32, e *protocol.Error, headMethod, ended bool) {
	text := protocol.StatusText(e.Status)
	body := make([]byte, 0, 160)
	body = append(append(body, text...), ": "...)
	body = append(append(body, e.Reason...), '\n')
	if headMethod || len(body) > c.window || len(body) > c.peerFirst {
		body = nil
	}
	s := Stream{c: c, f: c.f, id: id, answer: answerHead, window: c.peerFirst}
	fields := protocol.Fields{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	b := s.appendHead(c.t.AvailableBuffer(), e.Status, fields, int64(len(body)))
	if len(body) > 0 {
		c.writeLast(&s, b, body)
	} else {
		c.write(b)
	}
	if !ended {
		c.sendReset(id, codeNo)
	}
}
