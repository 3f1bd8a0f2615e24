package reactor

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// This file holds what a connection has written and the kernel has not taken
// yet: pieces of bytes, owned or shared, and pieces of files, in order.

const (
	pieceSize    = 16 << 10              // of a pooled buffer
	sharedFrom   = 8 << 10               // WriteShared copies what is smaller
	maxIovecs    = 64                    // pieces in one writev
	fileWindow   = 1 << 20               // bytes of a file sent at once; 256 KiB cost a quarter more CPU
	warmRetry    = 20 * time.Millisecond // when all threads are taken
	joinedAtMost = 256 << 10             // bytes of a file whose head shares its first packet; see below
	flushBudget  = 4 << 20               // bytes that one connection may send in one turn
)

// A head that shares the first packet of a file shifts all that follows against the pages
// that it lies in, so that the kernel sends two parts of pages for each. For a file of 1 MiB
// that cost as much CPU as all the rest, for one packet less in a thousand.

// piece is one part of the queue.
type piece struct {
	data   []byte // what is left to send; nil for a file
	pooled *[pieceSize]byte
	file   *filePiece
}

type filePiece struct {
	f       *os.File
	off, n  int64
	done    func(error)
	warming bool  // a thread reads it into the page cache
	warm    int64 // resident up to here, as far as is known
	dropped bool  // while it was warming: done waits for the thread
	dropErr error
}

var piecePool = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// outQueue is the queue of one connection. It is taken from a pool when the first
// piece comes, and given back when it is empty.
type outQueue struct {
	pieces []piece
	head   int // the first piece that is not sent
	bytes  int // left to send, files too
}

var queuePool = sync.Pool{New: func() any { return new(outQueue) }}

func newQueue() *outQueue { return queuePool.Get().(*outQueue) }

// release gives the queue back; what is still in it is dropped, and its files
// are told err on the loop.
func (q *outQueue) release(err error, tell func(f func())) {
	for i := q.head; i < len(q.pieces); i++ {
		q.drop(&q.pieces[i], err, tell)
	}
	q.pieces, q.head, q.bytes = q.pieces[:0], 0, 0
	if cap(q.pieces) <= 1024 {
		queuePool.Put(q)
	}
}

func (q *outQueue) drop(p *piece, err error, tell func(f func())) {
	if p.pooled != nil {
		piecePool.Put(p.pooled)
	}
	if f := p.file; f != nil && f.done != nil {
		f.drop(err, tell)
	}
	*p = piece{}
}

// drop tells that the rest is not sent: at once, or when no thread reads the file
// any more.
func (f *filePiece) drop(err error, tell func(f func())) {
	if f.warming {
		f.dropped, f.dropErr = true, err
		return
	}
	done := f.done
	f.done = nil
	tell(func() { done(err) })
}

func (q *outQueue) empty() bool { return q.head == len(q.pieces) }

// add copies data to the end.
func (q *outQueue) add(data []byte) {
	q.bytes += len(data)
	if n := len(q.pieces); n > q.head {
		last := &q.pieces[n-1]
		if room := q.room(last); room > 0 {
			k := min(room, len(data))
			last.data = append(last.data, data[:k]...)
			data = data[k:]
		}
	}
	for len(data) > 0 {
		buf := piecePool.Get().(*[pieceSize]byte)
		k := copy(buf[:], data)
		q.pieces = append(q.pieces, piece{data: buf[:k], pooled: buf})
		data = data[k:]
	}
}

// room is how many bytes fit behind the data of a pooled piece.
func (q *outQueue) room(p *piece) int {
	if p.pooled == nil {
		return 0
	}
	return cap(p.data) - len(p.data)
}

// addShared takes data as it is.
func (q *outQueue) addShared(data []byte) {
	q.bytes += len(data)
	q.pieces = append(q.pieces, piece{data: data})
}

func (q *outQueue) addFile(f *filePiece) {
	q.bytes += int(f.n)
	q.pieces = append(q.pieces, piece{file: f})
}

// iovecs fills iov with the bytes up to the first file.
func (q *outQueue) iovecs(iov []unix.Iovec) []unix.Iovec {
	for i := q.head; i < len(q.pieces) && len(iov) < maxIovecs; i++ {
		p := &q.pieces[i]
		if p.file != nil {
			break
		}
		v := unix.Iovec{Base: &p.data[0]}
		v.SetLen(len(p.data))
		iov = append(iov, v)
	}
	return iov
}

// sent takes n bytes off the front, up to the first file.
func (q *outQueue) sent(n int) {
	q.bytes -= n
	for n > 0 {
		p := &q.pieces[q.head]
		k := min(n, len(p.data))
		p.data = p.data[k:]
		n -= k
		if len(p.data) == 0 {
			q.pop()
		}
	}
}

// pop gives the first piece back.
func (q *outQueue) pop() {
	p := &q.pieces[q.head]
	if p.pooled != nil {
		piecePool.Put(p.pooled)
	}
	*p = piece{}
	q.head++
	if q.head == len(q.pieces) {
		q.pieces, q.head = q.pieces[:0], 0
	} else if q.head >= 64 && q.head*2 >= len(q.pieces) {
		q.pieces = q.pieces[:copy(q.pieces, q.pieces[q.head:])]
		q.head = 0
	}
}

// send sends some of the file. It returns how much, with EAGAIN when the socket is full; cold
// tells that a thread must read first.
func (f *filePiece) send(fd int, warm *warmPieces, now time.Time) (n int, cold bool, e syscall.Errno) {
	window, seen := min(f.n, fileWindow), false
	if end := f.off + window; end > f.warm {
		var is bool
		if is, seen = warm.has(f.f, f.off, end, now); !is {
			return 0, true, 0
		}
	}
	n, e = sysSendfile(fd, int(f.f.Fd()), f.off, int(window), seen)
	if e != 0 {
		return 0, false, e
	}
	f.off += int64(n)
	f.n -= int64(n)
	return n, false, 0
}

// heat reads the next window so that it is in the page cache. Blocks: not on the
// loop.
func (f *filePiece) heat() (warm int64, err error) {
	buf := piecePool.Get().(*[pieceSize]byte)
	defer piecePool.Put(buf)
	end := f.off + min(f.n, fileWindow)
	for off := f.off; off < end; {
		n, err := f.f.ReadAt(buf[:min(int64(pieceSize), end-off)], off)
		off += int64(n)
		if err == io.EOF {
			return off, nil // sendfile will find it short
		}
		if err != nil {
			return off, err
		}
	}
	return end, nil
}
