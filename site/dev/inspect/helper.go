package inspect

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"spindle/protocol/postmortem"
	"spindle/site/dev"
)

// This file is the side of the development server.

// Variable makes a process of the spindle command a helper; its value is the descriptor of
// the socket.
const Variable = "SPINDLE_DEV_INSPECT"

// Helper looks into programs by a process that it starts when it is needed. It implements
// dev.Inspector. Its methods block: not on the loop. Any other goroutine.
type Helper struct {
	path string // of the spindle command

	mu      sync.Mutex // one question at a time
	running *helper    // nil when there is none
	pid     atomic.Int64
	moments int64

	copies copies

	awaited awaited
}

// New makes one, of the spindle command at path.
func New(path string) *Helper { return &Helper{path: path} }

// helper is the process.
type helper struct {
	*wire
	cmd *exec.Cmd
}

// answerTime is how long a question may take.
const answerTime = 30 * time.Second

var errElsewhere = errors.New("variables can be read on Linux on amd64")

// supported tells whether this system is one where it works.
func supported() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return errElsewhere
	}
	return nil
}

// start starts the process.
func (h *Helper) start() (*helper, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	mine, theirs := os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "helper")
	defer mine.Close()
	defer theirs.Close()
	c, err := net.FileConn(mine)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(h.path, "inspect") // an argument that an older command refuses
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(os.Environ(), Variable+"=3")
	if err := cmd.Start(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("variables can not be looked at: %w", err)
	}
	pid := int64(cmd.Process.Pid)
	h.pid.Store(pid)
	go func() {
		_ = cmd.Wait()
		h.pid.CompareAndSwap(pid, 0)
	}()
	return &helper{wire: newWire(c.(*net.UnixConn)), cmd: cmd}, nil
}

// PID is the process, 0 when there is none.
func (h *Helper) PID() int { return int(h.pid.Load()) }

// begin starts the process if there is none.
func (h *Helper) begin() (r *helper, fresh bool, err error) {
	if h.running == nil {
		fresh = true
		h.running, err = h.start()
	}
	return h.running, fresh, err
}

// ask asks, and starts the process if there is none: once more when it has ended
// meanwhile. It gives who has answered.
func (h *Helper) ask(q *question, files ...*os.File) (*answer, *helper, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.askAny(q, files...)
}

// askAny is ask, for who holds mu.
func (h *Helper) askAny(q *question, files ...*os.File) (*answer, *helper, error) {
	for {
		r, fresh, err := h.begin()
		if err != nil {
			return nil, nil, err
		}
		a, err := h.askOf(r, q, files)
		if fresh || h.running == r {
			return a, r, err
		}
	}
}

// askOf asks a process that runs. An error of the conversation ends it.
func (h *Helper) askOf(r *helper, q *question, files []*os.File) (*answer, error) {
	q.Files = len(files)
	a := new(answer)
	limit := time.AfterFunc(answerTime, func() { _ = r.c.Close() })
	defer limit.Stop()
	err := r.send(q, files...)
	if err == nil {
		err = r.in.Decode(a)
	}
	if err != nil {
		_ = r.c.Close()
		_ = r.cmd.Process.Kill()
		h.running = nil
		return nil, fmt.Errorf("the helper that reads variables has failed (%s: is it of this version?): %w", h.path, err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// Prepare tells the helper of a program, and starts it if there is none: it reads what the
// debugger needs.
func (h *Helper) Prepare(path string) error {
	if err := supported(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.prepare(path, path)
}

// prepare tells it of the program at path, which can be opened at link.
func (h *Helper) prepare(path, link string) error {
	exe, err := os.Open(link)
	if err != nil {
		return err
	}
	defer exe.Close()
	_, _, err = h.askAny(&question{Ask: askPrepare, Path: path}, exe)
	return err
}

// startFor starts the helper, if there is none, and tells it of the program whose memory is
// being copied.
func (h *Helper) startFor(path, link string, in *whole) {
	if in != nil {
		if path, _ = in.wait(); path == "" {
			return
		}
		link = path
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running == nil {
		_ = h.prepare(path, link) // the look says what is wrong
	}
}

// Expect notes that the debug information of the program at path will be in another file.
func (h *Helper) Expect(path string) func(string, error) { return h.awaited.add(path).made }

// Capture copies the memory of a process whose goroutine is parked. The helper is started
// meanwhile.
func (h *Helper) Capture(pid int, goroutine int64) (dev.Moment, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	link := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	m := &moment{h: h, path: path, in: h.awaited.of(path), goroutine: goroutine}
	if m.in == nil {
		exe, err := os.Open(link)
		if err != nil {
			return nil, err
		}
		m.files = append(m.files, exe)
	}
	go h.startFor(path, link, m.in)
	memory, runs, err := h.copies.of(pid)
	if err != nil {
		closeAll(m.files)
		return nil, err
	}
	m.runs, m.files = runs, append(m.files, memory)
	return m, nil
}

// moment is a copy. The helper has it as soon as Frames was called.
type moment struct {
	h         *Helper
	path      string
	in        *whole // the debug information is in another file; nil: in that at path
	goroutine int64
	runs      [][2]uint64

	mu     sync.Mutex
	files  []*os.File // the program and the copy, until the helper has them
	number int64
	has    *helper
	value  postmortem.Place
}

// Frames has the helper read the frames. To be called once.
func (m *moment) Frames() ([]dev.Frame, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { closeAll(m.files); m.files = nil }()
	if err := m.findWhole(); err != nil {
		return nil, err
	}
	m.h.mu.Lock()
	m.h.moments++
	m.number = m.h.moments
	m.h.mu.Unlock()
	a, by, err := m.h.ask(&question{Ask: askLook, Path: m.path, Moment: m.number, Goroutine: m.goroutine, Runs: m.runs}, m.files...)
	if err != nil {
		return nil, err
	}
	m.has, m.value = by, a.Panicked
	return a.Frames, nil
}

// findWhole waits for the file with the debug information, if that is another one.
func (m *moment) findWhole() error {
	if m.in == nil {
		return nil
	}
	path, err := m.in.wait()
	if err != nil {
		return err
	}
	exe, err := os.Open(path)
	if err != nil {
		return err
	}
	m.path, m.files = path, slices.Insert(m.files, 0, exe)
	return nil
}

// Panicked is what the helper has said with the frames.
func (m *moment) Panicked() postmortem.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value
}

var errNotKept = errors.New("the memory of this moment is not kept any more")

// Eval has the helper evaluate an expression.
func (m *moment) Eval(frame int, expression string) (dev.Value, error) {
	m.mu.Lock()
	by := m.has
	m.mu.Unlock()
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	if by == nil || by != m.h.running {
		return dev.Value{}, errNotKept
	}
	a, err := m.h.askOf(by, &question{Ask: askEval, Moment: m.number, Frame: frame, Expression: expression}, nil)
	if err != nil {
		if m.h.running == nil {
			err = errNotKept
		}
		return dev.Value{}, err
	}
	return a.Value, nil
}

var (
	_ dev.Inspector = (*Helper)(nil)
	_ dev.Moment    = (*moment)(nil)
)
