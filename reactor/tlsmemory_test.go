package reactor

import (
	"bytes"
	"testing"
	"unsafe"
)

// TestTLSMemory fails when crypto/tls has changed, so that nothing is given back.
func TestTLSMemory(t *testing.T) {
	if f := tlsFields; f.raw == 0 || f.hand == 0 || f.input == 0 {
		t.Errorf("crypto/tls has other fields now: %+v", f)
	}
}

// An idle connection keeps no large buffer: not that of the handshake, and not that of
// the longest record.
func TestTLSIdleKeepsNothing(t *testing.T) {
	r, e := New(), newTLSEnd()
	const long = 1 << 20
	all := make(chan struct{}, 1)
	e.onData = func(e *tlsEnd) {
		if len(e.got) == 1 || len(e.got) == 1+long {
			all <- struct{}{}
		}
	}
	addr, config := tlsPort(t, r, e, nil)
	c, _ := dialBoth(t, addr, config)
	kept := func() (n int) {
		onLoop(r, func() {
			p := unsafe.Pointer(e.t.(*secure).conn)
			n = (*bytes.Buffer)(unsafe.Add(p, tlsFields.raw)).Cap() + (*bytes.Buffer)(unsafe.Add(p, tlsFields.hand)).Cap()
		})
		return n
	}
	_, _ = c.Write([]byte("x"))
	<-all
	if n := kept(); n > 1<<10 {
		t.Errorf("%d bytes are kept after the handshake and a byte", n)
	}
	_, _ = c.Write(bytes.Repeat([]byte("y"), long))
	<-all
	if n := kept(); n > largestIdle || len(e.got) != 1+long {
		t.Errorf("%d bytes are kept after %d were read", n, len(e.got))
	}
	onLoop(r, func() { e.t.AbortConnection() })
	<-e.lost
}
