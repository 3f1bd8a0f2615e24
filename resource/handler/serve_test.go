package handler_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"spindle/reactor"
	"spindle/resource"
	"spindle/resource/handler"
	"spindle/site"
)

// This file has two servers for the same http.Handler, net/http's own and ours, and reads
// what they answer. The cases are in differ_test.go.

// quiet drops what is logged.
var quiet = slog.New(slog.DiscardHandler)

// theirs serves h by net/http.
func theirs(t testing.TB, h http.Handler) (addr string) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// ours serves h by a Site; change may set fields of its leaf. The endpoint is without
// its address.
func ours(t testing.TB, endpoint string, h http.Handler, change ...func(l *handler.Handler)) (addr string) {
	leaf := handler.New(h)
	leaf.ErrorLog = quiet
	for _, f := range change {
		f(leaf)
	}
	return serve(t, endpoint, leaf)
}

// serve serves a tree; change may set fields of its site.
func serve(t testing.TB, endpoint string, root resource.Resource, change ...func(s *site.Site)) (addr string) {
	r := reactor.New()
	r.Logger = quiet
	s := site.New(root)
	s.ErrorLog = quiet
	for _, f := range change {
		f(s)
	}
	port, err := r.Listen(endpoint, s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return port.Addr().String()
}

const (
	plain  = "tcp:0:interface=127.0.0.1"
	secure = "tls:0:interface=127.0.0.1"
)

// patience bounds every test over loopback.
const patience = 10 * time.Second

func dial(t testing.TB, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// ask sends raw and tells in words what comes back: each answer, and whether the
// connection goes on.
func ask(t testing.TB, addr, raw string) string {
	c := dial(t, addr)
	if _, err := io.WriteString(c, raw); err != nil {
		return "the request is not taken"
	}
	var b strings.Builder
	in := bufio.NewReader(c)
	method, _, _ := strings.Cut(raw, " ")
	for {
		if _, err := in.Peek(1); err != nil {
			return b.String() + "closed\n"
		}
		status, err := describe(&b, in, method)
		if err != nil {
			return b.String() + "cut\n"
		}
		if status >= 200 || status == 101 {
			break
		}
	}
	_, _ = io.WriteString(c, "GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(in, nil); err != nil {
		return b.String() + "closed\n"
	}
	return b.String() + "goes on\n"
}

// describe reads one answer.
func describe(b *strings.Builder, in *bufio.Reader, method string) (status int, err error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return 0, err
	}
	if resp.StatusCode == 101 {
		resp.Body = http.NoBody
	}
	body, err := io.ReadAll(resp.Body)
	describeResponse(b, resp, body)
	return resp.StatusCode, err
}

// describeResponse writes what is the same in each server's answer.
func describeResponse(b *strings.Builder, resp *http.Response, body []byte) {
	fmt.Fprintf(b, "%s %d\n", resp.Proto, resp.StatusCode)
	describeHeader(b, resp.Header, "")
	fmt.Fprintf(b, "length %d %v close %v\n", resp.ContentLength, resp.TransferEncoding, resp.Close)
	if len(body) > 200 {
		body = fmt.Appendf(body[:80:80], "... %d bytes", len(body))
	}
	fmt.Fprintf(b, "%q\n", body)
	describeHeader(b, resp.Trailer, "trailer ")
}

func describeHeader(b *strings.Builder, header http.Header, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		switch value := header[name]; {
		case name == "Date" && len(value) == 1 && strings.HasSuffix(value[0], "GMT"):
		case name == "Server" && value[0] == "Spindle":
		default:
			fmt.Fprintf(b, "%s%s: %q\n", prefix, name, value)
		}
	}
}

// clientOf asks over TLS, whatever the certificate, by HTTP/2 or 1.1.
func clientOf(t testing.TB, http2 bool) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
	if !http2 {
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

func logOf() *log.Logger { return log.New(io.Discard, "", 0) }

func newReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }
