package protocol

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	dateBefore = "Wed, 15 Jul 2026 10:59:59 GMT"
	dateSame   = "Wed, 15 Jul 2026 11:00:00 GMT"
	dateAfter  = "Wed, 15 Jul 2026 11:00:01 GMT"
)

// strongV was modified at dateSame and a bit, an hour before date2026.
var strongV = Validators{ETag: `"v1"`, Modified: date2026.Add(-time.Hour + 300*time.Millisecond)}

func TestPrecondition(t *testing.T) {
	weakV := Validators{ETag: `W/"v1"`, Modified: strongV.Modified}
	undated := Validators{ETag: `"v1"`}
	untagged := Validators{Modified: strongV.Modified}
	missing := Validators{Missing: true}
	for _, c := range []struct {
		why, method string
		v           Validators
		lines       []string
		want        int
	}{
		{"no condition", "GET", strongV, nil, 0},
		{"§13.1.1 If-Match true", "PUT", strongV, []string{`If-Match: "v1"`}, 0},
		{"§13.1.1 If-Match in a list", "PUT", strongV, []string{`If-Match: "a", "b" ,"v1"`}, 0},
		{"§13.1.1 If-Match in a second line", "PUT", strongV, []string{`If-Match: "a"`, `If-Match: "v1"`}, 0},
		{"§13.1.1 If-Match false", "PUT", strongV, []string{`If-Match: "v2"`}, 412},
		{"§13.1.1 If-Match false on GET", "GET", strongV, []string{`If-Match: "v2"`}, 412},
		{"§13.1.1 If-Match * there", "PUT", strongV, []string{`If-Match: *`}, 0},
		{"§13.1.1 If-Match * not there", "PUT", missing, []string{`If-Match: *`}, 412},
		{"§13.1.1 If-Match not there", "PUT", missing, []string{`If-Match: "v1"`}, 412},
		{"§13.1.1 If-Match compares strongly: weak here", "PUT", weakV, []string{`If-Match: W/"v1"`}, 412},
		{"§13.1.1 If-Match compares strongly: weak there", "PUT", strongV, []string{`If-Match: W/"v1"`}, 412},
		{"§13.1.1 If-Match without a tag here", "PUT", untagged, []string{`If-Match: "v1"`}, 412},
		{"§13.1.1 If-Match malformed guards all the same", "PUT", strongV, []string{`If-Match: v1`}, 412},
		{"§13.1.1 If-Match empty", "PUT", strongV, []string{`If-Match: `}, 412},
		{"§13.1.2 If-None-Match equal, GET", "GET", strongV, []string{`If-None-Match: "v1"`}, 304},
		{"§13.1.2 If-None-Match equal, HEAD", "HEAD", strongV, []string{`If-None-Match: "v1"`}, 304},
		{"§13.1.2 If-None-Match equal, PUT", "PUT", strongV, []string{`If-None-Match: "v1"`}, 412},
		{"§13.1.2 If-None-Match other", "GET", strongV, []string{`If-None-Match: "v2"`}, 0},
		{"§13.1.2 If-None-Match weak there", "GET", strongV, []string{`If-None-Match: W/"v1"`}, 304},
		{"§13.1.2 If-None-Match weak here", "GET", weakV, []string{`If-None-Match: "v1"`}, 304},
		{"§13.1.2 If-None-Match list with commas and W/", "GET", strongV, []string{`If-None-Match: "a,b", W/"c" ,, W/"v1"`}, 304},
		{"§8.8.3 a backslash in a tag escapes nothing", "GET", strongV, []string{`If-None-Match: "a\", "v1"`}, 304},
		{"§13.1.2 If-None-Match * there", "GET", strongV, []string{`If-None-Match: *`}, 304},
		{"§13.1.2 If-None-Match * there, PUT", "PUT", strongV, []string{`If-None-Match: *`}, 412},
		{"§13.1.2 If-None-Match * not there", "PUT", missing, []string{`If-None-Match: *`}, 0},
		{"§13.1.2 If-None-Match: * is no member of a list", "GET", strongV, []string{`If-None-Match: "a", *`}, 0},
		{"§13.1.2 If-None-Match malformed", "GET", strongV, []string{`If-None-Match: v1`}, 0},
		{"§13.1.2 the list ends where it is malformed", "GET", strongV, []string{`If-None-Match: "a" "v1"`}, 0},
		{"§13.1.2 no end of the tag", "GET", strongV, []string{`If-None-Match: "v1`}, 0},
		{"§13.1.3 If-Modified-Since same", "GET", strongV, []string{"If-Modified-Since: " + dateSame}, 304},
		{"§13.1.3 If-Modified-Since later", "HEAD", strongV, []string{"If-Modified-Since: " + dateAfter}, 304},
		{"§13.1.3 If-Modified-Since earlier", "GET", strongV, []string{"If-Modified-Since: " + dateBefore}, 0},
		{"§13.1.3 If-Modified-Since in RFC 850", "GET", strongV, []string{"If-Modified-Since: Wednesday, 15-Jul-26 11:00:00 GMT"}, 304},
		{"§13.1.3 If-Modified-Since on POST", "POST", strongV, []string{"If-Modified-Since: " + dateSame}, 0},
		{"§13.1.3 If-Modified-Since no date here", "GET", undated, []string{"If-Modified-Since: " + dateSame}, 0},
		{"§13.1.3 If-Modified-Since no date there", "GET", strongV, []string{"If-Modified-Since: yesterday"}, 0},
		{"§13.1.3 If-Modified-Since twice", "GET", strongV, []string{"If-Modified-Since: " + dateSame, "If-Modified-Since: " + dateSame}, 0},
		{"§13.1.3 If-None-Match wins: other", "GET", strongV, []string{`If-None-Match: "v2"`, "If-Modified-Since: " + dateSame}, 0},
		{"§13.1.3 If-None-Match wins: equal", "GET", strongV, []string{"If-Modified-Since: " + dateBefore, `If-None-Match: "v1"`}, 304},
		{"§13.1.4 If-Unmodified-Since same", "PUT", strongV, []string{"If-Unmodified-Since: " + dateSame}, 0},
		{"§13.1.4 If-Unmodified-Since earlier", "PUT", strongV, []string{"If-Unmodified-Since: " + dateBefore}, 412},
		{"§13.1.4 If-Unmodified-Since earlier on GET", "GET", strongV, []string{"If-Unmodified-Since: " + dateBefore}, 412},
		{"§13.1.4 If-Unmodified-Since bad date", "PUT", strongV, []string{"If-Unmodified-Since: x"}, 0},
		{"§13.1.4 If-Unmodified-Since no date here", "PUT", undated, []string{"If-Unmodified-Since: " + dateBefore}, 0},
		{"§13.1.4 If-Match wins", "PUT", strongV, []string{`If-Match: "v1"`, "If-Unmodified-Since: " + dateBefore}, 0},
		{"§13.2.2 both steps: guard false first", "GET", strongV, []string{`If-Match: "v2"`, `If-None-Match: "v1"`}, 412},
		{"§13.2.2 both steps: guard true, fresh", "GET", strongV, []string{`If-Match: "v1"`, `If-None-Match: "v1"`}, 304},
		{"§13.2.1 OPTIONS has no conditions", "OPTIONS", strongV, []string{`If-Match: "v2"`}, 0},
		{"§13.2.1 TRACE has no conditions", "TRACE", strongV, []string{`If-None-Match: *`}, 0},
		{"a tag of the application that is none", "GET", Validators{ETag: "W"}, []string{`If-None-Match: "W"`}, 0},
	} {
		if got := Precondition(headOf(c.method, c.lines...), c.v, date2026); got != c.want {
			t.Errorf("%s: %s %q is %d, want %d", c.why, c.method, c.lines, got, c.want)
		}
	}
}

func TestIsETag(t *testing.T) {
	for s, want := range map[string]bool{
		`"x"`: true, `W/"x"`: true, `""`: true, `"a,b\"`: true, "\"\xe9\"": true,
		`x`: false, `"`: false, `w/"x"`: false, `W/`: false, `"a b"`: false, `"a"b"`: false, "": false, "\"a\x7f\"": false,
	} {
		if IsETag(s) != want || IsETag([]byte(s)) != want {
			t.Errorf("RFC 9110 §8.8.3: IsETag(%q) is %v", s, !want)
		}
	}
}

func TestIfRange(t *testing.T) {
	now := date2026
	for _, c := range []struct {
		why   string
		lines []string
		v     Validators
		now   time.Time
		want  int
	}{
		{"§14.2 no If-Range", nil, strongV, now, 206},
		{"§13.1.5 tag equal", []string{`If-Range: "v1"`}, strongV, now, 206},
		{"§13.1.5 tag other", []string{`If-Range: "v2"`}, strongV, now, 200},
		{"§13.1.5 weak tag", []string{`If-Range: W/"v1"`}, Validators{ETag: `W/"v1"`}, now, 200},
		{"§13.1.5 no list of tags", []string{`If-Range: "v1", "v2"`}, strongV, now, 200},
		{"§13.1.5 date equal", []string{"If-Range: " + dateSame}, strongV, now, 206},
		{"§13.1.5 date earlier", []string{"If-Range: " + dateBefore}, strongV, now, 200},
		{"§13.1.5 date later is not enough: exact", []string{"If-Range: " + dateAfter}, strongV, now, 200},
		{"§8.8.2.2 date of the second that is not over", []string{"If-Range: " + dateSame}, strongV, strongV.Modified.Add(time.Millisecond), 200},
		{"§13.1.5 neither", []string{"If-Range: x"}, strongV, now, 200},
		{"§13.1.5 no validators here", []string{"If-Range: " + dateSame}, Validators{}, now, 200},
		{"§13.1.5 twice", []string{`If-Range: "v1"`, `If-Range: "v1"`}, strongV, now, 200},
		{"§14.2 Range twice", []string{"Range: bytes=0-1"}, strongV, now, 200},
	} {
		h := headOf("GET", append(c.lines, "Range: bytes=0-3")...)
		if _, got := RangesOf(nil, h, c.v, 10, c.now); got != c.want {
			t.Errorf("%s: %q is %d, want %d", c.why, c.lines, got, c.want)
		}
	}
	for _, method := range []string{"HEAD", "POST", "get"} {
		if _, got := RangesOf(nil, headOf(method, "Range: bytes=0-3"), strongV, 10, now); got != 200 {
			t.Errorf("RFC 9110 §14.2: %s with Range is %d", method, got)
		}
	}
}

