//go:build reactordebug

package reactor

import (
	"runtime"
	"sync/atomic"
)

// loopCheck finds calls that are made off the loop though they may not be.
// Before enter and after leave, when no loop turns, any goroutine may call.
type loopCheck struct {
	loop atomic.Uint64 // id of the loop's goroutine; 0 when no loop turns
}

// enter makes the calling goroutine the loop.
func (c *loopCheck) enter() { c.loop.Store(goroutineID()) }

// leave ends that.
func (c *loopCheck) leave() { c.loop.Store(0) }

// check panics when the caller is not on the loop. A few microseconds.
func (c *loopCheck) check() {
	if id := c.loop.Load(); id != 0 && id != goroutineID() {
		panic("reactor: called off the loop; use CallFromThread")
	}
}

// goroutineID reads the number out of "goroutine 12 [running]:".
func goroutineID() uint64 {
	var buf [64]byte
	text := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	var id uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}
