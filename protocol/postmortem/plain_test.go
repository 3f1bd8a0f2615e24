package postmortem

import (
	"strings"
	"testing"
)

// The stack is for who is here, and no page elsewhere that has them ask.
func TestPlainIsForWhoIsHere(t *testing.T) {
	for _, row := range []struct {
		x    *Exchange
		want bool
	}{
		{&Exchange{}, true},
		{&Exchange{Host: "localhost:8080", Peer: "[::1]:1"}, true},
		{&Exchange{Host: "[::1]:8080", Peer: "127.0.0.1:1"}, true},
		{&Exchange{Host: "shop.localhost", Peer: "127.0.0.1:1"}, true},
		{&Exchange{Host: "192.168.1.2:8080", Peer: "192.168.1.7:1"}, false},
		{&Exchange{Host: "evil.example:8080", Peer: "127.0.0.1:1"}, false},
		{&Exchange{Host: "localhost", Peer: "127.0.0.1:1", Fields: []Pair{{"X-Forwarded-For", "203.0.113.7"}}}, false},
		{&Exchange{Host: "localhost", Peer: "127.0.0.1:1", Fields: []Pair{{"X-Forwarded-For", "127.0.0.1"}}}, true},
	} {
		r := &Report{Causes: []Cause{{Type: "string", Text: "boom"}}, Stack: "goroutine 1 [running]:\nrecovery()\n\t/r.go:1\npanic({0x1, 0x2})\n\t/p.go:1\nmain.f()", Exchange: row.x}
		a := r.plain()
		if len(a.Page) == 0 || strings.Contains(string(a.Page), "boom") != row.want || strings.HasSuffix(string(a.Page), "\n\npanic({0x1, 0x2})\n\t/p.go:1\nmain.f()") != row.want || strings.Contains(string(a.Page), "recovery") {
			t.Errorf("%+v: %s", row.x, a.Page)
		}
	}
	if a := new(Report).plain(); a != nil {
		t.Errorf("%+v", a)
	}
}
