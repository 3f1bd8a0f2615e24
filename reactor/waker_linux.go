package reactor

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// waker wakes the loop for its timers: a timerfd, one more descriptor.
type waker struct {
	fd int
}

func (r *Reactor) openWaker() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return errnoError("timerfd_create", err)
	}
	r.waker.fd = fd
	return r.register(fd, timerEnd{r})
}

// wakeIn has the loop woken after d.
func (r *Reactor) wakeIn(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))}
	if err := unix.TimerfdSettime(r.waker.fd, 0, &spec, nil); err != nil {
		r.logger().Error("reactor: timerfd_settime failed", "err", err)
	}
}

func (r *Reactor) closeWaker() {
	r.unregister(r.waker.fd)
	sysClose(r.waker.fd)
}

// wakeFD wakes the loop for posted calls: an eventfd. It need not be read, since
// it is registered edge-triggered.
type wakeFD struct{ fd int }

func (w *wakeFD) open() error {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return errnoError("eventfd", err)
	}
	w.fd = fd
	return nil
}

func (w *wakeFD) readEnd() int { return w.fd }

func (w *wakeFD) signal() {
	_, _ = sysWrite(w.fd, binary.NativeEndian.AppendUint64(make([]byte, 0, 8), 1))
}

func (w *wakeFD) drain() {}

func (w *wakeFD) close() { sysClose(w.fd) }
