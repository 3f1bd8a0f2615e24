package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func fieldsOf(lines ...string) (f protocol.Fields) {
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		f.Add(name, value)
	}
	return f
}

func request(method string, lines ...string) *protocol.Head {
	h := &protocol.Head{Method: method}
	for _, f := range fieldsOf(lines...) {
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(f.Name), Value: []byte(f.Value)})
	}
	return h
}

func date(t time.Time) string { return string(protocol.AppendDate(nil, t)) }

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name   string
		q      *protocol.Head
		status int
		answer []string
		kept   bool
		fresh  time.Duration
	}{
		{"max-age", request("GET"), 200, []string{"Cache-Control: max-age=60"}, true, time.Minute},
		{"s-maxage wins §5.2.2.10", request("GET"), 200, []string{"Cache-Control: max-age=60, s-maxage=10"}, true, 10 * time.Second},
		{"the shorter of two §4.2.1", request("GET"), 200, []string{"Cache-Control: max-age=60", "Cache-Control: max-age=5"}, true, 5 * time.Second},
		{"quoted", request("GET"), 200, []string{`Cache-Control: max-age="60"`}, true, time.Minute},
		{"beyond all measure §1.2.2", request("GET"), 200, []string{"Cache-Control: max-age=99999999999999999999"}, true, forever},
		{"no number", request("GET"), 200, []string{"Cache-Control: max-age=x"}, false, 0},
		{"Expires", request("GET"), 200, []string{"Date: " + date(now), "Expires: " + date(now.Add(time.Hour))}, true, time.Hour},
		{"Expires: 0 §5.3", request("GET"), 200, []string{"Expires: 0"}, false, 0},
		{"heuristic §4.2.2", request("GET"), 200, []string{"Date: " + date(now), "Last-Modified: " + date(now.Add(-100*time.Minute))}, true, 10 * time.Minute},
		{"nothing said", request("GET"), 200, nil, false, 0},
		{"validator only", request("GET"), 200, []string{`ETag: "a"`}, true, 0},
		{"302 with a word", request("GET"), 302, []string{"Cache-Control: max-age=60"}, true, time.Minute},
		{"Age", request("GET"), 200, []string{"Cache-Control: max-age=60", "Age: 20"}, true, 40 * time.Second},
		{"no-store", request("GET"), 200, []string{"Cache-Control: no-store, max-age=60"}, false, 0},
		{"private", request("GET"), 200, []string{"Cache-Control: private, max-age=60"}, false, 0},
		{"request no-store", request("GET", "Cache-Control: no-store"), 200, []string{"Cache-Control: max-age=60"}, false, 0},
		{"POST", request("POST"), 200, []string{"Cache-Control: max-age=60"}, false, 0},
		{"206", request("GET"), 206, []string{"Cache-Control: max-age=60"}, false, 0},
		{"500", request("GET"), 500, []string{"Cache-Control: max-age=60"}, false, 0},
		{"Range", request("GET", "Range: bytes=0-1"), 200, []string{"Cache-Control: max-age=60"}, false, 0},
		{"Vary: *", request("GET"), 200, []string{"Cache-Control: max-age=60", "Vary: *"}, false, 0},
		{"Set-Cookie", request("GET"), 200, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}, false, 0},
		{"Authorization §3.5", request("GET", "Authorization: x"), 200, []string{"Cache-Control: max-age=60"}, false, 0},
		{"Authorization, public", request("GET", "Authorization: x"), 200, []string{"Cache-Control: public, max-age=60"}, true, time.Minute},
	} {
		e := Judge(c.q, c.status, fieldsOf(c.answer...), now, now)
		if (e != nil) != c.kept {
			t.Errorf("%s: kept %v", c.name, e != nil)
		} else if e != nil && e.TTL(now) != c.fresh {
			t.Errorf("%s: fresh for %v", c.name, e.TTL(now))
		}
	}
}

