package http2

import (
	"fmt"
	"io"

	"spindle/reactor"
)

// This file sends parts of files as content: what is in the kernel's memory at once,
// what is not by way of a thread.

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
	if tun != nil {
		err = fmt.Errorf("%w: %w", reactor.ErrAborted, err)
	}
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
