package protocol

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestCheckField(t *testing.T) {
	for _, c := range []struct {
		why, name, value string
		ok               bool
	}{
		{"§5.1 plain", "Content-Type", "text/html; charset=utf-8", true},
		{"§5.6.2 every tchar", "!#$%&'*+-.^_`|~09azAZ", "x", true},
		{"§5.1 empty name", "", "x", false},
		{"§5.1 space before the colon", "Name ", "x", false},
		{"§5.1 colon", "Na:me", "x", false},
		{"§5.1 pseudo-field", ":status", "200", false},
		{"§5.1 CR LF in the name", "A\r\nB", "x", false},
		{"§5.1 NUL in the name", "A\x00", "x", false},
		{"§5.1 byte beyond ASCII in the name", "Stra\xdfe", "x", false},
		{"§5.6.2 each separator: (", "a(", "x", false},
		{"§5.6.2 each separator: /", "a/", "x", false},
		{"§5.6.2 each separator: \"", "a\"", "x", false},
		{"§5.6.2 each separator: {", "a{", "x", false},
		{"§5.5 empty value", "A", "", true},
		{"§5.5 tab and blank inside", "A", "a\tb c", true},
		{"§5.5 obs-text", "A", "caf\xc3\xa9", true},
		{"§5.5 CR", "A", "a\rb", false},
		{"§5.5 LF", "A", "a\nSet-Cookie: x=y", false},
		{"§5.5 CR LF at the end", "A", "a\r\n", false},
		{"§5.5 NUL", "A", "a\x00b", false},
		{"§5.5 VT", "A", "a\vb", false},
		{"§5.5 DEL", "A", "a\x7f", false},
		{"§5.5 blank before", "A", " a", false},
		{"§5.5 tab behind", "A", "a\t", false},
		{"§5.5 only a blank", "A", " ", false},
	} {
		if err := CheckField(c.name, c.value); (err == nil) != c.ok {
			t.Errorf("%s: CheckField(%q, %q) = %v, want ok %v", c.why, c.name, c.value, err, c.ok)
		}
		if err := (Fields{{"X", "y"}, {c.name, c.value}}).Check(); (err == nil) != c.ok {
			t.Errorf("%s: Check = %v, want ok %v", c.why, err, c.ok)
		}
	}
}

func TestCheckFieldErrorIsOneShortLine(t *testing.T) {
	err := CheckField(strings.Repeat("a\r\n", 100), "x")
	if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 300 {
		t.Errorf("error is %d bytes: %s", len(s), s)
	}
}

func TestFields(t *testing.T) {
	var f Fields
	f.Add("Vary", "accept")
	f.Add("X-A", "1")
	f.Add("vary", "cookie")
	if f.Get("VARY") != "accept" || !f.Has("x-a") || f.Has("X-B") || f.Get("X-B") != "" {
		t.Errorf("lookups in %v", f)
	}
	if v := f.Values("Vary"); !slices.Equal(v, []string{"accept", "cookie"}) {
		t.Errorf("Values = %q", v)
	}
	f.Set("VARY", "*")
	if want := (Fields{{"VARY", "*"}, {"X-A", "1"}}); !slices.Equal(f, want) {
		t.Errorf("after Set: %v, want %v", f, want)
	}
	f.Set("New", "n")
	f.Del("x-a")
	if want := (Fields{{"VARY", "*"}, {"New", "n"}}); !slices.Equal(f, want) {
		t.Errorf("after Del: %v, want %v", f, want)
	}
	f.Del("none")
	if len(f) != 2 {
		t.Errorf("Del of a name that is not there: %v", f)
	}
}

func TestEqualFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"Host", "hOST", true}, {"Host", "Hos", false}, {"a", "b", false},
		{"@", "`", false}, {"[", "{", false}, {"\x00", " ", false}, // 0x20 apart and no letters
		{"Z", "z", true}, {"A", "a", true}, {"K", "\u212a", false}, {"\xc9", "\xe9", false},
	} {
		if got := EqualFold(c.a, []byte(c.b)); got != c.want {
			t.Errorf("EqualFold(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestFieldsAllocateNothing(t *testing.T) {
	f := Fields{{"Content-Type", "text/plain"}, {"X-Frame-Options", "deny"}}
	if n := testing.AllocsPerRun(100, func() {
		if f.Check() != nil || f.Get("x-frame-options") != "deny" || CheckField("Location", "/a b") != nil {
			t.Error("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCheckField(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if CheckField("Content-Type", "text/html; charset=utf-8") != nil {
			b.Fatal("refused")
		}
	}
}

// TestIsValueEveryByte puts each byte at each place of values of several lengths.
func TestIsValueEveryByte(t *testing.T) {
	for n := 1; n <= 26; n++ {
		for at := range n {
			for c := range 256 {
				value := bytes.Repeat([]byte("\xff~"), 13)[:n]
				value[at] = byte(c)
				want := c == '\t' || c >= ' ' && c != 0x7f // RFC 9110 §5.5
				if (at == 0 || at == n-1) && (c == ' ' || c == '\t') {
					want = false
				}
				if IsValue(value) != want || IsValue(string(value)) != want {
					t.Fatalf("%#x at %d of %d: %v", c, at, n, !want)
				}
			}
		}
	}
}
