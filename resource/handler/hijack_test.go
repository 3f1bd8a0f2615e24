package handler_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
)

// This file takes connections over.

// dialTLS is dial over TLS, by HTTP/1.1.
func dialTLS(t *testing.T, addr string) net.Conn {
	c := tls.Client(dial(t, addr), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// eachConn runs f over a plain and a secure connection on which do has the server's end.
func eachConn(t *testing.T, do func(c net.Conn, brw *bufio.ReadWriter), f func(t *testing.T, c net.Conn)) {
	for endpoint, dial := range map[string]func(t *testing.T, addr string) net.Conn{
		plain: func(t *testing.T, addr string) net.Conn { return dial(t, addr) }, secure: dialTLS,
	} {
		t.Run(endpoint[:3], func(t *testing.T) {
			ended := make(chan bool)
			addr := ours(t, endpoint, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				defer close(ended)
				c, brw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				do(c, brw)
			}))
			c := dial(t, addr)
			_, _ = io.WriteString(c, getX)
			f(t, c)
			_ = c.Close()
			<-ended
		})
	}
}

func TestHijackEcho(t *testing.T) {
	eachConn(t, func(c net.Conn, brw *bufio.ReadWriter) {
		defer c.Close()
		if c.LocalAddr().Network() != "tcp" || !strings.HasPrefix(c.RemoteAddr().String(), "127.0.0.1:") {
			t.Error(c.LocalAddr(), c.RemoteAddr())
		}
		n, err := io.Copy(c, brw) // to the end of what the client sends
		if n != 5<<20 || err != nil {
			t.Error(n, err)
		}
	}, func(t *testing.T, c net.Conn) {
		go func() {
			_, _ = c.Write(make([]byte, 5<<20))
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		if n, err := io.Copy(io.Discard, c); n != 5<<20 || err != nil {
			t.Error(n, err)
		}
	})
}

// TestHijackDeadlines: waits end when they are to, and reading can go on afterwards.
func TestHijackDeadlines(t *testing.T) {
	eachConn(t, func(c net.Conn, brw *bufio.ReadWriter) {
		defer c.Close()
		p := make([]byte, 10)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := c.Read(p)
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Error("reading: ", err)
		}
		_ = c.SetDeadline(time.Time{})
		_, _ = c.Write([]byte("go"))
		if n, err := c.Read(p); n != 2 || err != nil {
			t.Error("reading again: ", n, err)
		}
		_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		for range 1000 { // the client reads nothing
			if _, err = c.Write(make([]byte, 100000)); err != nil {
				break
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("writing: ", err)
		}
		_ = c.SetReadDeadline(time.Unix(1, 0))
		if _, err := c.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a deadline that has passed: ", err)
		}
	}, func(t *testing.T, c net.Conn) {
		p := make([]byte, 2)
		_, err := io.ReadFull(c, p)
		_, err2 := c.Write(p)
		if err != nil || err2 != nil {
			t.Error(err, err2)
		}
		<-time.After(200 * time.Millisecond)
	})
}

// TestHijackCloses: Close delivers, wakes who reads, and is what ends the connection.
func TestHijackCloses(t *testing.T) {
	eachConn(t, func(c net.Conn, _ *bufio.ReadWriter) {
		read := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		n, err := c.Write(make([]byte, 1<<20))
		err2 := c.Close()
		if n != 1<<20 || err != nil || err2 != nil {
			t.Error(n, err, err2)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Error("who reads gets ", err)
		}
		_, err = c.Write([]byte("x"))
		if !errors.Is(err, net.ErrClosed) || !errors.Is(c.Close(), net.ErrClosed) {
			t.Error("after Close: ", err)
		}
	}, func(t *testing.T, c net.Conn) {
		if n, err := io.Copy(io.Discard, c); n != 1<<20 || err != nil {
			t.Error(n, err)
		}
	})
}

// TestHijackedClientGoes: reading and writing fail.
func TestHijackedClientGoes(t *testing.T) {
	eachConn(t, func(c net.Conn, _ *bufio.ReadWriter) {
		defer c.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("reading goes on")
		}
		for {
			if _, err := c.Write(make([]byte, 100000)); err != nil {
				break
			}
		}
	}, func(t *testing.T, c net.Conn) {})
}

// TestHijackWithContent: what has come of the content is the connection's first.
func TestHijackWithContent(t *testing.T) {
	addr := ours(t, plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := make([]byte, 2)
		_, _ = io.ReadFull(r.Body, p)
		c, brw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		rest := make([]byte, 8)
		_, err = io.ReadFull(brw, rest)
		_, _ = c.Write(append(p, rest...))
		_ = err
	}))
	c := dial(t, addr)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabcdefghij")
	if got, err := io.ReadAll(c); string(got) != "abcdefghij" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestHijackNotOverHTTP2(t *testing.T) {
	addr := ours(t, secure, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _, err := http.NewResponseController(w).Hijack()
		if !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	}))
	resp, err := clientOf(t, true).Get("https://" + addr)
	if err != nil || resp.ProtoMajor != 2 {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
}

func TestNoTunnelOverHTTP2(t *testing.T) {
	s := serverOf(leafOf(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	x := s.Open(&protocol.Head{Method: "CONNECT", Protocol: []byte("websocket"), Path: []byte("/"), Target: []byte("/"),
		Authority: []byte("x"), Scheme: []byte("https"), Version: protocol.HTTP2})
	x.Wait()
	if x.Status != 501 {
		t.Errorf("%v", x)
	}
}
