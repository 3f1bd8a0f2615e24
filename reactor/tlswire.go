package reactor

import (
	"net"
	"time"
)

// wire is the net.Conn that a tls.Conn believes in. While the handshake runs it
// belongs to the handshake's goroutine, and blocks; from then on it is the loop's,
// and says "would block" instead.
type wire struct {
	s  *secure
	in []byte // ciphertext to be read; on the loop a view of the read buffer
}

// errWouldBlock is temporary, so crypto/tls hands it through and can be asked
// again.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "reactor: no more ciphertext for now" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

func (w *wire) Read(p []byte) (int, error) {
	if h := w.s.hand; h != nil {
		return h.read(p)
	}
	if len(w.in) == 0 {
		return 0, errWouldBlock
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if h := w.s.hand; h != nil {
		return h.write(p)
	}
	w.s.raw.Write(p)
	return len(p), nil
}

// Close does nothing: the loop closes.
func (w *wire) Close() error { return nil }

// LocalAddr and RemoteAddr are asked for by callbacks of the configuration, too, on
// the goroutine of the handshake.
func (w *wire) LocalAddr() net.Addr {
	if h := w.s.hand; h != nil {
		return h.host
	}
	return w.s.raw.Host()
}

func (w *wire) RemoteAddr() net.Addr {
	if h := w.s.hand; h != nil {
		return h.peer
	}
	return w.s.raw.Peer()
}

// The deadlines are timers of the loop.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = (*wire)(nil)
