package protocol

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCookieAppend(t *testing.T) {
	expires := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		why    string
		cookie Cookie
		want   string // "": refused
	}{
		{"§4.1.1 name and value", Cookie{Name: "a", Value: "b"}, "a=b"},
		{"§4.1.1 empty value", Cookie{Name: "a"}, "a="},
		{"§4.1.1 value in quotes", Cookie{Name: "a", Value: `"b"`}, `a="b"`},
		{"§4.1.1 every attribute", Cookie{Name: "a", Value: "b", Path: "/x", Domain: "example.org", Expires: expires, MaxAge: 60,
			Secure: true, HTTPOnly: true, SameSite: SameSiteNone, Partitioned: true},
			"a=b; Path=/x; Domain=example.org; Expires=Wed, 15 Jul 2026 12:00:00 GMT; Max-Age=60; Secure; HttpOnly; Partitioned; SameSite=None"},
		{"§4.1.2.2 negative Max-Age", Cookie{Name: "a", MaxAge: -7}, "a=; Max-Age=0"},
		{"§4.1.2.7 SameSite=Lax", Cookie{Name: "a", SameSite: SameSiteLax}, "a=; SameSite=Lax"},
		{"§4.1.2.7 SameSite=Strict", Cookie{Name: "a", SameSite: SameSiteStrict}, "a=; SameSite=Strict"},
		{"§4.1.1 empty name", Cookie{Value: "b"}, ""},
		{"§4.1.1 name with a blank", Cookie{Name: "a b"}, ""},
		{"§4.1.1 name with =", Cookie{Name: "a=b"}, ""},
		{"§4.1.1 value with CR LF", Cookie{Name: "a", Value: "b\r\nSet-Cookie: c=d"}, ""},
		{"§4.1.1 value with ;", Cookie{Name: "a", Value: "b; Domain=evil"}, ""},
		{"§4.1.1 value with ,", Cookie{Name: "a", Value: "b,c"}, ""},
		{"§4.1.1 value with a blank", Cookie{Name: "a", Value: "b c"}, ""},
		{"§4.1.1 value with a backslash", Cookie{Name: "a", Value: `b\c`}, ""},
		{"§4.1.1 value with one quote", Cookie{Name: "a", Value: `"`}, ""},
		{"§4.1.1 value with quotes inside", Cookie{Name: "a", Value: `"a"b"`}, ""},
		{"§4.1.1 value beyond ASCII", Cookie{Name: "a", Value: "é"}, ""},
		{"§5.6 4096 bytes", Cookie{Name: "a", Value: strings.Repeat("x", 4095)}, "a=" + strings.Repeat("x", 4095)},
		{"§5.6 4097 bytes", Cookie{Name: "a", Value: strings.Repeat("x", 4096)}, ""},
		{"§4.1.2.4 path without /", Cookie{Name: "a", Path: "x"}, ""},
		{"§4.1.2.4 path with ;", Cookie{Name: "a", Path: "/;secure"}, ""},
		{"§4.1.2.4 path with LF", Cookie{Name: "a", Path: "/\n"}, ""},
		{"§5.6 path of 1024 bytes", Cookie{Name: "a", Path: "/" + strings.Repeat("x", 1023)}, "a=; Path=/" + strings.Repeat("x", 1023)},
		{"§5.6 path of 1025 bytes", Cookie{Name: "a", Path: "/" + strings.Repeat("x", 1024)}, ""},
		{"§4.1.2.3 domain in punycode", Cookie{Name: "a", Domain: "xn--bcher-kva.example"}, "a=; Domain=xn--bcher-kva.example"},
		{"§4.1.2.3 domain with a dot before", Cookie{Name: "a", Domain: ".example.org"}, ""},
		{"§4.1.2.3 domain with a dot behind", Cookie{Name: "a", Domain: "example.org."}, ""},
		{"§4.1.2.3 domain with a hyphen before", Cookie{Name: "a", Domain: "-a.org"}, ""},
		{"§4.1.2.3 domain with a port", Cookie{Name: "a", Domain: "example.org:80"}, ""},
		{"§4.1.2.3 domain with ;", Cookie{Name: "a", Domain: "a;b"}, ""},
		{"§4.1.2.3 label of 63", Cookie{Name: "a", Domain: strings.Repeat("x", 63)}, "a=; Domain=" + strings.Repeat("x", 63)},
		{"§4.1.2.3 label of 64", Cookie{Name: "a", Domain: strings.Repeat("x", 64)}, ""},
		{"§4.1.2.3 domain of 254", Cookie{Name: "a", Domain: strings.Repeat("x.", 126) + "xx"}, ""},
		{"§5.6 expires before 1601", Cookie{Name: "a", Expires: time.Date(1600, 12, 31, 0, 0, 0, 0, time.UTC)}, ""},
		{"§5.6 expires after 9999", Cookie{Name: "a", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
		{"§4.1.2.7 SameSite=None without Secure", Cookie{Name: "a", SameSite: SameSiteNone}, ""},
		{"§4.1.2.7 no such SameSite", Cookie{Name: "a", SameSite: 4}, ""},
		{"Partitioned without Secure", Cookie{Name: "a", Partitioned: true}, ""},
		{"§4.1.3.1 __Secure-", Cookie{Name: "__Secure-a", Secure: true}, "__Secure-a=; Secure"},
		{"§4.1.3.1 __Secure- without Secure", Cookie{Name: "__Secure-a"}, ""},
		{"§4.1.3.1 __SECURE- has no case", Cookie{Name: "__SECURE-a"}, ""},
		{"§4.1.3.2 __Host-", Cookie{Name: "__Host-a", Secure: true, Path: "/"}, "__Host-a=; Path=/; Secure"},
		{"§4.1.3.2 __Host- without Secure", Cookie{Name: "__Host-a", Path: "/"}, ""},
		{"§4.1.3.2 __Host- without Path", Cookie{Name: "__Host-a", Secure: true}, ""},
		{"§4.1.3.2 __Host- with another Path", Cookie{Name: "__Host-a", Secure: true, Path: "/x"}, ""},
		{"§4.1.3.2 __host- with a Domain", Cookie{Name: "__host-a", Secure: true, Path: "/", Domain: "a.org"}, ""},
		{"__Http- without HTTPOnly", Cookie{Name: "__Http-a", Secure: true}, ""},
		{"__Http-", Cookie{Name: "__Http-a", Secure: true, HTTPOnly: true}, "__Http-a=; Secure; HttpOnly"},
		{"__Host-Http- without HTTPOnly", Cookie{Name: "__Host-Http-a", Secure: true, Path: "/"}, ""},
	} {
		got, err := c.cookie.Append([]byte("X"))
		if want := "X" + c.want; string(got) != want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %.120q, %v\nwant %.120q", c.why, got, err, want)
		}
		if err == nil {
			if err := CheckField("Set-Cookie", string(got)); err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
		}
	}
}

