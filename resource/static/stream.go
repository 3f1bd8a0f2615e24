package static

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"spindle/reactor"
	"spindle/resource"
)

// This file sends a large file of an fs.FS, which has no descriptor to give to
// sendfile: threads read it piece by piece, as the client takes it.

// streamBytes is the size of a piece: what a download holds at most.
const streamBytes = 32 << 10

// pieces in memory, used again. A sync.Pool, for the threads fill them.
var streamBuffers = sync.Pool{New: func() any { return new([streamBytes]byte) }}

// stream is a pull producer: each time it is asked, a thread reads one piece.
type stream struct {
	r       *resource.Request
	pool    *reactor.ThreadPool
	f       file
	at      int64 // where f stands
	pieces  []piece
	reading bool // a thread has f
	stopped bool
}

var errReplaced = errors.New("static: another file took its place")

// stream opens the file for this download, since others stand elsewhere in theirs.
func (d *Dir) stream(r *resource.Request, rep *rep, pieces []piece) ([]byte, error) {
	pool := r.Loop().ThreadPool()
	reactor.DeferToThreadPool(pool, func() (file, error) {
		return d.reopen(rep)
	}).Then(func(f file) {
		s := &stream{r: r, pool: pool, f: f, pieces: pieces}
		if r.Finished() {
			s.StopProducing()
			return
		}
		r.NotifyFinish(func(error) { s.StopProducing() })
		r.RegisterProducer(s)
	}, func(err error) {
		if !r.Finished() {
			r.Fail(answerTo(err))
		}
	})
	return nil, resource.NotDoneYet
}

// reopen opens the file of rep, which must be the same still. Blocks: not on the
// loop.
func (d *Dir) reopen(rep *rep) (file, error) {
	t, err := d.state.source.tree()
	if err != nil {
		return nil, err
	}
	f, i, err := t.open(rep.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errReplaced
	case err != nil:
		return nil, err
	case i.stamp != rep.stamp:
		f.Close()
		return nil, errReplaced
	}
	return f, nil
}

// ResumeProducing has the next piece read.
func (s *stream) ResumeProducing() {
	if s.reading || s.stopped {
		return
	}
	p := &s.pieces[0]
	if len(p.text) > 0 {
		s.r.Write(p.text)
		p.text = nil
	}
	if p.n == 0 {
		s.next()
		return
	}
	s.reading = true
	buffer := streamBuffers.Get().(*[streamBytes]byte)
	reactor.DeferToThreadPool(s.pool, func() (int, error) {
		return s.read(buffer[:min(p.n, streamBytes)], p.off)
	}).Then(func(n int) {
		s.reading = false
		s.arrived(buffer[:n])
		streamBuffers.Put(buffer)
	}, s.failed)
}

// read fills b from offset off. Blocks: not on the loop.
func (s *stream) read(b []byte, off int64) (int, error) {
	if off != s.at {
		if _, err := s.f.(io.Seeker).Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(s.f, b)
	s.at = off + int64(n)
	return n, err
}

func (s *stream) arrived(b []byte) {
	if s.stopped {
		s.close()
		return
	}
	s.r.Write(b)
	p := &s.pieces[0]
	p.off += int64(len(b))
	if p.n -= int64(len(b)); p.n == 0 {
		s.next()
	}
}

// next goes on with the next piece, or ends.
func (s *stream) next() {
	if s.pieces = s.pieces[1:]; len(s.pieces) == 0 {
		s.r.UnregisterProducer()
		s.r.Finish()
	}
}

// failed ends a download that can not go on: the client sees that it is cut.
func (s *stream) failed(err error) {
	s.reading = false
	if s.stopped {
		s.close()
		return
	}
	s.r.Abort(err)
}

// StopProducing ends it; the last reader closes the file.
func (s *stream) StopProducing() {
	if s.stopped {
		return
	}
	s.stopped = true
	if !s.reading {
		s.close()
	}
}

func (s *stream) close() { closeLater(s.pool, s.f) }

var _ reactor.Producer = (*stream)(nil)
