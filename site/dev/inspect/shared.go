package inspect

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// This file has goroutines that wait at the same time share a copy: what is copied after
// they were parked is right for each of them.

// copies makes them. Any goroutine.
type copies struct {
	one  sync.Mutex // a copy at a time
	mu   sync.Mutex
	next map[int]*sharedCopy // of a process, that is not begun
}

// sharedCopy is one copy of a process.
type sharedCopy struct {
	made   chan struct{} // closed when what follows is there
	memory *os.File
	runs   [][2]uint64
	err    error
	users  int // that have not taken theirs
}

// of is a copy of what a process holds from now on. The file is the caller's.
func (c *copies) of(pid int) (memory *os.File, runs [][2]uint64, err error) {
	s, first := c.join(pid)
	if first {
		c.make(pid, s)
	}
	<-s.made
	return c.take(s)
}

// join waits for a copy that is not begun.
func (c *copies) join(pid int) (s *sharedCopy, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = map[int]*sharedCopy{}
	}
	s = c.next[pid]
	if first = s == nil; first {
		s = &sharedCopy{made: make(chan struct{})}
		c.next[pid] = s
	}
	s.users++
	return s, first
}

// make makes a copy, which nobody joins any more.
func (c *copies) make(pid int, s *sharedCopy) {
	c.one.Lock()
	defer c.one.Unlock()
	c.mu.Lock()
	delete(c.next, pid)
	c.mu.Unlock()
	s.memory, s.runs, s.err = copyMemory(pid)
	close(s.made)
}

// take gives a user a file of his own of it.
func (c *copies) take(s *sharedCopy) (memory *os.File, runs [][2]uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.users--; s.users == 0 {
		return s.memory, s.runs, s.err
	}
	if s.err != nil {
		return nil, nil, s.err
	}
	fd, err := unix.FcntlInt(s.memory.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), "moment"), s.runs, nil
}
