package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// This file holds the PID file: a line with the number of the process, which has the file
// locked as long as it lives. So a file that was left behind is told from one that is true,
// even when the number has gone to another process.

// PIDFile is a PID file that this process has.
type PIDFile struct {
	path string
	file *os.File
}

// HeldError tells that a living process has the PID file.
type HeldError struct {
	Path string
	PID  int // 0 when it can not be read
}

// Error names the process.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another process that is running has %s", e.Path)
	}
	return fmt.Sprintf("process %d is running and has %s", e.PID, e.Path)
}

// Those who look whether a file is held lock it for a moment, which is waited for.
const (
	claimTries = 20
	claimPause = 10 * time.Millisecond
)

// Claim makes the file, or takes over one that was left behind, and writes the number of this
// process into it. A *HeldError tells that another one is running.
func Claim(path string) (*PIDFile, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, pidFileError(path, err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil && !isAt(f, path): // its holder has taken it away in between
			f.Close()
			continue
		case err == nil:
			p := &PIDFile{path: path, file: f}
			if err := p.write(); err != nil {
				p.Release()
				return nil, pidFileError(path, err)
			}
			return p, nil
		}
		pid := readPID(f)
		f.Close()
		switch {
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, pidFileError(path, err)
		case try >= claimTries:
			return nil, &HeldError{Path: path, PID: pid}
		}
		time.Sleep(claimPause)
	}
}

// pidFileError says what is missing.
func pidFileError(path string, err error) error {
	dir := filepath.Dir(path)
	if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no directory %s", path, dir)
	}
	var reason *fs.PathError
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// isAt tells whether path still leads to f.
func isAt(f *os.File, path string) bool {
	here, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(here, there)
}

// write puts the number in. Who reads meanwhile finds a whole number in the first line.
func (p *PIDFile) write() error {
	line := strconv.Itoa(os.Getpid()) + "\n"
	if _, err := p.file.WriteAt([]byte(line), 0); err != nil {
		return err
	}
	return p.file.Truncate(int64(len(line)))
}

// Release takes the file away, when the process is about to end. Where this user may not do
// that any more, the file is left empty. It does nothing on nil.
func (p *PIDFile) Release() {
	if p == nil {
		return
	}
	if isAt(p.file, p.path) && os.Remove(p.path) != nil {
		_ = p.file.Truncate(0) // a number without a lock would be told to be stale, too
	}
	_ = p.file.Close()
}

// Status is what a PID file says.
type Status struct {
	PID     int       // 0: none is written there
	Running bool      // the process lives
	Since   time.Time // when it wrote the file
}

// Look reads a PID file. A file that is not there has the error fs.ErrNotExist.
func Look(path string) (Status, error) {
	f, err := os.Open(path)
	if err != nil {
		return Status{}, pidFileError(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Status{}, pidFileError(path, err)
	case !info.Mode().IsRegular():
		return Status{}, fmt.Errorf("%s is no PID file", path)
	}
	s := Status{Since: info.ModTime()}
	if s.PID = readPID(f); s.PID == 0 && info.Size() > 0 {
		return Status{}, fmt.Errorf("%s is no PID file: its first line is no number", path)
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		s.Running = true
	case err != nil:
		return Status{}, pidFileError(path, err)
	}
	return s, nil
}

// readPID is the number in the first line; 0 when there is none.
func readPID(f *os.File) int {
	head := make([]byte, 32)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0
	}
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}
