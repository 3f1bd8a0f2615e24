package protocol

import "testing"

func TestRequestHeadCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		h    RequestHead
		ok   bool
	}{
		{"plain", RequestHead{Method: "GET", Authority: "a:80", Target: "/x?y"}, true},
		{"asterisk", RequestHead{Method: "OPTIONS", Authority: "a", Target: "*"}, true},
		{"CONNECT", RequestHead{Method: "CONNECT", Authority: "a:443"}, true},
		{"CONNECT to nobody", RequestHead{Method: "CONNECT"}, false},
		{"method", RequestHead{Method: "G T", Authority: "a", Target: "/"}, false},
		{"split target", RequestHead{Method: "GET", Authority: "a", Target: "/ HTTP/1.1\r\nX: y"}, false},
		{"fragment", RequestHead{Method: "GET", Authority: "a", Target: "/#x"}, false},
		{"relative", RequestHead{Method: "GET", Authority: "a", Target: "x"}, false},
		{"authority", RequestHead{Method: "GET", Authority: "a b", Target: "/"}, false},
		{"field", RequestHead{Method: "GET", Authority: "a", Target: "/", Fields: Fields{{"X", "a\r\nb"}}}, false},
	} {
		if err := c.h.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRawFieldsText(t *testing.T) {
	raw := RawFields{{[]byte("A"), []byte("1")}, {[]byte("b-b"), nil}, {[]byte("a"), []byte("22")}}
	got := raw.Text(Fields{{"Z", "0"}})
	want := Fields{{"Z", "0"}, {"A", "1"}, {"b-b", ""}, {"a", "22"}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("field %d: %q, want %q", i, got[i], want[i])
		}
	}
	if v := raw.Get("B-B"); v == nil || len(v) != 0 {
		t.Errorf("an empty field is %v", v)
	}
	if l := raw.List("A"); string(l) != "1, 22" {
		t.Errorf("list %q", l)
	}
}
