package static

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"spindle/protocol"
	"spindle/resource/resourcetest"
)

const digits = "0123456789"

// bigContent is larger than what is kept in memory, and nowhere the same.
var bigContent = func() string {
	var b strings.Builder
	for i := 0; b.Len() < 3*memoryBytes; i++ {
		b.WriteString(time.Duration(i).String() + " ")
	}
	return b.String()
}()

func TestRanges(t *testing.T) {
	dir := write(t, map[string]string{"ten.txt": digits, "empty.txt": ""})
	s := server(t, New(dir))
	for _, c := range []struct {
		field, contentRange, body string
		status                    int
	}{
		{"bytes=0-3", "bytes 0-3/10", "0123", 206},
		{"bytes=3-", "bytes 3-9/10", "3456789", 206},
		{"bytes=-2", "bytes 8-9/10", "89", 206},
		{"bytes=9-9", "bytes 9-9/10", "9", 206},
		{"bytes=5-99999999999999999999", "bytes 5-9/10", "56789", 206},
		{"bytes=-999", "bytes 0-9/10", digits, 206},
		{"bytes=0-0,1-1", "bytes 0-1/10", "01", 206}, // touching: one
		{"bytes=10-", "bytes */10", "", 416},
		{"bytes=-0", "bytes */10", "", 416},
		{"bytes=12-15,99-", "bytes */10", "", 416},
		{"bytes=3-1", "", digits, 200},
		{"bytes=+1-+3", "", digits, 200},
		{"bytes=a-b", "", digits, 200},
		{"bytes=", "", digits, 200},
		{"lines=1-2", "", digits, 200},
		{"bytes=1-2" + strings.Repeat(",1-2", 100), "", digits, 200}, // too many
	} {
		x := s.Do("GET", "/ten.txt", fields("Range", c.field), nil)
		if x.Status != c.status || x.Field("Content-Range") != c.contentRange || c.status != 416 && string(x.Body) != c.body {
			t.Errorf("%s: %v", c.field, x)
		}
		if head := s.Do("HEAD", "/ten.txt", fields("Range", c.field), nil); head.Status != 200 || head.Length != 10 {
			t.Errorf("HEAD %s: %v", c.field, head)
		}
	}
	if x := s.Do("GET", "/empty.txt", fields("Range", "bytes=0-1"), nil); x.Status != 200 || x.Length != 0 {
		t.Error(x)
	}
}

func TestIfRange(t *testing.T) {
	s := server(t, New(write(t, map[string]string{"ten.txt": digits})))
	x := s.Get("/ten.txt")
	for value, want := range map[string]int{
		x.Field("ETag"):                    206,
		`"other"`:                          200,
		"W/" + x.Field("ETag"):             200,
		x.Field("Last-Modified"):           206,
		"Sun, 01 Jan 2006 00:00:00 GMT":    200,
		"no date and no tag":               200,
		strings.Trim(x.Field("ETag"), `"`): 200,
	} {
		x := s.Do("GET", "/ten.txt", fields("Range", "bytes=1-2", "If-Range", value), nil)
		if x.Status != want {
			t.Errorf("%s: %v", value, x)
		}
	}
}

func TestMultipartRanges(t *testing.T) {
	dir := write(t, map[string]string{"ten.html": digits, "big.bin": bigContent})
	s := server(t, New(dir))
	for target, c := range map[string]struct{ content, contentType string }{
		"/ten.html": {digits, "text/html; charset=utf-8"},
		"/big.bin":  {bigContent, "application/octet-stream"},
	} {
		x := s.Do("GET", target, fields("Range", "bytes=0-1,4-5,-2"), nil)
		if x.Status != 206 || x.Length != int64(len(x.Body)) {
			t.Fatalf("%s: %v", target, x)
		}
		got := readParts(t, x)
		n := len(c.content)
		want := []part{
			{c.contentType, contentRange(0, 2, n), c.content[:2]},
			{c.contentType, contentRange(4, 2, n), c.content[4:6]},
			{c.contentType, contentRange(n-2, 2, n), c.content[n-2:]},
		}
		if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("%s: %q", target, got)
		}
	}
}

type part struct{ contentType, contentRange, body string }

func contentRange(start, length, size int) string {
	return string(protocol.AppendContentRange(nil, protocol.ByteRange{Start: int64(start), Length: int64(length)}, int64(size)))
}

func readParts(t testing.TB, x *resourcetest.Response) (parts []part) {
	t.Helper()
	return readMultipart(t, x.Field("Content-Type"), x.Body)
}

func readMultipart(t testing.TB, contentType string, body []byte) (parts []part) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("Content-Type %q: %v", contentType, err)
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		must(t, err)
		b, err := io.ReadAll(p)
		must(t, err)
		parts = append(parts, part{p.Header.Get("Content-Type"), p.Header.Get("Content-Range"), string(b)})
	}
}

