package http1

import (
	"fmt"
	"testing"

	"github.com/evanphx/wildcat"

	"spindle/protocol"
)

// The measured faults of wildcat. Each is shown on wildcat itself, so that a new
// version which mends it is noticed, and then on the tokenizer, which must not
// have it.

// bare lets wildcat parse in, and tells its fields, or how it ends.
func bare(in string) (fields map[string]string, end string) {
	defer func() {
		if v := recover(); v != nil {
			end = fmt.Sprint("panic: ", v)
		}
	}()
	p := wildcat.NewHTTPParser()
	if _, err := p.Parse([]byte(in)); err != nil {
		return nil, err.Error()
	}
	fields = make(map[string]string)
	for _, h := range p.Headers {
		if h.Name != nil {
			fields[string(h.Name)] = string(h.Value)
		}
	}
	return fields, "ok"
}

// read lets a tokenizer read in.
func read(tok *tokenizer, in string) (*protocol.Head, *protocol.Error) {
	var s headScan
	n, err := tok.scan([]byte(in), &s)
	if err != nil || n == 0 {
		return nil, err
	}
	return tok.tokenize([]byte(in)[:n], &s)
}

func defaultTokenizer() *tokenizer {
	s := Settings{}.resolve()
	return newTokenizer(&s)
}

func wantRefused(t *testing.T, in string, want *protocol.Error) {
	t.Helper()
	if _, err := read(defaultTokenizer(), in); err != want {
		t.Errorf("%q: got %v, want %v", in, err, want)
	}
}

func TestWildcatPanicsOnAFoldInFront(t *testing.T) {
	in := "GET / HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n"
	if _, end := bare(in); end != "panic: runtime error: index out of range [-1]" {
		t.Errorf("wildcat does it no more: %s", end)
	}
	wantRefused(t, in, errFold)
}

