package reactor

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// This file makes TLS handshakes off the loop. A goroutine of a pool (handshakers.go)
// runs crypto/tls over the bytes that the loop feeds it, and blocks while the peer is
// silent. How many run at once is bounded, and each has a time limit.

const (
	handshakeTime = 10 * time.Second
	maxHandshakes = 4096      // under way on one loop; more wait for their turn
	handshakeRoom = 128 << 10 // of a peer's bytes that wait; then it is not read
)

// ErrHandshakeTimeout is why a connection ended whose handshake took too long.
var ErrHandshakeTimeout = fmt.Errorf("reactor: TLS handshake: %w", ErrTimeout)

var (
	errRefused = errors.New("reactor: the factory refused")
	errNoTLS   = errors.New("reactor: the client does not speak TLS")
)

// handshake is one in progress.
type handshake struct {
	s          *secure
	factory    Factory // of the protocol that comes then
	client     bool
	begun      bool         // loop only
	timer      *DelayedCall // loop only
	peer, host Addr
	done       func(p Protocol, err error) // of a client that connects; loop only

	mu     sync.Mutex
	come   sync.Cond // more in, or err
	in     []byte    // ciphertext of the peer
	out    []byte    // ours, to be posted
	posted bool
	err    error
}

// wait arms the time limit; a client begins at once, a server when the peer's first
// record is there.
func (h *handshake) wait(s *secure) {
	h.come.L = &h.mu
	h.peer, h.host = s.raw.Peer(), s.raw.Host()
	limit := s.raw.r.HandshakeTimeout
	if limit == 0 {
		limit = handshakeTime
	}
	if limit > 0 {
		h.timer = s.raw.r.CallLater(limit, func() { s.raw.fail(ErrHandshakeTimeout) })
	}
	if h.client {
		h.begin(s)
	}
}

// begin hands the work to a goroutine.
func (h *handshake) begin(s *secure) {
	h.begun = true
	s.raw.r.handshakes.run(s.raw.r.MaxHandshakes, func() {
		err := s.conn.Handshake()
		s.raw.r.CallFromThread(func() {
			h.stopTimer()
			h.flush(s)
			s.opened(err)
		})
	})
}

func (h *handshake) stopTimer() {
	if h.timer != nil {
		h.timer.Cancel()
	}
}

// feed brings bytes of the peer. Loop only.
func (h *handshake) feed(s *secure, data []byte) {
	h.mu.Lock()
	h.in = append(h.in, data...)
	n := len(h.in)
	h.mu.Unlock()
	h.come.Signal()
	if n > handshakeRoom {
		s.raw.PauseReading() // until the handshake is over
	}
	if !h.begun {
		h.judge(s)
	}
}

// judge looks at the first bytes that a client has sent. What is no TLS is told so
// where it is known how; a goroutine is not asked before there is a whole record.
func (h *handshake) judge(s *secure) {
	const recordHead, handshakeRecord = 5, 22
	in := h.in // no goroutine has it yet
	switch {
	case in[0] == handshakeRecord:
		if len(in) >= recordHead && len(in) >= recordHead+(int(in[3])<<8|int(in[4])) {
			h.begin(s)
		}
	case looksLikeHTTP(in) == looksUnclear:
	case looksLikeHTTP(in) == looksRight:
		h.stopTimer()
		s.raw.port.hint("reactor: plain HTTP came to a TLS port; it was told so", h.peer)
		s.raw.state &^= filtered
		s.raw.Switch(&refusal{text: plainHTTPAnswer}, nil)
	default:
		s.raw.r.logger().Debug("reactor: what came to a TLS port is no TLS", "peer", h.peer.String())
		s.raw.fail(errNoTLS)
	}
}

// plainHTTPAnswer is what a request gets that came to the wrong port. RFC 9110 has no
// status for it; 400 is what others say.
var plainHTTPAnswer = func() []byte {
	const text = "This port speaks TLS: use https:// instead of http://.\r\n"
	return fmt.Appendf(nil, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}()

type looks uint8

const (
	looksWrong looks = iota
	looksUnclear
	looksRight
)

// looksLikeHTTP tells of a request that came to the wrong port.
func looksLikeHTTP(data []byte) looks {
	const longestMethod = 16
	for i, c := range data {
		if c == ' ' && i > 0 {
			return looksRight
		}
		if c < 'A' || c > 'Z' || i == longestMethod {
			return looksWrong
		}
	}
	return looksUnclear
}

// ended tells that the peer sends no more. Loop only.
func (h *handshake) ended(s *secure) {
	h.fail(io.ErrUnexpectedEOF)
	if !h.begun {
		s.raw.LoseConnection()
	}
}

// lost tells that the connection is. Loop only.
func (h *handshake) lost(reason error) {
	h.stopTimer()
	h.fail(reason)
	if !h.begun || errors.Is(reason, ErrStopped) || errors.Is(reason, ErrAborted) {
		h.tell(nil, reason) // no goroutine will
	}
}

// tell gives who connects the result, once. Loop only.
func (h *handshake) tell(p Protocol, err error) {
	if done := h.done; done != nil {
		h.done = nil
		done(p, err)
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

// rest is what was not read, after the end. Loop only.
func (h *handshake) rest() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
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
