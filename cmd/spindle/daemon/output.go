package daemon

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is about standard output and error once they are those of no terminal.

// Output is a file that descriptors of this process lead to: all that is written to them, by the
// Go runtime, too, goes there. Any goroutine.
type Output struct {
	path string
	fds  []int

	mu   sync.Mutex
	file *os.File
}

// OpenOutput opens path, or makes it (mode 0640), to be appended to; "" is /dev/null.
func OpenOutput(path string) (*Output, error) {
	o := &Output{path: path}
	f, err := o.open()
	if err != nil {
		return nil, err
	}
	o.file = f
	return o, nil
}

func (o *Output) open() (*os.File, error) {
	if o.path == "" {
		return os.OpenFile(os.DevNull, os.O_RDWR, 0)
	}
	f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, pidFileError(o.path, err)
	}
	return f, nil
}

// Take has the descriptors lead to the file from now on.
func (o *Output) Take(fds ...int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fds = fds
	return o.lead()
}

func (o *Output) lead() error {
	for _, fd := range o.fds {
		if err := duplicate(int(o.file.Fd()), fd); err != nil {
			return fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// Reopen opens the file again by its path, as after a rotation. If that fails the old one is
// kept, and says why.
func (o *Output) Reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	f, err := o.open()
	if err != nil {
		fmt.Fprintf(o.file, "spindle: the log can not be opened again, and goes on in the old file: %v\n", err)
		return
	}
	old := o.file
	o.file = f
	_ = o.lead() // both were open a moment ago
	_ = old.Close()
}

// ReopenOn calls Reopen at each of the signals.
func (o *Output) ReopenOn(signals ...os.Signal) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, signals...)
	go func() {
		for range c {
			o.Reopen()
		}
	}()
}

// CanReopen tells why a file that is open could not be opened again after a rotation by this
// user; nil when it could.
func CanReopen(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil && err != syscall.ENOENT {
		return err
	}
	return nil
}