func TestWildcatKeepsTheHeadBefore(t *testing.T) {
	first := "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
	second := "GET / HTTP/1.1\r\nHost: b\r\n\r\n"
	p := wildcat.NewHTTPParser()
	p.Parse([]byte(first))
	p.Host()
	p.Parse([]byte(second))
	if string(p.FindHeader([]byte("Authorization"))) != "secret" || string(p.Host()) != "a" {
		t.Error("wildcat does it no more")
	}
	tok := defaultTokenizer()
	if _, err := read(tok, first); err != nil {
		t.Fatal(err)
	}
	h, err := read(tok, second)
	if err != nil || len(h.Fields) != 1 || string(h.Authority) != "b" || h.ContentLength != 0 || !h.KeepAlive {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestWildcatSwallowsTheLineBehindAnEmptyValue(t *testing.T) {
	in := "POST / HTTP/1.1\nHost: x\nX:\nTransfer-Encoding: chunked\n\n"
	if fields, _ := bare(in); fields["X"] != "\nTransfer-Encoding: chunked" {
		t.Errorf("wildcat does it no more: %q", fields)
	}
	wantRefused(t, in, errBareLF)
	h, err := read(defaultTokenizer(), "POST / HTTP/1.1\r\nHost: x\r\nX:\r\nTransfer-Encoding: chunked\r\n\r\n")
	if err != nil || h.ContentLength != -1 || len(h.Fields) != 3 {
		t.Errorf("with CRLF: got %+v, %v", h, err)
	}
}

func TestWildcatGivesCRForAnEmptyValue(t *testing.T) {
	in := "GET / HTTP/1.1\r\nHost: x\r\nX:\r\nY: \r\n\r\n"
	if fields, _ := bare(in); fields["X"] != "\r" {
		t.Errorf("wildcat does it no more: %q", fields)
	}
	h, err := read(defaultTokenizer(), in)
	if err != nil || len(h.Fields[1].Value) != 0 || len(h.Fields[2].Value) != 0 {
		t.Errorf("got %q, %v", h.Fields, err)
	}
}

func TestWildcatTakesTheFirstOfTwoLengths(t *testing.T) {
	in := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n"
	p := wildcat.NewHTTPParser()
	if p.Parse([]byte(in)); p.ContentLength() != 3 {
		t.Errorf("wildcat does it no more: %d", p.ContentLength())
	}
	wantRefused(t, in, errTwoLengths)
}

func TestWildcatTakesSignedLengths(t *testing.T) {
	for _, v := range []string{"+5", "-5"} {
		in := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + v + "\r\n\r\n"
		p := wildcat.NewHTTPParser()
		if p.Parse([]byte(in)); p.ContentLength() != 5 && p.ContentLength() != -5 {
			t.Errorf("wildcat does it no more: %d", p.ContentLength())
		}
		wantRefused(t, in, errLength)
	}
}

func TestWildcatMissesALengthWithABlankBehind(t *testing.T) {
	in := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5 \r\n\r\n"
	p := wildcat.NewHTTPParser()
	if p.Parse([]byte(in)); p.ContentLength() != -1 {
		t.Errorf("wildcat does it no more: %d", p.ContentLength())
	}
	if h, err := read(defaultTokenizer(), in); err != nil || h.ContentLength != 5 {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestWildcatMissesANameWithABlankBehind(t *testing.T) {
	in := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n"
	p := wildcat.NewHTTPParser()
	if p.Parse([]byte(in)); p.ContentLength() != -1 {
		t.Errorf("wildcat does it no more: %d", p.ContentLength())
	}
	wantRefused(t, in, errName)
}

func TestWildcatJoinsALineWithoutColonToTheNext(t *testing.T) {
	in := "GET / HTTP/1.1\r\nHost: x\r\nfoo\r\nBar: x\r\n\r\n"
	if fields, _ := bare(in); fields["foo\r\nBar"] != "x" {
		t.Errorf("wildcat does it no more: %q", fields)
	}
	wantRefused(t, in, errName)
}

func TestWildcatTakesTabsAndNULs(t *testing.T) {
	for in, want := range map[string]*protocol.Error{
		"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n":             errMethod,
		"GET / \r\nHost: x\r\n\r\n":                      errVersion,
		"GET / HTTP/1.1\r\nHost: x\r\na\x00b: c\r\n\r\n": errName,
		"GET / HTTP/1.1\r\nHost: x\r\na: \x00\r\n\r\n":   errValue,
	} {
		if _, end := bare(in); end != "ok" {
			t.Errorf("wildcat does it no more: %q: %s", in, end)
		}
		wantRefused(t, in, want)
	}
}

// wildcat starts from the first byte at every call. The tokenizer must not: a
// head of n bytes that comes byte by byte may cost n looks, not n²/2.
func TestAHeadByteByByteIsLinear(t *testing.T) {
	s := Settings{MaxRequestLineBytes: -1, MaxFieldBytes: -1}.resolve()
	tok := newTokenizer(&s)
	in := []byte("GET /")
	for len(in) < 1<<20 {
		in = append(in, 'a')
	}
	in = append(in, " HTTP/1.1\r\nHost: x\r\n\r\n"...)
	var scan headScan
	for i := 1; i < len(in); i++ {
		if n, err := tok.scan(in[:i], &scan); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if i > 1 && int(scan.pos) != i {
			t.Fatalf("after %d bytes the search goes on at %d", i, scan.pos)
		}
	}
	if n, err := tok.scan(in, &scan); n != len(in) || err != nil {
		t.Fatal(n, err)
	}
}

// The tokenizer's slots are used again; a head with more fields than slots makes
// wildcat take new ones.
func TestMoreFieldsThanSlots(t *testing.T) {
	s := Settings{MaxFields: -1, MaxFieldBytes: -1}.resolve()
	tok := newTokenizer(&s)
	head := "GET / HTTP/1.1\r\nHost: x\r\n"
	for i := range 3000 {
		head += fmt.Sprintf("F%d: %d\r\n", i, i)
	}
	for range 2 {
		h, err := read(tok, head+"\r\n")
		if err != nil || len(h.Fields) != 3001 || string(h.Field("f2999")) != "2999" {
			t.Fatal(len(h.Fields), err)
		}
	}
	if h, err := read(tok, smallHead); err != nil || len(h.Fields) != 1 {
		t.Fatal(h, err)
	}
}
