package site

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// disk is a file whose writes wait, fail and fall short when the test says so.
type disk struct {
	mu      sync.Mutex
	free    sync.Cond
	stopped bool
	room    int // bytes until it is full; negative: no end
	text    bytes.Buffer
	closed  bool
}

func newDisk() *disk {
	d := &disk{room: -1}
	d.free.L = &d.mu
	return d
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.stopped {
		d.free.Wait()
	}
	n := len(p)
	if d.room >= 0 {
		n = min(n, d.room)
		d.room -= n
	}
	d.text.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

func (d *disk) set(change func(d *disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
	d.free.Broadcast()
}

func (d *disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// targetFormat is a line that is the target.
func targetFormat(dst []byte, e *Entry) []byte { return append(append(dst, e.Target...), '\n') }

// logger is an AccessLog on a disk of the test, with what it reports.
type logger struct {
	*testing.T
	*AccessLog
	loop    *reactortest.Loop
	disk    *disk
	reports bytes.Buffer
}

func newLogger(t *testing.T) *logger {
	l := &logger{T: t, loop: reactortest.NewLoop(), disk: newDisk()}
	file := startLogFile(l.disk, "", "the disk")
	l.AccessLog = NewAccessLog(l.loop, targetFormat, file)
	l.AccessLog.Errors = slog.New(slog.NewTextHandler(&l.reports, nil))
	t.Cleanup(func() {
		l.disk.set(func(d *disk) { d.stopped = false })
		file.Close()
	})
	return l
}

func (l *logger) line(text string) { l.Log(&Entry{Target: []byte(text)}) }

func (l *logger) drain() {
	l.Helper()
	if !l.file.Drain(10 * time.Second) {
		l.Fatal("the file is not written")
	}
}

func (l *logger) wantDisk(want string) {
	l.Helper()
	l.drain()
	if got := l.disk.String(); got != want {
		l.Errorf("on the disk is %.200q, want %.200q", got, want)
	}
}

func (l *logger) wantReport(want string) {
	l.Helper()
	if got := l.reports.String(); strings.Count(got, want) != 1 {
		l.Errorf("reported %q, want %q once", got, want)
	}
	l.reports.Reset()
}

func TestLogWritesAfterASecond(t *testing.T) {
	l := newLogger(t)
	l.line("a")
	l.loop.Advance(600 * time.Millisecond)
	l.line("b")
	l.wantDisk("")
	l.loop.Advance(400 * time.Millisecond)
	l.wantDisk("a\nb\n")
	l.loop.Advance(time.Minute)
	if n := l.loop.Pending(); n != 0 {
		t.Errorf("an idle log keeps %d timers", n)
	}
}

func TestLogFlushEvery(t *testing.T) {
	l := newLogger(t)
	l.FlushEvery = 20 * time.Millisecond
	l.line("a")
	l.loop.Advance(20 * time.Millisecond)
	l.wantDisk("a\n")
}

func TestLogFlush(t *testing.T) {
	l := newLogger(t)
	l.Flush()
	l.line("a")
	l.Flush()
	l.wantDisk("a\n")
}

func TestLogWritesFullBuffersAtOnce(t *testing.T) {
	l := newLogger(t)
	line := strings.Repeat("x", 1023)
	for range logPushBytes / 1024 {
		l.line(line)
	}
	l.wantDisk(strings.Repeat(line+"\n", logPushBytes/1024))
}

func TestLogWritesTheRestAtShutdown(t *testing.T) {
	l := newLogger(t)
	l.line("a")
	if !l.loop.Fire(reactor.Shutdown, nil) {
		t.Error("the shutdown waits")
	}
	if got := l.disk.String(); got != "a\n" {
		t.Errorf("after the shutdown there is %q on the disk", got)
	}
	l.line("cut") // a connection that outlived the shutdown
	l.wantDisk("a\ncut\n")
	if n := l.loop.Pending(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

// A disk that stands still costs lines, never memory or the loop's time.
func TestLogSlowDisk(t *testing.T) {
	l := newLogger(t)
	l.disk.set(func(d *disk) { d.stopped = true })
	line := strings.Repeat("x", 1023)
	const lines = 4096
	for range lines {
		l.line(line)
	}
	if n := cap(l.buf); n > 2*defaultMaxBuffered {
		t.Errorf("the buffer has grown to %d bytes", n)
	}
	l.file.mu.Lock()
	if l.file.queued > maxQueuedBytes {
		t.Errorf("%d bytes are queued", l.file.queued)
	}
	l.file.mu.Unlock()
	dropped := l.dropped
	if kept := lines - dropped; kept*1024 > maxQueuedBytes+defaultMaxBuffered+1024 {
		t.Errorf("%d KiB are kept", kept)
	}
	l.loop.Advance(time.Second)
	l.wantReport(fmt.Sprintf(`"site: access log is in trouble" file="the disk" lines_lost=%d error="the disk is too slow"`, dropped))
	l.disk.set(func(d *disk) { d.stopped = false })
	l.drain()
	l.loop.Advance(time.Second)
	l.wantDisk(strings.Repeat(line+"\n", int(lines-dropped)))
	l.loop.Advance(20 * time.Second)
	l.wantReport("site: access log is written again")
	if n := l.loop.Pending(); n != 0 {
		t.Errorf("a log that recovered keeps %d timers", n)
	}
}

// A full disk costs the lines that did not fit; the one that was torn gets its
// line feed when there is room again.
func TestLogFullDisk(t *testing.T) {
	l := newLogger(t)
	l.disk.set(func(d *disk) { d.room = 5 })
	for _, line := range []string{"one", "two", "three"} {
		l.line(line)
	}
	l.Flush()
	l.wantDisk("one\nt")
	l.line("four")
	l.loop.Advance(time.Second)
	l.drain()
	l.loop.Advance(10 * time.Second)
	if got := l.reports.String(); !strings.Contains(got, "lines_lost=2") || !strings.Contains(got, "no space left on device") {
		t.Errorf("reported %q", got)
	}
	l.loop.Advance(20 * time.Second)
	if got := l.reports.String(); !strings.Contains(got, "lines_lost=1") {
		t.Errorf("reported %q", got)
	}
	l.disk.set(func(d *disk) { d.room = -1 })
	l.line("five")
	l.loop.Advance(time.Second)
	l.wantDisk("one\nt\nfive\n")
}

// Reports come every ten seconds at most, however much is lost.
func TestLogReportsSeldom(t *testing.T) {
	l := newLogger(t)
	l.disk.set(func(d *disk) { d.room = 0 })
	for range 300 {
		l.line("a")
		l.Flush()
		l.drain()
		l.loop.Advance(100 * time.Millisecond)
	}
	if n := strings.Count(l.reports.String(), "in trouble"); n < 3 || n > 4 {
		t.Errorf("%d reports in 30 seconds, want one every 10", n)
	}
}

func TestLogAllocatesNothing(t *testing.T) {
	l := newLogger(t)
	l.AccessLog.format = NewCombinedFormat()
	e := plainEntry()
	l.Log(e)
	if n := testing.AllocsPerRun(2000, func() { l.Log(e) }); n != 0 {
		t.Errorf("%v allocations a line, want none", n)
	}
}

func TestLogFileOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := mustOpenLog(t, path)
	loop := reactortest.NewLoop()
	l := NewAccessLog(loop, targetFormat, file)
	write := func(line string) {
		l.Log(&Entry{Target: []byte(line)})
		l.Flush()
		if !file.Drain(10 * time.Second) {
			t.Fatal("the file is not written")
		}
	}
	write("a")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("b")
	file.Reopen()
	if !file.Drain(10 * time.Second) {
		t.Fatal("the file is not opened again")
	}
	write("c")
	wantFile(t, path+".1", "before\na\nb\n")
	wantFile(t, path, "c\n")
}

func TestLogFileReopensOnSignal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	file := mustOpenLog(t, path)
	stop := file.ReopenOn(syscall.SIGUSR1)
	defer stop()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(10 * time.Second); ; {
		if _, err := os.Stat(path); err == nil {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the signal does not have the file opened again")
		default:
			file.Drain(time.Millisecond)
		}
	}
	stop()
	stop()
}

// If the directory is gone, the old file goes on, and that is reported.
func TestLogFileReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := mustOpenLog(t, filepath.Join(dir, "access.log"))
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	file.Reopen()
	if !file.Drain(10 * time.Second) {
		t.Fatal("the file is not opened again")
	}
	var reports bytes.Buffer
	loop := reactortest.NewLoop()
	l := NewAccessLog(loop, targetFormat, file)
	l.Errors = slog.New(slog.NewTextHandler(&reports, nil))
	l.Log(&Entry{Target: []byte("a")})
	loop.Advance(time.Second)
	if got := reports.String(); !strings.Contains(got, "there is no directory "+dir) || !strings.Contains(got, "lines_lost=0") {
		t.Errorf("reported %q", got)
	}
	if !file.Drain(10 * time.Second) {
		t.Fatal("the file is not written")
	}
	wantFile(t, filepath.Join(dir+".old", "access.log"), "a\n")
}

func TestOpenLogFileErrors(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ path, want string }{
		{filepath.Join(dir, "none", "access.log"),
			"site: log file " + filepath.Join(dir, "none", "access.log") + ": there is no directory " + filepath.Join(dir, "none")},
		{dir, "site: log file " + dir + ": is a directory"},
	} {
		_, err := OpenLogFile(test.path)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.path, err, test.want)
		}
	}
	if _, err := OpenLogFile(filepath.Join(dir, "none", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not say that something does not exist", err)
	}
}

func TestLogFileClosed(t *testing.T) {
	l := newLogger(t)
	l.line("a")
	l.Flush()
	l.file.Close()
	l.drain()
	l.line("late")
	if !l.loop.Fire(reactor.Shutdown, nil) {
		t.Error("the shutdown waits")
	}
	l.wantReport("lines_lost=1")
	l.wantDisk("a\n")
}

// Several loops share a file; lines stay whole.
func TestLogFileShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	file := mustOpenLog(t, path)
	const loops, lines = 4, 5000
	var all sync.WaitGroup
	for i := range loops {
		all.Go(func() {
			l := NewAccessLog(reactortest.NewLoop(), targetFormat, file)
			text := []byte(strings.Repeat(string(rune('a'+i)), 50))
			for n := range lines {
				l.Log(&Entry{Target: text})
				if n%1000 == 0 {
					l.Flush()
				}
			}
			l.finish()
		})
	}
	all.Wait()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(content)) {
		got[line]++
	}
	for i := range loops {
		if n := got[strings.Repeat(string(rune('a'+i)), 50)+"\n"]; n != lines {
			t.Errorf("loop %d has %d whole lines, want %d", i, n, lines)
		}
	}
	if len(got) != loops {
		t.Errorf("%d kinds of lines, want %d", len(got), loops)
	}
}

func mustOpenLog(t *testing.T, path string) *LogFile {
	t.Helper()
	file, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(file.Close)
	return file
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}