func TestConditionsAllocateNothing(t *testing.T) {
	h := headOf("GET", "Range: bytes=0-3,5-6", `If-Range: "v1"`, `If-None-Match: "a", W/"b"`, "If-Modified-Since: "+dateSame)
	var room [4]ByteRange
	if n := testing.AllocsPerRun(100, func() {
		if Precondition(h, strongV, date2026) != 0 {
			t.Error("precondition")
		}
		if r, status := RangesOf(room[:0], h, strongV, 10, date2026); status != 206 || len(r) != 2 {
			t.Error("range")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPrecondition compares with what net/http's file server does. It differs in
// that a "*" may stand in the midst of its lists, that no comma need stand between two
// tags, and that it takes blanks within them as we do but other white space too; such
// inputs are not heads.
func FuzzPrecondition(f *testing.F) {
	f.Add("GET", `"v1"`, "", "", "")
	f.Add("HEAD", "", `W/"a", "v1"`, dateSame, "")
	f.Add("GET", "*", `"v2"`, dateBefore, dateAfter)
	f.Add("GET", "", "", dateSame, dateBefore)
	blanks := strings.NewReplacer(" ", "", "\t", "")
	f.Fuzz(func(t *testing.T, method, match, none, modified, unmodified string) {
		if method != "GET" && method != "HEAD" {
			method = "GET"
		}
		h, r := headOf(method), httptest.NewRequest(method, "/", nil)
		for name, value := range map[string]string{"If-Match": match, "If-None-Match": none, "If-Modified-Since": modified, "If-Unmodified-Since": unmodified} {
			if !IsValue(value) || strings.Contains(value, "*") && value != "*" {
				return
			}
			if b := blanks.Replace(value); strings.Contains(b, `""`) && b != `""` || strings.Contains(b, `"W/"`) {
				return // two tags without a comma
			}
			if value != "" { // to net/http an empty field is not there
				h.Fields = append(h.Fields, RawField{[]byte(name), []byte(value)})
				r.Header.Set(name, value)
			}
			if _, here := ParseDate([]byte(value), date2026); strings.HasSuffix(name, "-Since") {
				if _, err := http.ParseTime(value); here != (err == nil) || strings.Contains(value, "-") {
					return // FuzzDate is about those
				}
			}
		}
		w := httptest.NewRecorder()
		w.Header().Set("ETag", strongV.ETag)
		http.ServeContent(w, r, "x", strongV.Modified, strings.NewReader("x"))
		want := w.Code
		if want == 200 {
			want = 0
		}
		if got := Precondition(h, strongV, date2026); got != want {
			t.Errorf("%s %v is %d, net/http says %d", method, r.Header, got, want)
		}
	})
}
