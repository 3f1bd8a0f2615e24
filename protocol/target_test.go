package protocol

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestUnescapeSegment(t *testing.T) {
	for _, c := range []struct {
		why, in, want string
		ok            bool
	}{
		{"plain", "abc", "abc", true},
		{"empty", "", "", true},
		{"§2.1 escapes", "caf%C3%a9%20x", "café x", true},
		{"§2.2 %2F stays in the segment", "a%2Fb", "a/b", true},
		{"§2.4 once: %252F is %2F", "a%252Fb", "a%2Fb", true},
		{"§2.4 + is +", "a+b", "a+b", true},
		{"§3.3 dots by escape", "%2e%2E", "..", true},
		{"control byte", "%0d%0A", "\r\n", true},
		{"NUL", "a%00b", "", false},
		{"NUL at the end", "a%00", "", false},
		{"NUL as it is", "a\x00", "", false},
		{"§2.1 no digits", "a%", "", false},
		{"§2.1 one digit", "a%2", "", false},
		{"§2.1 no hex", "%zz", "", false},
		{"§2.1 no hex, second", "%2g", "", false},
		{"§2.1 sign", "%+1", "", false},
		{"Unicode escape", "%u0041", "", false},
	} {
		got, err := UnescapeSegment([]byte("X")[:1], []byte(c.in))
		if string(got) != c.want || (err == nil) != c.ok {
			t.Errorf("RFC 3986 %s: %q is %q, %v", c.why, c.in, got, err)
		}
	}
}