// What net/http answers to the same conditions and ranges is what a Dir answers,
// for a small file and for one that is sent from the disk. The exceptions are in
// sameAnswer.
func FuzzConditionsAgainstServeContent(f *testing.F) {
	for _, seed := range [][3]string{
		{"bytes=0-3", "", ""}, {"bytes=-999", "", ""}, {"bytes=1-2,5-6", "", ""}, {"bytes=5-,0-1", "If-Range", "$tag"},
		{"bytes=1-2", "If-Range", "$date"}, {"", "If-None-Match", "$tag"}, {"", "If-None-Match", `"x", W/$tag`},
		{"", "If-Modified-Since", "$date"}, {"bytes=0-1", "If-Match", "*"}, {"", "If-Match", `"x"`},
		{"bytes=10-", "", ""}, {"bytes= 1-2 , -3", "", ""}, {"bytes=,1-2", "", ""}, {"bytes=0-5,3-8", "", ""},
		{"", "If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"bytes=1-2", "If-None-Match", "*"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	dir := write(f, map[string]string{"ten": digits, "big": bigContent})
	d := New(dir)
	f.Fuzz(func(t *testing.T, ranges, name, value string) {
		switch name {
		case "", "If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since":
		default:
			return
		}
		s := server(t, d)
		d.state = nil
		for target, content := range map[string]string{"/ten": digits, "/big": bigContent} {
			whole := s.Get(target)
			v := strings.ReplaceAll(strings.ReplaceAll(value, "$tag", whole.Field("ETag")), "$date", whole.Field("Last-Modified"))
			if protocol.CheckField("X", ranges) != nil || protocol.CheckField("X", v) != nil {
				return // such a field never arrives
			}
			oracle, ok := rangesForOracle(ranges)
			if !ok {
				return
			}
			var ask protocol.Fields
			r := httptest.NewRequest("GET", target, nil)
			for _, field := range [][3]string{{"Range", ranges, oracle}, {name, v, v}} {
				if field[0] != "" && field[1] != "" {
					ask.Add(field[0], field[1])
				}
				if field[0] != "" && field[2] != "" {
					r.Header.Set(field[0], field[2])
				}
			}
			w := httptest.NewRecorder()
			w.Header().Set("ETag", whole.Field("ETag"))
			w.Header().Set("Content-Type", whole.Field("Content-Type"))
			http.ServeContent(w, r, target, old, strings.NewReader(content))
			sameAnswer(t, target, ask, s.Do("GET", target, ask, nil), w.Result(), content)
		}
	})
}

func sameAnswer(t *testing.T, target string, ask protocol.Fields, got *resourcetest.Response, want *http.Response, content string) {
	body, err := io.ReadAll(want.Body)
	must(t, err)
	switch {
	case got.Status == 416 && want.StatusCode == 206 && len(body) == 0 && strings.Contains(ask.Get("Range"), "-0"):
		return // exception: net/http sends an empty part for the last 0 bytes
	case want.StatusCode == 200 && got.Status == 206 && strings.Contains(ask.Get("Range"), ","):
		return // exception: net/http sends the whole when the ranges together are larger; here they are joined
	case want.StatusCode == 206 && got.Status == 206 && strings.Contains(ask.Get("Range"), ","):
		sameParts(t, ask, got, want, body, content) // exception: ranges that touch are one
		return
	case want.StatusCode == 206 && got.Status == 200 && strings.Count(ask.Get("Range"), ",") >= protocol.MaxRanges:
		return // exception: too many of them
	case name(ask, "If-Range") || name(ask, "If-Modified-Since") || name(ask, "If-Unmodified-Since"):
		if isDate(ask) { // exception: net/http reads dates more loosely
			return
		}
	case name(ask, "If-Match") || name(ask, "If-None-Match"):
		if !wellFormedTags(ask) { // exception: what is no list of tags ends at different places
			return
		}
	}
	if got.Status != want.StatusCode || got.Field("Content-Range") != want.Header.Get("Content-Range") ||
		got.Status < 300 && !bytes.Equal(got.Body, body) || got.Field("ETag") != want.Header.Get("ETag") && got.Status < 400 {
		t.Fatalf("%s %q:\n got %d %q %.50q\nwant %d %q %.50q", target, ask, got.Status, got.Fields, got.Body, want.StatusCode, want.Header, body)
	}
}

// rangesForm is RFC 9110 §14.1.1, for bytes, and numbers that net/http can read.
var rangesForm = regexp.MustCompile(`^(?i:bytes)=[ \t,]*(\d{1,18}-\d{0,18}|-\d{1,18})([ \t]*,[ \t,]*(\d{1,18}-\d{0,18}|-\d{1,18}))*[ \t,]*$`)

var longNumber = regexp.MustCompile(`\d{19}`)

// rangesForOracle is what net/http is to be asked so that it means what RFC 9110
// means: nothing for what has not the form or ends before it starts, which is to be
// ignored; the unit, which has no case, in lower case. ok is false for numbers that
// it can not read.
func rangesForOracle(ranges string) (asked string, ok bool) {
	if longNumber.MatchString(ranges) {
		return "", false
	}
	if !rangesForm.MatchString(ranges) || isBackwards(ranges) {
		return "", true
	}
	return "bytes" + ranges[len("bytes"):], true
}

// isBackwards tells whether one of the ranges ends before it starts.
func isBackwards(ranges string) bool {
	for _, spec := range strings.Split(ranges[len("bytes="):], ",") {
		first, last, _ := strings.Cut(strings.Trim(spec, " \t"), "-")
		a, errA := strconv.ParseUint(first, 10, 63)
		b, errB := strconv.ParseUint(last, 10, 63)
		if errA == nil && errB == nil && b < a {
			return true
		}
	}
	return false
}

func name(ask protocol.Fields, field string) bool { return ask.Has(field) }

// isDate tells whether there is a date that is not in the one form that everybody
// reads alike.
func isDate(ask protocol.Fields) bool {
	for _, f := range ask {
		if f.Name == "Range" || protocol.IsETag(f.Value) {
			continue
		}
		at, err := time.Parse(http.TimeFormat, f.Value)
		return err != nil || at.Format(http.TimeFormat) != f.Value
	}
	return false
}

func wellFormedTags(ask protocol.Fields) bool {
	list := ask.Get("If-Match") + ask.Get("If-None-Match")
	if list == "*" {
		return true
	}
	for _, tag := range strings.Split(list, ",") {
		if !protocol.IsETag(strings.Trim(tag, " \t")) {
			return false
		}
	}
	return true
}

// sameParts compares the bytes that the parts stand for.
func sameParts(t *testing.T, ask protocol.Fields, got *resourcetest.Response, want *http.Response, wantBody []byte, content string) {
	cover := func(contentType, contentRange string, body []byte) map[int]byte {
		parts := []part{{"", contentRange, string(body)}}
		if strings.HasPrefix(contentType, "multipart/") {
			parts = readMultipart(t, contentType, body)
		}
		covered := make(map[int]byte)
		for _, p := range parts {
			var start, end, size int
			if n, err := fmt.Sscanf(p.contentRange, "bytes %d-%d/%d", &start, &end, &size); n != 3 || err != nil || size != len(content) || end-start+1 != len(p.body) {
				t.Fatalf("%q: part %q of %d bytes", ask, p.contentRange, len(p.body))
			}
			for i := range p.body {
				covered[start+i] = p.body[i]
			}
		}
		return covered
	}
	a := cover(got.Field("Content-Type"), got.Field("Content-Range"), got.Body)
	b := cover(want.Header.Get("Content-Type"), want.Header.Get("Content-Range"), wantBody)
	if len(a) != len(b) {
		t.Fatalf("%q: %d bytes, net/http sends %d", ask, len(a), len(b))
	}
	for i, c := range a {
		if b[i] != c || content[i] != c {
			t.Fatalf("%q: byte %d is %q", ask, i, c)
		}
	}
}

func TestLargeFileIsSentFromTheDisk(t *testing.T) {
	dir := write(t, map[string]string{"big.bin": bigContent, "edge": bigContent[:memoryBytes], "over": bigContent[:memoryBytes+1]})
	d := New(dir)
	s := server(t, d)
	for target, want := range map[string]string{"/big.bin": bigContent, "/edge": bigContent[:memoryBytes], "/over": bigContent[:memoryBytes+1]} {
		for range 2 {
			x := s.Get(target)
			if x.Status != 200 || string(x.Body) != want || x.Length != int64(len(want)) {
				t.Errorf("%s: %d, %d bytes", target, x.Status, len(x.Body))
			}
		}
		if inMemory := d.state.cache.entries[target].page.reps[0].content != nil; inMemory != (len(want) <= memoryBytes) {
			t.Errorf("%s in memory: %v", target, inMemory)
		}
		if x := s.Do("HEAD", target, nil, nil); x.Status != 200 || x.Length != int64(len(want)) || !x.Done {
			t.Errorf("HEAD %s: %v", target, x)
		}
	}
	x := s.Do("GET", "/big.bin", fields("Range", "bytes=100000-100009"), nil)
	if x.Status != 206 || string(x.Body) != bigContent[100000:100010] {
		t.Error(x)
	}
}
