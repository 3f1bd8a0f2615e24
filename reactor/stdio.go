package reactor

import (
	"io"
	"os"
	"syscall"
)

// This file makes a connection of two files that are open already: most often the standard
// input and output of a process that somebody else has started. They may be pipes, files
// or terminals, which no poller takes: each is read and written by a goroutine, one piece
// ahead of the loop at most.

// StandardIO makes a connection of what is read from in and written to out, with p as its
// protocol. Both are closed when it ends. ConnectionMade is called in the next turn. The
// Transport has no addresses. Loop only.
func StandardIO(l Loop, in, out *os.File, p Protocol) Transport {
	s := &stdio{loop: l, in: in, out: out, proto: p, credit: make(chan struct{}, 1)}
	l.CallFromThread(func() {
		s.tell(func() { s.proto.ConnectionMade(s) })
		s.settle()
		go s.read()
	})
	return s
}

// stdio is such a connection.
type stdio struct {
	loop  Loop
	in    *os.File
	out   *os.File
	proto Protocol

	credit  chan struct{} // one for each piece that was delivered; closed at the end
	held    []byte        // came while paused
	eofHeld bool          // and so did the end
	paused  bool

	queue    []stdioPiece
	queued   int64
	writing  bool
	producer Producer
	stopped  bool // a push producer was told to pause
	asked    bool // a pull producer was asked, and has not written yet

	touched  bool // settle is to come
	closing  bool // by LoseConnection
	halved   bool // by LoseWriteConnection
	outGone  bool // out is closed
	reason   error
	lost     bool
	switched Protocol
	unread   []byte
}

// stdioPiece is something to be written: bytes, or a part of a file.
type stdioPiece struct {
	data []byte
	file *os.File
	off  int64
	n    int64
	done func(error)
}

func (s *stdio) tell(f func()) {
	if s.lost {
		return
	}
	if p := contained(f); p != nil {
		logPanic(loggerOf(s.loop), "the protocol of the standard input and output", p)
		s.end(ErrAborted)
	}
}

// read is a goroutine.
func (s *stdio) read() {
	buf := make([]byte, maxPipeRead)
	for {
		n, err := s.in.Read(buf)
		if n > 0 {
			data := append([]byte(nil), buf[:n]...)
			s.loop.CallFromThread(func() { s.arrived(data) })
			if _, more := <-s.credit; !more {
				return
			}
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			s.loop.CallFromThread(func() { s.readEnded(err) })
			return
		}
	}
}

func (s *stdio) arrived(data []byte) {
	if s.lost {
		return
	}
	if s.paused || s.closing {
		s.held = data
		return
	}
	s.tell(func() { s.proto.DataReceived(data) })
	if !s.lost {
		s.credit <- struct{}{}
	}
	s.touch()
}

// readEnded tells that nothing more comes.
func (s *stdio) readEnded(err error) {
	half, can := s.proto.(HalfCloseProtocol)
	switch {
	case s.lost:
	case err != nil:
		s.end(err)
	case s.paused:
		s.eofHeld = true
	case can:
		s.tell(half.ReadConnectionLost)
	default:
		s.closing = true
	}
	s.touch()
}

func (s *stdio) add(p stdioPiece) {
	if s.reason != nil || s.outGone || (s.closing || s.halved) && s.producer == nil {
		if p.done != nil {
			s.loop.CallFromThread(func() { p.done(syscall.EPIPE) })
		}
		return
	}
	s.asked = false
	s.queue = append(s.queue, p)
	s.queued += int64(len(p.data)) + p.n
	s.touch()
}

// touch has settle called when the current callback is over.
func (s *stdio) touch() {
	if !s.touched {
		s.touched = true
		s.loop.CallFromThread(s.settle)
	}
}

// settle does what follows from what was written, sent and asked for.
func (s *stdio) settle() {
	s.touched = false
	if p := s.switched; p != nil && !s.lost {
		unread := s.unread
		s.switched, s.unread, s.proto = nil, nil, p
		s.tell(func() { p.ConnectionMade(s) })
		if len(unread) > 0 {
			s.tell(func() { p.DataReceived(unread) })
		}
	}
	switch {
	case s.lost:
		return
	case s.reason != nil:
		s.finish()
		return
	}
	if !s.writing && len(s.queue) > 0 {
		s.send()
	}
	s.tellProducer()
	if s.queued > 0 || s.producer != nil {
		return
	}
	switch {
	case s.closing:
		s.reason = ErrDone
		s.finish()
	case s.halved && !s.outGone:
		s.outGone = true
		_ = s.out.Close()
		if half, ok := s.proto.(HalfCloseProtocol); ok {
			s.tell(half.WriteConnectionLost)
		}
	}
}

