package protocol

import (
	"mime"
	"strings"
	"testing"
)

func TestParseMediaType(t *testing.T) {
	for _, c := range []struct {
		why, in, typ, charset string
		ok                    bool
	}{
		{"§8.3.1 plain", "text/html", "text/html", "", true},
		{"§8.3.1 charset", "text/html;charset=utf-8", "text/html", "utf-8", true},
		{"§8.3.1 charset in quotes, case, blanks", `Text/HTML ; Charset="utf-8"`, "Text/HTML", "utf-8", true},
		{"§5.6.6 empty parameters", "text/html;; ;charset=a; ", "text/html", "a", true},
		{"§5.6.4 quoted pair", `a/b;charset="a\"\\b"`, "a/b", `a"\b`, true},
		{"§5.6.4 ; in quotes", `a/b;x=";charset=c";charset=d`, "a/b", "d", true},
		{"§8.3.1 no subtype", "text", "", "", false},
		{"§8.3.1 empty subtype", "text/", "", "", false},
		{"§8.3.1 empty type", "/html", "", "", false},
		{"§8.3.1 blank in the type", "text /html", "", "", false},
		{"§5.6.6 blank around =", "text/html;charset =utf-8", "", "", false},
		{"§5.6.6 no value", "text/html;charset=", "", "", false},
		{"§5.6.6 no =", "text/html;charset", "", "", false},
		{"§5.6.6 no name", "text/html;=x", "", "", false},
		{"§5.6.6 no ;", "text/html charset=x", "", "", false},
		{"§5.6.4 no end", `text/html;charset="x`, "", "", false},
		{"§5.6.4 backslash at the end", `text/html;charset="x\`, "", "", false},
		{"§5.6.4 something behind", `text/html;charset="x"y`, "", "", false},
		{"§5.6.4 control byte", "text/html;charset=\"a\x01\"", "", "", false},
		{"§8.3 two types", "text/html, text/plain", "", "", false},
		{"§8.3.1 a parameter twice", "a/b;charset=x;Charset=y", "", "", false},
		{"limit: 16 parameters", "a/b" + manyParams(16), "a/b", "", true},
		{"limit: 17 parameters", "a/b" + manyParams(17), "", "", false},
		{"empty", "", "", "", false},
	} {
		m, ok := ParseMediaType(c.in)
		charset, _ := m.Param("charset")
		if ok != c.ok || m.Type != c.typ || charset != c.charset {
			t.Errorf("%s: %q is %q, charset %q, %v", c.why, c.in, m.Type, charset, ok)
		}
	}
	if m, _ := ParseMediaType("Application/JSON"); !m.Is("application/json") || m.Is("application/jso") {
		t.Error("Is")
	}
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(";p" + string(rune('a'+i)) + "=1")
	}
	return b.String()
}

func TestBoundary(t *testing.T) {
	for _, c := range []struct {
		why, in, want string
	}{
		{"RFC 2046 §5.1.1 Chrome", "multipart/form-data; boundary=----WebKitFormBoundaryPzgGUq9aFVhVxJmN", "----WebKitFormBoundaryPzgGUq9aFVhVxJmN"},
		{"RFC 2046 §5.1.1 quotes", `multipart/form-data; boundary="a b:c"`, "a b:c"},
		{"RFC 2046 §5.1.1 70 bytes", "m/f; boundary=" + strings.Repeat("x", 70), strings.Repeat("x", 70)},
		{"RFC 2046 §5.1.1 71 bytes", "m/f; boundary=" + strings.Repeat("x", 71), ""},
		{"RFC 2046 §5.1.1 empty", `m/f; boundary=""`, ""},
		{"RFC 2046 §5.1.1 blank at the end", `m/f; boundary="a "`, ""},
		{"RFC 2046 §5.1.1 another byte", `m/f; boundary="a;b"`, ""},
		{"RFC 2046 §5.1.1 none", "multipart/form-data", ""},
	} {
		m, ok := ParseMediaType(c.in)
		if got, has := m.Boundary(); !ok || got != c.want || has != (c.want != "") {
			t.Errorf("%s: %q has %q, %v", c.why, c.in, got, has)
		}
	}
}

// FuzzMediaType: what is accepted here, mime accepts with the same meaning,
// but for RFC 2231's "*", bytes beyond ASCII in quotes, and backslashes, which mime keeps before
// letters for the sake of Windows paths.
func FuzzMediaType(f *testing.F) {
	for _, s := range []string{"text/html; charset=utf-8", `a/b;x="\"";y=1`, "multipart/form-data; boundary=x", "a/b;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, ok := ParseMediaType(in)
		if !ok || strings.ContainsAny(in, `*\`) || strings.ContainsFunc(in, func(r rune) bool { return r >= 0x80 }) {
			return
		}
		typ, params, err := mime.ParseMediaType(in)
		if err != nil {
			if strings.Contains(strings.NewReplacer(" ", "", "\t", "").Replace(in), ";;") {
				return // RFC 9110 §5.6.6 lets a parameter be empty
			}
			t.Fatalf("%q: %v", in, err)
		}
		if !m.Is(typ) {
			t.Errorf("%q: %q here, %q to mime", in, m.Type, typ)
		}
		for name, want := range params {
			if got, _ := m.Param(name); got != want {
				t.Errorf("%q: %s is %q here, %q to mime", in, name, got, want)
			}
		}
	})
}
