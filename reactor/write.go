package reactor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is the sending half of a connection. What a callback writes goes to
// the loop's scratch buffer, and leaves in one system call when the callback
// ends (or a little later, see held.go); only what the kernel does not take is
// queued, in pooled pieces. So an idle connection owns no buffer.

// leastRoom is what AvailableBuffer gives at least; for less, what is there leaves first.
const leastRoom = 4 << 10

// closedForWrite are the states in which what is written is dropped.
const closedForWrite = losing | losingWrite | writeClosed | failed | lost

// Write queues a copy of data. Loop only.
func (c *Conn) Write(data []byte) {
	c.r.loop.check()
	if c.state&closedForWrite != 0 && !c.writable() || len(data) == 0 {
		return
	}
	c.wrote()
	if c.out != nil {
		c.out.add(data)
		return
	}
	r := c.r
	if r.owner != c {
		c.takeScratch()
	}
	if used := len(r.scratch); used+len(data) <= cap(r.scratch) {
		if unsafe.SliceData(data) == unsafe.SliceData(r.scratch[used:used+1]) {
			r.scratch = r.scratch[:used+len(data)] // it was built in place
			return
		}
		r.scratch = append(r.scratch, data...)
		return
	}
	r.flushHeld()
	c.flush()
	if c.out == nil && len(data) <= scratchSize/2 {
		c.takeScratch() // others may come behind it
		r.scratch = append(r.scratch, data...)
		return
	}
	c.writeLarge(data)
}

// writable tells whether a producer that LoseConnection waits for may still write.
func (c *Conn) writable() bool {
	return c.state&(writeClosed|failed|lost) == 0 && c.more != nil && c.more.producer != nil
}

// wrote notes that there is something to flush.
func (c *Conn) wrote() {
	if c.state&holding != 0 {
		c.r.flushHeld()
	}
	if c.more != nil {
		c.more.asked = false
	}
	c.touch()
}

// takeScratch makes c the owner of the scratch buffer; what its owner before
// wrote leaves now.
func (c *Conn) takeScratch() {
	r := c.r
	if r.owner == c {
		return
	}
	if r.owner != nil {
		r.owner.flush()
	}
	r.owner = c
}

// writeLarge writes data past an empty scratch buffer.
func (c *Conn) writeLarge(data []byte) {
	r := c.r
	if c.out == nil && c.state&(writeBlocked|failed) == 0 {
		n, e := sysWrite(int(c.fd), data)
		if e != 0 && e != unix.EAGAIN {
			c.failWrite(e)
			return
		}
		if data = data[max(n, 0)*b2i(e == 0):]; len(data) == 0 {
			return
		}
		c.block()
	}
	if c.state&failed != 0 {
		return
	}
	if r.owner == c {
		r.owner = nil
	}
	c.queue().add(data)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Conn) queue() *outQueue {
	if c.out == nil {
		c.out = newQueue()
	}
	return c.out
}

// WriteShared queues data itself when it is large. Loop only. data must not be
// changed afterwards.
func (c *Conn) WriteShared(data []byte) {
	if len(data) < sharedFrom {
		c.Write(data)
		return
	}
	c.r.loop.check()
	if c.state&closedForWrite != 0 && !c.writable() {
		return
	}
	c.wrote()
	c.queue().addShared(data)
}

// WriteSequence is Write for each of pieces. Loop only.
func (c *Conn) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		c.Write(p)
	}
}

// AvailableBuffer is where the next Write can be built. Loop only.
func (c *Conn) AvailableBuffer() []byte {
	if c.state&holding != 0 {
		c.r.flushHeld()
	}
	if c.out != nil || c.state&closedForWrite != 0 {
		return c.r.spare[:0]
	}
	r := c.r
	if r.owner != c {
		c.takeScratch()
	}
	c.touch()
	if cap(r.scratch)-len(r.scratch) < leastRoom {
		c.flush()
		if c.out != nil {
			return r.spare[:0]
		}
		c.takeScratch()
	}
	used := len(r.scratch)
	return r.scratch[used:used:cap(r.scratch)]
}

