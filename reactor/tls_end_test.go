package reactor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// This file holds what a peer can do to a secure port, rightly or wrongly.

// tlsEnd is a protocol on a secure port that tells what happens to it.
type tlsEnd struct {
	t      Transport
	got    []byte
	onData func(e *tlsEnd)
	onEOF  func(e *tlsEnd)
	lost   chan error
}

func (e *tlsEnd) ConnectionMade(t Transport) { e.t = t }
func (e *tlsEnd) DataReceived(data []byte) {
	e.got = append(e.got, data...)
	if e.onData != nil {
		e.onData(e)
	}
}
func (e *tlsEnd) ReadConnectionLost() {
	if e.onEOF != nil {
		e.onEOF(e)
		return
	}
	e.t.LoseConnection()
}
func (e *tlsEnd) WriteConnectionLost()        {}
func (e *tlsEnd) ConnectionLost(reason error) { e.lost <- reason }

// tlsPort listens with e for each connection, and returns where, and how to trust it.
func tlsPort(t *testing.T, r *Reactor, f Factory, change func(c *tls.Config)) (addr string, client *tls.Config) {
	t.Helper()
	cert, pool := testCert(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(config)
	}
	p, err := r.ListenEndpointTLS(Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1"}, f, config)
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	return p.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func (e *tlsEnd) BuildProtocol(Addr) Protocol { return e }

func newTLSEnd() *tlsEnd { return &tlsEnd{lost: make(chan error, 1)} }

// dialBoth connects, and returns the TCP connection under the secure one, too.
func dialBoth(t *testing.T, addr string, config *tls.Config) (*tls.Conn, net.Conn) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
	c := tls.Client(raw, config)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c, raw
}

func TestTLSAlertAfterHandshake(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		e := newTLSEnd()
		addr, config := tlsPort(t, New(), e, func(c *tls.Config) { c.MaxVersion = version })
		c, raw := dialBoth(t, addr, config)
		_, _ = raw.Write(append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...))
		if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
			t.Errorf("the client is told %v", err)
		}
		if err := <-e.lost; err == nil || !strings.Contains(err.Error(), "bad record MAC") {
			t.Errorf("the protocol is told %v", err)
		}
	}
}

// What a peer sends behind its close_notify is not kept, however long our answer
// takes.
func TestTLSNothingIsKeptBehindTheEnd(t *testing.T) {
	r, e := New(), newTLSEnd()
	half := make(chan struct{})
	e.onEOF = func(*tlsEnd) { close(half) }
	addr, config := tlsPort(t, r, e, nil)
	c, raw := dialBoth(t, addr, config)
	_, _ = c.Write([]byte("all"))
	_ = c.CloseWrite() // a close_notify; TCP stays open
	_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
	<-half
	if _, err := raw.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	onLoop(r, func() {
		s := e.t.(*secure)
		if len(s.kept) != 0 || cap(s.kept) != 0 {
			t.Errorf("%d bytes are kept", len(s.kept))
		}
		e.t.Write([]byte("answer"))
		e.t.LoseConnection()
	})
	if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := <-e.lost; err != ErrDone {
		t.Errorf("lost with %v", err)
	}
}

// A connection that waits for its producer is not read meanwhile.
func TestTLSLoseStopsTheReads(t *testing.T) {
	r, e := New(), newTLSEnd()
	made := make(chan struct{})
	e.onData = func(e *tlsEnd) {
		e.t.RegisterProducer(idleProducer{})
		e.t.LoseConnection()
		close(made)
	}
	addr, config := tlsPort(t, r, e, nil)
	c, raw := dialBoth(t, addr, config)
	_, _ = c.Write([]byte("x"))
	<-made
	_ = raw.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := io.Copy(c, endless{}); err == nil || n > 16<<20 {
		t.Errorf("%d bytes were taken: %v", n, err)
	}
	onLoop(r, func() {
		if s := e.t.(*secure); len(s.kept) != 0 {
			t.Errorf("%d bytes are kept", len(s.kept))
		}
		e.t.AbortConnection()
	})
	<-e.lost
}

type idleProducer struct{}

