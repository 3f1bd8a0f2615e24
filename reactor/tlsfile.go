package reactor

import (
	"fmt"
	"io"
)

// This file sends what is not encrypted at once: files, and large data that others
// share. They are taken piece by piece as the connection takes them, a file from the
// page cache on the loop, by a thread when it is cold.

const (
	tlsHighWater = 256 << 10 // ciphertext queued above which no more is made
	tlsPiece     = 64 << 10  // four records, which fit into the scratch buffer
)

// outPiece is a file, or bytes: shared ones, or such as were written behind a piece.
type outPiece struct {
	data []byte
	file *filePiece
}

func (s *secure) outBytes() int {
	n := 0
	for _, p := range s.out {
		n += len(p.data)
		if p.file != nil {
			n += int(p.file.n)
		}
	}
	return n
}

// wantsMore tells whether there is more to make records of, and room for it.
func (s *secure) wantsMore() bool {
	return len(s.out) > 0 && s.raw.state&writeBlocked == 0 && (s.out[0].file == nil || !s.out[0].file.warming)
}

// pump makes records of what is queued, as far as the connection takes them.
func (s *secure) pump() {
	for len(s.out) > 0 && s.raw.state&(failed|lost) == 0 {
		if s.raw.Buffered() > tlsHighWater {
			return
		}
		p := &s.out[0]
		if p.file == nil {
			n := min(len(p.data), tlsPiece)
			s.encrypt(p.data[:n])
			if p.data = p.data[n:]; len(p.data) > 0 {
				continue
			}
		} else if !s.pumpFile(p.file) {
			return
		} else if p.file.n > 0 {
			continue
		}
		s.out[0] = outPiece{}
		if s.out = s.out[1:]; len(s.out) == 0 {
			s.out = nil
		}
	}
}

// pumpFile sends the next piece of a file. false means: not now.
func (s *secure) pumpFile(f *filePiece) bool {
	if f.warming {
		return false
	}
	buf := s.raw.r.fileBuffer()[:min(f.n, tlsPiece)]
	n, cold, err := f.read(buf)
	if cold {
		s.raw.warm(f)
		return false
	}
	if n == 0 {
		if err == nil {
			err = fmt.Errorf("%d bytes shorter than promised: %w", f.n, io.ErrUnexpectedEOF)
		}
		s.raw.fail(fmt.Errorf("%w: file %q: %w", ErrAborted, f.f.Name(), err))
		return false
	}
	s.encrypt(buf[:n])
	f.off += int64(n)
	if f.n -= int64(n); f.n == 0 && f.done != nil {
		s.raw.markFile(f)
	}
	return true
}

// read reads what comes next, if it is in memory.
func (f *filePiece) read(b []byte) (n int, cold bool, err error) {
	if f.off+int64(len(b)) > f.warm {
		return ReadWarm(f.f, b, f.off)
	}
	n, err = f.f.ReadAt(b, f.off) // a thread has read it just now
	if err == io.EOF {
		err = nil
	}
	return n, false, err
}

// fileBuffer is where files are read for TLS, one buffer for all connections.
func (r *Reactor) fileBuffer() []byte {
	if r.fileBuf == nil {
		r.fileBuf = make([]byte, tlsPiece)
	}
	return r.fileBuf
}

// dropOut tells the files in the queue that they are not sent.
func (s *secure) dropOut(err error) {
	for _, p := range s.out {
		if p.file != nil && p.file.done != nil {
			p.file.drop(err, s.raw.r.tellFile)
		}
	}
	s.out = nil
}
