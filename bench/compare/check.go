package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// check asks a server once, and compares the answer byte by byte with what the
// workload expects. A server that answers something else is not measured.
func check(wl *workload, addr string) error {
	if wl.wire.socket() {
		return checkSocket(wl, addr)
	}
	c, err := dial(wl.wire, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	askAs := ask
	if wl.wire&(h2c|h2) != 0 {
		askAs = askHTTP2
	}
	r, err := askAs(c, wl.request)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return err
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("status %s to %s %s", r.Status, wl.request.method, wl.request.target)
	case r.ContentLength != int64(len(wl.answer)):
		return fmt.Errorf("Content-Length %d, not %d", r.ContentLength, len(wl.answer))
	case !bytes.Equal(body, wl.answer):
		return fmt.Errorf("the content of %s is not what it has to be", wl.request.target)
	case wl.fresh != r.Close:
		return fmt.Errorf("the answer says Connection: close: %v, not %v", r.Close, wl.fresh)
	}
	return nil
}

// dial connects, with TLS 1.3 where that is spoken.
func dial(as wire, addr string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if !as.secure() {
		return c, nil
	}
	protocol := map[wire]string{https: "http/1.1", h2: "h2"}[as]
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}})
	if err := secure.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	if got := secure.ConnectionState().NegotiatedProtocol; got != protocol && as == h2 {
		c.Close()
		return nil, fmt.Errorf("the server speaks %q over TLS, not %s", got, protocol)
	}
	return secure, nil
}

// ask sends a request of HTTP/1.1.
func ask(c net.Conn, r request) (*http.Response, error) {
	if _, err := c.Write(r.bytes()); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(c), &http.Request{Method: r.method})
}

// askHTTP2 sends one of HTTP/2, by prior knowledge: c may be secure already.
func askHTTP2(c net.Conn, r request) (*http.Response, error) {
	t := &http.Transport{Protocols: new(http.Protocols),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	t.Protocols.SetUnencryptedHTTP2(true)
	out, err := http.NewRequest(r.method, "http://localhost"+r.target, bytes.NewReader(r.content))
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(out)
}

// checkSocket has a message come back.
func checkSocket(wl *workload, addr string) error {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	c, _, _, err := ws.Dial(ctx, "ws://"+addr+wl.request.target)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := wsutil.WriteClientText(c, wl.request.content); err != nil {
		return err
	}
	got, err := wsutil.ReadServerText(c)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got, wl.answer):
		return fmt.Errorf("the message came back as %q", got)
	}
	return nil
}
