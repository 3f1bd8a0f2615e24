package reactor

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// numbered makes a factory that tells which loop it is on.
func numbered() func(r *Reactor) (Factory, error) {
	n := 0
	return func(*Reactor) (Factory, error) {
		n++
		return hello(fmt.Sprint("loop ", n)), nil
	}
}

func TestGroupSharesAPort(t *testing.T) {
	for _, endpoint := range []string{"tcp:0:interface=127.0.0.1", "unix:" + QuoteEndpoint(filepath.Join(t.TempDir(), "s"))} {
		g := NewGroup(3)
		ports, err := g.Listen(endpoint, numbered())
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- g.Run() }()
		network, addr := ports[0].Addr().Network(), strings.TrimPrefix(ports[0].Addr().String(), "unix:")
		var clients sync.WaitGroup
		for range 60 {
			clients.Add(1)
			go func() {
				defer clients.Done()
				c, err := net.Dial(network, addr)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "loop ") {
					t.Errorf("%q, %v", got, err)
				}
			}()
		}
		clients.Wait()
		g.Stop()
		if err := <-done; err != nil {
			t.Errorf("%s: Run: %v", endpoint, err)
		}
	}
}

func TestGroupPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	g := NewGroup(2)
	defer func() {
		g.Stop()
		_ = g.Run() // returns at once
	}()
	if _, err := g.Listen("tcp:"+port+":interface=127.0.0.1", numbered()); err == nil ||
		!strings.Contains(err.Error(), "loop 1 of 2") {
		t.Errorf("error %v", err)
	}
}

// TestConnectionShare: a process with few descriptors refuses clients before it has
// none left for itself, and the loops of a group do not promise the same ones.
func TestConnectionShare(t *testing.T) {
	for _, c := range []struct{ descriptors, want int }{
		{20_000, 18_000}, {1024, 918}, {320, 288}, {256, 224}, {64, 32}, {33, 1},
	} {
		if got := connectionShare(c.descriptors); got != c.want {
			t.Errorf("%d of %d descriptors, want %d", got, c.descriptors, c.want)
		}
	}
	alone, four := New(), NewGroup(4).Reactors()
	if all, each := alone.maxConnections(), four[3].maxConnections(); each != all/4 {
		t.Errorf("one of four loops has %d of %d connections", each, all)
	}
	if four[0].MaxConnections = 7; four[0].maxConnections() != 7 {
		t.Errorf("%d connections, want the 7 that were asked for", four[0].maxConnections())
	}
}
