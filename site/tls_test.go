package site_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/reactor/cert"
	"spindle/resource"
	"spindle/site"
)

// tellClient answers with what TLS knows of the client.
type tellClient struct{ resource.Leaf }

func (tellClient) RenderGET(r *resource.Request) ([]byte, error) {
	state, who := r.TLS(), "nobody"
	if list := state.PeerCertificates; len(list) > 0 {
		who = list[0].Subject.CommonName
	}
	return r.Text(fmt.Sprintf("%d %s at %s", r.Version(), who, state.ServerName))
}

// A resource sees whose certificate the client has shown, over both protocols.
func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	a, err := cert.MakeAuthority(dir, "test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, err := a.Issue([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	files := cert.Files{Cert: filepath.Join(dir, "own.pem"), Key: filepath.Join(dir, "own-key.pem")}
	if err := cert.Write(own, files.Cert, files.Key); err != nil {
		t.Fatal(err)
	}
	r := reactor.New()
	port, err := r.ListenEndpoint(reactor.Endpoint{Kind: reactor.EndpointTCP, Interface: "127.0.0.1",
		TLS: &reactor.TLSOptions{Files: []cert.Files{files}, ClientCA: a.CertFile(), ClientAuthOptional: true}}, site.New(tellClient{}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	defer func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	shown := clientCertificate(t, a, dir)
	for _, row := range []struct {
		http2 bool
		show  []tls.Certificate
		want  string
	}{
		{false, nil, "11 nobody at localhost"}, {true, nil, "20 nobody at localhost"},
		{false, shown, "11 alice at localhost"}, {true, shown, "20 alice at localhost"},
	} {
		c := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: row.http2,
			TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: row.show}}}
		res, err := c.Get("https://" + port.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != row.want {
			t.Errorf("%q, %v, want %q", body, err, row.want)
		}
		c.CloseIdleConnections()
	}
}

// clientCertificate is one for alice, signed by a.
func clientCertificate(t *testing.T, a *cert.Authority, dir string) []tls.Certificate {
	t.Helper()
	signer, err := cert.Load(cert.Files{Cert: a.CertFile(), Key: a.KeyFile()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue([]string{"alice"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	template := *c.Leaf
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, &template, signer.Leaf, c.Leaf.PublicKey, signer.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: c.PrivateKey}}
}
