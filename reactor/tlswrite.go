package reactor

import (
	"os"
	"slices"
)

// This file is the sending half of a secure connection.

// over tells whether what is written is dropped.
func (s *secure) over() bool {
	return s.raw.state&(failed|lost|writeClosed) != 0 || s.state&tlsClosed != 0 ||
		s.state&(tlsLosing|tlsHalf) != 0 && s.state&tlsProducing == 0
}

// Write queues a copy of data. Loop only.
func (s *secure) Write(data []byte) {
	s.raw.r.loop.check()
	if s.over() || len(data) == 0 {
		return
	}
	s.raw.wrote()
	if len(s.out) > 0 {
		s.out = append(s.out, outPiece{data: slices.Clone(data)})
		return
	}
	s.raw.r.addPlain(s, data)
}

// WriteShared queues data itself when it is large; it is encrypted piece by piece, as
// the connection takes it. Loop only.
func (s *secure) WriteShared(data []byte) {
	if len(data) < sharedFrom {
		s.Write(data)
		return
	}
	s.raw.r.loop.check()
	if s.over() {
		return
	}
	s.raw.wrote()
	s.out = append(s.out, outPiece{data: data})
}

// WriteSequence is Write for each of pieces. Loop only.
func (s *secure) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		s.Write(p)
	}
}

// AvailableBuffer is where the next Write can be built. Loop only.
func (s *secure) AvailableBuffer() []byte {
	if s.over() || len(s.out) > 0 {
		return s.raw.r.spare[:0]
	}
	s.raw.touch()
	return s.raw.r.availablePlain(s)
}

// addPlain copies data to the loop's buffer of plaintext.
func (r *Reactor) addPlain(s *secure, data []byte) {
	if len(data) > cap(r.availablePlain(s)) {
		s.seal()
		if len(data) > scratchSize/2 {
			s.encrypt(data)
			return
		}
		r.availablePlain(s) // others may come behind it
	}
	r.plainOut = append(r.plainOut, data...)
}

// availablePlain makes s the owner of the buffer, and returns its free end.
func (r *Reactor) availablePlain(s *secure) []byte {
	if r.plainOwner != nil && r.plainOwner != s {
		r.plainOwner.seal()
	}
	if r.plainOut == nil {
		r.plainOut = make([]byte, 0, scratchSize)
	}
	r.plainOwner = s
	if cap(r.plainOut)-len(r.plainOut) < leastRoom {
		s.seal()
		r.plainOwner = s
	}
	n := len(r.plainOut)
	return r.plainOut[n:n:cap(r.plainOut)]
}

func (r *Reactor) dropPlain(s *secure) {
	if r.plainOwner == s {
		r.plainOwner, r.plainOut = nil, r.plainOut[:0]
	}
}

// idle tells whether everything written is with the raw connection.
func (s *secure) idle() bool {
	return len(s.out) == 0 && (s.raw.r.plainOwner != s || len(s.raw.r.plainOut) == 0)
}

// seal makes records of what was written in this callback.
func (s *secure) seal() {
	r := s.raw.r
	if r.plainOwner != s {
		return
	}
	r.plainOwner = nil
	data := r.plainOut
	r.plainOut = data[:0]
	if len(data) > 0 {
		s.encrypt(data)
	}
}

func (s *secure) encrypt(data []byte) {
	if s.raw.state&(failed|lost) != 0 || s.state&tlsClosed != 0 {
		return
	}
	if _, err := s.conn.Write(data); err != nil {
		s.raw.fail(err)
	}
}

// Buffered is what the kernel has not taken, in about as many bytes of ciphertext.
// Loop only.
func (s *secure) Buffered() int {
	if s.raw.state&lost != 0 {
		return s.raw.Buffered()
	}
	n := s.raw.Buffered() + s.outBytes()
	if s.raw.r.plainOwner == s {
		n += len(s.raw.r.plainOut)
	}
	return n
}

// RegisterProducer makes p the producer. Loop only.
func (s *secure) RegisterProducer(p Producer) {
	s.raw.RegisterProducer(p)
	s.state |= tlsProducing
}

// UnregisterProducer ends it. Loop only.
func (s *secure) UnregisterProducer() {
	s.state &^= tlsProducing
	s.raw.UnregisterProducer()
}

// LoseConnection delivers what was written and a close_notify, then closes. Loop
// only.
func (s *secure) LoseConnection() {
	s.raw.r.loop.check()
	s.state |= tlsLosing
	s.kept = nil
	if s.raw.state&lost == 0 {
		s.raw.PauseReading() // a producer may take its time, and nothing is read
	}
	s.raw.touch()
}

// LoseWriteConnection delivers what was written and a close_notify. Loop only.
func (s *secure) LoseWriteConnection() {
	s.raw.r.loop.check()
	s.state |= tlsHalf
	s.raw.touch()
}

// AbortConnection drops what is queued and resets the connection. Loop only.
func (s *secure) AbortConnection() { s.raw.AbortConnection() }

// beforeFlush is called when a callback has ended, before the raw connection sends.
// It calls nobody back.
func (s *secure) beforeFlush() {
	if s.hand != nil || s.raw.state&(failed|lost) != 0 {
		return
	}
	s.seal()
	s.pump()
	s.closeIfDone()
}

// closeIfDone ends what was asked to end once all plaintext is sealed.
func (s *secure) closeIfDone() {
	const ending = tlsLosing | tlsHalf
	if s.state&ending == 0 || s.state&tlsProducing != 0 || len(s.out) > 0 {
		return
	}
	if s.state&tlsClosed == 0 {
		_ = s.conn.CloseWrite()
		s.state |= tlsClosed
	}
	switch {
	case s.state&tlsLosing != 0, s.state&tlsToldEOF != 0 && s.raw.state&writeClosed != 0:
		s.raw.LoseConnection()
	case s.raw.state&losingWrite == 0:
		s.raw.LoseWriteConnection()
	}
}

// SendFile queues n bytes of f. Loop only.
func (s *secure) SendFile(f *os.File, off, n int64, done func(err error)) {
	s.raw.r.loop.check()
	if s.over() || n <= 0 {
		if done != nil {
			var err error
			if n > 0 {
				err = ErrDone
			}
			s.raw.r.tellFile(func() { done(err) })
		}
		return
	}
	s.raw.wrote()
	s.out = append(s.out, outPiece{file: &filePiece{f: f, off: off, n: n, done: done}})
}
