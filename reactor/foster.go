package reactor

import "os"

// This file is a child process that another process has started, and waits for: one that
// a process of ours forks, say. Its pipes are ours all the same.

// Foster is the pipes of a process that somebody else is to start. Loop only.
type Foster struct {
	c     *ChildProcess
	files []childFile
}

// NewFoster opens what fds says, as in Process, for p. p is not called before Begin.
func NewFoster(l Loop, p ProcessProtocol, fds map[int]ChildFD) (*Foster, error) {
	f := &Foster{c: &ChildProcess{loop: l, proto: p}}
	var err error
	if f.files, err = f.c.openPipes(Process{FDs: fds}); err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// Release is the ends of the process, by descriptor, for who starts it: the caller's, to be
// closed when they have been handed over. nil stands for one that the process has not.
func (f *Foster) Release() []*os.File {
	list := make([]*os.File, len(f.files))
	for i, file := range f.files {
		list[i] = file.File
	}
	f.files = nil
	return list
}

// Begin is called when the process runs: p.ProcessMade is called in the next turn. That it
// has ended is told by ChildProcess.Exited.
func (f *Foster) Begin(process *os.Process) *ChildProcess {
	f.c.process = process
	f.c.begin()
	return f.c
}

// Discard closes the pipes, and what Release has not given away, of a process that does not come to be.
func (f *Foster) Discard() {
	for _, file := range f.files {
		if file.close {
			_ = file.Close()
		}
	}
	f.files = nil
	for _, in := range f.c.in {
		_ = in.file.Close()
	}
	for _, out := range f.c.out {
		_ = out.file.Close()
	}
}

// Exited tells that a process of a Foster has ended, of which nobody here is told by the
// system. Loop only.
func (c *ChildProcess) Exited(status ProcessStatus) {
	if !c.exited {
		c.onExit(status)
	}
}
