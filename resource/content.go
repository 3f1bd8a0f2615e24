package resource

import (
	"errors"
	"io"

	"spindle/protocol"
)

// This file takes the content of a request in: into memory, from there into a
// temporary file when it grows (spool.go), or to a resource that wants it as it
// comes.

// content is what a request brings behind its head.
type content struct {
	arrived  []byte // the piece in hand
	memory   []byte // what came and is not in the file
	limit    int64  // by SetBodyLimit, when limited
	limited  bool
	size     int64 // of all that came
	complete bool
	early    bool // it came with the head, and was taken then
	unasked  bool // 100 (Continue) is sent by Continue only
	dropped  bool // nobody wants what still comes; see Redispatch
	trailers protocol.Fields
	spool    *spool // nil while all is in memory

	data func(p []byte)  // of StreamBody
	end  func(err error) // of StreamBody; nil once it was called

	parser    contentParser // of the form, while it is read
	form      *form         // nil when there is none, or not read yet
	formErr   error
	formBegun bool
	formRead  bool
}

// wantContent asks for the content, after refusing what is not wanted.
func (r *Request) wantContent() {
	if err := takes(r.res, r.head.Method); err != nil {
		r.Fail(err)
		return
	}
	if r.head.ContentLength > r.bodyLimit() {
		r.Fail(errTooLarge)
		return
	}
	if !r.body.unasked {
		r.ch.Continue()
	}
	if r.body.data != nil {
		r.phase = streaming
		r.render()
		r.replay()
		return
	}
	r.phase = collecting
	if early := r.head.Content; early != nil && int64(len(early)) <= r.memoryLimit() && !r.body.complete && r.body.size == 0 {
		r.body.memory = append([]byte(nil), early...)
		r.body.size = int64(len(early))
		r.body.early, r.body.complete = true, true
		if r.observer != nil {
			r.observer.ContentReceived(early)
		}
	} else if n := r.head.ContentLength; n > 0 && n <= r.memoryLimit() && r.body.memory == nil {
		r.body.memory = make([]byte, 0, n)
	}
	if r.body.complete {
		r.contentComplete()
	}
}

var errTooLarge = &Error{Status: 413}

// bodyLimit is how much content is taken.
func (r *Request) bodyLimit() int64 {
	limit := r.d.MaxBodyBytes
	if limit == 0 {
		limit = DefaultMaxBodyBytes
	}
	if r.body.limited {
		limit = r.body.limit
	}
	if limit < 0 {
		return 1<<63 - 1
	}
	return limit
}

// memoryLimit is how much of it may stay in memory.
func (r *Request) memoryLimit() int64 {
	switch n := r.d.MemoryBodyBytes; {
	case n == 0:
		return DefaultMemoryBodyBytes
	case n < 0:
		return 1<<63 - 1
	default:
		return int64(n)
	}
}

// takeContent takes the next piece.
func (r *Request) takeContent(data []byte) {
	b := &r.body
	b.size += int64(len(data))
	if b.size > r.bodyLimit() {
		r.streamEnds(errTooLarge)
		r.failQuietly(errTooLarge)
		return
	}
	if r.phase == streaming {
		b.data(data)
		return
	}
	b.memory = append(b.memory, data...)
	if int64(len(b.memory)) > r.memoryLimit() && r.phase == collecting {
		r.spill()
	}
}

// contentComplete goes on with a request that is all there.
func (r *Request) contentComplete() {
	switch {
	case r.phase == streaming:
		r.streamEnds(nil)
	case r.phase != collecting:
		// The walk waits for a child, or the answer is being made already.
	case r.body.spool != nil:
		r.spill()
	default:
		r.render()
	}
}

// replay gives a stream what came before the resource was found.
func (r *Request) replay() {
	b := &r.body
	if early := b.memory; len(early) > 0 && r.phase == streaming {
		b.memory = nil
		b.data(early)
	}
	if b.complete && r.phase == streaming {
		r.streamEnds(nil)
	}
}

// streamEnds tells the resource that takes the stream, once.
func (r *Request) streamEnds(err error) {
	if end := r.body.end; end != nil {
		r.body.end = nil
		end(err)
	}
}

// SetBodyLimit bounds the content of this request in place of the site's limit: 0
// means none at all, negative means no limit. To be called in HeadReceived of the
// resource.
func (r *Request) SetBodyLimit(n int64) {
	r.body.limit, r.body.limited = n, true
}

// StreamBody has the content given to data as it comes, and its end to end: nil
// when it was complete, else why it was not. To be called in HeadReceived of the
// resource; Render is called right after that, before the content. p is valid until
// data returns. No limit but that of SetBodyLimit or the site holds for it.
func (r *Request) StreamBody(data func(p []byte), end func(err error)) {
	r.kept = true
	r.body.data, r.body.end = data, end
}

// HoldContinue has a client that waits for 100 (Continue) wait on until Continue is
// called: for a stream that may not be read. To be called in HeadReceived of the
// resource. RFC 9110 §10.1.1.
func (r *Request) HoldContinue() { r.body.unasked = true }

// Continue sends 100 (Continue) if the client waits for it.
func (r *Request) Continue() {
	if r.phase != over {
		r.ch.Continue()
	}
}

// PauseBody stops the content coming in, ResumeBody starts it again.
func (r *Request) PauseBody() {
	if r.phase != over {
		r.ch.PauseBody()
	}
}

// ResumeBody starts the content coming in again.
func (r *Request) ResumeBody() {
	if r.phase != over {
		r.ch.ResumeBody()
	}
}

// Body is the content from its start, each time anew. Content in a temporary file is
// read from there; it is gone when the exchange is over.
func (r *Request) Body() io.ReadSeeker {
	return io.NewSectionReader(r.body.readerAt(), 0, r.body.size)
}

// BodyBytes is the content as a whole. It is the Request's own: it may be kept and
// given back as an answer, but not changed. Content that is not in memory is read
// in.
func (r *Request) BodyBytes() ([]byte, error) {
	if r.body.spool == nil {
		return r.body.memory, nil
	}
	all := make([]byte, r.body.size)
	if _, err := r.body.spool.ReadAt(all, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return all, nil
}

// BodyLength is the number of bytes of content that have come.
func (r *Request) BodyLength() int64 { return r.body.size }

// Trailers is the fields that followed the content, nil when there were none.
func (r *Request) Trailers() protocol.Fields { return r.body.trailers }

// failed tells a stream that the client is gone.
func (b *content) failed(r *Request, err error) {
	if b.data != nil {
		r.streamEnds(err)
	}
}

// release gives the temporary file back.
func (b *content) release(r *Request) {
	if b.spool != nil {
		b.spool.close(r)
	}
}
