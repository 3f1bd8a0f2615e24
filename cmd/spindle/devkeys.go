package main

import (
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"spindle/reactor"
)

// This file reads what is pressed in the terminal of spindle dev, and knows when that
// terminal is gone.

// keyReader reads keys, and lines while what is typed goes to the program. Its functions are
// called on the goroutine that reads.
type keyReader struct {
	tty    *os.File
	typing atomic.Bool       // lines are read; the reader ends that itself at Ctrl-D
	key    func(k byte)      // of one key
	typed  func(text []byte) // of lines, that are its own
	back   func()            // when Ctrl-D has ended the typing
	gone   func()            // once, at the end: the terminal is no more
}

// read reads until the terminal is gone. It waits for something to be there before it reads:
// a read that is under way when lines are asked for in place of keys does not see Ctrl-D.
func (k *keyReader) read() {
	defer k.gone()
	for {
		hungUp := k.wait()
		if !hungUp && !inForeground(k.tty) {
			time.Sleep(backgroundWait) // it is typed for somebody else
			continue
		}
		b := make([]byte, 1024)
		n, err := k.tty.Read(b)
		switch {
		case err == io.EOF && !hungUp && k.typing.CompareAndSwap(true, false):
			k.back()
		case err != nil:
			return
		case k.typing.Load():
			k.typed(b[:n])
		default:
			for _, c := range b[:n] {
				k.key(c)
			}
		}
	}
}

// backgroundWait is how often is looked whether the terminal has been given back.
const backgroundWait = 200 * time.Millisecond

// wait waits for something to read, and tells whether the terminal has hung up. Where
// terminals can not be waited for, the read does it.
func (k *keyReader) wait() (hungUp bool) {
	fds := []unix.PollFd{{Fd: int32(k.tty.Fd()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return err == nil && fds[0].Revents&unix.POLLHUP != 0
		}
	}
}

// inForeground tells whether what is typed is for this process: in the background to read
// stops it. So it is of a terminal that controls nobody.
func inForeground(tty *os.File) bool {
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// takeKeys reads keys, if somebody is there to press them.
func (t *devTerminal) takeKeys() {
	if !t.keys() {
		return
	}
	saved, err := term.GetState(int(os.Stdin.Fd()))
	if err != nil || rawKeys(int(os.Stdin.Fd())) != nil {
		return
	}
	t.saved = saved
	loop := t.d.group.Reactors()[0]
	t.reader = &keyReader{tty: os.Stdin,
		key:   func(k byte) { loop.CallFromThread(func() { t.key(k) }) },
		typed: func(text []byte) { loop.CallFromThread(func() { t.d.supervisor.Type(text) }) },
		back:  func() { loop.CallFromThread(t.typed) },
		gone:  t.d.group.Stop,
	}
	go t.whenContinued(func() { loop.CallFromThread(t.rawAgain) })
	go t.reader.read()
}

// typeIn has what is typed go to the program.
func (t *devTerminal) typeIn(now time.Time) {
	if !t.d.supervisor.Reads() {
		t.line(now, t.paint(yellow, "there is no program that reads"))
		return
	}
	t.line(now, t.paint(yellow, "what you type goes to the program; Ctrl-D ends that"))
	t.out.flush()
	t.reader.typing.Store(true)
	_ = term.Restore(int(t.reader.tty.Fd()), t.saved)
}

// typed takes keys again.
func (t *devTerminal) typed() {
	t.rawAgain()
	t.line(time.Now(), t.paint(dimmed, "keys are for spindle again"))
}

// whenContinued calls f each time when the process goes on after Ctrl-Z. It is a goroutine's
// work, for as long as the process lives.
func (t *devTerminal) whenContinued(f func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCONT)
	for range c {
		f()
	}
}

// rawAgain takes keys again: the shell has had the terminal meanwhile.
func (t *devTerminal) rawAgain() {
	if t.saved != nil && !t.reader.typing.Load() && inForeground(t.reader.tty) {
		_ = rawKeys(int(t.reader.tty.Fd()))
	}
}

// restore gives the terminal back as it was.
func (t *devTerminal) restore() {
	t.out.flush()
	if t.saved != nil {
		_ = term.Restore(int(t.reader.tty.Fd()), t.saved)
		t.saved = nil
	}
}

// onHangup has SIGHUP start the program again, until stop is called. On a terminal that
// signal says that the terminal is gone, and ends all as Ctrl-C does.
func (d *devServer) onHangup(loop reactor.Loop) (stop func()) {
	act := d.hungUp(term.IsTerminal(int(os.Stdin.Fd())), loop)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	go func() {
		for range c {
			act()
		}
	}()
	return func() {
		signal.Stop(c)
		close(c)
	}
}

// hungUp is what SIGHUP does.
func (d *devServer) hungUp(onTerminal bool, loop reactor.Loop) func() {
	if onTerminal {
		return d.group.Stop
	}
	return func() { loop.CallFromThread(d.supervisor.Restart) }
}
