package http1

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"spindle/protocol"
)

// FuzzClientDifferential compares with net/http: what both take means the same to both.
// What only net/http takes (bare LF, folds, equal lengths twice, other codings, blanks)
// is refused here on purpose; what only the Client takes is an error.
func FuzzClientDifferential(f *testing.F) {
	for _, s := range answerSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		x := ask(t, protocol.RequestHead{}, nil)
		x.Deliver(in)
		x.DeliverEOF()
		x.loop.Run()
		if !x.a.Done || strings.Contains(x.a.String(), "100 ") || x.a.Log[0][0] == '1' {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(in))), nil)
		if err != nil {
			if knownRefusal(err) {
				return
			}
			t.Fatalf("net/http: %v; here %v", err, x.a)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil && !knownRefusal(err) {
			t.Fatalf("net/http, in the content: %v; here %v", err, x.a)
		}
		if err == nil && (r.StatusCode != x.a.Status || string(body) != string(x.a.Body)) {
			t.Errorf("net/http: %d %q; here %v", r.StatusCode, body, x.a)
		}
	})
}

// knownRefusal tells whether net/http refuses what RFC 9112 does not: a chunk's
// extension or trailers that it finds too long, and trailers that name no field
// it would take.
func knownRefusal(err error) bool {
	for _, known := range []string{"chunk", "trailer", "malformed MIME header"} {
		if strings.Contains(err.Error(), known) {
			return true
		}
	}
	return false
}