// send has a goroutine write the first piece.
func (s *stdio) send() {
	p := s.queue[0]
	s.queue = s.queue[1:]
	s.writing = true
	go func() {
		var err error
		if p.file == nil {
			_, err = s.out.Write(p.data)
		} else {
			var n int64
			n, err = io.Copy(s.out, io.NewSectionReader(p.file, p.off, p.n))
			if err == nil && n < p.n {
				err = io.ErrUnexpectedEOF
			}
		}
		s.loop.CallFromThread(func() { s.sent(p, err) })
	}()
}

func (s *stdio) sent(p stdioPiece, err error) {
	s.writing = false
	s.queued -= int64(len(p.data)) + p.n
	if p.done != nil {
		s.tell(func() { p.done(err) })
	}
	if err != nil {
		s.end(err)
	}
	s.touch()
}

func (s *stdio) tellProducer() {
	if s.producer == nil {
		return
	}
	push, isPush := s.producer.(PushProducer)
	switch {
	case !isPush && s.queued == 0 && !s.asked:
		s.asked = true
		s.tell(s.producer.ResumeProducing)
	case isPush && !s.stopped && s.queued > highWater:
		s.stopped = true
		s.tell(push.PauseProducing)
	case isPush && s.stopped && s.queued <= lowWater:
		s.stopped = false
		s.tell(push.ResumeProducing)
	}
}

// end ends the connection when the callback is over.
func (s *stdio) end(reason error) {
	if s.reason == nil {
		s.reason = reason
		s.touch()
	}
}

// finish tells the end.
func (s *stdio) finish() {
	for _, p := range s.queue {
		if p.done != nil {
			s.tell(func() { p.done(s.reason) })
		}
	}
	s.queue, s.queued, s.held = nil, 0, nil
	if p := s.producer; p != nil {
		s.producer = nil
		s.tell(p.StopProducing)
	}
	s.tell(func() { s.proto.ConnectionLost(s.reason) })
	s.lost = true
	close(s.credit)
	_ = s.in.Close()
	if !s.outGone {
		_ = s.out.Close()
	}
}

func (s *stdio) Write(data []byte) {
	if len(data) > 0 {
		s.add(stdioPiece{data: append([]byte(nil), data...)})
	}
}

func (s *stdio) WriteShared(data []byte) {
	if len(data) > 0 {
		s.add(stdioPiece{data: data})
	}
}

func (s *stdio) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		s.Write(p)
	}
}

func (s *stdio) SendFile(f *os.File, off, n int64, done func(err error)) {
	if done == nil {
		done = func(error) {}
	}
	s.add(stdioPiece{file: f, off: off, n: max(n, 0), done: done})
}

func (s *stdio) AvailableBuffer() []byte { return nil }
func (s *stdio) Buffered() int           { return int(s.queued) }
func (s *stdio) LoseConnection()         { s.closing = true; s.touch() }
func (s *stdio) LoseWriteConnection()    { s.halved = true; s.touch() }
func (s *stdio) AbortConnection()        { s.end(ErrAborted) }
func (s *stdio) PauseReading()           { s.paused = true }
func (s *stdio) Peer() Addr              { return Addr{} }
func (s *stdio) Host() Addr              { return Addr{} }
func (s *stdio) Loop() Loop              { return s.loop }

// ResumeReading goes on in the next turn, with what was held.
func (s *stdio) ResumeReading() {
	if !s.paused {
		return
	}
	s.paused = false
	s.loop.CallFromThread(func() {
		if s.paused || s.lost {
			return
		}
		if data := s.held; data != nil {
			s.held = nil
			s.arrived(data)
		}
		if s.eofHeld && !s.paused {
			s.eofHeld = false
			s.readEnded(nil)
		}
	})
}

func (s *stdio) RegisterProducer(p Producer) {
	switch {
	case s.producer != nil:
		panic("reactor: RegisterProducer: there is a producer already; unregister it first")
	case s.reason != nil || s.outGone:
		s.loop.CallFromThread(p.StopProducing)
	default:
		s.producer, s.stopped, s.asked = p, false, false
		s.touch()
	}
}

func (s *stdio) UnregisterProducer() {
	s.producer = nil
	s.touch()
}

func (s *stdio) Switch(p Protocol, unread []byte) {
	s.switched, s.unread = p, append([]byte(nil), unread...)
	s.touch()
}

var _ Transport = (*stdio)(nil)
