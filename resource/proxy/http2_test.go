package proxy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"spindle/protocol/agent"
	"spindle/protocol/websocket"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/resource/wsock"
	"spindle/site"
)

// An upstream that speaks HTTP/2, by ALPN and known beforehand, with many requests at once.
func TestHTTP2Upstreams(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintf(w, "%s %s %d", r.Proto, r.URL.Path, len(body))
		w.Header().Set("X-Sum", "7")
	})
	secure := httptest.NewUnstartedServer(h)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewUnstartedServer(h)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(plain.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for _, up := range []string{secure.URL, strings.Replace(plain.URL, "http:", "h2c:", 1)} {
		f := behind(t, func(p *proxy.Proxy) {
			p.RewriteHost = true
			p.SetUp = func(pool *agent.Pool) { pool.TLS = &tls.Config{RootCAs: roots} }
		}, up)
		var all sync.WaitGroup
		for i := range 30 {
			all.Add(1)
			go func() {
				defer all.Done()
				r, err := http.Post(f.url+fmt.Sprintf("/%d", i), "x/y", bytes.NewReader(make([]byte, 300000)))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(r.Body)
				r.Body.Close()
				if want := fmt.Sprintf("HTTP/2.0 /%d 300000", i); err != nil || string(body) != want || r.Trailer.Get("X-Sum") != "7" {
					t.Errorf("%s: %d %q, %v, trailers %v; the log says %s", up, r.StatusCode, body, err, r.Trailer, f.log)
				}
			}()
		}
		all.Wait()
	}
}

type back struct{}

func (back) Opened(*websocket.Conn) {}
func (back) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	c.Send(kind, data)
}
func (back) Closed(*websocket.Conn, websocket.Code, string) {}

// A WebSocket of HTTP/1.1 becomes one on a stream of HTTP/2 at the upstream.
func TestWebSocketToHTTP2(t *testing.T) {
	s := wsock.New(func(*resource.Request) (websocket.Handler, error) { return back{}, nil })
	up := serve(t, s, func(s *site.Site) {})
	f := behind(t, nil, "h2c://"+up.addr)
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	_, _ = c.Write([]byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'})
	var got bytes.Buffer
	buf := make([]byte, 1000)
	for !strings.HasSuffix(got.String(), "\x81\x02hi") {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("%v: %q", err, got.String())
		}
		got.Write(buf[:n])
	}
	if !strings.HasPrefix(got.String(), "HTTP/1.1 101 ") || !strings.Contains(got.String(), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") {
		t.Errorf("%q", got.String())
	}
}