func (idleProducer) PauseProducing()  {}
func (idleProducer) ResumeProducing() {}
func (idleProducer) StopProducing()   {}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A client that shows that it has both its ends closed needs no FIN.
func TestTLSBothHalvesByNotify(t *testing.T) {
	e := newTLSEnd()
	e.onData = func(e *tlsEnd) {
		e.t.Write([]byte("answer"))
		e.t.LoseWriteConnection()
	}
	e.onEOF = func(*tlsEnd) {}
	addr, config := tlsPort(t, New(), e, nil)
	c, _ := dialBoth(t, addr, config)
	_, _ = c.Write([]byte("x"))
	if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_ = c.CloseWrite()
	if err := <-e.lost; err != ErrDone {
		t.Errorf("lost with %v", err)
	}
}

// cutConn writes in pieces of random size.
type cutConn struct {
	net.Conn
	r *rand.Rand
}

func (c cutConn) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(1+c.r.IntN(1+c.r.IntN(700)), len(rest))
		if _, err := c.Conn.Write(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func TestTLSRandomCuts(t *testing.T) {
	addr, config := tlsPort(t, New(), FactoryFunc(func(Addr) Protocol { return new(chopper) }), nil)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			raw, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
			config := config.Clone()
			config.MaxVersion = tls.VersionTLS12 + uint16(seed%2)
			c := tls.Client(cutConn{raw, r}, config)
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			sent := make([]byte, 100_000+r.IntN(200_000)) // of which much comes right behind the handshake
			for i := range sent {
				sent[i] = byte(r.Uint32())
			}
			go func() {
				for rest := sent; len(rest) > 0; {
					n := min(1+r.IntN(40_000), len(rest))
					if _, err := c.Write(rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
				_ = c.CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back: %v", len(got), len(sent), err)
			}
		})
	}
}

// chopper gives back what comes, and pauses reading now and then.
type chopper struct {
	t Transport
	n int
}

func (c *chopper) ConnectionMade(t Transport) { c.t = t }
func (c *chopper) DataReceived(data []byte) {
	c.t.Write(data)
	if c.n++; c.n%3 == 0 {
		c.t.PauseReading()
		c.t.Loop().CallLater(0, c.t.ResumeReading)
	}
}
func (c *chopper) ReadConnectionLost()  { c.t.LoseConnection() }
func (c *chopper) WriteConnectionLost() {}
func (c *chopper) ConnectionLost(error) {}

// What comes right behind a handshake may be more than waits for one.
func TestTLSUploadBehindTheHandshake(t *testing.T) {
	addr, config := tlsPort(t, New(), FactoryFunc(func(Addr) Protocol { return new(chopper) }), func(c *tls.Config) {
		cert := c.Certificates[0]
		c.Certificates = nil
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.Conn.RemoteAddr().String() == "" || hello.Conn.LocalAddr().String() == "" {
				return nil, errors.New("no addresses")
			}
			return &cert, nil
		}
	})
	c, _ := dialBoth(t, addr, config)
	sent := bytes.Repeat([]byte("0123456789"), 300_000)
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes: %v", len(got), len(sent), err)
	}
}

