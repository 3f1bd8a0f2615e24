package http2

import (
	"io"
	"os"

	"spindle/protocol"
	"spindle/reactor"
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

// sendFile sends n bytes of the file at the front of s.
func (c *Conn) sendFile(s *Stream, p *filePiece, n int) {
	if len(p.warm) > 0 {
		n = min(n, len(p.warm))
		data := p.warm[:n]
		p.warm = p.warm[n:]
		c.sendData(s, data, true, 0)
		c.fileSent(s, p, n)
		return
	}
	b := c.t.AvailableBuffer()
	if cap(b) < headerLen+n {
		b = c.f.frameBuffer()
	}
	got, cold, err := reactor.ReadWarm(p.f, b[headerLen:headerLen+n], p.off)
	switch {
	case cold:
		c.unready(s)
		c.heat(s, p)
	case err != nil:
		c.failFile(s, err)
	case got == 0:
		c.failFile(s, errShort)
	default:
		appendFrame(b[:0], got, frameData, 0, s.id)
		c.write(b[:headerLen+got])
		c.spend(s, got)
		c.fileSent(s, p, got)
	}
}

// frameBuffer is where a frame is made that the transport has no room for.
func (f *Factory) frameBuffer() []byte {
	if f.fileFrame == nil {
		f.fileFrame = make([]byte, 0, headerLen+maxFrame)
	}
	return f.fileFrame
}

// fileSent goes on after n bytes of a file.
func (c *Conn) fileSent(s *Stream, p *filePiece, n int) {
	p.off += int64(n)
	p.n -= int64(n)
	s.queued -= int64(n)
	if p.n == 0 {
		if done := p.done; done != nil {
			c.f.loop.CallLater(0, func() { done(nil) })
		}
		s.pop()
	}
	c.sent(s)
}

// heat has a thread read what comes next of a file.
func (c *Conn) heat(s *Stream, p *filePiece) {
	p.reading = true
	loop, f, off := c.f.loop, p.f, p.off
	buf := make([]byte, min(p.n, coldWindow))
	err := loop.ThreadPool().CallInThread(func() {
		n, err := f.ReadAt(buf, off)
		loop.CallFromThread(func() { c.heated(s, p, buf[:n], err) })
	})
	if err != nil {
		c.failFile(s, err)
	}
}

// heated goes on with what a thread has read.
func (c *Conn) heated(s *Stream, p *filePiece, data []byte, err error) {
	p.reading = false
	if s.is(closed) || c.state >= stateLinger {
		return
	}
	c.enter()
	c.flags |= running
	switch {
	case len(data) > 0:
		p.warm = data
		c.makeReady(s)
	case err != nil && err != io.EOF:
		c.failFile(s, err)
	default:
		c.failFile(s, errShort)
	}
	c.flags &^= running
	c.run(c.unread())
}

// failFile resets a stream whose file can not be read.
func (c *Conn) failFile(s *Stream, err error) {
	s.complain("a file can not be sent: " + err.Error())
	rcv, tun := s.rcv, s.tun
	if rcv == nil {
		s.dropFiles(err)
	}
	s.forget()
	c.sendReset(s.id, codeInternal)
	c.close(s)
	switch {
	case tun != nil:
		c.f.loop.CallLater(0, func() { tun.lost(err) })
	case rcv != nil:
		c.f.loop.CallLater(0, func() { rcv.ConnectionLost(err) })
	}
}

// dropFiles tells those who wait for files of s why they were not sent, in the next
// turn.
func (s *Stream) dropFiles(err error) {
	for _, done := range s.filesLeft() {
		s.f.loop.CallLater(0, func() { done(err) })
	}
}

// filesLeft is who waits for files of s. They are told once.
func (s *Stream) filesLeft() (done []func(error)) {
	for i := s.first; i < len(s.out); i++ {
		if p := s.out[i].file; p != nil && p.done != nil {
			done = append(done, p.done)
			p.done = nil
		}
	}
	return done
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
	s.out, s.first, s.queued = nil, 0, 0
	c.dropIn(s)
}

// dropIn drops content that nobody has taken.
func (c *Conn) dropIn(s *Stream) {
	if n := len(s.in); n > 0 {
		s.in = nil
		c.giveBack(nil, n)
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

// producersDue tells whether a producer is to be told something.
func (c *Conn) producersDue() bool {
	for _, s := range c.streams {
		if s.producer != nil && s.producerDue() {
			return true
		}
	}
	return false
}

// producerDue is producersDue for one stream.
func (s *Stream) producerDue() bool {
	switch {
	case s.push == nil:
		return !s.is(producerAsked) && s.hungry() && s.c.t.Buffered() < sendMark
	case s.is(producerPaused):
		return s.queued <= lowWater
	}
	return s.queued > highWater
}

// hungry tells whether a pull producer could be asked as far as the client goes.
func (s *Stream) hungry() bool {
	open := s.window > 0 && s.c.window > 0 || s.answer == answerEmpty // what is dropped needs no window
	return s.producer != nil && s.push == nil && len(s.out) == 0 && open && !s.heldBack()
}

// tellProducers tells them to pause, to go on, or to write a piece.
func (c *Conn) tellProducers() {
	for range pullRounds {
		if c.producers == 0 || !c.tellRound() {
			return
		}
		c.pump()
	}
	if c.producersDue() {
		c.post()
	}
}

func (c *Conn) tellRound() (told bool) {
	for i := 0; i < len(c.streams); i++ {
		s := c.streams[i]
		if s.producer == nil || !s.producerDue() {
			continue
		}
		told = true
		switch {
		case s.push == nil:
			s.flags |= producerAsked
			s.producer.ResumeProducing()
		case s.is(producerPaused):
			s.flags &^= producerPaused
			s.producer.ResumeProducing()
		default:
			s.flags |= producerPaused
			s.push.PauseProducing()
		}
	}
	return told
}

// giveHeld begins the exchanges that had to wait until enough was sent.
func (c *Conn) giveHeld() {
	for c.held > 0 && c.waiting <= int64(c.f.set.MaxQueuedBytes) {
		for _, s := range c.streams {
			if s.is(held) {
				c.begun(s)
				break
			}
		}
	}
}

// begun begins the exchange of s, and gives it the content that has come meanwhile.
func (c *Conn) begun(s *Stream) {
	h := s.held
	s.held = nil
	s.flags &^= held
	c.held--
	c.awaitContent(s)
	c.give(s, h)
	if s.c == c && !s.is(closed) {
		c.catchUp(s)
	}
}

// goOn does what was put off.
func (c *Conn) goOn() {
	if c.is(closeAsked) {
		c.flags &^= closeAsked
		if !c.is(draining) && c.state < stateLinger {
			c.drain()
		}
	}
	for i := 0; i < len(c.streams); {
		s := c.streams[i]
		if s.is(catching) {
			s.flags &^= catching
			c.catchUp(s)
		}
		if s.tun != nil {
			s.tun.goOn()
		}
		if i < len(c.streams) && c.streams[i] == s {
			i++
		}
	}
}

// work does what follows from what has come, while callbacks may be made.
func (c *Conn) work() {
	if c.state >= stateLinger {
		return
	}
	c.pump()
	c.tellProducers()
	c.giveHeld()
}

// ask makes us the transport's producer: it tells when it has delivered everything.
func (c *Conn) ask() {
	if !c.is(asking) {
		c.flags |= asking
		c.t.RegisterProducer((*drainer)(c))
	}
}

// release ends it.
func (c *Conn) release() {
	if c.is(asking) {
		c.flags &^= asking
		c.t.UnregisterProducer()
	}
}

// drainer is a Conn as the pull producer of its transport.
type drainer Conn

// ResumeProducing goes on with what waits for the transport.
func (d *drainer) ResumeProducing() {
	c := (*Conn)(d)
	c.unblock()
	c.enter()
	c.run(c.unread())
}

// StopProducing does nothing: ConnectionLost follows.
func (d *drainer) StopProducing() {}

// steer pauses reading, and asks the transport, as far as there is a reason.
func (c *Conn) steer() {
	if c.state >= stateLinger {
		return
	}
	want := c.is(blocked) || c.ready != nil && c.ready.len > 0 && c.window > 0
	if c.producers > 0 && c.hungry() {
		want = true
	}
	if want {
		c.ask()
	} else {
		c.release()
	}
	if c.is(blocked) == c.is(pausedRead) {
		return
	}
	c.flags ^= pausedRead
	if c.is(pausedRead) {
		c.t.PauseReading()
	} else {
		c.t.ResumeReading()
	}
}

// hungry tells whether a pull producer is to be asked when the transport has room. For
// one that waits for the client's window the time runs.
func (c *Conn) hungry() (any bool) {
	for _, s := range c.streams {
		switch {
		case s.producer == nil || s.push != nil || len(s.out) > 0 || s.is(producerAsked) || s.heldBack():
		case s.hungry():
			any = true
		case s.window <= 0:
			c.stall(s)
		default:
			c.shut()
		}
	}
	return any
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
