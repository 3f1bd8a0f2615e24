package resource

import (
	"os"

	"spindle/reactor"
)

// This file keeps long content in a temporary file. The file is written by a thread;
// while that goes on the content is paused, so that no more is in memory than one
// read of the connection beyond the limit.

// spool is a temporary file without a name. While a thread writes it the loop leaves
// it alone.
type spool struct {
	*os.File
	written int64
	busy    bool
	closed  bool // close it when the thread is done
}

// spill has what is in memory written. When all of a complete content is written the
// resource answers.
func (r *Request) spill() {
	b := &r.body
	if b.spool == nil {
		b.spool = &spool{}
	}
	s := b.spool
	if s.busy {
		return // told again when the thread is done
	}
	piece := b.memory
	if len(piece) == 0 {
		r.render()
		return
	}
	b.memory = nil
	b.feedForm(r, piece)
	s.busy = true
	r.ch.PauseBody()
	dir := r.d.TempDir
	reactor.DeferToThreadPool(r.ch.Loop().ThreadPool(), func() (struct{}, error) {
		return struct{}{}, s.write(dir, piece)
	}).Then(func(struct{}) { r.spilled(nil) }, r.spilled)
}

// write appends piece, to a new file at first. It is called in a thread.
func (s *spool) write(dir string, piece []byte) error {
	if s.File == nil {
		f, err := os.CreateTemp(dir, "spindle-body-")
		if err != nil {
			return err
		}
		os.Remove(f.Name())
		s.File = f
	}
	n, err := s.WriteAt(piece, s.written)
	s.written += int64(n)
	return err
}

// spilled goes on after a piece was written.
func (r *Request) spilled(err error) {
	s := r.body.spool
	s.busy = false
	switch {
	case s.closed:
		s.close(r)
	case err != nil:
		r.Fail(&Error{Status: 500, Err: err})
	case r.body.complete || int64(len(r.body.memory)) > r.memoryLimit():
		r.guarded(stepSpill)
	default:
		r.ch.ResumeBody()
	}
}

// close gives the file back, in a thread: to free a large file may take a while.
func (s *spool) close(r *Request) {
	s.closed = true
	if s.busy || s.File == nil {
		return
	}
	f := s.File
	reactor.DeferToThreadPool(r.ch.Loop().ThreadPool(), func() (struct{}, error) {
		return struct{}{}, f.Close()
	}).Then(nil, func(error) { f.Close() }) // here, when there is no thread
}