// SendFile queues n bytes of f. Loop only.
func (c *Conn) SendFile(f *os.File, off, n int64, done func(err error)) {
	c.r.loop.check()
	if c.state&closedForWrite != 0 && !c.writable() || n <= 0 {
		if done != nil {
			var err error
			if n > 0 {
				err = ErrDone
			}
			c.r.tellFile(func() { done(err) })
		}
		return
	}
	c.wrote()
	c.queue().addFile(&filePiece{f: f, off: off, n: n, done: done})
}

// Buffered is the number of bytes that the kernel has not taken; within ConnectionLost, that
// it had not taken. Loop only.
func (c *Conn) Buffered() int {
	if c.state&lost != 0 {
		if c.r.unsent.of == c {
			return c.r.unsent.n
		}
		return 0
	}
	n := 0
	if c.out != nil {
		n = c.out.bytes
	}
	if c.r.owner == c {
		n += len(c.r.scratch)
	}
	if c.state&holding != 0 {
		n += c.r.heldBytes(c)
	}
	return n
}

// queued is Buffered with what TLS holds back.
func (c *Conn) queued() int {
	if f := c.filter(); f != nil {
		return f.Buffered()
	}
	return c.Buffered()
}

// idleOut tells whether everything is with the kernel.
func (c *Conn) idleOut() bool {
	if c.state&holding != 0 || c.out != nil || c.r.owner == c && len(c.r.scratch) > 0 {
		return false
	}
	f := c.filter()
	return f == nil || f.idle()
}

// flushAll is flush, after TLS has made records of what was written.
func (c *Conn) flushAll() {
	f := c.filter()
	if f == nil {
		c.flush()
		return
	}
	if f.state&tlsSwitching != 0 {
		f.switchNow()
	}
	was := c.state & inPending
	c.state |= inPending // its records are sent right here
	f.beforeFlush()
	c.state = c.state&^inPending | was
	c.flush()
	if c.state&lost == 0 && f.wantsMore() {
		c.r.again(c)
	}
}

// flush gives the kernel what it takes. It calls nobody back.
func (c *Conn) flush() {
	r := c.r
	if c.state&holding != 0 {
		r.flushHeld()
	}
	if r.owner == c {
		c.flushScratch()
		if r.owner == c {
			r.owner = nil
		}
		if len(r.held) == 0 {
			r.scratch = r.arena
		}
	}
	if c.out != nil && c.state&(writeBlocked|failed) == 0 {
		c.flushQueue()
	}
}

// flushScratch sends the scratch buffer.
func (c *Conn) flushScratch() {
	data := c.r.scratch
	c.r.scratch = data[:0]
	c.flushBytes(data)
}

// flushBytes sends data, a part of the scratch buffer, with the pieces behind it if there are.
func (c *Conn) flushBytes(data []byte) {
	if len(data) == 0 || c.state&failed != 0 {
		return
	}
	if c.state&writeBlocked != 0 {
		c.keep(data)
		return
	}
	n, e := c.send(data)
	switch {
	case e == unix.EAGAIN:
		n = 0
	case e != 0:
		c.failWrite(e)
		return
	}
	if c.out != nil && !c.out.empty() && n > len(data) {
		c.out.sent(n - len(data))
		n = len(data)
		c.putQueue()
	}
	if n < len(data) {
		c.keep(data[n:])
		c.block()
	}
}

// send writes the scratch bytes together with what is queued behind them.
func (c *Conn) send(data []byte) (int, syscall.Errno) {
	if c.out == nil || c.out.empty() {
		return sysWrite(int(c.fd), data)
	}
	if f := c.out.pieces[c.out.head].file; f != nil && f.n > 0 && f.n <= joinedAtMost && c.state&pipeEnd == 0 {
		return sysWriteMore(int(c.fd), data)
	}
	var space [maxIovecs]unix.Iovec
	first := unix.Iovec{Base: unsafe.SliceData(data)}
	first.SetLen(len(data))
	return sysWritev(int(c.fd), c.out.iovecs(append(space[:0], first)))
}

// keep puts bytes of the scratch buffer at the front of the queue.
func (c *Conn) keep(data []byte) {
	rest := c.out
	c.out = nil
	q := c.queue()
	q.add(data)
	if rest != nil {
		q.pieces = append(q.pieces, rest.pieces[rest.head:]...)
		q.bytes += rest.bytes
		clear(rest.pieces)
		rest.pieces, rest.head, rest.bytes = rest.pieces[:0], 0, 0
		queuePool.Put(rest)
	}
}