func cookieHead(lines ...string) *Head {
	h := &Head{Fields: []RawField{{[]byte("Host"), []byte("a")}}}
	for _, l := range lines {
		h.Fields = append(h.Fields, RawField{[]byte("cookie"), []byte(l)})
	}
	return h
}

func TestCookies(t *testing.T) {
	for _, c := range []struct {
		why  string
		in   []string
		want []string
	}{
		{"§4.2.1 two", []string{"a=1; b=2"}, []string{"a=1", "b=2"}},
		{"§4.2.1 no blank between", []string{"a=1;b=2"}, []string{"a=1", "b=2"}},
		{"§4.2.1 many blanks", []string{"  a=1 \t;  b=2 "}, []string{"a=1", "b=2"}},
		{"RFC 9113 §8.2.3 a field for each", []string{"a=1", "b=2"}, []string{"a=1", "b=2"}},
		{"§4.2.1 empty value", []string{"a="}, []string{"a="}},
		{"§4.2.1 = in the value", []string{"a=b=c=="}, []string{"a=b=c=="}},
		{"§4.1.1 quotes", []string{`a="x y"`}, []string{"a=x y"}},
		{"§4.1.1 quotes do not hide ;", []string{`a="x; b=2"`}, []string{`a="x`, `b=2"`}},
		{"§4.1.1 one quote stays", []string{`a="; b="x`}, []string{`a="`, `b="x`}},
		{"§4.1.1 no backslash", []string{`a="x\"y"`}, []string{`a=x\"y`}},
		{"§5.4 bytes beyond ASCII are the application's affair", []string{"a=\xc3\xa9"}, []string{"a=\xc3\xa9"}},
		{"§4.2.1 no =", []string{"a; b=2"}, []string{"b=2"}},
		{"§4.2.1 no name", []string{"=a; b=2"}, []string{"b=2"}},
		{"§4.2.1 a name that is no token", []string{"a b=1; c\x01=2; b=2"}, []string{"b=2"}},
		{"§4.1.3 no other blank is taken from a prefix", []string{"\xc2\xa0__Host-a=1; \v__Host-a=2"}, nil},
		{"§4.2.1 empty pairs", []string{";;; a=1;;", ""}, []string{"a=1"}},
		{"§5.4 twice, with case", []string{"a=1; A=2; a=3"}, []string{"a=1", "A=2", "a=3"}},
	} {
		h, got := cookieHead(c.in...), []string(nil)
		for name, value := range h.Cookies() {
			got = append(got, string(name)+"="+string(value))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.in, got, c.want)
		}
	}
}

