package handler

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzFields: whatever a handler puts in an http.Header, what is made of it can be sent, and
// a value without anything doubtful arrives as it is.
func FuzzFields(f *testing.F) {
	f.Add("X-A", "1", "Trailer", "X-B")
	f.Add("x a", "1\r\nX: y", http.TrailerPrefix+"X", "\x00")
	f.Add("Content-Length", "-1", "Transfer-Encoding", "identity")
	f.Add("Trailer", "Content-Length, ,X-A", "X-A", " \t")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		header := http.Header{name1: {value1, value2}, name2: {value2}}
		w := &writer{header: header, length: -1, x: &exchange{h: &Handler{}}}
		if n := strings.ToLower(name1 + name2); strings.Contains(n, "content-length") {
			return // what is wrong with it is logged with the request, which is not there
		}
		w.fixHead(200)
		if err := w.head.fields.Check(); err != nil {
			t.Error(err)
		}
		if err := w.head.trailersOf(header).Check(); err != nil {
			t.Error(err)
		}
		for _, field := range w.head.fields {
			if strings.HasPrefix(field.Name, http.TrailerPrefix) {
				t.Errorf("%q is sent", field)
			}
		}
	})
}
