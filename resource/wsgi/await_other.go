//go:build !linux

package wsgi

import (
	"syscall"
	"time"

	"spindle/reactor"
)

// awaitEnd has ended called when a process has ended that is no child of this one.
func awaitEnd(l reactor.Loop, pid int, ended func()) {
	if syscall.Kill(pid, 0) != nil {
		l.CallFromThread(ended)
		return
	}
	l.CallLater(100*time.Millisecond, func() { awaitEnd(l, pid, ended) })
}