func TestCookieIsTheFirst(t *testing.T) {
	h := cookieHead("A=0; a=1", "a=2")
	if v, ok := h.Cookie("a"); !ok || string(v) != "1" {
		t.Errorf("got %q %v", v, ok)
	}
	if v, ok := h.Cookie("b"); ok || v != nil {
		t.Errorf("a cookie that was not sent is %q", v)
	}
}

func TestCookiesLimit(t *testing.T) {
	for _, lines := range [][]string{
		{strings.Repeat("a=1;", 1000) + "last=1"},
		append(slices.Repeat([]string{"a=1"}, 1000), "last=1"),
	} {
		h := cookieHead(lines...)
		n := 0
		for range h.Cookies() {
			n++
		}
		if _, ok := h.Cookie("last"); n != 1000 || ok {
			t.Errorf("%d pairs, the one beyond found: %v", n, ok)
		}
	}
	h := cookieHead(strings.Repeat("a=1;", 999)+"last=1", strings.Repeat(";", 60000))
	if _, ok := h.Cookie("last"); !ok {
		t.Error("the 1000th is not found")
	}
}

func TestCookiesAllocateNothing(t *testing.T) {
	h := cookieHead("a=1; b=2", `session="xyz"; c=3`)
	c := Cookie{Name: "__Host-a", Value: "b", Path: "/", Secure: true, Expires: date2026, SameSite: SameSiteLax}
	buf := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		if v, ok := h.Cookie("session"); !ok || string(v) != "xyz" {
			t.Error("not found")
		}
		if _, err := c.Append(buf); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCookies compares with net/http: what it finds is found here with the same
// value. It drops pairs for bytes in the value, and takes blanks around a name
// and pairs without "=".
func FuzzCookies(f *testing.F) {
	for _, s := range []string{"a=1; b=2", `a="x y"; ;=; b`, "a = 1", "a=b=c", "__Host-a=\"; b=\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !IsValue(in) {
			return // no head has it
		}
		h := cookieHead(in)
		var got []string
		for name, value := range h.Cookies() {
			if !IsToken(name) || strings.IndexByte(string(value), ';') >= 0 {
				t.Errorf("%q gives %q=%q", in, name, value)
			}
			got = append(got, string(name)+"="+string(value))
		}
		r := http.Request{Header: http.Header{"Cookie": {in}}}
		for _, c := range r.Cookies() {
			differs := strings.Contains(in, c.Name+" ") || strings.Contains(in, c.Name+"\t") || c.Value == "" // it may have had no "="
			if !differs && !slices.Contains(got, c.Name+"="+c.Value) {
				t.Errorf("%q: net/http has %s=%q, here %q", in, c.Name, c.Value, got)
			}
		}
	})
}

// FuzzCookieAppend: what is accepted is a field, and net/http reads it back the same.
func FuzzCookieAppend(f *testing.F) {
	f.Add("a", "b", "/", "example.org", 3, uint8(0xff))
	f.Add("__Host-a", "\"b\"", "/", "", -1, uint8(1))
	f.Fuzz(func(t *testing.T, name, value, path, domain string, maxAge int, flags uint8) {
		c := Cookie{Name: name, Value: value, Path: path, Domain: domain, MaxAge: maxAge,
			Secure: flags&1 != 0, HTTPOnly: flags&2 != 0, Partitioned: flags&4 != 0, SameSite: SameSite(flags >> 3)}
		line, err := c.Append(nil)
		if err != nil {
			return
		}
		if err := CheckField("Set-Cookie", string(line)); err != nil {
			t.Fatal(err)
		}
		got, err := http.ParseSetCookie(string(line))
		if err != nil {
			t.Fatalf("net/http does not read %q: %v", line, err)
		}
		if got.Name != name || got.Value != unquoteCookie(value) || got.Path != path || got.Domain != domain ||
			got.Secure != c.Secure || got.HttpOnly != c.HTTPOnly || got.Partitioned != c.Partitioned {
			t.Errorf("%q is read as %+v", line, got)
		}
	})
}
