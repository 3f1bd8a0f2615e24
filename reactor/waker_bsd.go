//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// waker wakes the loop for its timers: a timer of the runtime that posts.
type waker struct {
	t *time.Timer
}

func (r *Reactor) openWaker() error { return nil }

// wakeIn has the loop woken after d.
func (r *Reactor) wakeIn(d time.Duration) {
	if r.waker.t != nil {
		r.waker.t.Reset(d)
		return
	}
	r.waker.t = time.AfterFunc(d, func() { r.posted.post(timerEnd{r}.run) })
}

func (r *Reactor) closeWaker() {
	if r.waker.t != nil {
		r.waker.t.Stop()
	}
}

// wakeFD wakes the loop for posted calls: a pipe.
type wakeFD struct{ fds [2]int }

func (w *wakeFD) open() error {
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		return errnoError("pipe", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return errnoError("setnonblock", err)
		}
	}
	w.fds = fds
	return nil
}

func (w *wakeFD) readEnd() int { return w.fds[0] }

func (w *wakeFD) signal() { _, _ = sysWrite(w.fds[1], []byte{1}) }

func (w *wakeFD) drain() {
	var buf [64]byte
	for n := len(buf); n == len(buf); {
		n, _ = sysRead(w.fds[0], buf[:])
	}
}

func (w *wakeFD) close() {
	sysClose(w.fds[0])
	sysClose(w.fds[1])
}