func TestUnescapeSegmentInPlace(t *testing.T) {
	seg := []byte("abc")
	if got, _ := UnescapeSegment(nil, seg); &got[0] != &seg[0] {
		t.Error("a segment without escapes was copied")
	}
	room, escaped := make([]byte, 0, 64), []byte("a%20b")
	if n := testing.AllocsPerRun(100, func() {
		if s, err := UnescapeSegment(room, escaped); err != nil || string(s) != "a b" {
			t.Error("wrong segment")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestIsDotSegment(t *testing.T) {
	for s, want := range map[string]bool{".": true, "..": true, "": false, "...": false, ".a": false, "a..": false} {
		if IsDotSegment(s) != want || IsDotSegment([]byte(s)) != want {
			t.Errorf("%q is %v", s, !want)
		}
	}
}

func TestQuery(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    []string
	}{
		{"pairs", "a=1&b=2&a=3", []string{"a=1", "b=2", "a=3"}},
		{"; divides nothing", "a=1;b=2", []string{"a=1;b=2"}},
		{"+ and escapes", "a+b=c%20d%2B%26%3d", []string{"a b=c d+&="}},
		{"= in the value", "a=b=c", []string{"a=b=c"}},
		{"no =", "a&b=", []string{"a=", "b="}},
		{"no name", "=x", []string{"=x"}},
		{"empty pairs", "&&a=1&", []string{"a=1"}},
		{"bad escapes stand for themselves", "a=100%&b=%zz%4&c=%", []string{"a=100%", "b=%zz%4", "c=%"}},
		{"once", "a=%2541", []string{"a=%41"}},
		{"NUL is a byte", "a=%00", []string{"a=\x00"}},
		{"empty", "", nil},
	} {
		var got []string
		for q := []byte(c.in); ; {
			name, value, rest, ok := NextPair(q)
			if !ok {
				break
			}
			got = append(got, string(UnescapeQuery(UnescapeQuery(nil, name), []byte("=")))+string(UnescapeQuery(nil, value)))
			q = rest
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("URL Standard §5.1 %s: %q gives %q, want %q", c.why, c.in, got, c.want)
		}
	}
}

func TestQueryArg(t *testing.T) {
	q := []byte("na+me=J%C3%BCrgen&x&name=a&%6e=n&nam=0")
	for name, want := range map[string]string{"na me": "Jürgen", "x": "", "name": "a", "n": "n", "nam": "0"} {
		if got, ok := QueryArg(q, name); !ok || got != want {
			t.Errorf("%q is %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "nam\x00", "name ", "y"} {
		if got, ok := QueryArg(q, name); ok {
			t.Errorf("%q is %q", name, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { QueryArg(q, "not there") }); n != 0 {
		t.Errorf("%v allocations to find nothing", n)
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, path, query string }{
		{"aZ09-._~", "aZ09-._~", "aZ09-._~"},
		{"a b/c?d#e", "a%20b%2Fc%3Fd%23e", "a+b%2Fc%3Fd%23e"},
		{`"<>&'+%:`, "%22%3C%3E%26%27%2B%25%3A", "%22%3C%3E%26%27%2B%25%3A"},
		{"é\x00\r\n", "%C3%A9%00%0D%0A", "%C3%A9%00%0D%0A"},
	} {
		if got := string(AppendPathEscape(nil, c.in)); got != c.path {
			t.Errorf("path %q is %q, want %q", c.in, got, c.path)
		}
		if got := string(AppendQueryEscape(nil, c.in)); got != c.query {
			t.Errorf("query %q is %q, want %q", c.in, got, c.query)
		}
	}
}

func TestLocation(t *testing.T) {
	for _, c := range []struct {
		why, in, want string // "": refused
	}{
		{"absolute", "https://example.org:8443/a%20b?c=d&e=/#f", "https://example.org:8443/a%20b?c=d&e=/#f"},
		{"path", "/a/b", "/a/b"},
		{"relative", "../a;b?c", "../a;b?c"},
		{"only a query", "?a=b", "?a=b"},
		{"another host", "//example.org/", "//example.org/"},
		{"another program", "com.example.app:/back?code=1", "com.example.app:/back?code=1"},
		{": behind the first segment", "a/b:c", "a/b:c"},
		{"IPv6", "http://[::1]/", "http://[::1]/"},
		{"RFC 3987 §3.1", "/café", "/caf%C3%A9"},
		{"not UTF-8", "/caf\xe9", ""},
		{"empty", "", ""},
		{"CR LF", "/\r\nSet-Cookie: a=b", ""},
		{"tab", "/\ta", ""},
		{"blank", "/a b", ""},
		{"backslash", `/\evil.example`, ""},
		{"quote", `/"onclick="x`, ""},
		{"<", "/<script>", ""},
		{"DEL", "/\x7f", ""},
		{"bad escape", "/%zz", ""},
		{"escape at the end", "/%2", ""},
		{"javascript", "JavaScript:alert(1)", ""},
		{"data", "data:text/html,x", ""},
		{"vbscript", "vbscript:x", ""},
		{"§4.2 : in the first segment", "1a:b", ""},
		{"§3.1 no scheme", ":a", ""},
		{"§3.1 a scheme with another byte", "a_b:c", ""},
	} {
		got, err := Location(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("RFC 3986 %s: %q is %q, %v", c.why, c.in, got, err)
		}
	}
}

func TestIsLocalURL(t *testing.T) {
	for url, want := range map[string]bool{
		"/": true, "/a?b=//c": true, "/café": true, "/a//b": true,
		"": false, "a": false, "//evil.example": false, `/\evil.example`: false, "/\t/evil.example": false,
		"https://evil.example": false, "///evil.example": false, "/\n/evil.example": false, "javascript:x": false,
	} {
		if IsLocalURL(url) != want {
			t.Errorf("%q is %v", url, !want)
		}
	}
}

// FuzzTarget: no panic, escapes come back as they were, what is refused and
// what is found is what net/url says (which refuses a bad escape in a query,
// and ";" in one), and a local URL has no host.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"a%2Fb", "a=1&b=%zz+c", "/café", "//host/", "a:b", "%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := UnescapeSegment(nil, []byte(s))
		want, wantErr := url.PathUnescape(s)
		if wantErr == nil && strings.Contains(want, "\x00") {
			wantErr = errNUL
		}
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != want {
			t.Errorf("segment %q is %q, %v here, %q, %v to net/url", s, got, err, want, wantErr)
		}
		if back, err := UnescapeSegment(nil, AppendPathEscape(nil, s)); string(back) != s && !strings.Contains(s, "\x00") {
			t.Errorf("%q comes back as %q, %v", s, back, err)
		}
		if back := UnescapeQuery(nil, AppendQueryEscape(nil, s)); string(back) != s {
			t.Errorf("query %q comes back as %q", s, back)
		}
		if values, err := url.ParseQuery(s); err == nil {
			for name, list := range values {
				if got, ok := QueryArg([]byte(s), name); !ok || got != list[0] {
					t.Errorf("query %q: %q is %q here, %q to net/url", s, name, got, list[0])
				}
			}
		}
		if loc, err := Location(s); err == nil {
			if again, err := Location(loc); err != nil || again != loc || CheckField("Location", loc) != nil {
				t.Errorf("location %q is %q, then %q, %v", s, loc, again, err)
			}
			if u, err := url.Parse(loc); err == nil && IsLocalURL(loc) && (u.Host != "" || u.Scheme != "") {
				t.Errorf("%q is not local: %+v", loc, u)
			}
		}
	})
}

// A segment ends where a byte by byte look says, and is plain when UnescapeSegment gives it back
// as it is.
func TestSegmentEnd(t *testing.T) {
	for _, c := range []struct {
		path  string
		from  int
		end   int
		plain bool
	}{
		{"/", 1, 1, true},
		{"/a", 1, 2, true},
		{"/a/b", 1, 2, true},
		{"/a/b", 3, 4, true},
		{"//", 1, 1, true},
		{"/plaintext", 1, 10, true},
		{"/plaintext/of/a/longer/path", 1, 10, true},
		{"/1234567/", 1, 8, true},
		{"/12345678/", 1, 9, true},
		{"/a%20b/c", 1, 2, false},
		{"/12345678%/c", 1, 9, false},
		{"/a\x00/c", 1, 2, false},
		{"/123456789\x00", 1, 10, false},
		{"/a/%", 1, 2, true},
		{"/\xff\x80\xa5\xaf\xc3\xa4\x7f.\xaf", 1, 10, true},
	} {
		if end, plain := SegmentEnd([]byte(c.path), c.from); end != c.end || plain != c.plain {
			t.Errorf("%q from %d: %d, %v, not %d, %v", c.path, c.from, end, plain, c.end, c.plain)
		}
	}
}
