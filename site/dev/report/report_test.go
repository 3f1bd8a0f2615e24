package report

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"spindle/protocol/postmortem"
)

func TestHandlerIsNothingByItself(t *testing.T) {
	h := http.NotFoundHandler()
	got := Handler(h)
	w := httptest.NewRecorder()
	got.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if _, wrapped := got.(http.HandlerFunc); w.Code != 404 || !wrapped {
		t.Errorf("%d %T", w.Code, got)
	}
}

func TestAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Length", "3")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	(&writer{ResponseWriter: w}).show(503, &postmortem.Answer{Ticket: "T", Type: "text/html", Page: []byte("<p>page")})
	if r := w.Result(); r.StatusCode != 503 || r.Header.Get("Content-Length") != "" || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("X-Spindle-Ticket") != "T" || r.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("%v", r)
	}
}

func TestDescribeMasks(t *testing.T) {
	r := httptest.NewRequest("POST", "/a?token=hush&b=1", strings.NewReader("x=1"))
	r.Header.Set("Authorization", "Bearer hush")
	r.Header.Set("Cookie", "api_key=hush; b=c")
	x := describe(r)
	for _, list := range [][]postmortem.Pair{x.Fields, x.Cookies, x.Form} {
		for _, p := range list {
			if strings.Contains(p.Value, "hush") {
				t.Errorf("%s: %s", p.Name, p.Value)
			}
		}
	}
	if strings.Contains(x.Target, "hush") || len(x.Cookies) != 2 {
		t.Errorf("%+v", x)
	}
	if rest, _ := io.ReadAll(r.Body); string(rest) != "x=1" {
		t.Errorf("the content was touched: %q", rest)
	}
}

func TestWriterKnowsWhetherItHasBegun(t *testing.T) {
	w := &writer{ResponseWriter: httptest.NewRecorder()}
	w.WriteHeader(103)
	if w.begun {
		t.Error("an early hint is no answer")
	}
	w.ResponseWriter = httptest.NewRecorder() // this one takes the hint for the answer
	if _, err := w.Write([]byte("x")); err != nil || !w.begun {
		t.Error("it has begun")
	}
}
