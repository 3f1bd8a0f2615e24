package protocol

import (
	"net/http"
	"strings"
	"testing"
)

// TestStatusText compares with net/http, whose phrases are RFC 9110's but for
// those that were renamed since and the codes registered later.
func TestStatusText(t *testing.T) {
	differ := map[int]string{
		104: "Upload Resumption Supported",
		413: "Content Too Large",
		414: "URI Too Long",
		416: "Range Not Satisfiable",
		422: "Unprocessable Content",
	}
	for code := -1; code < 1000; code++ {
		want, ok := differ[code]
		if !ok {
			want = http.StatusText(code)
		}
		if got := StatusText(code); got != want {
			t.Errorf("StatusText(%d) = %q, want %q", code, got, want)
		}
	}
}

func TestNoContent(t *testing.T) {
	for code, want := range map[int]bool{99: false, 100: true, 101: true, 103: true, 199: true, 200: false, 204: true, 205: false, 206: false, 304: true, 404: false} {
		if NoContent(code) != want {
			t.Errorf("RFC 9110 §6.4.1: NoContent(%d) = %v", code, !want)
		}
	}
}

func TestError(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Status: 400, Reason: "bare LF"}, "protocol: 400 Bad Request: bare LF"},
		{Error{Reason: "no answer", Close: true}, "protocol: no answer"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestQuote(t *testing.T) {
	if got := Quote("a\r\n\x1b"); got != `"a\r\n\x1b"` {
		t.Error(got)
	}
	if got := Quote([]byte(strings.Repeat("x", 80))); got != `"`+strings.Repeat("x", 80)+`"` {
		t.Error(got)
	}
	if got := Quote(strings.Repeat("x", 81)); got != `"`+strings.Repeat("x", 80)+`"...` {
		t.Error(got)
	}
}
