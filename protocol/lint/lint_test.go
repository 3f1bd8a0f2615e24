package lint

import (
	"strings"
	"testing"
	"time"

	"spindle/protocol"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// fieldsOf reads "Name: value" lines.
func fieldsOf(lines string) (list protocol.Fields) {
	for line := range strings.SplitSeq(lines, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			list.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return list
}

// rules is the hints in short: each rule once, with its section.
func rules(hints []Hint) string {
	var list []string
	for _, h := range hints {
		list = append(list, h.Rule+" "+strings.TrimPrefix(h.Section, "RFC "))
	}
	return strings.Join(list, ", ")
}

const date = "Date: Thu, 26 Nov 2026 12:00:00 GMT"

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		name    string
		x       Exchange
		request string
		answer  string
		content string
		want    string
	}{
		// What is right.
		{name: "a page", answer: date + "\nContent-Type: text/html; charset=utf-8\nContent-Length: 3\nConnection: keep-alive\nETag: \"a\"\nCache-Control: no-store", content: "é"},
		{name: "a page in ASCII without a charset", answer: "Content-Type: text/html", content: "<p>x"},
		{name: "a page that says its charset itself", answer: "Content-Type: text/html", content: "<meta charset=utf-8>é"},
		{name: "a page with a byte order mark", answer: "Content-Type: text/html", content: "\xef\xbb\xbfé"},
		{name: "JSON", answer: "Content-Type: application/json", content: `"é"`},
		{name: "nothing", answer: "Content-Length: 0"},
		{name: "no content", x: Exchange{Status: 204}},
		{name: "an old date to be out of date", answer: "Expires: 0\nLast-Modified: Thu, 26 Nov 2026 11:00:00 GMT"},
		{name: "tags", answer: `ETag: W/"x-1"`},
		{name: "a relative place", x: Exchange{Status: 302}, answer: "Location: ../x?y=1#z"},
		{name: "a place elsewhere", x: Exchange{Status: 303, Secure: true}, answer: "Location: http://elsewhere.example/"},
		{name: "created without a place", x: Exchange{Status: 201}},
		{name: "login", x: Exchange{Status: 401}, answer: "WWW-Authenticate: Basic realm=x"},
		{name: "methods, of which there are none", x: Exchange{Status: 405}, answer: "Allow:"},
		{name: "a part", x: Exchange{Status: 206}, request: "Range: bytes=0-1", answer: "Content-Type: text/plain\nContent-Range: bytes 0-1/9", content: "ab"},
		{name: "parts", x: Exchange{Status: 206}, request: "Range: bytes=0-1,4-5", answer: "Content-Type: multipart/byteranges; boundary=x", content: "ab"},
		{name: "no part", x: Exchange{Status: 416}, answer: "Content-Range: bytes */9"},
		{name: "not modified", x: Exchange{Status: 304}, request: "If-None-Match: *", answer: "ETag: \"a\"\nContent-Length: 7"},
		{name: "later", x: Exchange{Status: 503}, answer: "Retry-After: 120"},
		{name: "later, at a time", x: Exchange{Status: 429}, answer: "Retry-After: Thu, 26 Nov 2026 13:00:00 GMT"},
		{name: "a cookie of a person", x: Exchange{Secure: true}, answer: "Set-Cookie: sessionid=x; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{name: "the same without TLS", answer: "Set-Cookie: sessionid=x; Path=/; HttpOnly; SameSite=Lax"},
		{name: "a cookie of a taste", x: Exchange{Secure: true}, answer: "Set-Cookie: theme=dark"},
		{name: "a cookie that scripts read", answer: "Set-Cookie: csrftoken=x; SameSite=Lax"},
		{name: "a cookie that goes", answer: "Set-Cookie: sessionid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"},
		{name: "a date with dashes", answer: "Set-Cookie: a=b; Expires=Thu, 26-Nov-2026 13:00:00 GMT"},
		{name: "an empty cookie", answer: "Set-Cookie: a="},
		{name: "a cookie of the domain above", x: Exchange{Authority: "www.example.org:8080"}, answer: "Set-Cookie: a=b; Domain=.example.org"},
		{name: "a cookie in development", x: Exchange{Authority: "127.0.0.1:8080"}, answer: "Set-Cookie: a=b; Domain=example.org"},
		{name: "caching", answer: "Cache-Control: no-cache, no-store, max-age=0, must-revalidate\nPragma: no-cache\nETag: \"x\"\nVary: Accept, Cookie"},
		{name: "caching a page of one person", answer: "Cache-Control: private, max-age=60\nSet-Cookie: a=b"},
		{name: "sharing with all", answer: "Access-Control-Allow-Origin: *"},
		{name: "sharing with one", request: "Origin: https://a.example", answer: "Access-Control-Allow-Origin: https://a.example\nAccess-Control-Allow-Credentials: true\nVary: Origin"},
		{name: "compressed", answer: "Content-Type: text/html\nContent-Encoding: gzip", content: "\x1f\x8b\x08"},
		{name: "another protocol", x: Exchange{Status: 101}, request: "Sec-WebSocket-Key: x", answer: "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: y"},
		{name: "HEAD", x: Exchange{Method: "HEAD"}, answer: "Content-Length: 9"},

		// What is not.
		{name: "content of nobody knows what", content: "x", want: "type 9110 §8.3"},
		{name: "a type that is none", answer: "Content-Type: html", content: "x", want: "type 9110 §8.3.1"},
		{name: "letters", answer: "Content-Type: text/html", content: "<p>é", want: "charset 9110 §8.3.2"},
		{name: "letters in text", answer: "Content-Type: text/plain", content: "é", want: "charset 9110 §8.3.2"},
		{name: "a charset for a coding", answer: "Content-Type: text/html\nContent-Encoding: utf-8", content: "x", want: "coding 9110 §8.4"},
		{name: "identity", answer: "Content-Type: text/html\nContent-Encoding: identity", content: "x", want: "coding 9110 §8.4.1"},
		{name: "gzip that is none", answer: "Content-Type: text/html\nContent-Encoding: gzip", content: "<p>", want: "coding 9110 §8.4.1.3"},
		{name: "two types", answer: "Content-Type: text/html\nContent-Type: text/plain", content: "x", want: "repeated 9110 §5.3"},
		{name: "a name beyond ASCII", answer: "Content-Disposition: attachment; filename=\"é.pdf\"", want: "field-ascii 9110 §5.5"},
		{name: "dates", answer: "Date: 2026-11-26\nLast-Modified: Thursday, 26-Nov-26 11:00:00 GMT\nExpires: never", want: "date 9110 §5.6.7, date 9110 §5.6.7, date 9110 §5.6.7"},
		{name: "changed tomorrow", answer: "Last-Modified: Fri, 27 Nov 2026 12:00:00 GMT", want: "last-modified 9110 §8.8.2.1"},
		{name: "a bare tag", answer: "ETag: abc", want: "etag 9110 §8.8.3"},
		{name: "a tag that is a float", answer: "ETag: 1732622400.0", want: "etag 9110 §8.8.3"},
		{name: "nowhere", x: Exchange{Status: 302}, want: "location 9110 §15.4"},
		{name: "a place with a blank", x: Exchange{Status: 302}, answer: "Location: /a b", want: "location 9110 §10.2.2"},
		{name: "a place without a host", x: Exchange{Status: 301}, answer: "Location: http:///x", want: "location 9110 §10.2.2"},
		{name: "a place back to http", x: Exchange{Status: 302, Secure: true, Authority: "a.example"}, answer: "Location: http://a.example/x", want: "location 9110 §10.2.2"},
		{name: "401", x: Exchange{Status: 401}, want: "status-field 9110 §15.5.2"},
		{name: "405", x: Exchange{Status: 405}, want: "status-field 9110 §15.5.6"},
		{name: "407", x: Exchange{Status: 407}, want: "status-field 9110 §15.5.8"},
		{name: "426", x: Exchange{Status: 426}, want: "status-field 9110 §15.5.22"},
		{name: "101 to nothing", x: Exchange{Status: 101, Hop: true}, request: "Sec-WebSocket-Key: x", want: "status-field 9110 §15.2.2, status-field 6455 §4.2.2"},
		{name: "204 with a length", x: Exchange{Status: 204, Hop: true}, answer: "Content-Length: 0", want: "content-none 9110 §8.6"},
		{name: "204 in chunks", x: Exchange{Status: 204, Hop: true}, answer: "Transfer-Encoding: chunked", want: "content-none 9112 §6.1"},
		{name: "205 with content", x: Exchange{Status: 205}, answer: "Content-Type: text/plain", content: "x", want: "content-none 9110 §15.3.6"},
		{name: "304 to who has nothing", x: Exchange{Status: 304}, want: "not-modified 9110 §15.4.5"},
		{name: "304 to POST", x: Exchange{Status: 304, Method: "POST"}, request: "If-None-Match: *", want: "not-modified 9110 §15.4.5"},
		{name: "206 to who wants all", x: Exchange{Status: 206}, answer: "Content-Type: text/plain\nContent-Range: bytes 0-0/9", content: "x", want: "range 9110 §15.3.7"},
		{name: "206 of nobody knows what", x: Exchange{Status: 206}, request: "Range: bytes=0-0", answer: "Content-Type: text/plain", content: "x", want: "range 9110 §15.3.7"},
		{name: "206 of another length", x: Exchange{Status: 206}, request: "Range: bytes=0-0", answer: "Content-Type: text/plain\nContent-Range: bytes 0-1/9", content: "x", want: "range 9110 §15.3.7"},
		{name: "206 beyond the end", x: Exchange{Status: 206}, request: "Range: bytes=0-0", answer: "Content-Type: text/plain\nContent-Range: bytes 8-9/9", content: "xy", want: "range 9110 §14.4"},
		{name: "206 as nobody writes it", x: Exchange{Status: 206}, request: "Range: bytes=0-0", answer: "Content-Type: text/plain\nContent-Range: 0-1", content: "xy", want: "range 9110 §14.4"},
		{name: "416 of nobody knows what", x: Exchange{Status: 416}, want: "range 9110 §15.5.17"},
		{name: "a range of 200", answer: "Content-Type: text/plain\nContent-Range: bytes 0-0/1", content: "x", want: "range 9110 §14.4"},
		{name: "soon", x: Exchange{Status: 503}, answer: "Retry-After: soon", want: "retry-after 9110 §10.2.3"},
		{name: "no cookie", answer: "Set-Cookie: Secure", want: "cookie 6265 §4.1.1"},
		{name: "a cookie twice", answer: "Set-Cookie: a=1\nSet-Cookie: a=2", want: "cookie-twice 6265 §4.1.1"},
		{name: "a cookie for all sites", answer: "Set-Cookie: a=1; SameSite=None", want: "cookie-samesite 6265bis §4.1.2.7"},
		{name: "a cookie for some", answer: "Set-Cookie: a=1; SameSite=Maybe", want: "cookie-samesite 6265bis §4.1.2.7"},
		{name: "__Host-", answer: "Set-Cookie: __Host-a=1; Secure", want: "cookie-prefix 6265bis §4.1.3.2"},
		{name: "__Secure-", answer: "Set-Cookie: __Secure-a=1", want: "cookie-prefix 6265bis §4.1.3.1"},
		{name: "a cookie until never", answer: "Set-Cookie: a=1; Expires=never; Max-Age=x", want: "cookie-date 6265 §4.1.1, cookie-date 6265 §4.1.1"},
		{name: "a cookie of somebody else", x: Exchange{Authority: "www.example.org"}, answer: "Set-Cookie: a=1; Domain=example.com", want: "cookie-domain 6265 §4.1.2.3"},
		{name: "a large cookie", answer: "Set-Cookie: a=" + strings.Repeat("x", 4096), want: "cookie-size 6265 §6.1"},
		{name: "a session open to all", x: Exchange{Secure: true}, answer: "Set-Cookie: connect.sid=1", want: "cookie-httponly 6265 §4.1.2.6, cookie-samesite 6265bis §4.1.2.7, cookie-secure 6265 §4.1.2.5"},
		{name: "for ever", answer: "Cache-Control: max-age=forever", want: "cache 9111 §5.2.2"},
		{name: "public and private", answer: "Cache-Control: public, private", want: "cache 9111 §5.2.2"},
		{name: "stored and not", answer: "Cache-Control: no-store, max-age=60", want: "cache 9111 §5.2.2.5"},
		{name: "public and not", answer: "Cache-Control: no-store, public", want: "cache 9111 §5.2.2.5"},
		{name: "a cookie for everybody", answer: "Cache-Control: public, max-age=60\nSet-Cookie: a=b", want: "cache-cookie 9111 §7.3"},
		{name: "differs by nothing", answer: "Vary: Accept Encoding", want: "vary 9110 §12.5.5"},
		{name: "secrets for all", answer: "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials: true", want: "cors Fetch §3.2 (CORS)"},
		{name: "several sites", answer: "Access-Control-Allow-Origin: https://a.example, https://b.example", want: "cors Fetch §3.2 (CORS)"},
		{name: "a site by its name", answer: "Access-Control-Allow-Origin: a.example", want: "cors Fetch §3.2 (CORS)"},
		{name: "a site with a slash", answer: "Access-Control-Allow-Origin: https://a.example/", want: "cors Fetch §3.2 (CORS)"},
		{name: "whoever asks", request: "Origin: https://a.example", answer: "Access-Control-Allow-Origin: https://a.example", want: "cors Fetch §3.2 (CORS)"},
		{name: "credentials of no kind", answer: "Access-Control-Allow-Origin: https://a.example\nAccess-Control-Allow-Credentials: True", want: "cors Fetch §3.2 (CORS)"},
		{name: "the connection", answer: "Connection: close\nTransfer-Encoding: chunked", want: "hop 9110 §7.6.1, hop 9110 §7.6.1"},

		// What was mended.
		{name: "content behind HEAD", x: Exchange{Method: "HEAD", Faults: []protocol.Fault{{Kind: protocol.FaultExtra, Bytes: 3}}}, want: "content-none 9110 §9.3.2"},
		{name: "content behind 304", x: Exchange{Status: 304, Faults: []protocol.Fault{{Kind: protocol.FaultExtra, Bytes: 3}}}, request: "If-None-Match: *", want: "content-none 9110 §15.4.5"},
		{name: "more than was said", x: Exchange{Faults: []protocol.Fault{{Kind: protocol.FaultExtra, Bytes: 3}}}, answer: "Content-Length: 2", want: "length-more 9110 §8.6"},
		{name: "less than was said", x: Exchange{Faults: []protocol.Fault{{Kind: protocol.FaultCut}}}, answer: "Content-Length: 2", want: "length-less 9112 §8"},
		{name: "what is no HTTP", x: Exchange{Faults: []protocol.Fault{{Kind: protocol.FaultUnreadable, Text: "x"}}}, want: "unreadable 9112 §2.2"},
		{name: "content with 204", x: Exchange{Status: 204, Faults: []protocol.Fault{{Kind: protocol.FaultBody, Bytes: 3}}}, want: "content-none 9110 §15.3.5"},
		{name: "another length", x: Exchange{Faults: []protocol.Fault{{Kind: protocol.FaultLength, Text: "x"}}}, want: "length 9110 §8.6"},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := row.x
			x.Request, x.Fields = fieldsOf(row.request), fieldsOf(row.answer)
			x.Content, x.Sent, x.Whole, x.Now = []byte(row.content), int64(len(row.content)), true, now
			if x.Status == 0 {
				x.Status = 200
			}
			if x.Method == "" {
				x.Method = "GET"
			}
			if row.want == "" {
				x.Hop = x.Hop || x.Fields.Has("Connection")
			}
			if got := rules(Check(&x)); got != row.want {
				t.Errorf("got %s\nwant %s\n%v", got, row.want, Check(&x))
			}
		})
	}
}

