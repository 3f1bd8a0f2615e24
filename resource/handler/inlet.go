package handler

import (
	"os"
	"sync"
	"time"
)

// This file carries bytes from the loop to a goroutine that reads them: the content of a
// request, and what comes on a hijacked connection.

const (
	highWater = 64 << 10 // bytes that wait for a reader, above which no more are taken
	lowWater  = 16 << 10 // below which they are again
)

// inlet is a bounded buffer between the loop, which puts in, and a goroutine, which
// reads.
type inlet struct {
	mu     sync.Mutex
	cond   sync.Cond
	buf    []byte // unread from off on
	off    int
	err    error // what comes behind it
	closed error // what the reader gets after it has closed
	paused bool
	until  deadline

	pause  func()         // stops more from coming; loop only
	settle func()         // lets it come again if not isPaused; loop only
	post   func(f func()) // has f called on the loop
}

func (in *inlet) init(settle func()) {
	in.cond.L = &in.mu
	in.settle = settle
}

// received takes a copy of p. Loop only.
func (in *inlet) received(p []byte) {
	in.mu.Lock()
	if in.closed != nil {
		in.mu.Unlock()
		return
	}
	in.makeRoom(len(p))
	in.buf = append(in.buf, p...)
	over := len(in.buf)-in.off > highWater && !in.paused
	in.paused = in.paused || over
	in.mu.Unlock()
	in.cond.Broadcast()
	if over {
		in.pause()
	}
}

// stores are the buffers of inlets that have much to keep at this moment: what is read from
// a connection at once on top of what may wait.
var stores = sync.Pool{New: func() any { return new([storeBytes]byte) }}

const storeBytes = highWater + 64<<10

// makeRoom sees to it that n bytes more can be appended without much copying.
func (in *inlet) makeRoom(n int) {
	kept := in.buf[in.off:]
	switch need := len(kept) + n; {
	case len(in.buf)+n <= cap(in.buf):
		return
	case need <= cap(in.buf):
		in.buf = in.buf[:copy(in.buf[:cap(in.buf)], kept)]
	case need <= lowWater || need > storeBytes:
		in.buf = append(make([]byte, 0, need), kept...)
	default:
		in.buf = append(stores.Get().(*[storeBytes]byte)[:0], kept...)
	}
	in.off = 0
}

// giveRoom gives a large buffer back.
func (in *inlet) giveRoom() {
	if cap(in.buf) == storeBytes {
		stores.Put((*[storeBytes]byte)(in.buf[:storeBytes]))
	}
	in.buf, in.off = nil, 0
}

// end tells what comes behind the bytes that are there; the first that is told holds.
func (in *inlet) end(err error) {
	in.mu.Lock()
	if in.err == nil {
		in.err = err
	}
	in.mu.Unlock()
	in.cond.Broadcast()
}

// isPaused tells whether nothing more is to come for now.
func (in *inlet) isPaused() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.paused
}

// read is io.Reader's Read.
func (in *inlet) read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.buf) == in.off && in.err == nil && in.closed == nil && !in.until.passed && len(p) > 0 {
		in.cond.Wait()
	}
	switch {
	case in.closed != nil:
		return 0, in.closed
	case in.until.passed:
		return 0, os.ErrDeadlineExceeded
	case len(in.buf) > in.off:
		return in.take(p), nil
	}
	return 0, in.err
}

// take moves bytes to p.
func (in *inlet) take(p []byte) int {
	n := copy(p, in.buf[in.off:])
	if in.off += n; in.off == len(in.buf) {
		in.buf, in.off = in.buf[:0], 0
		if cap(in.buf) > lowWater { // an idle connection keeps no large buffer
			in.giveRoom()
		}
	}
	if in.paused && len(in.buf)-in.off <= lowWater {
		in.paused = false
		in.post(in.settle)
	}
	return n
}

// rest is what nobody has read, for another inlet.
func (in *inlet) rest() []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]byte(nil), in.buf[in.off:]...)
}

// isClosed tells whether close was called.
func (in *inlet) isClosed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed != nil
}

// close has reading fail with err, and drops what is there and what comes.
func (in *inlet) close(err error) {
	in.mu.Lock()
	if in.closed == nil {
		in.closed = err
		in.giveRoom()
		in.until.stop()
	}
	in.mu.Unlock()
	in.cond.Broadcast()
}

// setDeadline bounds the time that reading may wait; the zero time ends the bound.
func (in *inlet) setDeadline(t time.Time) {
	in.mu.Lock()
	in.until.set(t, &in.cond)
	in.mu.Unlock()
	in.cond.Broadcast()
}

// deadline is the end of a time, as a net.Conn has it: by the clock on the wall, and for
// goroutines that wait, so it is not the loop's affair. Its owner's mutex guards it.
type deadline struct {
	passed bool
	timer  *time.Timer
}

// set makes t the deadline; cond, whose L guards d, is told when it has passed.
func (d *deadline) set(t time.Time, cond *sync.Cond) {
	d.stop()
	d.passed = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		cond.L.Lock()
		d.passed = d.passed || d.timer == timer
		cond.L.Unlock()
		cond.Broadcast()
	})
	d.timer = timer
}

// stop ends the wait for it.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
