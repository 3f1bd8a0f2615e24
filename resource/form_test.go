package resource

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// feed gives content to a parser in pieces that end at cuts, and returns the
// outcome as text: what is in the form, or the status of the error.
func feed(p contentParser, content []byte, cuts ...int) string {
	slices.Sort(cuts)
	from := 0
	for _, to := range append(cuts, len(content)) {
		piece := slices.Clone(content[from:to]) // valid until return only
		p.Write(piece)
		for i := range piece {
			piece[i] = '!'
		}
		from = to
	}
	return outcome(p, content)
}

func feedByByte(p contentParser, content []byte) string {
	cuts := make([]int, len(content))
	for i := range cuts {
		cuts[i] = i
	}
	return feed(p, content, cuts...)
}

func outcome(p contentParser, content []byte) string {
	if err := p.Close(); err != nil {
		var e *Error
		if !errors.As(err, &e) || p.Write([]byte("x")) != err {
			return fmt.Sprintf("an error of another kind, or not the same again: %v", err)
		}
		return fmt.Sprint(e.Status)
	}
	var b strings.Builder
	for _, v := range p.parsed().values {
		fmt.Fprintf(&b, "%q=%q ", v.name, v.value)
	}
	for _, f := range p.parsed().files {
		fmt.Fprintf(&b, "%q:%q %q %q ", f.name, f.filename, f.contentType, content[f.offset:f.offset+f.size])
	}
	return strings.TrimSpace(b.String())
}

func TestFormParser(t *testing.T) {
	for _, c := range []struct {
		why, in string
		limits  formLimits
		want    string
	}{
		{"URL Standard §5.1 pairs", "a=1&b=2&a=3", formLimits{}, `"a"="1" "b"="2" "a"="3"`},
		{"URL Standard §5.1 escapes", "n+a=J%C3%BCrgen%26", formLimits{}, `"n a"="Jürgen&"`},
		{"URL Standard §5.1 ; divides nothing", "a=1;b=2", formLimits{}, `"a"="1;b=2"`},
		{"URL Standard §5.1 empty ones", "&&a&=b&", formLimits{}, `"a"="" ""="b"`},
		{"URL Standard §5.1 bad escape", "a=%zz%", formLimits{}, `"a"="%zz%"`},
		{"empty", "", formLimits{}, ``},
		{"limit: 2 fields", "a&b&&", formLimits{fields: 2}, `"a"="" "b"=""`},
		{"limit: 3 fields", "a&b&c", formLimits{fields: 2}, `413`},
		{"limit: 1000 fields by default", strings.Repeat("a&", 1001), formLimits{}, `413`},
		{"limit: a value of 5", "a=123&b", formLimits{value: 5}, `"a"="123" "b"=""`},
		{"limit: a value of 6", "a=1234&b", formLimits{value: 5}, `413`},
		{"limit: 5 bytes", "a&b&c", formLimits{total: 5}, `"a"="" "b"="" "c"=""`},
		{"limit: 6 bytes", "a&b&c&", formLimits{total: 5}, `413`},
		{"no limit", strings.Repeat("&", 2000) + "a=" + strings.Repeat("x", 10), formLimits{fields: -1, value: -1}, `"a"="xxxxxxxxxx"`},
	} {
		if got := feed(newFormParser(c.limits), []byte(c.in)); got != c.want {
			t.Errorf("%s: %.80q gives %s, want %s", c.why, c.in, got, c.want)
		}
		if got := feedByByte(newFormParser(c.limits), []byte(c.in)); got != c.want {
			t.Errorf("%s: %.80q byte by byte gives %s, want %s", c.why, c.in, got, c.want)
		}
	}
}

func TestFormValue(t *testing.T) {
	p := newFormParser(formLimits{})
	p.Write([]byte("a=1&a=2"))
	p.Close()
	if v, ok := p.parsed().value("a"); !ok || v != "1" {
		t.Errorf("%q %v", v, ok)
	}
	if v, ok := p.parsed().value("A"); ok {
		t.Errorf("%q", v)
	}
}

func TestNewContentParser(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"RFC 9110 §8.3 urlencoded", "application/x-www-form-urlencoded", "*resource.formParser"},
		{"RFC 9110 §8.3 urlencoded with charset", "Application/X-WWW-form-urlencoded ; charset=UTF-8", "*resource.formParser"},
		{"RFC 7578 §4.1 boundary", "multipart/form-data; boundary=x", "*resource.multipartParser"},
		{"RFC 7578 §4.1 boundary in quotes", `Multipart/Form-Data; charset=utf-8; boundary="x y"`, "*resource.multipartParser"},
		{"RFC 7578 §4.1 no boundary", "multipart/form-data", "400"},
		{"RFC 7578 §4.1 two boundaries", "multipart/form-data; boundary=a; boundary=b", "400"},
		{"RFC 2046 §5.1.1 a boundary that is none", "multipart/form-data; boundary=\"a;b\"", "400"},
		{"RFC 9110 §8.3 another type", "application/json", "none"},
		{"RFC 9110 §8.3 another multipart", "multipart/mixed; boundary=x", "none"},
		{"RFC 9110 §8.3 no type", "", "none"},
		{"RFC 9110 §8.3 garbage", ";;;", "none"},
	} {
		p, err := newContentParser(c.in, formLimits{})
		got := fmt.Sprintf("%T", p)
		var e *Error
		switch {
		case errors.As(err, &e):
			got = fmt.Sprint(e.Status)
		case p == nil:
			got = "none"
		}
		if got != c.want {
			t.Errorf("%s: %q gives %s, want %s", c.why, c.in, got, c.want)
		}
	}
}

// FuzzForm: the split law, bounds, and what net/url accepts it means the same by.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "&&=+%2", "a=%C3%BC;b", "x&y&z"} {
		f.Add([]byte(s), uint16(1), uint16(2))
	}
	f.Fuzz(func(t *testing.T, in []byte, i, j uint16) {
		limits := formLimits{fields: 4, value: 20, total: 60}
		whole := feed(newFormParser(limits), in)
		cut := feed(newFormParser(limits), in, int(i)%(len(in)+1), int(j)%(len(in)+1))
		if bytewise := feedByByte(newFormParser(limits), in); whole != cut || whole != bytewise {
			t.Fatalf("whole: %s\ncut: %s\nbyte by byte: %s", whole, cut, bytewise)
		}
		p := newFormParser(formLimits{})
		p.Write(in)
		if p.Close() != nil {
			return
		}
		want, err := url.ParseQuery(string(in))
		if err != nil {
			return // a bad escape or ";"
		}
		got := url.Values{}
		for _, v := range p.form.values {
			got.Add(v.name, v.value)
		}
		if got.Encode() != want.Encode() {
			t.Errorf("%q: %v here, %v to net/url", in, got, want)
		}
	})
}
