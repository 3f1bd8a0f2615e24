package wsgi

import (
	"errors"

	"golang.org/x/sys/unix"

	"spindle/reactor"
)

// awaitEnd has ended called when a process has ended that is no child of this one. A
// goroutine waits for it: the parent of the process was killed, so there is one of these
// at most, or few.
func awaitEnd(l reactor.Loop, pid int, ended func()) {
	go func() {
		waitFor(pid)
		l.CallFromThread(ended)
	}()
}

// waitFor waits for the end of a process, which may be a zombie for ever. Blocks: not on
// the loop.
func waitFor(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended already
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
