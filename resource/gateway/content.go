package gateway

import (
	"io"

	"spindle/reactor"
	"spindle/resource"
)

// Sink takes the content of a request. End is called once, when all of it was written;
// a producer is unregistered before.
type Sink interface {
	reactor.Consumer
	End()
}

// Content brings the content of a request to a Sink. Loop only.
//
//	HeadReceived: c.Receive(r)      Render: c.Length, then c.Start(sink)
//
// Content whose length is known streams: it is not read before Start, nor faster than
// the sink takes it. Other content (chunked) is collected first, since these protocols
// want its length beforehand.
type Content struct {
	// Progress, when set, is called when a piece has come.
	Progress func()

	r        *resource.Request
	to       Sink
	held     []byte // came before Start
	streams  bool
	complete bool
	ended    bool // End was called
	off      int64
	reading  bool // a thread reads the next piece
	gone     bool // the sink takes nothing any more
}

// Receive makes the arrangements. To be called in HeadReceived of the resource. most is
// how many bytes are taken: 0 means the site's limit, negative none.
func (c *Content) Receive(r *resource.Request, most int64) {
	c.r = r
	if most != 0 {
		r.SetBodyLimit(max(most, -1))
	}
	if r.Head().ContentLength > 0 {
		c.streams = true
		r.StreamBody(c.data, c.end)
	}
}

// Length is how much content there is. From Render on.
func (c *Content) Length() int64 {
	if n := c.r.Head().ContentLength; n >= 0 {
		return n
	}
	return c.r.BodyLength()
}

// Hold stops the content until Start. To be called in Render when that comes later.
func (c *Content) Hold() {
	if c.streams && !c.complete {
		c.r.PauseBody()
	}
}

// Whole tells whether all content is with the sink, or with us.
func (c *Content) Whole() bool { return c.ended }

// Untouched tells whether the content could be sent again from its beginning.
func (c *Content) Untouched() bool { return !c.streams }

// Start sends the content to s. It may be called again for another sink while Untouched.
func (c *Content) Start(s Sink) {
	c.to, c.ended, c.gone, c.off = s, false, false, 0
	if !c.streams {
		c.startCollected()
		return
	}
	if len(c.held) > 0 {
		s.Write(c.held)
		c.held = nil
	}
	if c.complete {
		c.finish()
		return
	}
	s.RegisterProducer((*streamed)(c))
	c.r.ResumeBody()
}

func (c *Content) finish() {
	c.ended = true
	c.to.End()
}

// Drop lets what still comes go nowhere.
func (c *Content) Drop() {
	c.gone = true
	if c.streams && !c.complete && !c.r.Finished() {
		c.r.ResumeBody()
	}
}

// data and end are told by the request.
func (c *Content) data(p []byte) {
	if c.Progress != nil {
		c.Progress()
	}
	switch {
	case c.gone:
	case c.to == nil:
		c.held = append(c.held, p...)
	default:
		c.to.Write(p)
	}
}

func (c *Content) end(err error) {
	c.complete = err == nil
	if c.to == nil || c.gone || c.ended {
		return
	}
	c.to.UnregisterProducer()
	if c.complete {
		c.finish()
	}
}

// streamed is a Content as the push producer of its sink.
type streamed Content

// PauseProducing stops the client.
func (s *streamed) PauseProducing() { s.r.PauseBody() }

// ResumeProducing lets it go on.
func (s *streamed) ResumeProducing() { s.r.ResumeBody() }

// StopProducing drops the rest.
func (s *streamed) StopProducing() { (*Content)(s).Drop() }

// startCollected sends what is in memory at once, and what is in a file piece by piece.
func (c *Content) startCollected() {
	size := c.r.BodyLength()
	if size > resource.DefaultMemoryBodyBytes {
		c.to.RegisterProducer((*collected)(c))
		return
	}
	if size > 0 {
		body, err := c.r.BodyBytes()
		if err != nil {
			c.r.Fail(err)
			return
		}
		c.to.Write(body)
	}
	c.finish()
}

// collected is a Content as the pull producer of its sink.
type collected Content

const pieceBytes = 32 << 10

// ResumeProducing has a thread read the next piece.
func (p *collected) ResumeProducing() {
	if p.reading || p.gone || p.ended {
		return
	}
	p.reading = true
	body, off, to := p.r.Body(), p.off, p.to
	reactor.DeferToThreadPool(p.r.Loop().ThreadPool(), func() ([]byte, error) {
		if _, err := body.Seek(off, io.SeekStart); err != nil {
			return nil, err
		}
		piece := make([]byte, pieceBytes)
		n, err := io.ReadFull(body, piece)
		if err == io.ErrUnexpectedEOF || err == io.EOF {
			err = nil
		}
		return piece[:n], err
	}).Then(func(piece []byte) { p.arrived(piece, to) }, func(err error) {
		p.reading = false
		if !p.r.Finished() {
			p.r.Fail(err)
		}
	})
}

func (p *collected) arrived(piece []byte, to Sink) {
	p.reading = false
	if p.gone || p.ended || p.to != to || p.r.Finished() {
		return
	}
	p.off += int64(len(piece))
	to.Write(piece)
	if p.off >= p.r.BodyLength() || len(piece) == 0 {
		to.UnregisterProducer()
		(*Content)(p).finish()
	}
}

// StopProducing ends it.
func (p *collected) StopProducing() { p.gone = true }

var (
	_ reactor.PushProducer = (*streamed)(nil)
	_ reactor.Producer     = (*collected)(nil)
)