func TestNotTLS(t *testing.T) {
	for _, row := range []struct {
		name, sent, want string
	}{
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
		{"HTTP with a large content", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000), "HTTP/1.1 400 Bad Request\r\n"},
		{"HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", ""},
		{"a method without end", strings.Repeat("G", 100), ""},
		{"a byte", "\x80", ""},
		{"an empty record", "\x16\x03\x01\x00\x00", "\x15\x03\x01"},
		{"a record of rubbish", "\x16\x03\x01\x00\x05hello", "\x15\x03\x01"},
	} {
		for _, piece := range []int{1 << 20, 1} {
			if piece == 1 && len(row.sent) > 1000 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", row.name, piece), func(t *testing.T) {
				r := New()
				r.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
				addr, _ := tlsPort(t, r, newTLSEnd(), nil)
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				for rest := row.sent; rest != ""; {
					n := min(piece, len(rest))
					if _, err := io.WriteString(c, rest[:n]); err != nil {
						break // it has seen enough
					}
					rest = rest[n:]
				}
				_ = c.(*net.TCPConn).CloseWrite()
				got, _ := io.ReadAll(c)
				if !strings.HasPrefix(string(got), row.want) || row.want == "" && len(got) > 0 {
					t.Errorf("%q", got)
				}
			})
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	hello := clientHello(t)
	for name, sent := range map[string][]byte{"silence": nil, "half a record": hello[:20], "no answer to ours": hello} {
		t.Run(name, func(t *testing.T) {
			r := New()
			r.HandshakeTimeout = 50 * time.Millisecond
			addr, _ := tlsPort(t, r, newTLSEnd(), nil)
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = c.Write(sent)
			if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Errorf("the connection is still there: %v", err)
			}
		})
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// clientHello is the first record of a client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() { _ = tls.Client(theirs, &tls.Config{ServerName: "localhost"}).Handshake() }()
	buf := make([]byte, 16<<10)
	n, err := ours.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestConnectTLS(t *testing.T) {
	r := New()
	r.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	r.HandshakeTimeout = 2 * time.Second
	addr, config := tlsPort(t, r, FactoryFunc(func(Addr) Protocol { return new(chopper) }), nil)
	_, port, _ := net.SplitHostPort(addr)
	number := 0
	fmt.Sscan(port, &number)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "220 ready\r\n")
			c.Close()
		}
	}()
	trusting := &tls.Config{RootCAs: config.RootCAs}
	for _, row := range []struct {
		name, host string
		port       int
		config     *tls.Config
		want       string
	}{
		{"an address in the certificate", "127.0.0.1", number, trusting, ""},
		{"a name in the certificate", "localhost", number, trusting, ""},
		{"a name that is not", "127.0.0.1", number, &tls.Config{RootCAs: config.RootCAs, ServerName: "example.org"}, "example.org"},
		{"nobody who is trusted", "127.0.0.1", number, &tls.Config{RootCAs: x509.NewCertPool()}, "unknown authority"},
		{"no configuration", "127.0.0.1", number, nil, "unknown authority"},
		{"a plain port", "127.0.0.1", plain.Addr().(*net.TCPAddr).Port, trusting, "does not look like a TLS handshake"},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := newTLSEnd()
			result := make(chan error, 1)
			r.CallFromThread(func() {
				r.ConnectTLS(row.host, row.port, e, row.config).Then(func(p Protocol) {
					if p != Protocol(e) || e.t == nil {
						result <- errors.New("not the protocol, or not made yet")
						return
					}
					e.onData = func(e *tlsEnd) { e.t.LoseConnection() }
					e.t.Write([]byte("hello"))
					result <- nil
				}, func(err error) { result <- err })
			})
			err := <-result
			if row.want == "" {
				if reason := <-e.lost; err != nil || reason != ErrDone || string(e.got) != "hello" {
					t.Errorf("%v; %q, %v", err, e.got, reason)
				}
			} else if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestConnectTLSCancelled(t *testing.T) {
	r := New()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	running(t, r)
	result := make(chan error, 1)
	r.CallFromThread(func() {
		d := r.ConnectTLS("127.0.0.1", silent.Addr().(*net.TCPAddr).Port, newTLSEnd(), nil)
		d.Then(nil, func(err error) { result <- err })
		r.CallFromThread(func() { r.CallLater(20*time.Millisecond, d.Cancel) })
	})
	if err := <-result; !errors.Is(err, ErrCancelled) {
		t.Error(err)
	}
}

// upgrader begins in plain text and starts TLS when it is asked to.
type upgrader struct {
	t      Transport
	config *tls.Config
	next   Factory
	client bool
	err    chan error
}

func (u *upgrader) ConnectionMade(t Transport) {
	u.t = t
	if u.client {
		t.Write([]byte("STARTTLS"))
	}
}
func (u *upgrader) DataReceived(data []byte) {
	if !u.client {
		u.t.Write([]byte("go ahead"))
	}
	u.err <- StartTLS(u.t, u.config, u.client, u.next, nil)
}
func (u *upgrader) ConnectionLost(error) {}

func TestStartTLS(t *testing.T) {
	cert, pool := testCert(t)
	r, errs := New(), make(chan error, 4)
	server, client := newTLSEnd(), newTLSEnd()
	server.onData = func(e *tlsEnd) {
		e.t.Write(e.got)
		e.t.LoseConnection()
	}
	p, err := r.Listen("tcp:0:interface=127.0.0.1", FactoryFunc(func(Addr) Protocol {
		return &upgrader{next: server, config: &tls.Config{Certificates: []tls.Certificate{cert}}, err: errs}
	}))
	if err != nil {
		t.Fatal(err)
	}
	running(t, r)
	begun := FactoryFunc(func(Addr) Protocol { return client })
	r.CallFromThread(func() {
		r.ConnectTCP("127.0.0.1", int(p.Addr().Port), FactoryFunc(func(Addr) Protocol {
			return &upgrader{next: begun, client: true, config: &tls.Config{RootCAs: pool, ServerName: "localhost"}, err: errs}
		}))
	})
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for connected := false; !connected; {
		onLoop(r, func() {
			if connected = client.t != nil; connected {
				client.t.Write([]byte("secret"))
			}
		})
	}
	if reason := <-client.lost; reason != ErrDone || string(client.got) != "secret" {
		t.Errorf("%q, %v", client.got, reason)
	}
	<-server.lost
	onLoop(r, func() {
		if err := StartTLS(client.t, new(tls.Config), true, begun, nil); err == nil {
			t.Error("TLS in TLS")
		}
	})
}

func TestTLSConfigRefused(t *testing.T) {
	cert, _ := testCert(t)
	for want, config := range map[string]*tls.Config{
		"nil":            nil,
		"no certificate": {},
		"has no key":     {Certificates: []tls.Certificate{{Certificate: cert.Certificate}}},
	} {
		if _, err := New().ListenTLS(0, newTLSEnd(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// namer is a factory with protocols.
type namer struct {
	Factory
	alpn chan string
}

func (namer) NextProtos() []string { return []string{"b", "a"} }
func (n namer) BuildNegotiated(peer Addr, alpn string) Protocol {
	n.alpn <- alpn
	return n.BuildProtocol(peer)
}

func TestALPN(t *testing.T) {
	f := namer{FactoryFunc(func(Addr) Protocol { return new(chopper) }), make(chan string, 1)}
	addr, config := tlsPort(t, New(), f, nil)
	for _, row := range []struct {
		offer []string
		want  string
	}{{nil, ""}, {[]string{"a"}, "a"}, {[]string{"a", "b"}, "b"}} {
		config.NextProtos = row.offer
		c, _ := dialBoth(t, addr, config)
		if got := <-f.alpn; got != row.want || c.ConnectionState().NegotiatedProtocol != row.want {
			t.Errorf("%v: %q", row.offer, got)
		}
	}
	config.NextProtos = []string{"c"}
	if _, err := tls.Dial("tcp", addr, config); err == nil {
		t.Error("a client with other protocols alone gets in (RFC 7301 §3.2)")
	}
}

// plainEnd is a protocol to which the end of the data is the end.
type plainEnd struct{ lost chan error }

func (e *plainEnd) BuildProtocol(Addr) Protocol { return e }
func (e *plainEnd) ConnectionMade(Transport)    {}
func (e *plainEnd) DataReceived([]byte)         {}
func (e *plainEnd) ConnectionLost(reason error) { e.lost <- reason }

func TestTLSEndWithoutNotify(t *testing.T) {
	for _, notify := range []bool{true, false} {
		e := &plainEnd{make(chan error, 1)}
		addr, config := tlsPort(t, New(), e, nil)
		c, raw := dialBoth(t, addr, config)
		_, _ = c.Write([]byte("half of it"))
		if notify {
			_ = c.CloseWrite()
		}
		_ = raw.(*net.TCPConn).CloseWrite()
		want := ErrDone
		if !notify {
			want = ErrTruncated
		}
		if err := <-e.lost; err != want {
			t.Errorf("close_notify %v: %v", notify, err)
		}
	}
}
