package protocol

import (
	"slices"
	"strings"
	"testing"
)

func headOf(method string, lines ...string) *Head {
	h := &Head{Method: method}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Fields = append(h.Fields, RawField{[]byte(name), []byte(value)})
	}
	return h
}

func TestNextMember(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    []string
	}{
		{"§5.6.1 plain", "a, b,c", []string{"a", "b", "c"}},
		{"§5.6.1.2 empty members", ", ,a,, \t,b,", []string{"a", "b"}},
		{"§5.6.4 comma in quotes", `a;x="1,2", b`, []string{`a;x="1,2"`, "b"}},
		{"§5.6.4 quote in quotes", `a;x="1\",2", b`, []string{`a;x="1\",2"`, "b"}},
		{"§5.6.4 no end", `a;x="1, b`, []string{`a;x="1, b`}},
		{"§5.6.4 backslash at the end", `a;x="1\`, []string{`a;x="1\`}},
		{"empty", "", nil},
	} {
		var got []string
		for list := []byte(c.in); ; {
			m, rest, ok := NextMember(list)
			if !ok {
				break
			}
			got, list = append(got, string(m)), rest
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q gives %q, want %q", c.why, c.in, got, c.want)
		}
	}
}

func TestHasMember(t *testing.T) {
	for _, c := range []struct {
		list, token string
		want        bool
	}{
		{"keep-alive,close", "close", true}, {"keep-alive, CLOSE", "close", true}, {"closed", "close", false},
		{"x-close, clos", "close", false}, {"", "close", false}, {`"close"`, "close", false},
	} {
		if HasMember([]byte(c.list), c.token) != c.want {
			t.Errorf("HasMember(%q, %q) is %v", c.list, c.token, !c.want)
		}
	}
}

func TestList(t *testing.T) {
	for _, c := range []struct {
		why   string
		lines []string
		want  string
	}{
		{"§5.3 one line", []string{"Accept: a", "Other: x"}, "a"},
		{"§5.3 three lines", []string{"Accept: a", "Other: x", "accept: b", "ACCEPT: c"}, "a, b, c"},
		{"§5.3 none", []string{"Other: x"}, ""},
	} {
		h := headOf("GET", c.lines...)
		if got := h.List("Accept"); string(got) != c.want {
			t.Errorf("%s: %q", c.why, got)
		}
		if string(h.Fields[0].Value) != strings.SplitN(c.lines[0], ": ", 2)[1] {
			t.Errorf("%s: the head was written to", c.why)
		}
	}
	if headOf("GET").List("Accept") != nil {
		t.Error("no field is not nil")
	}
	if headOf("GET", "Accept: ").List("Accept") == nil {
		t.Error("an empty field is nil")
	}
}
