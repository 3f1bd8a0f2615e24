package site

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"
)

// This file is the far side of an access log: a file, a bounded queue of
// buffers, and the goroutine that writes them.

// maxQueuedBytes is what may wait for the goroutine of a LogFile.
const maxQueuedBytes = 1 << 20

// LogFile is a file that access logs write to, off their loops. Any goroutine.
type LogFile struct {
	path string // "" when it can not be opened again
	name string

	mu      sync.Mutex
	changed sync.Cond // any change of the fields below
	queue   [][]byte
	queued  int      // bytes in queue
	free    [][]byte // emptied buffers
	writing bool
	reopen  bool
	closed  bool
	loss    logLoss

	out  io.WriteCloser // of the goroutine, once it runs
	torn bool           // of the goroutine: the last write ended within a line
}

// logLoss is lines that were lost, and the last error that cost some.
type logLoss struct {
	lines int64
	err   error
}

func (a *logLoss) add(b logLoss) {
	a.lines += b.lines
	if b.err != nil {
		a.err = b.err
	}
}

func (a *logLoss) why() string {
	if a.err == nil {
		return "the disk is too slow"
	}
	return a.err.Error()
}

// OpenLogFile opens path, or makes it (mode 0640), to be appended to. Reopen
// opens it again after something has moved it away.
func OpenLogFile(path string) (*LogFile, error) {
	f, err := openLog(path)
	if err != nil {
		return nil, err
	}
	return startLogFile(f, path, path), nil
}

// NewLogFile writes to a file that is open: standard output, a pipe. Close
// closes it.
func NewLogFile(f *os.File) *LogFile { return startLogFile(f, "", f.Name()) }

func startLogFile(out io.WriteCloser, path, name string) *LogFile {
	f := &LogFile{out: out, path: path, name: name}
	f.changed.L = &f.mu
	go f.write()
	return f
}

func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err == nil {
		return f, nil
	}
	dir := filepath.Dir(path)
	if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
		return nil, &noDirectory{path: path, dir: dir}
	}
	var reason *fs.PathError
	if errors.As(err, &reason) {
		return nil, fmt.Errorf("site: log file %s: %w", path, reason.Err)
	}
	return nil, fmt.Errorf("site: log file %s: %w", path, err)
}

// noDirectory is the error of a log file in a place that is not there.
type noDirectory struct{ path, dir string }

func (e *noDirectory) Error() string {
	return "site: log file " + e.path + ": there is no directory " + e.dir
}

// Is tells that it is one of fs.ErrNotExist.
func (e *noDirectory) Is(target error) bool { return target == fs.ErrNotExist }

// Name is the path, or the name of the file that was given.
func (f *LogFile) Name() string { return f.name }

// Reopen has the file opened again by its path, as after a rotation; what was
// logged until now goes to the old one. If that fails the old one is kept, and
// the access logs report it. It does nothing on a file that was given open.
func (f *LogFile) Reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reopen = f.path != ""
	f.changed.Broadcast()
}

// ReopenOn calls Reopen at each of the signals (SIGUSR1 and SIGHUP are usual)
// until stop is called.
func (f *LogFile) ReopenOn(signals ...os.Signal) (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, signals...)
	go func() {
		for range c {
			f.Reopen()
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(c)
		close(c)
	})
}

// Drain waits until all that was handed over is written, for d at most, and
// tells whether it is. Blocks: not on a loop that has other work.
func (f *LogFile) Drain(d time.Duration) bool {
	over := false
	timer := time.AfterFunc(d, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		over = true
		f.changed.Broadcast()
	})
	defer timer.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.pending() && !over {
		f.changed.Wait()
	}
	return !f.pending()
}

// Close has the goroutine write what it has and close the file. It does not
// wait; Drain does. Lines that come later are lost and counted.
func (f *LogFile) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.changed.Broadcast()
}

// offer hands buf over and returns an empty one for it, which may be nil. It
// refuses when the queue is full; buf then stays the caller's.
func (f *LogFile) offer(buf []byte) (spare []byte, taken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queued > 0 && f.queued+len(buf) > maxQueuedBytes {
		return nil, false
	}
	f.add(buf)
	if n := len(f.free); n > 0 {
		spare = f.free[n-1]
		f.free = f.free[:n-1]
	}
	return spare, true
}

// offerLast is offer without the limit.
func (f *LogFile) offerLast(buf []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(buf)
}

func (f *LogFile) add(buf []byte) {
	if f.closed {
		f.loss.add(logLoss{countLines(buf), fs.ErrClosed})
		return
	}
	f.queue = append(f.queue, buf)
	f.queued += len(buf)
	f.changed.Broadcast()
}

func (f *LogFile) pending() bool { return len(f.queue) > 0 || f.writing || f.reopen }

func (f *LogFile) busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending()
}

func (f *LogFile) takeLoss() logLoss {
	f.mu.Lock()
	defer f.mu.Unlock()
	loss := f.loss
	f.loss = logLoss{}
	return loss
}

// write is the goroutine.
func (f *LogFile) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case len(f.queue) > 0:
			f.writeFirst()
		case f.reopen:
			f.replace()
		case f.closed:
			_ = f.out.Close() // nothing is left that could be done about it
			return
		default:
			f.changed.Wait()
		}
	}
}

// writeFirst takes the first buffer of the queue and writes it without the lock.
func (f *LogFile) writeFirst() {
	buf := f.queue[0]
	f.queue = f.queue[:copy(f.queue, f.queue[1:])]
	f.writing = true
	f.mu.Unlock()
	loss := f.writeLines(buf)
	f.mu.Lock()
	f.writing = false
	f.queued -= len(buf)
	f.loss.add(loss)
	if len(f.free) < 4 && cap(buf) <= defaultMaxBuffered {
		f.free = append(f.free, buf[:0])
	}
	f.changed.Broadcast()
}

// writeLines writes buf. What does not fit on the disk is lost: it would come
// too late, and the next lines would only wait behind it.
func (f *LogFile) writeLines(buf []byte) logLoss {
	if f.torn {
		if _, err := f.out.Write([]byte{'\n'}); err != nil {
			return logLoss{countLines(buf), err}
		}
		f.torn = false
	}
	n, err := f.out.Write(buf)
	if err == nil {
		return logLoss{}
	}
	f.torn = n > 0 && buf[n-1] != '\n'
	return logLoss{countLines(buf[n:]), err}
}

// replace opens the file anew.
func (f *LogFile) replace() {
	f.reopen, f.writing = false, true
	f.mu.Unlock()
	next, err := openLog(f.path)
	if err == nil {
		_ = f.out.Close() // its lines are written; a close that fails has no mend
		f.out, f.torn = next, false
	}
	f.mu.Lock()
	f.writing = false
	f.loss.add(logLoss{err: err})
	f.changed.Broadcast()
}

func countLines(b []byte) int64 { return int64(bytes.Count(b, []byte{'\n'})) }
