package reactor_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// socketLink makes connections over the loopback, both ends on one reactor, which
// runs on a goroutine of its own.
type socketLink struct {
	t        *testing.T
	r        *reactor.Reactor
	endpoint string
}

// running starts a quiet reactor and stops it with the test.
func running(t *testing.T) *reactor.Reactor {
	r := reactor.New()
	r.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	ended := make(chan error)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	on(r, func() {}) // so that Stop finds it running
	return r
}

// on calls f on the loop of r and returns when it has returned.
func on(r *reactor.Reactor, f func()) {
	done := make(chan struct{})
	r.CallFromThread(func() {
		defer close(done)
		f()
	})
	<-done
}

func (l *socketLink) Loop() reactor.Loop { return l.r }

func (l *socketLink) Connect(client, server reactor.Protocol) {
	on(l.r, func() {
		var port *reactor.Port
		port, err := l.r.Listen(l.endpoint, reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol {
			port.StopListening()
			return server
		}))
		if err != nil {
			l.t.Error(err)
			return
		}
		f := reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return client })
		connect(l.r, port.Addr(), f).Then(nil, func(err error) { l.t.Log(err) })
	})
}

func connect(r *reactor.Reactor, to reactor.Addr, f reactor.Factory) *reactor.Deferred[reactor.Protocol] {
	if to.Network() == "unix" {
		return r.ConnectUNIX(to.Path, f)
	}
	return r.ConnectTCP(to.HostText(), int(to.Port), f)
}

func (l *socketLink) Resets() bool { return strings.HasPrefix(l.endpoint, "tcp") }

func (l *socketLink) Holds() int { return 16 << 20 }

func (l *socketLink) Do(f func()) { on(l.r, f) }

func (l *socketLink) Pass(d time.Duration) {
	done := make(chan struct{})
	l.r.CallFromThread(func() { l.r.CallLater(d, func() { close(done) }) })
	<-done
}

func TestTCPTransport(t *testing.T) {
	reactortest.TestTransport(t, func(t *testing.T) reactortest.Link {
		return &socketLink{t, running(t), "tcp:0:interface=127.0.0.1"}
	})
}

// TestTCP6Transport has all that is written wait for the end of the turn, as it does when
// many connections are ready.
func TestTCP6Transport(t *testing.T) {
	reactortest.TestTransport(t, func(t *testing.T) reactortest.Link {
		r := running(t)
		on(r, r.HoldAlways)
		return &socketLink{t, r, "tcp6:0:interface=[::1]"}
	})
}

func TestUNIXTransport(t *testing.T) {
	reactortest.TestTransport(t, func(t *testing.T) reactortest.Link {
		path := filepath.Join(t.TempDir(), "s")
		return &socketLink{t, running(t), "unix:" + reactor.QuoteEndpoint(path)}
	})
}

// tlsLink makes secure connections over the loopback.
type tlsLink struct {
	socketLink
	server, client *tls.Config
}

func (l *tlsLink) Connect(client, server reactor.Protocol) {
	build := func(p reactor.Protocol) reactor.Factory {
		return reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol { return p })
	}
	on(l.r, func() {
		port, err := l.r.ListenEndpointTLS(reactor.Endpoint{Kind: reactor.EndpointTCP, Interface: "127.0.0.1"}, build(server), l.server)
		if err != nil {
			l.t.Error(err)
			return
		}
		f := reactor.FactoryFunc(func(reactor.Addr) reactor.Protocol {
			port.StopListening()
			return client
		})
		l.r.ConnectTLS("127.0.0.1", int(port.Addr().Port), f, l.client).Then(nil, func(err error) { l.t.Log(err) })
	})
}

func TestTLSTransport(t *testing.T) {
	cert, pool := reactor.TestCert(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			reactortest.TestTransport(t, func(t *testing.T) reactortest.Link {
				return &tlsLink{
					socketLink{t, running(t), "tcp:0:interface=127.0.0.1"},
					&tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version},
					&tls.Config{RootCAs: pool, ServerName: "localhost"},
				}
			})
		})
	}
}