func TestUse(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string // Cache-Control
		after  time.Duration
		q      []string
		want   Use
	}{
		{"fresh", "max-age=60", 59 * time.Second, nil, Fresh},
		{"stale", "max-age=60", 60 * time.Second, nil, Revalidate},
		{"no-cache", "max-age=60, no-cache", 0, nil, Revalidate},
		{"request no-cache", "max-age=60", 0, []string{"Cache-Control: no-cache"}, Revalidate},
		{"Pragma", "max-age=60", 0, []string{"Pragma: no-cache"}, Revalidate},
		{"request max-age", "max-age=60", 10 * time.Second, []string{"Cache-Control: max-age=5"}, Revalidate},
		{"min-fresh", "max-age=60", 50 * time.Second, []string{"Cache-Control: min-fresh=20"}, Revalidate},
		{"max-stale", "max-age=60", 70 * time.Second, []string{"Cache-Control: max-stale=20"}, Fresh},
		{"max-stale, must-revalidate", "max-age=60, must-revalidate", 70 * time.Second, []string{"Cache-Control: max-stale"}, Revalidate},
		{"while revalidate", "max-age=60, stale-while-revalidate=30", 80 * time.Second, nil, Refresh},
		{"while revalidate, over", "max-age=60, stale-while-revalidate=30", 91 * time.Second, nil, Revalidate},
		{"only-if-cached", "max-age=60", 70 * time.Second, []string{"Cache-Control: only-if-cached"}, Forbidden},
		{"Authorization", "max-age=60", 0, []string{"Authorization: x"}, Revalidate},
	} {
		var s Store
		e := Judge(request("GET"), 200, fieldsOf("Cache-Control: "+c.answer, `ETag: "a"`), now, now)
		s.Put("k", request("GET"), e, []byte("body"))
		if _, got := s.Lookup("k", request("GET", c.q...), now.Add(c.after)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func put(s *Store, key string, q *protocol.Head, body string, lines ...string) {
	s.Put(key, q, Judge(q, 200, fieldsOf(append(lines, "Cache-Control: max-age=60")...), now, now), []byte(body))
}

func TestVary(t *testing.T) {
	var s Store
	put(&s, "k", request("GET", "Accept-Language: de"), "deutsch", "Vary: Accept-Language")
	put(&s, "k", request("GET", "Accept-Language: en, fr"), "english", "Vary: Accept-Language")
	for q, want := range map[string]string{"de": "deutsch", "en ,fr": "english", "fr": ""} {
		e, _ := s.Lookup("k", request("GET", "Accept-Language: "+q), now)
		if got := ""; e != nil {
			if got = string(e.Body); got != want {
				t.Errorf("%s: %q", q, got)
			}
		} else if want != "" {
			t.Errorf("%s: nothing", q)
		}
	}
	put(&s, "k", request("GET", "Accept-Language: de"), "neu", "Vary: Accept-Language")
	if s.Len() != 2 {
		t.Errorf("%d entries", s.Len())
	}
	s.Invalidate("k")
	if s.Len() != 0 || s.Bytes() != 0 {
		t.Errorf("%d entries, %d bytes after Invalidate", s.Len(), s.Bytes())
	}
}

func TestBounds(t *testing.T) {
	s := Store{MaxBytes: 10000, MaxEntryBytes: 1000}
	for i := range 100 {
		put(&s, fmt.Sprint(i), request("GET"), strings.Repeat("x", 1000))
		s.Lookup("0", request("GET"), now) // is used, and so kept
	}
	if s.Bytes() > 10000 {
		t.Errorf("%d bytes", s.Bytes())
	}
	if e, _ := s.Lookup("0", request("GET"), now); e == nil {
		t.Error("the one that is used was dropped")
	}
	if e, _ := s.Lookup("1", request("GET"), now); e != nil {
		t.Error("an old one was kept")
	}
	put(&s, "long", request("GET"), strings.Repeat("x", 1001))
	if e, _ := s.Lookup("long", request("GET"), now); e != nil {
		t.Error("one that is too long was kept")
	}
}

func TestFreshen(t *testing.T) {
	var s Store
	put(&s, "k", request("GET"), "body", `ETag: "a"`, "X-Old: 1", "Content-Type: text/x")
	later := now.Add(2 * time.Minute)
	e, use := s.Lookup("k", request("GET"), later)
	if use != Revalidate || e.Conditions().Get("If-None-Match") != `"a"` {
		t.Fatalf("%v %v", use, e.Conditions())
	}
	if !s.Freshen(e, request("GET"), fieldsOf("Cache-Control: max-age=30", "X-Old: 2", "Content-Type: wrong/x"), later, later) {
		t.Fatal("dropped")
	}
	e, use = s.Lookup("k", request("GET"), later.Add(29*time.Second))
	if use != Fresh || e.Fields.Get("X-Old") != "2" || e.Fields.Get("Content-Type") != "text/x" || string(e.Body) != "body" || s.Len() != 1 {
		t.Errorf("%v %v %q, %d entries", use, e.Fields, e.Body, s.Len())
	}
	if s.Freshen(e, request("GET"), fieldsOf("Cache-Control: no-store"), later, later) || s.Len() != 0 {
		t.Error("kept against no-store")
	}
}

func TestForError(t *testing.T) {
	e := Judge(request("GET"), 200, fieldsOf("Cache-Control: max-age=60, stale-if-error=60"), now, now)
	if !e.ForError(now.Add(119*time.Second)) || e.ForError(now.Add(121*time.Second)) {
		t.Error("stale-if-error is not held")
	}
}

func FuzzControl(f *testing.F) {
	f.Add("max-age=60, no-cache=\"a, b\", stale-while-revalidate=5")
	f.Add(`max-age="`)
	f.Fuzz(func(t *testing.T, s string) {
		c := parse([]byte(s))
		for _, d := range []time.Duration{c.maxAge, c.sMaxage, c.minFresh, c.maxStale, c.whileRevalidate, c.ifError} {
			if d < -1 || d > forever {
				t.Errorf("%q: %v", s, d)
			}
		}
	})
}
