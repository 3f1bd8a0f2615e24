package agent

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"spindle/protocol"
	"spindle/reactor"
)

// This file undoes content codings (RFC 9110 §8.4). Decoders read from a stream, and wait for
// it: each has a goroutine, which gets what has come, posts what it makes of it to the
// loop, and waits when either side is slow.

// Decoder reads a content that is coded from r, and gives back what reads it plain. It is
// called and read on a goroutine of its own.
type Decoder func(r io.Reader) (io.Reader, error)

// Gzip is the Decoder of gzip.
func Gzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

// Deflate is the Decoder of deflate. It takes what has no zlib wrapper too, as some servers
// send it.
func Deflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if first, err := b.Peek(2); err == nil && first[0]&0x0f == 8 && (uint(first[0])<<8|uint(first[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// usualDecoders is made when it is first asked for, so that programs which never ask
// anybody do not link what is in it.
func usualDecoders() map[string]Decoder {
	usual.once.Do(func() { usual.decoders = map[string]Decoder{"gzip": Gzip, "x-gzip": Gzip, "deflate": Deflate} })
	return usual.decoders
}

var usual struct {
	once     sync.Once
	decoders map[string]Decoder
}

func (a *Agent) decoders() map[string]Decoder {
	if a.Decoders == nil {
		return usualDecoders()
	}
	return a.Decoders
}

// codings is the Accept-Encoding field, "" for none.
func (a *Agent) codings() string {
	var names []string
	for name := range a.decoders() {
		if name != "x-gzip" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// decode has the content of a response decoded, if it is coded in a way that the agent knows.
func (r *Response) decode(a *Agent) {
	coding := strings.ToLower(r.Fields.Get("Content-Encoding"))
	decoder := a.decoders()[coding]
	if decoder == nil || r.x.fields.Has("Accept-Encoding") || r.ContentLength == 0 {
		return
	}
	r.Fields.Del("Content-Encoding")
	r.Fields.Del("Content-Length")
	r.ContentLength = -1
	r.pump = &pump{r: r, loop: a.Pool.loop, paused: true}
	r.pump.cond.L = &r.pump.mu
	go r.pump.run(decoder)
}

const (
	pumpHigh   = 128 << 10 // coded bytes that wait above which the server has to wait
	pumpLow    = 32 << 10
	pumpPiece  = 32 << 10
	pumpPosted = 4 // pieces that wait for the loop
)

// pump decodes one content. What is below mu is of both sides.
type pump struct {
	r    *Response
	loop reactor.Loop

	mu     sync.Mutex
	cond   sync.Cond
	in     []byte
	posted int
	paused bool
	full   bool // the server was told to wait
	eof    bool
	err    error // why no more comes
	closed bool
}

// feed gives it a piece. Loop only.
func (p *pump) feed(data []byte) {
	p.mu.Lock()
	p.in = append(p.in, data...)
	if len(p.in) > pumpHigh && !p.full {
		p.full = true
		p.r.x.ch.PauseBody()
	}
	p.mu.Unlock()
	p.cond.Broadcast()
}

func (p *pump) set(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	p.cond.Broadcast()
}

// end tells that no more comes. Loop only.
func (p *pump) end(err error) { p.set(func() { p.eof, p.err = true, err }) }

// pause has it wait, or go on. Loop only.
func (p *pump) pause(paused bool) { p.set(func() { p.paused = paused }) }

// close has the goroutine end. Loop only.
func (p *pump) close() { p.set(func() { p.closed = true }) }

// Read waits for what comes. On the pump's goroutine.
func (p *pump) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.in) == 0 && !p.eof && !p.closed {
		p.cond.Wait()
	}
	switch {
	case p.closed:
		return 0, io.ErrClosedPipe
	case len(p.in) == 0 && p.err != nil:
		return 0, p.err
	case len(p.in) == 0:
		return 0, io.EOF
	}
	n := copy(b, p.in)
	p.in = p.in[:copy(p.in, p.in[n:])]
	if p.full && len(p.in) < pumpLow {
		p.full = false
		p.loop.CallFromThread(func() {
			if !p.r.x.over {
				p.r.x.ch.ResumeBody()
			}
		})
	}
	return n, nil
}

// run is the goroutine.
func (p *pump) run(decoder Decoder) {
	from, err := decoder(p)
	for err == nil {
		buf := make([]byte, pumpPiece)
		var n int
		n, err = from.Read(buf)
		if n > 0 && !p.post(buf[:n]) {
			return
		}
	}
	if err == io.EOF {
		err = p.rest()
	} else {
		err = p.wrong(err)
	}
	p.loop.CallFromThread(func() { p.finish(err) })
}

// rest waits for the end of the exchange, which may be a bad one even when all was decoded. Some
// servers send a little more than what is coded, which is dropped.
func (p *pump) rest() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for dropped := 0; !p.eof && !p.closed; p.cond.Wait() {
		if dropped += len(p.in); dropped > mostDropped {
			return &protocol.LostError{Reason: "the content goes on behind the end of what is coded"}
		}
		p.in = p.in[:0]
	}
	return p.err
}

// wrong is err as the one who takes the content is told it.
func (p *pump) wrong(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	return &protocol.LostError{Reason: "the content can not be decoded", Err: fmt.Errorf("agent: %w", err)}
}

// post has the loop take a piece, when it is ready for one. It tells whether to go on.
func (p *pump) post(data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.paused || p.posted >= pumpPosted) && !p.closed {
		p.cond.Wait()
	}
	if p.closed {
		return false
	}
	p.posted++
	p.loop.CallFromThread(func() {
		p.set(func() { p.posted-- })
		if !p.r.ended {
			p.r.data(data)
		}
	})
	return true
}

// finish ends the response. Loop only.
func (p *pump) finish(err error) {
	r := p.r
	if err != nil && r.err == nil {
		r.err = err
	}
	if !r.x.over { // what could not be decoded is not worth waiting for
		r.x.end()
		r.x.call.Abort(err)
	}
	if r.delivered {
		r.tellEnd()
	} else {
		r.done, r.pump = true, nil // Deliver will tell
	}
}
