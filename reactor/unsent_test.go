package reactor

import (
	"net"
	"testing"
)

// dumped writes much to a client that takes nothing, and is asked what did not go out.
type dumped struct {
	t    Transport
	much []byte
	told func(within, later int)
}

func (d *dumped) ConnectionMade(t Transport) { d.t = t; t.Write(d.much) }
func (d *dumped) DataReceived([]byte)        {}

func (d *dumped) ConnectionLost(error) {
	t, within := d.t, d.t.Buffered()
	t.Loop().CallLater(0, func() { d.told(within, t.Buffered()) })
}

// Within ConnectionLost a transport tells how much never came to the kernel; later nothing.
func TestBufferedWhenLost(t *testing.T) {
	r := New()
	much, within, later := make([]byte, 64<<20), -1, -1
	port := listen(t, r, "tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol {
		return &dumped{much: much, told: func(w, l int) { within, later = w, l; r.Stop() }}
	}))
	c, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r.CallWhenRunning(func() {
		r.CallLater(0, func() { // once the server has what it was told to write
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		})
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if within <= 0 || within > len(much) || later != 0 {
		t.Errorf("%d bytes did not go out, and later %d", within, later)
	}
}

// A caller who has dealt with an error goes on; one who has dropped it is told by Run.
func TestClearError(t *testing.T) {
	for _, clear := range []bool{false, true} {
		r := New()
		taken := listen(t, r, "tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol { return &dumped{} }))
		if _, err := r.Listen(taken.Addr().String(), FactoryFunc(func(Addr) Protocol { return nil })); err != nil && clear {
			r.ClearError()
		}
		r.CallWhenRunning(r.Stop)
		if err := r.Run(); (err == nil) != clear {
			t.Errorf("cleared %t: %v", clear, err)
		}
	}
}
