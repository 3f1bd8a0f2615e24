package agent_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A content that goes on to the end of the connection is whole under TLS only if the server says
// so: anybody on the way can end a connection.
func TestContentUpToTheEndOfTLS(t *testing.T) {
	certified := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	for _, c := range []struct {
		name, head string
		notify     bool
		whole      bool
	}{
		{"with a close_notify", "HTTP/1.1 200 OK\r\n\r\n", true, true},
		{"without one", "HTTP/1.1 200 OK\r\n\r\n", false, false},
		{"without one, but a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				raw, err := l.Accept()
				if err != nil {
					return
				}
				defer raw.Close()
				s := tls.Server(raw, &tls.Config{Certificates: certified.TLS.Certificates})
				_, _ = s.Read(make([]byte, 4096))
				_, _ = io.WriteString(s, c.head+"abc")
				if c.notify {
					_ = s.CloseWrite()
				}
			}()
			client := newClient(t)
			client.a.Pool.TLS = &tls.Config{RootCAs: roots}
			g := client.get("https://" + l.Addr().String() + "/")
			if c.whole && (g.err != nil || g.body != "abc") || !c.whole && !errors.Is(g.err, io.ErrUnexpectedEOF) {
				t.Errorf("%q, %v", g.body, g.err)
			}
		})
	}
}
