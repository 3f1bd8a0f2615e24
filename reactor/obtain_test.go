package reactor

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spindle/reactor/cert"
)

// giver is an Obtainer that has what the test gives it.
type giver struct {
	list    atomic.Pointer[[]*tls.Certificate]
	proof   atomic.Pointer[tls.Certificate]
	changed func()
	started int
	stopped int
}

func (g *giver) Certificates() []*tls.Certificate {
	if list := g.list.Load(); list != nil {
		return *list
	}
	return nil
}
func (g *giver) Start(_ Loop, _ *slog.Logger, changed func()) { g.started++; g.changed = changed }
func (g *giver) Stop()                                        { g.stopped++ }
func (g *giver) Proof(name string) *tls.Certificate {
	if name != "proved.test" {
		return nil
	}
	return g.proof.Load()
}

// give makes list the certificates.
func (g *giver) give(r *Reactor, list ...*tls.Certificate) {
	g.list.Store(&list)
	onLoop(r, g.changed)
}

func obtainBy(t *testing.T, g *giver) {
	t.Helper()
	was := newObtainer
	t.Cleanup(func() { newObtainer = was })
	RegisterObtainer(func(o *ACMEOptions, _ time.Time) (Obtainer, error) {
		if o.Dir == "bad" {
			return nil, errors.New("no")
		}
		return g, nil
	})
}

// Certificates that come later are taken, beside those of files, which may change too.
func TestObtainedCertificates(t *testing.T) {
	g, dir := new(giver), t.TempDir()
	obtainBy(t, g)
	files, inFiles := certFiles(t, dir, "files.test")
	one, err := cert.Adhoc([]string{"one.test"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	two, err := cert.Adhoc([]string{"two.test"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := New()
	r.Logger = slog.New(slog.DiscardHandler)
	p, err := r.ListenEndpoint(Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1", TLS: &TLSOptions{Files: []cert.Files{files},
		ACME: &ACMEOptions{Names: []string{"one.test"}}, ReloadEvery: time.Millisecond}}, FactoryFunc(func(Addr) Protocol { return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	gets := func(name string, want *tls.Certificate) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; {
			c, _ := dialBoth(t, p.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
			if c.ConnectionState().PeerCertificates[0].Equal(want.Leaf) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s gets another certificate", name)
			}
		}
	}
	gets("one.test", inFiles)
	g.give(r, one)
	gets("one.test", one)
	g.give(r, one, two)
	gets("two.test", two)
	_, inFiles = certFiles(t, dir, "files.test")
	gets("files.test", inFiles)
	gets("two.test", two)
	onLoop(r, p.StopListening)
	onLoop(r, func() {
		if err := p.StartListening(); err != nil {
			t.Error(err)
		}
	})
	onLoop(r, func() {
		if g.started != 2 || g.stopped != 1 {
			t.Errorf("started %d times, stopped %d times", g.started, g.stopped)
		}
	})
}

// An authority sees a proof, without showing a certificate of its own, and nothing else;
// before there is a certificate others see none.
func TestObtainerProof(t *testing.T) {
	g := new(giver)
	obtainBy(t, g)
	_, trusted := certFiles(t, t.TempDir(), "ca.test")
	ca := cert.Files{Cert: t.TempDir() + "/ca.pem", Key: t.TempDir() + "/k.pem"}
	if err := cert.Write(trusted, ca.Cert, ca.Key); err != nil {
		t.Fatal(err)
	}
	r, built := New(), 0
	r.Logger = slog.New(slog.DiscardHandler)
	p, err := r.ListenEndpoint(Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1", TLS: &TLSOptions{ClientCA: ca.Cert,
		ACME: &ACMEOptions{Names: []string{"proved.test"}}}}, FactoryFunc(func(Addr) Protocol { built++; return new(chopper) }))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	visit := func(name, proto string) (*tls.Conn, error) {
		return tls.Dial("tcp", p.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{proto}})
	}
	if _, err := visit("proved.test", "http/1.1"); err == nil {
		t.Error("a handshake without a certificate")
	}
	if _, err := visit("proved.test", acmeALPN); err == nil {
		t.Error("there is no proof yet")
	}
	proof, err := cert.Adhoc([]string{"proved.test"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.proof.Store(proof)
	c, err := visit("proved.test", acmeALPN)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if s := c.ConnectionState(); s.NegotiatedProtocol != acmeALPN || !s.PeerCertificates[0].Equal(proof.Leaf) {
		t.Errorf("%q, another certificate", s.NegotiatedProtocol)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("then: %d bytes, %v", n, err)
	}
	if _, err := visit("other.test", acmeALPN); err == nil {
		t.Error("a proof for another name")
	}
	onLoop(r, func() {
		if built != 0 {
			t.Errorf("%d protocols are built", built)
		}
	})
}

func TestObtainerRefused(t *testing.T) {
	was := newObtainer
	defer func() { newObtainer = was }()
	newObtainer = nil
	if _, err := New().Listen("tls:0:acme=a.test", newTLSEnd()); err == nil || !strings.Contains(err.Error(), `has to import _ "spindle/reactor/acme"`) {
		t.Error(err)
	}
	obtainBy(t, new(giver))
	if _, err := New().Listen("tls:0:acme=a.test:acmedir=bad", newTLSEnd()); err == nil || err.Error() != "reactor: TLS: no" {
		t.Error(err)
	}
}
