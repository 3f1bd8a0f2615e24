package reactortest

import (
	"hash/maphash"
	"io"
	"os"
)

// outQueue is what was written to a Transport and is not yet with the kernel.
type outQueue struct {
	segments []segment
	size     int    // bytes in all of them
	spare    []byte // a buffer to be used again
}

// segment is one piece: bytes of our own, shared bytes, or a part of a file.
type segment struct {
	data   []byte // what is left of it
	own    []byte // the whole buffer, when it is ours
	shared []byte // all of it as it was given, when it is shared
	sum    uint64 // hash of shared

	file *os.File
	off  int64
	left int64
	done func(err error)
}

var seed = maphash.MakeSeed()

// write queues a copy.
func (q *outQueue) write(data []byte) {
	q.size += len(data)
	if n := len(q.segments); n > 0 && q.segments[n-1].own != nil {
		s := &q.segments[n-1]
		sent := len(s.own) - len(s.data)
		s.own = append(s.own, data...)
		s.data = s.own[sent:]
		return
	}
	own := append(q.spare[:0], data...)
	q.spare = nil
	q.segments = append(q.segments, segment{data: own, own: own})
}

func (q *outQueue) writeShared(data []byte) {
	q.size += len(data)
	q.segments = append(q.segments, segment{data: data, shared: data, sum: maphash.Bytes(seed, data)})
}

func (q *outQueue) sendFile(f *os.File, off, n int64, done func(error)) {
	q.size += int(n)
	q.segments = append(q.segments, segment{file: f, off: off, left: n, done: done})
}

// moveTo appends up to room bytes to wire; a room below zero has no end. ended
// gets the done functions of the files that are through.
func (q *outQueue) moveTo(wire []byte, room int, ended *[]func(error)) (_ []byte, err error) {
	for len(q.segments) > 0 && err == nil {
		s := &q.segments[0]
		n := len(s.data) + int(s.left)
		if room >= 0 {
			n = min(n, room)
			room -= n
		}
		before := len(wire)
		wire, err = s.moveTo(wire, n)
		q.size -= len(wire) - before
		if len(s.data) > 0 || s.left > 0 {
			break
		}
		if s.done != nil {
			*ended = append(*ended, s.done)
		}
		q.pop()
	}
	return wire, err
}

// moveTo appends n bytes, which the segment has, to wire.
func (s *segment) moveTo(wire []byte, n int) ([]byte, error) {
	if s.file == nil {
		wire = append(wire, s.data[:n]...)
		s.data = s.data[n:]
		return wire, nil
	}
	start := len(wire)
	wire = append(wire, make([]byte, n)...)
	got, err := s.file.ReadAt(wire[start:], s.off)
	s.off += int64(got)
	s.left -= int64(got)
	if got == n {
		err = nil
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return wire[:start+got], err
}

// pop takes the first segment away.
func (q *outQueue) pop() {
	s := q.segments[0]
	s.checkShared()
	if s.own != nil {
		q.spare = s.own[:0]
	}
	copy(q.segments, q.segments[1:])
	q.segments[len(q.segments)-1] = segment{}
	q.segments = q.segments[:len(q.segments)-1]
}

// drop empties the queue and returns the done functions of its files.
func (q *outQueue) drop() (done []func(error)) {
	for len(q.segments) > 0 {
		if d := q.segments[0].done; d != nil {
			done = append(done, d)
		}
		q.pop()
	}
	q.size = 0
	return done
}

func (s *segment) checkShared() {
	if s.shared != nil && maphash.Bytes(seed, s.shared) != s.sum {
		panic("reactortest: bytes given to WriteShared were changed while they were queued")
	}
}
