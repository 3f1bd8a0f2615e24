package http1

import (
	"testing"

	"spindle/protocol"
)

// What a head means, field by field of protocol.Head.
func TestHead(t *testing.T) {
	for _, row := range []struct {
		in   string
		want protocol.Head // without Fields
	}{
		{"GET /a/b?c=d?e HTTP/1.1\r\nHost: h:80\r\n\r\n", protocol.Head{
			Method: "GET", Target: []byte("/a/b?c=d?e"), Authority: []byte("h:80"),
			Path: []byte("/a/b"), Query: []byte("c=d?e"), Version: protocol.HTTP11, KeepAlive: true}},
		{"GET /? HTTP/1.0\r\n\r\n", protocol.Head{
			Method: "GET", Target: []byte("/?"), Path: []byte("/"), Query: []byte{}, Version: protocol.HTTP10}},
		{"PUT HTTP://u.example:1/p?q HTTP/1.1\r\nHost: other\r\nContent-Length: 7\r\n\r\n", protocol.Head{
			Method: "PUT", Target: []byte("HTTP://u.example:1/p?q"), Form: protocol.AbsoluteForm, Scheme: []byte("HTTP"),
			Authority: []byte("u.example:1"), Path: []byte("/p"), Query: []byte("q"), Version: protocol.HTTP11,
			ContentLength: 7, KeepAlive: true}},
		{"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", protocol.Head{
			Method: "GET", Target: []byte("http://a?q"), Form: protocol.AbsoluteForm, Scheme: []byte("http"),
			Authority: []byte("a"), Path: []byte("/"), Query: []byte("q"), Version: protocol.HTTP11, KeepAlive: true}},
		{"OPTIONS http://a:1 HTTP/1.1\r\nHost: a\r\n\r\n", protocol.Head{
			Method: "OPTIONS", Target: []byte("http://a:1"), Form: protocol.AbsoluteForm, Scheme: []byte("http"),
			Authority: []byte("a:1"), Path: []byte("*"), Version: protocol.HTTP11, KeepAlive: true}},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", protocol.Head{
			Method: "OPTIONS", Target: []byte("*"), Form: protocol.AsteriskForm,
			Authority: []byte("a"), Path: []byte("*"), Version: protocol.HTTP11, KeepAlive: true}},
		{"CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n", protocol.Head{
			Method: "CONNECT", Target: []byte("a:1"), Form: protocol.AuthorityForm,
			Authority: []byte("a:1"), Version: protocol.HTTP11, KeepAlive: true}},
		{"POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nExpect: 100-Continue\r\n\r\n", protocol.Head{
			Method: "POST", Target: []byte("/"), Authority: []byte("[::1]"), Path: []byte("/"),
			Version: protocol.HTTP11, ContentLength: -1, ExpectContinue: true, KeepAlive: true}},
		{"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", protocol.Head{ // nothing to wait for
			Method: "GET", Target: []byte("/"), Authority: []byte("x"), Path: []byte("/"),
			Version: protocol.HTTP11, KeepAlive: true}},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n", protocol.Head{
			Method: "GET", Target: []byte("/"), Authority: []byte("x"), Path: []byte("/"),
			Version: protocol.HTTP11, KeepAlive: true, Upgrade: true}},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", protocol.Head{ // not listed in Connection
			Method: "GET", Target: []byte("/"), Authority: []byte("x"), Path: []byte("/"),
			Version: protocol.HTTP11, KeepAlive: true}},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n", protocol.Head{ // RFC 9110 §7.8
			Method: "GET", Target: []byte("/"), Path: []byte("/"), Version: protocol.HTTP10, KeepAlive: true}},
		{"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", protocol.Head{
			Method: "POST", Target: []byte("/"), Path: []byte("/"), Version: protocol.HTTP10, ContentLength: 1}},
	} {
		h, err := read(defaultTokenizer(), row.in)
		if err != nil {
			t.Errorf("%q: %v", row.in, err)
			continue
		}
		got := *h
		got.Fields = nil
		if got, want := showHead(&got), showHead(&row.want); got != want {
			t.Errorf("%q:\n got %s\nwant %s", row.in, got, want)
		}
		if (h.Query == nil) != (row.want.Query == nil) {
			t.Errorf("%q: the query is nil: %v", row.in, h.Query == nil)
		}
	}
}

