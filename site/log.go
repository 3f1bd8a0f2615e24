package site

import (
	"log/slog"
	"time"

	"spindle/reactor"
)

// This file keeps the lines of an access log until they are written:
//
//	Log ─▶ buffer of this loop ─▶ LogFile's queue ─▶ its goroutine ─▶ write(2)
//
// The loop formats and copies; it never waits for a disk. Both the buffer and
// the queue are bounded, and lines that find no room are counted and dropped.

// The defaults and limits of an AccessLog.
const (
	defaultFlushEvery  = time.Second
	defaultMaxBuffered = 256 << 10
	logPushBytes       = 64 << 10 // a buffer this full goes to the file at once
	logRetryBytes      = 16 << 10 // and, if the file had no room, again after so many more
	logLineBytes       = 4 << 10  // room for the line that fills it
	logReportEvery     = 10 * time.Second
	logFinalWait       = 5 * time.Second
)

// What it reports.
const (
	logInTrouble = "site: access log is in trouble"
	logRecovered = "site: access log is written again"
	logCutShort  = "site: access log could not be written out before the end"
)

// AccessLog writes a line for each exchange to a LogFile. It is an AccessLogger:
//
//	file, err := site.OpenLogFile("access.log")
//	…
//	s.Log = site.NewAccessLog(reactor.Default(), site.NewCombinedFormat(), file)
//
// Each loop has one of its own; several may share a file. The fields are set
// before the first line. Loop only.
type AccessLog struct {
	// FlushEvery is how long a line may wait in the buffer; 0 means one second.
	FlushEvery time.Duration
	// MaxBufferedBytes is what may wait here while the file's queue is full;
	// lines beyond it are dropped; 0 means 256 KiB.
	MaxBufferedBytes int
	// Errors is told of lost lines, every ten seconds at most; nil means
	// slog.Default.
	Errors *slog.Logger

	loop   reactor.Loop
	format LogFormat
	file   *LogFile

	buf     []byte
	pushAt  int // the length of buf at which it is offered to the file
	timer   *reactor.DelayedCall
	flushed func() // l.tick, bound once

	ended    bool  // the loop has no more ticks
	dropped  int64 // lines that found no room and were not reported
	lost     logLoss
	reported time.Time
	trouble  bool // the last report told of lost lines
}

// NewAccessLog makes a log on loop. What is still in the buffer is written when
// the loop ends.
func NewAccessLog(loop reactor.Loop, format LogFormat, file *LogFile) *AccessLog {
	l := &AccessLog{loop: loop, format: format, file: file, pushAt: logPushBytes}
	l.flushed = l.tick
	loop.AddSystemEventTrigger(reactor.After, reactor.Shutdown, func() *reactor.Deferred[struct{}] {
		l.finish()
		return nil
	})
	return l
}

// Log adds the line of e. Loop only.
func (l *AccessLog) Log(e *Entry) {
	if len(l.buf) >= l.maxBuffered() {
		l.dropped++
		return
	}
	if l.buf == nil {
		l.buf = make([]byte, 0, logPushBytes+logLineBytes)
	}
	l.buf = l.format(l.buf, e)
	if l.ended {
		l.file.offerLast(l.buf)
		l.buf = nil
		return
	}
	if len(l.buf) >= l.pushAt {
		l.push()
	}
	l.arm()
}

// Flush offers what is in the buffer to the file now. Loop only.
func (l *AccessLog) Flush() { l.push() }

func (l *AccessLog) maxBuffered() int {
	if l.MaxBufferedBytes > 0 {
		return l.MaxBufferedBytes
	}
	return defaultMaxBuffered
}

func (l *AccessLog) push() {
	if len(l.buf) == 0 {
		return
	}
	spare, taken := l.file.offer(l.buf)
	if !taken {
		l.pushAt = len(l.buf) + logRetryBytes
		return
	}
	l.buf, l.pushAt = spare, logPushBytes
}

// arm sees to a tick after FlushEvery. There is none while nothing is to do, so
// that an idle server sleeps.
func (l *AccessLog) arm() {
	if l.timer != nil {
		return
	}
	every := l.FlushEvery
	if every <= 0 {
		every = defaultFlushEvery
	}
	l.timer = l.loop.CallLater(every, l.flushed)
}

func (l *AccessLog) tick() {
	l.timer = nil
	l.push()
	l.report()
	if len(l.buf) > 0 || l.unreported() || l.trouble || l.file.busy() {
		l.arm()
	}
}

func (l *AccessLog) unreported() bool { return l.dropped > 0 || l.lost.err != nil }

// report tells of lost lines, and of the end of the trouble.
func (l *AccessLog) report() {
	busy := l.file.busy()
	l.lost.add(l.file.takeLoss())
	now := l.loop.Now()
	if now.Sub(l.reported) < logReportEvery {
		return
	}
	switch {
	case l.unreported():
		l.reported, l.trouble = now, true
		l.errors().Error(logInTrouble, "file", l.file.Name(), "lines_lost", l.dropped+l.lost.lines, "error", l.lost.why())
		l.dropped, l.lost = 0, logLoss{}
	case l.trouble && !busy:
		l.trouble = false
		l.errors().Info(logRecovered, "file", l.file.Name())
	}
}

func (l *AccessLog) errors() *slog.Logger {
	if l.Errors != nil {
		return l.Errors
	}
	return slog.Default()
}

// finish writes the rest. The loop has nothing else to do by then and waits for
// the disk, though not for ever. The connections that are cut after it have their
// lines written one by one.
func (l *AccessLog) finish() {
	l.ended = true
	if l.timer != nil {
		l.timer.Cancel()
		l.timer = nil
	}
	if len(l.buf) > 0 {
		l.file.offerLast(l.buf)
		l.buf = nil
	}
	if !l.file.Drain(logFinalWait) {
		l.errors().Error(logCutShort, "file", l.file.Name())
	}
	l.reported = time.Time{}
	l.report()
}

var _ AccessLogger = (*AccessLog)(nil)
