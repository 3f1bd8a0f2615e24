package reactor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testCert makes a certificate for 127.0.0.1 and localhost.
func testCert(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// echo gives back what comes; "file" has it send a file, "bye" lose the connection.
type echo struct {
	t Transport
	f *os.File
}

func (e *echo) ConnectionMade(t Transport) { e.t = t }
func (e *echo) DataReceived(data []byte) {
	switch string(data) {
	case "file":
		info, _ := e.f.Stat()
		e.t.Write([]byte("<"))
		e.t.SendFile(e.f, 0, info.Size(), nil)
		e.t.Write([]byte(">"))
		e.t.LoseConnection()
	default:
		e.t.Write(data)
	}
}
func (e *echo) ConnectionLost(error) {}

func TestTLSEchoAndFile(t *testing.T) {
	cert, pool := testCert(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // after the loops have ended
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := New()
		e := Endpoint{Kind: EndpointTCP, Interface: "127.0.0.1"}
		p, err := r.ListenEndpointTLS(e, FactoryFunc(func(Addr) Protocol { return &echo{f: f} }),
			&tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		running(t, r)
		c, err := tls.Dial("tcp", p.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		if v := c.ConnectionState().Version; v != version {
			t.Errorf("version %x", v)
		}
		for _, word := range []string{"one", "two"} {
			c.Write([]byte(word))
			got := make([]byte, len(word))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != word {
				t.Errorf("%q, %v", got, err)
			}
		}
		c.Write([]byte("file"))
		got, err := io.ReadAll(c)
		if err != nil || len(got) != len(content)+2 || !bytes.Equal(got[1:len(got)-1], content) {
			t.Errorf("file: %d bytes, %v", len(got), err)
		}
		c.Close()
	}
}