func TestFieldsOfAHead(t *testing.T) {
	h, err := read(defaultTokenizer(), "GET / HTTP/1.1\r\nhOST:  x \t\r\nA:b\r\na: \"c\" , d\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ name, value string }{{"hOST", "x"}, {"A", "b"}, {"a", "\"c\" , d"}}
	for i, f := range h.Fields {
		if string(f.Name) != want[i].name || string(f.Value) != want[i].value {
			t.Errorf("field %d is %q: %q", i, f.Name, f.Value)
		}
	}
	if len(h.Fields) != len(want) {
		t.Errorf("%d fields", len(h.Fields))
	}
}

// Known methods are constants, so that to make a string of them costs nothing.
func TestMethodsAreInterned(t *testing.T) {
	for _, name := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
		"PROPFIND", "REPORT", "QUERY"} {
		b := []byte(name)
		var got string
		if n := testing.AllocsPerRun(10, func() { got = method(b) }); n != 0 || got != name {
			t.Errorf("%s: %q, %v allocations", name, got, n)
		}
	}
	if method([]byte("get")) != "get" {
		t.Error("the case of a method was changed")
	}
}

func TestTrailerClass(t *testing.T) {
	for name, want := range map[string]protocol.Trailer{
		"X-Checksum": protocol.TrailerGood, "Server-Timing": protocol.TrailerGood, "ETag": protocol.TrailerGood, "Digest": protocol.TrailerGood,
		"Last-Modified": protocol.TrailerGood, "Content-Digest": protocol.TrailerGood,
		"Content-Length": protocol.TrailerFraming, "TRANSFER-ENCODING": protocol.TrailerFraming, "host": protocol.TrailerFraming,
		"TE": protocol.TrailerDropped, "Age": protocol.TrailerDropped, "Date": protocol.TrailerDropped, "Vary": protocol.TrailerDropped,
		"Range": protocol.TrailerDropped, "Cookie": protocol.TrailerDropped, "Expect": protocol.TrailerDropped, "Pragma": protocol.TrailerDropped,
		"Expires": protocol.TrailerDropped, "Trailer": protocol.TrailerDropped, "Upgrade": protocol.TrailerDropped, "Warning": protocol.TrailerDropped,
		"If-Match": protocol.TrailerDropped, "If-Range": protocol.TrailerDropped, "Location": protocol.TrailerDropped,
		"Connection": protocol.TrailerDropped, "Keep-Alive": protocol.TrailerDropped, "Set-Cookie": protocol.TrailerDropped,
		"Retry-After": protocol.TrailerDropped, "Content-Type": protocol.TrailerDropped, "Max-Forwards": protocol.TrailerDropped,
		"Authorization": protocol.TrailerDropped, "Cache-Control": protocol.TrailerDropped, "Content-Range": protocol.TrailerDropped,
		"If-None-Match": protocol.TrailerDropped, "Content-Encoding": protocol.TrailerDropped, "Proxy-Connection": protocol.TrailerDropped,
		"WWW-Authenticate": protocol.TrailerDropped, "If-Modified-Since": protocol.TrailerDropped,
		"Proxy-Authenticate": protocol.TrailerDropped, "If-Unmodified-Since": protocol.TrailerDropped,
		"Proxy-Authorization": protocol.TrailerDropped,
	} {
		if got := protocol.JudgeTrailer(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestCleanValue(t *testing.T) {
	for n := range 40 { // every length, and every place in it
		b := make([]byte, n)
		for i := range b {
			b[i] = 'a'
		}
		if !cleanValue(b) {
			t.Fatalf("%q is not clean", b)
		}
		for i := range b {
			for c := range 256 {
				b[i] = byte(c)
				if want := c >= 0x20 && c != 0x7f || c == '\t'; cleanValue(b) != want {
					t.Fatalf("%q: clean is %v", b, !want)
				}
			}
			b[i] = 'a'
		}
	}
}