// Hints are sentences that a page and a terminal go on with.
func TestHintsAreSentences(t *testing.T) {
	for _, h := range Check(&Exchange{Method: "GET", Status: 401, Sent: 1, Now: now, Fields: fieldsOf("Set-Cookie: sid=1\nETag: x\nDate: y")}) {
		if h.Text == "" || strings.HasSuffix(h.Text, ".") || strings.ContainsAny(h.Text, "\n") || h.Section == "" {
			t.Errorf("%+v", h)
		}
	}
}

// What a page that is right costs, which every request of a development server pays.
func BenchmarkCheck(b *testing.B) {
	x := Exchange{Method: "GET", Status: 200, Now: now, Whole: true, Sent: 32 << 10, Content: []byte(strings.Repeat("<p>hello</p>\n", 2500)), Hop: true,
		Fields: fieldsOf(date + "\nContent-Type: text/html\nContent-Length: 32500\nETag: \"a\"\nCache-Control: no-cache\nSet-Cookie: sessionid=x; HttpOnly; SameSite=Lax; Path=/")}
	b.ReportAllocs()
	for b.Loop() {
		if len(Check(&x)) != 0 {
			b.Fatal(Check(&x))
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("Set-Cookie: a=b; Domain=x\nContent-Range: bytes 0-1/2\nLocation: x", 206, []byte("x"))
	f.Add("Content-Type: text/html\nCache-Control: max-age=\"\nVary: ,", 200, []byte{0xff})
	f.Fuzz(func(t *testing.T, fields string, status int, content []byte) {
		list := fieldsOf(fields)
		Check(&Exchange{Method: "GET", Status: status, Fields: list, Request: list, Authority: fields, Content: content, Sent: int64(len(content)), Now: now, Whole: true})
	})
}
