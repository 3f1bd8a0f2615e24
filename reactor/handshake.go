package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"
)

// This file makes TLS handshakes off the loop. A goroutine of a pool runs
// crypto/tls over the bytes that the loop feeds it, and blocks while the peer is
// silent. How many run at once is bounded, and each has a time limit.

const (
	handshakeTime  = 10 * time.Second
	maxHandshakes  = 4096      // under way on one loop; more wait for their turn
	handshakeBytes = 128 << 10 // of a peer's handshake
	workerIdle     = 5 * time.Second
)

// ErrHandshakeTimeout is why a connection ended whose handshake took too long.
var ErrHandshakeTimeout = fmt.Errorf("reactor: TLS handshake: %w", ErrTimeout)

var plainHTTPAnswer = []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Length: 56\r\nConnection: close\r\n\r\nThis port speaks TLS: use https:// instead of http://.\r\n")

// handshake is one in progress.
type handshake struct {
	s      *secure
	config *tls.Config
	client bool
	timer  *DelayedCall // loop only
	begun  bool         // loop only
	plain  bool         // loop only: what came is no TLS

	mu     sync.Mutex
	come   sync.Cond // more in, or err
	in     []byte    // ciphertext of the peer
	out    []byte    // ours, to be posted
	posted bool
	err    error
}

// wait arms the time limit; a client begins at once, a server with the first byte.
func (h *handshake) wait(s *secure) {
	h.come.L = &h.mu
	h.timer = s.raw.r.CallLater(handshakeTime, func() {
		h.fail(ErrHandshakeTimeout)
		if !h.begun {
			s.raw.fail(ErrHandshakeTimeout)
		}
	})
	if h.client {
		h.begin(s)
	}
}

// begin hands the work to a goroutine.
func (h *handshake) begin(s *secure) {
	h.begun = true
	s.raw.r.handshakes.run(func() {
		err := s.conn.Handshake()
		s.raw.r.CallFromThread(func() {
			h.timer.Cancel()
			h.flush(s)
			s.opened(err)
		})
	})
}

// feed brings bytes of the peer. Loop only.
func (h *handshake) feed(s *secure, data []byte) {
	if !h.begun {
		if !h.client && data[0] != 0x16 {
			h.plain = looksLikeHTTP(data)
			h.timer.Cancel()
			s.opened(errors.New("reactor: the client does not speak TLS"))
			return
		}
		h.begin(s)
	}
	h.mu.Lock()
	h.in = append(h.in, data...)
	if len(h.in) > handshakeBytes && h.err == nil {
		h.err = errors.New("reactor: TLS handshake: too long")
	}
	h.mu.Unlock()
	h.come.Signal()
}

// looksLikeHTTP tells of a request that came to the wrong port.
func looksLikeHTTP(data []byte) bool {
	for i, c := range data {
		if c == ' ' && i > 0 {
			return true
		}
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return false
}

// answerPlain tells a client that speaks plain HTTP what is wrong.
func (h *handshake) answerPlain(s *secure) {
	if h.plain { // RFC 9110 has no status for it; 400 is what others say
		s.raw.r.logger().Warn("reactor: plain HTTP on a TLS port", "peer", s.raw.Peer().String())
		s.raw.Write(plainHTTPAnswer)
	}
}

// fail ends the handshake from outside. Loop only.
func (h *handshake) fail(err error) {
	h.mu.Lock()
	if h.err == nil {
		h.err = err
	}
	h.mu.Unlock()
	h.come.Signal()
}

// finish gives the connection to the loop, with what was not read. Loop only.
func (h *handshake) finish(s *secure) (rest []byte) {
	s.hand = nil
	return h.in
}

// read is what crypto/tls reads from. On the goroutine of the handshake.
func (h *handshake) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.in) == 0 && h.err == nil {
		h.come.Wait()
	}
	if len(h.in) == 0 {
		return 0, h.err
	}
	n := copy(p, h.in)
	h.in = h.in[n:]
	return n, nil
}

// write takes what crypto/tls has to say, and has the loop send it.
func (h *handshake) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return 0, h.err
	}
	h.out = append(h.out, p...)
	if !h.posted {
		h.posted = true
		h.s.raw.r.CallFromThread(func() { h.flush(h.s) })
	}
	return len(p), nil
}

// flush sends what the goroutine has written. Loop only.
func (h *handshake) flush(s *secure) {
	h.mu.Lock()
	out := h.out
	h.out, h.posted = nil, false
	h.mu.Unlock()
	s.raw.Write(out)
}

// handshakers is the pool of goroutines. Their stacks have grown already, which is
// a good part of a handshake's cost.
type handshakers struct {
	mu      sync.Mutex
	idle    int
	running int
	waiting []func()
	jobs    chan func()
	stopped bool
}

// run makes f run on a goroutine, at once or when another has ended. Loop only.
func (p *handshakers) run(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jobs == nil {
		p.jobs = make(chan func(), maxHandshakes)
	}
	switch {
	case p.idle > 0:
		p.idle--
		p.jobs <- f
	case p.running < maxHandshakes:
		p.running++
		go p.work(f)
	default:
		p.waiting = append(p.waiting, f)
	}
}

func (p *handshakers) work(f func()) {
	timer := time.NewTimer(workerIdle)
	defer timer.Stop()
	for {
		f()
		if f = p.next(timer); f == nil {
			return
		}
	}
}

// stop ends the goroutines that wait for work; the others end with their
// handshakes, whose connections are lost.
func (p *handshakers) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for ; p.idle > 0; p.idle-- {
		p.jobs <- nil
	}
}

// next is the next job of a worker; nil when there was none for a while.
func (p *handshakers) next(timer *time.Timer) func() {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return nil
	}
	if n := len(p.waiting); n > 0 {
		f := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.mu.Unlock()
		return f
	}
	p.idle++
	p.mu.Unlock()
	timer.Reset(workerIdle)
	select {
	case f := <-p.jobs:
		return f
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle == 0 { // a job for us is on its way
		return <-p.jobs
	}
	p.idle--
	p.running--
	return nil
}
