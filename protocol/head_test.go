package protocol

import (
	"reflect"
	"slices"
	"testing"
)

func testHead() *Head {
	line := []byte("http://example.org/a%2Fb?x=1")
	return &Head{
		Method: "GET", Target: line, Form: AbsoluteForm, Scheme: line[:4], Authority: line[7:18],
		Path: line[18:24], Query: line[25:], Version: HTTP11, KeepAlive: true, ContentLength: -1,
		Fields: []RawField{
			{[]byte("Host"), []byte("example.org")},
			{[]byte("Cookie"), []byte("a=1")},
			{[]byte("X-Empty"), nil},
			{[]byte("cookie"), []byte("b=2")},
		},
	}
}

func TestHeadField(t *testing.T) {
	h := testHead()
	if got := h.Field("COOKIE"); string(got) != "a=1" {
		t.Errorf("Field is not the first: %q", got)
	}
	if got := h.Field("x-empty"); got == nil || len(got) != 0 {
		t.Errorf("an empty field is %#v", got)
	}
	if got := h.Field("Cookies"); got != nil {
		t.Errorf("a field that is not there is %q", got)
	}
	var all []string
	for v := range h.FieldAll("cookie") {
		all = append(all, string(v))
	}
	if !slices.Equal(all, []string{"a=1", "b=2"}) {
		t.Errorf("FieldAll: %q", all)
	}
	for range h.FieldAll("cookie") {
		break // must not go on after the loop has ended
	}
}

func TestHeadFieldAllocatesNothing(t *testing.T) {
	h := testHead()
	if n := testing.AllocsPerRun(100, func() {
		if h.Field("host") == nil || h.Field("If-None-Match") != nil {
			t.Error("wrong answer")
		}
		n := 0
		for range h.FieldAll("Cookie") {
			n++
		}
		if n != 2 {
			t.Error("wrong count")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHeadClone(t *testing.T) {
	h, want := testHead(), testHead()
	c := h.Clone()
	clear(h.Target)
	for _, f := range h.Fields {
		clear(f.Name)
		clear(f.Value)
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("clone changed with the buffer:\n got %+v\nwant %+v", c, want)
	}
	_ = append(c.Path, "overwritten"...)
	if string(c.Query) != "x=1" {
		t.Error("append to one part of a clone runs into the next")
	}
	if n := testing.AllocsPerRun(100, func() { want.Clone() }); n > 3 {
		t.Errorf("%v allocations, want 3 however many fields there are", n)
	}
	if c := (&Head{}).Clone(); c.Query != nil || c.Target != nil {
		t.Error("nil did not stay nil")
	}
}

func BenchmarkHeadField(b *testing.B) {
	h := testHead()
	for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Connection", "Referer"} {
		h.Fields = append(h.Fields, RawField{[]byte(name), []byte("x")})
	}
	b.Run("there", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Field("connection")
		}
	})
	b.Run("not-there", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Field("If-None-Match")
		}
	})
}
