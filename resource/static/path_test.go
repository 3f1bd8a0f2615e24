package static

import (
	"bytes"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		rest, want string
		ok         bool
	}{
		{"", "", true},
		{"a", "a", true},
		{"a/", "a/", true},
		{"a/b.html", "a/b.html", true},
		{"a%20b", "a b", true},
		{"%61%62", "ab", true},
		{"%E4%BD%A0/x", "你/x", true},
		{"%ff", "\xff", true},
		{"%252e%252e", "%2e%2e", true}, // decoded once only
		{"a+b", "a+b", true},
		{"...", "...", true},
		{"..a/b..", "..a/b..", true},
		{".hidden", ".hidden", true}, // hidden is another question
		{"..", "", false},
		{".", "", false},
		{"a/..", "", false},
		{"a/../b", "", false},
		{"a/./b", "", false},
		{"%2e%2e", "", false},
		{"%2E%2e/etc/passwd", "", false},
		{".%2e/x", "", false},
		{"%2e", "", false},
		{"..%2f..%2fetc", "", false},
		{"a%2fb", "", false},
		{"a%2Fb", "", false},
		{"a%00b", "", false},
		{"%00", "", false},
		{"a\x00", "", false},
		{`a\b`, "", false},
		{`..\..\x`, "", false},
		{"a%5cb", "", false},
		{"/", "", false},
		{"//", "", false},
		{"a//b", "", false},
		{"a//", "", false},
		{"/etc/passwd", "", false},
		{"%", "", false},
		{"%4", "", false},
		{"a%zz", "", false},
		{"%u0041", "", false},
	} {
		name, ok := clean(nil, []byte(c.rest))
		if ok != c.ok || ok && string(name) != c.want {
			t.Errorf("clean(%q) = %q, %v; want %q, %v", c.rest, name, ok, c.want, c.ok)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a/b", "../x", "%2e%2e/%2f", "a//b", "%00", `\..\`, "a/%2e./", "%c0%ae%c0%ae/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		name, ok := clean(nil, []byte(rest))
		if !ok {
			return
		}
		if strings.ContainsAny(string(name), "\x00\\") {
			t.Fatalf("%q: a byte that must not pass: %q", rest, name)
		}
		p := strings.TrimSuffix(string(name), "/")
		if p != "" && (path.Clean(p) != p || strings.HasPrefix(p, "/") || strings.HasPrefix(p, "..") && (len(p) == 2 || p[2] == '/')) {
			t.Fatalf("%q: not below the root: %q", rest, name)
		}
		if u := strings.ToValidUTF8(p, "?"); u == p && p != "" && !fs.ValidPath(p) {
			t.Fatalf("%q: not a valid path: %q", rest, name)
		}
		if strings.Count(string(name), "/") != strings.Count(rest, "/") {
			t.Fatalf("%q: another number of segments: %q", rest, name)
		}
		if want, err := url.PathUnescape(rest); err != nil || want != string(name) {
			t.Fatalf("%q: %q, net/url says %q, %v", rest, name, want, err)
		}
	})
}

func TestCleanAllocatesNothing(t *testing.T) {
	rest := []byte("docs/a%20page.html")
	var room [64]byte
	if n := testing.AllocsPerRun(100, func() { clean(room[:0], rest) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHidden(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": false, "a.b": false, "a/b.c": false, "a../b": false,
		".git": true, "a/.git/config": true, ".env": true, "a/.b/": true,
		".well-known/acme-challenge/x": false, ".well-known": false,
		".well-known/.x": true, "a/.well-known/x": true, ".well-knownx": true, "...": true,
	} {
		if got := hidden(name); got != want {
			t.Errorf("hidden(%q) = %v", name, got)
		}
	}
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": ".html", "a.TAR.GZ": ".gz", "a": "", "d.d/a": "", ".profile": "", "d/.x": "", "a.": ".", ".a.js": ".js",
	} {
		if got := extension(name); got != want {
			t.Errorf("extension(%q) = %q", name, got)
		}
	}
}

func TestEscapeSegmentIsUndoneByClean(t *testing.T) {
	for c := 1; c < 256; c++ {
		if c == '/' || c == '\\' || c == '.' {
			continue
		}
		s := string([]byte{byte(c)})
		name, ok := clean(nil, []byte(escapeSegment(s)))
		if !ok || !bytes.Equal(name, []byte(s)) {
			t.Errorf("byte %d: %q, %v", c, name, ok)
		}
	}
	if got := escapeSegment("a b?#<\"%ü:;"); got != "a%20b%3F%23%3C%22%25%C3%BC:;" {
		t.Error(got)
	}
}