// putQueue gives an empty queue back.
func (c *Conn) putQueue() {
	if c.out != nil && c.out.empty() {
		c.out.release(nil, c.r.tellFile)
		c.out = nil
	}
}

// flushQueue sends from the queue until it is empty, the kernel is full, or
// others should have their turn.
func (c *Conn) flushQueue() {
	for budget := flushBudget; c.out != nil; {
		if budget <= 0 {
			c.r.again(c)
			return
		}
		n, e := c.flushSome()
		switch {
		case e == unix.EAGAIN:
			c.block()
			return
		case e != 0:
			c.failWrite(e)
			return
		case n < 0:
			return // a thread is at work for it
		}
		budget -= n
		c.putQueue()
	}
}

// flushSome makes one system call for the front of the queue. n < 0: not now.
func (c *Conn) flushSome() (n int, e syscall.Errno) {
	if f := c.out.pieces[c.out.head].file; f != nil {
		return c.flushFile(f)
	}
	var space [maxIovecs]unix.Iovec
	iov := c.out.iovecs(space[:0])
	if len(iov) == 1 {
		n, e = sysWrite(int(c.fd), c.out.pieces[c.out.head].data)
	} else {
		n, e = sysWritev(int(c.fd), iov)
	}
	if e == 0 {
		c.out.sent(n)
	}
	return n, e
}

func (c *Conn) flushFile(f *filePiece) (int, syscall.Errno) {
	switch {
	case f.warming:
		return -1, 0
	case f.n == 0: // a mark: its bytes were encrypted, and are sent
		c.fileDone(f)
		return 0, 0
	}
	n, cold, e := f.send(int(c.fd), &c.r.warm, c.r.Now())
	switch {
	case cold:
		c.warm(f)
		return -1, 0
	case e != 0:
		return 0, e
	case n == 0:
		c.fail(fmt.Errorf("%w: file %q is %d bytes shorter than promised: %w", ErrAborted, f.f.Name(), f.n, io.ErrUnexpectedEOF))
		return -1, 0
	}
	c.out.bytes -= n
	if f.n == 0 {
		c.fileDone(f)
	}
	return n, 0
}

// markFile has done called when what is queued is with the kernel.
func (c *Conn) markFile(f *filePiece) {
	c.wrote()
	c.queue().addFile(f)
}

func (c *Conn) fileDone(f *filePiece) {
	c.out.pop()
	if f.done != nil {
		done := f.done
		c.r.tellFile(func() {
			defer c.contain()
			done(nil)
		})
	}
}

// warm has a thread read what comes next, so that sendfile finds it in memory.
func (c *Conn) warm(f *filePiece) {
	err := c.r.threads.CallInThread(func() {
		to, err := f.heat()
		c.r.CallFromThread(func() { c.warmed(f, to, err) })
	})
	switch {
	case err == nil:
		f.warming = true
	case errors.Is(err, ErrPoolFull):
		c.r.timers.CallLater(warmRetry, c.touch)
	default:
		c.fail(fmt.Errorf("reactor: reading file %q: %w", f.f.Name(), err))
	}
}

func (c *Conn) warmed(f *filePiece, to int64, err error) {
	f.warming, f.warm = false, to
	switch {
	case f.dropped:
		if f.done != nil {
			f.done(f.dropErr)
		}
	case err != nil:
		c.fail(fmt.Errorf("%w: reading file %q: %w", ErrAborted, f.f.Name(), err))
	default:
		c.touch()
	}
}

// block waits for the write event.
func (c *Conn) block() {
	c.state |= writeBlocked
	if c.state&writeEvent == 0 {
		c.state |= writeEvent
		if err := c.r.poller.wantWrite(int(c.fd)); err != nil {
			c.fail(err)
		}
	}
}

func (c *Conn) failWrite(e syscall.Errno) {
	if e == 0 || e == unix.EAGAIN {
		return
	}
	c.fail(os.NewSyscallError("write", e))
}
