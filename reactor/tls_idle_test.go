package reactor

import (
	"crypto/tls"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"spindle/reactor/cert"
)

// This file holds what secure connections cost, and what bounds it.

// A connection that is idle has no goroutine: only the handshakes had some, which are
// used again.
func TestTLSIdleHasNoGoroutine(t *testing.T) {
	addr, config := tlsPort(t, New(), FactoryFunc(func(Addr) Protocol { return new(chopper) }), nil)
	dialBoth(t, addr, config)
	before := runtime.NumGoroutine()
	const n = 100
	for range n {
		c, _ := dialBoth(t, addr, config)
		echoes(t, c)
	}
	if more := runtime.NumGoroutine() - before; more > n/10 {
		t.Errorf("%d connections have %d goroutines", n, more)
	}
}

// Clients that begin a handshake and fall silent hold a bounded number of goroutines;
// others wait for their turn, and get it when the time of those is over.
func TestTLSHandshakesAreBounded(t *testing.T) {
	r, hello := New(), clientHello(t)
	r.MaxHandshakes, r.HandshakeTimeout = 2, 300*time.Millisecond
	addr, config := tlsPort(t, r, FactoryFunc(func(Addr) Protocol { return new(chopper) }), nil)
	before := runtime.NumGoroutine()
	for i := range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write(hello)
		if i > 0 {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != nil { // the answer to its hello
			t.Fatal(err)
		}
	}
	if more := runtime.NumGoroutine() - before; more > 6 { // two, and what the reactor has of its own
		t.Errorf("%d goroutines more for 20 handshakes", more)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := tls.Dial("tcp", addr, config)
		if err == nil { // for the client: its last message may come too late
			err = pinged(c)
			c.Close()
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Certificates change again and again while clients come and go, and no client notices.
func TestTLSReloadUnderLoad(t *testing.T) {
	r, dir := New(), t.TempDir()
	r.Logger = slog.New(slog.DiscardHandler)
	files, _ := certFiles(t, dir, "localhost")
	e := Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1", TLS: &TLSOptions{Files: []cert.Files{files}, ReloadEvery: time.Millisecond}}
	p, err := r.ListenEndpoint(e, FactoryFunc(func(Addr) Protocol { return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	config := &tls.Config{InsecureSkipVerify: true}
	stays, _ := dialBoth(t, p.Addr().String(), config)
	var seen sync.Map
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := tls.Dial("tcp", p.Addr().String(), config)
				if err != nil {
					t.Error(err)
					return
				}
				echoes(t, c)
				seen.Store(c.ConnectionState().PeerCertificates[0].SerialNumber.String(), true)
				c.Close()
			}
		})
	}
	for range 10 {
		_, now := certFiles(t, dir, "localhost")
		serial := now.Leaf.SerialNumber.String()
		for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			if _, ok := seen.Load(serial); ok {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("a new certificate is not taken")
			}
		}
		echoes(t, stays)
	}
	close(stop)
	clients.Wait()
}
