package cgi

import (
	"fmt"
	"strings"
	"testing"
)

// readReply reads output that comes in pieces, and tells what it is.
func readReply(r *ReplyReader, pieces ...string) string {
	for i, p := range pieces {
		if p == "" {
			continue
		}
		n, reply, err := r.Read([]byte(p))
		if err != nil {
			return "error"
		}
		if reply != nil {
			content := p[n:] + strings.Join(pieces[i+1:], "")
			return fmt.Sprintf("%d %v len %d local %q file %q accel %q content %q", reply.Status, reply.Fields, reply.Length,
				reply.Local, reply.SendFile, reply.Accel, content)
		}
		if n != len(p) {
			return "bytes were left"
		}
	}
	return "incomplete"
}

func TestReply(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Content-Type: text/plain\n\nhello", `200 [{Content-Type text/plain}] len -1 local "" file "" accel "" content "hello"`},
		{"CRLF", "Content-Type: a/b\r\nX: y\r\n\r\nz", `200 [{Content-Type a/b} {X y}] len -1 local "" file "" accel "" content "z"`},
		{"mixed", "A: b\r\n\nz", `200 [{A b}] len -1 local "" file "" accel "" content "z"`},
		{"status", "Status: 404 Not Found\nA: b\n\n", `404 [{A b}] len -1 local "" file "" accel "" content ""`},
		{"status alone", "Status: 204\n\n", `204 [] len -1 local "" file "" accel "" content ""`},
		{"status line", "HTTP/1.0 403 No\nA: b\n\n", `403 [{A b}] len -1 local "" file "" accel "" content ""`},
		{"redirect", "Location: http://x/\n\n", `302 [{Location http://x/}] len -1 local "" file "" accel "" content ""`},
		{"redirect with status", "Status: 301\nLocation: /x\n\n", `301 [{Location /x}] len -1 local "" file "" accel "" content ""`},
		{"local redirect", "Location: /x?y\n\n", `200 [] len -1 local "/x?y" file "" accel "" content ""`},
		{"to another host", "Location: //x/y\n\n", `302 [{Location //x/y}] len -1 local "" file "" accel "" content ""`},
		{"length", "Content-Length: 5\nA: b\n\nhello", `200 [{A b}] len 5 local "" file "" accel "" content "hello"`},
		{"files", "X-Sendfile: /a\nX-Accel-Redirect: /b\n\n", `200 [] len -1 local "" file "/a" accel "/b" content ""`},
		{"of the connection", "Connection: close\nKeep-Alive: x\nA: b\n\n", `200 [{A b}] len -1 local "" file "" accel "" content ""`},
		{"empty line first", "\nhello", "error"},
		{"no colon", "<html>\n\n", "error"},
		{"a blank in a name", "A b: c\n\n", "error"},
		{"folded", "A: b\n c\n\n", "error"},
		{"a bare CR", "A: b\rc\n\n", "error"},
		{"NUL", "A: b\x00\n\n", "error"},
		{"two lengths", "Content-Length: 1\nContent-Length: 2\n\n", "error"},
		{"a bad length", "Content-Length: +1\n\n", "error"},
		{"chunked", "Transfer-Encoding: chunked\n\n", "error"},
		{"a bad status", "Status: 99\n\n", "error"},
		{"an interim status", "Status: 100\n\n", "error"},
		{"a status that is no number", "Status: OK\n\n", "error"},
		{"cut", "A: b\n", "incomplete"},
		{"nothing", "", "incomplete"},
	} {
		if got := readReply(new(ReplyReader), c.in); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		for i := range len(c.in) {
			if got := readReply(new(ReplyReader), c.in[:i], c.in[i:]); got != c.want {
				t.Errorf("%s, cut at %d:\n got %s\nwant %s", c.name, i, got, c.want)
			}
		}
	}
}

func TestReplyLimit(t *testing.T) {
	long := "A: " + strings.Repeat("x", 100) + "\n\n"
	for _, pieces := range [][]string{{long}, {long[:50], long[50:]}, strings.Split(long, "")} {
		if got := readReply(&ReplyReader{Max: len(long) - 1}, pieces...); got != "error" {
			t.Errorf("%d pieces: %s", len(pieces), got)
		}
		if got := readReply(&ReplyReader{Max: len(long)}, pieces...); !strings.HasPrefix(got, "200") {
			t.Errorf("%d pieces, just in the limit: %s", len(pieces), got)
		}
	}
}

func TestReplyNPH(t *testing.T) {
	if got := readReply(&ReplyReader{NPH: true}, "HTTP/1.1 201 Made\r\nLocation: /x\r\n\r\n"); !strings.HasPrefix(got, "201 [{Location /x}]") {
		t.Error(got)
	}
	if got := readReply(&ReplyReader{NPH: true}, "Content-Type: a/b\n\n"); got != "error" {
		t.Error(got)
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("Status: 200 OK\r\nA: b\r\n\r\nhello"), uint16(7), false)
	f.Add([]byte("HTTP/1.1 200\nLocation: /x\n\n"), uint16(20), true)
	f.Fuzz(func(t *testing.T, in []byte, at uint16, nph bool) {
		n := int(at) % (len(in) + 1)
		whole := readReply(&ReplyReader{Max: 200, NPH: nph}, string(in))
		if cut := readReply(&ReplyReader{Max: 200, NPH: nph}, string(in[:n]), string(in[n:])); whole != cut {
			t.Errorf("cut at %d:\n got %s\nwant %s", n, cut, whole)
		}
	})
}
