package inspect

import (
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"spindle/site/dev"
)

// This file is the side of the helper.

// Debugger reads what a copy holds. One goroutine at a time calls it.
type Debugger interface {
	// Prepare learns what there is to know of a program, whose file is exe. That stays the
	// caller's.
	Prepare(path string, exe *os.File) error
	// Look finds the frames of a goroutine in a copy of its memory.
	Look(path string, exe *os.File, memory Memory, goroutine int64) (dev.Moment, error)
	// Rest is called when nothing is asked: what can be found out again need not be kept,
	// but for what was prepared last.
	Rest()
}

// resting is a moment that can find again what it knows.
type resting interface {
	// Rest is called when nothing was asked for long.
	Rest()
}

// Memory is a copy: runs of it, one after the other in Data.
type Memory struct {
	Runs [][2]uint64 // address and bytes
	Data []byte
}

const (
	restTime    = 2 * time.Second  // without a question; then memory is given back
	pastTime    = time.Minute      // without a question; then what is known of programs that have ended goes
	idleTime    = 10 * time.Minute // without a question; then the copies are let go of
	keptMoments = 3
)

// Asked is the socket of this process, if it was started as a helper; else nil.
func Asked() *os.File {
	fd, err := strconv.Atoi(os.Getenv(Variable))
	if err != nil || fd < 3 {
		return nil
	}
	_ = os.Unsetenv(Variable)
	return os.NewFile(uintptr(fd), "questions")
}

// Serve answers the questions that come by socket, until there are no more.
func Serve(socket *os.File, d Debugger) error {
	c, err := net.FileConn(socket)
	_ = socket.Close()
	if err != nil {
		return err
	}
	defer c.Close()
	s := &server{wire: newWire(c.(*net.UnixConn)), d: d}
	rest, past, idle := time.AfterFunc(restTime, s.rest), time.AfterFunc(pastTime, s.leavePast), time.AfterFunc(idleTime, s.forget)
	defer rest.Stop()
	defer past.Stop()
	defer idle.Stop()
	for {
		var q question
		if err := s.in.Decode(&q); err != nil {
			return nil // nobody asks any more
		}
		rest.Reset(restTime)
		past.Reset(pastTime)
		idle.Reset(idleTime)
		if err := s.send(s.answer(&q)); err != nil {
			return err
		}
	}
}

// server is the helper.
type server struct {
	*wire
	d       Debugger
	mu      sync.Mutex // of what follows, and of d
	moments []kept     // the newest last
}

// kept is a moment that can be asked, and the memory that it stands on.
type kept struct {
	number int64
	dev.Moment
	data []byte
}

func (s *server) answer(q *question) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.take(q.Files)
	defer closeAll(files)
	a := new(answer)
	switch {
	case err != nil:
	case q.Ask == askPrepare && len(files) == 1:
		err = s.d.Prepare(q.Path, files[0])
	case q.Ask == askLook && len(files) == 2:
		err = s.look(a, q, files[0], files[1])
	case q.Ask == askEval:
		a.Value, err = s.eval(q)
	default:
		err = errTooFew
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// look reads the frames into a, and keeps the copy for later questions.
func (s *server) look(a *answer, q *question, exe, memory *os.File) error {
	total := 0
	for _, r := range q.Runs {
		total += int(r[1])
	}
	data, err := unix.Mmap(int(memory.Fd()), 0, total, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	m, err := s.d.Look(q.Path, exe, Memory{Runs: q.Runs, Data: data}, q.Goroutine)
	if err != nil {
		_ = unix.Munmap(data)
		return err
	}
	if a.Frames, err = m.Frames(); err != nil {
		_ = unix.Munmap(data)
		return err
	}
	a.Panicked = m.Panicked()
	s.keep(kept{q.Moment, m, data})
	return nil
}

// keep keeps m, and lets go of the oldest.
func (s *server) keep(m kept) {
	s.moments = append(s.moments, m)
	if len(s.moments) > keptMoments {
		_ = unix.Munmap(s.moments[0].data)
		s.moments = append([]kept(nil), s.moments[1:]...)
	}
}

// rest gives memory back.
func (s *server) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.d.Rest()
	debug.FreeOSMemory()
}

// leavePast lets go of what copies need of programs that have ended. It can be found again.
func (s *server) leavePast() {
	s.mu.Lock()
	for _, m := range s.moments {
		if m, ok := m.Moment.(resting); ok {
			m.Rest()
		}
	}
	s.mu.Unlock()
	s.rest()
}

// forget lets go of all copies. What is known of the program stays: its first panic may be
// the next.
func (s *server) forget() {
	s.mu.Lock()
	for _, m := range s.moments {
		_ = unix.Munmap(m.data)
	}
	s.moments = nil
	s.mu.Unlock()
	s.rest()
}

func (s *server) eval(q *question) (dev.Value, error) {
	for _, m := range s.moments {
		if m.number == q.Moment {
			return m.Eval(q.Frame, q.Expression)
		}
	}
	return dev.Value{}, errNotKept
}
