package reactor

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

func TestWatchSlow(t *testing.T) {
	r := New()
	r.Logger = slog.New(slog.DiscardHandler)
	r.SlowCallback = 10 * time.Millisecond
	told := make(chan Slow, 10)
	r.WatchSlow(func(s Slow) { told <- s })
	r.CallFromThread(func() { holdTheLoopUntil(func() bool { return len(told) > 0 }) })
	go func() {
		for len(told) < 2 {
			time.NewTimer(time.Millisecond).Reset(0)
		}
		r.Stop()
	}()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	first, last := <-told, <-told
	if first.Over || !strings.Contains(first.Stack, "holdTheLoopUntil") || !last.Over || last.Number != first.Number || last.Held < first.Held {
		t.Errorf("%+v, %+v", first, last)
	}
}

// dull does nothing with what it gets, but tells what it is asked to.
type dull struct{ made func(t Transport) }

func (d *dull) ConnectionMade(t Transport) { d.made(t) }
func (d *dull) DataReceived([]byte)        {}
func (d *dull) ConnectionLost(error)       {}

func TestEachConnectionAndAfterCallback(t *testing.T) {
	r := New()
	var seen []Connection
	buffered, order := -1, ""
	made := func(tr Transport) {
		tr.Write([]byte("hello"))
		r.AfterCallback(func() {
			buffered, order = tr.Buffered(), order+"after"
			r.EachConnection(func(c Connection) { seen = append(seen, c) })
			r.Stop()
		})
		order += "in "
	}
	p, err := r.Listen("tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol { return &dull{made} }))
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if buffered != 0 || order != "in after" {
		t.Errorf("%d bytes are left, %s", buffered, order)
	}
	if len(seen) != 1 || !seen[0].Accepted || seen[0].Secure || seen[0].Queued != 0 {
		t.Fatalf("%+v", seen)
	}
	if _, ok := seen[0].Protocol.(*dull); !ok {
		t.Errorf("%T", seen[0].Protocol)
	}
}
