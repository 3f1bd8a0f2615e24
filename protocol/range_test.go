package protocol

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseRange(t *testing.T) {
	huge := "99999999999999999999999999"
	for _, c := range []struct {
		why, in string
		size    int64
		status  int
		want    []ByteRange
	}{
		{"§14.1.2 first and last", "bytes=0-3", 10, 206, []ByteRange{{0, 4}}},
		{"§14.1.2 one byte", "bytes=9-9", 10, 206, []ByteRange{{9, 1}}},
		{"§14.1.2 open", "bytes=4-", 10, 206, []ByteRange{{4, 6}}},
		{"§14.1.2 last beyond the end", "bytes=4-99", 10, 206, []ByteRange{{4, 6}}},
		{"§14.1.2 suffix", "bytes=-3", 10, 206, []ByteRange{{7, 3}}},
		{"§14.1.2 suffix longer than the whole", "bytes=-999", 10, 206, []ByteRange{{0, 10}}},
		{"§14.1.2 suffix of nothing", "bytes=-0", 10, 416, nil},
		{"§14.1.2 first at the end", "bytes=10-", 10, 416, nil},
		{"§14.1.2 first beyond", "bytes=10-20,30-", 10, 416, nil},
		{"§14.1.2 one of two is there", "bytes=0-0,10-20", 10, 206, []ByteRange{{0, 1}}},
		{"§14.1.2 numbers beyond 64 bits: last", "bytes=1-" + huge, 10, 206, []ByteRange{{1, 9}}},
		{"§14.1.2 numbers beyond 64 bits: first", "bytes=" + huge + "-", 10, 416, nil},
		{"§14.1.2 numbers beyond 64 bits: suffix", "bytes=-" + huge, 10, 206, []ByteRange{{0, 10}}},
		{"§14.1.2 the largest whole", fmt.Sprintf("bytes=%d-", int64(math.MaxInt64-1)), math.MaxInt64, 206, []ByteRange{{math.MaxInt64 - 1, 1}}},
		{"§14.1.1 unit without case", "BYTES=0-3", 10, 206, []ByteRange{{0, 4}}},
		{"§14.2 another unit", "lines=0-3", 10, 200, nil},
		{"§14.2 last before first", "bytes=3-2", 10, 200, nil},
		{"§14.2 one bad one spoils all", "bytes=0-1,3-2", 10, 200, nil},
		{"§14.2 signs", "bytes=+1-+3", 10, 200, nil},
		{"§14.2 two dashes", "bytes=--3", 10, 200, nil},
		{"§14.2 negative", "bytes=-1-3", 10, 200, nil},
		{"§14.2 blank within", "bytes=1 -3", 10, 200, nil},
		{"§14.2 blank at =", "bytes =1-3", 10, 200, nil},
		{"§14.2 hex", "bytes=0x1-3", 10, 200, nil},
		{"§14.2 dash only", "bytes=-", 10, 200, nil},
		{"§14.2 number only", "bytes=5", 10, 200, nil},
		{"§14.2 no set", "bytes=", 10, 200, nil},
		{"§14.2 only commas", "bytes=, ,", 10, 200, nil},
		{"§14.2 no =", "bytes", 10, 200, nil},
		{"§5.6.1 blanks and empty members in the list", "bytes=0-0 ,,\t9-9,", 10, 206, []ByteRange{{0, 1}, {9, 1}}},
		{"§14.2 order of the request", "bytes=8-9,0-1", 10, 206, []ByteRange{{8, 2}, {0, 2}}},
		{"§14.2 overlap is made one", "bytes=0-5,3-7", 10, 206, []ByteRange{{0, 8}}},
		{"§14.2 touching is made one", "bytes=4-5,0-3", 10, 206, []ByteRange{{0, 6}}},
		{"§14.2 one within another", "bytes=0-9,2-3,5-5", 10, 206, []ByteRange{{0, 10}}},
		{"§14.2 overlap of some sorts all", "bytes=8-8,0-1,1-2", 10, 206, []ByteRange{{0, 3}, {8, 1}}},
		{"§14.2 twice the same", "bytes=0-,0-,0-,0-", 10, 206, []ByteRange{{0, 10}}},
		{"nothing to take a part of: first", "bytes=0-", 0, 200, nil},
		{"nothing to take a part of: suffix", "bytes=-5", 0, 200, nil},
		{"limit: 64 ranges", "bytes=" + manyRanges(64), 1000, 206, rangesEvery3(64)},
		{"limit: 65 ranges", "bytes=" + manyRanges(65), 1000, 200, nil},
		{"limit: counts what is not there too", "bytes=" + strings.Repeat("5000-,", 65), 1000, 200, nil},
	} {
		got, status := ParseRange(nil, []byte(c.in), c.size)
		if status != c.status || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q of %d is %d %v, want %d %v", c.why, c.in, c.size, status, got, c.status, c.want)
		}
	}
}

func TestParseRangeAppends(t *testing.T) {
	before := []ByteRange{{100, 1}}
	got, _ := ParseRange(before, []byte("bytes=5-6,4-5"), 10)
	if want := []ByteRange{{100, 1}, {4, 3}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, in := range []string{"bytes=0-1,x", "bytes=10-"} {
		if got, status := ParseRange(before, []byte(in), 10); len(got) != 1 {
			t.Errorf("%q: %d %v", in, status, got)
		}
	}
}

func rangesEvery3(n int) (r []ByteRange) {
	for i := range n {
		r = append(r, ByteRange{int64(i * 3), 2})
	}
	return r
}

func manyRanges(n int) string {
	var b strings.Builder
	for _, r := range rangesEvery3(n) {
		fmt.Fprintf(&b, "%d-%d,", r.Start, r.Start+r.Length-1)
	}
	return b.String()
}

func TestContentRange(t *testing.T) {
	if got := string(AppendContentRange([]byte("X"), ByteRange{0, 10}, 10)); got != "Xbytes 0-9/10" {
		t.Errorf("RFC 9110 §14.4: %q", got)
	}
	if got := string(AppendUnsatisfiedRange(nil, 10)); got != "bytes */10" {
		t.Errorf("RFC 9110 §14.4: %q", got)
	}
}

// FuzzRange: no panic; what comes out is in the representation, disjoint and so
// never longer than it; and a single range is what net/http serves. net/http
// takes other white space, refuses numbers beyond 64 bits, says 416 to bad syntax,
// which RFC 9110 §14.2 lets be ignored, and ignores a set that is longer than the whole.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-3", "bytes=-5,2-", "bytes=0-0, 9-9", "bytes=-999", "bytes=5-4"} {
		f.Add([]byte(s), uint16(10))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		got, status := ParseRange(nil, in, int64(size))
		if (status == 206) != (len(got) > 0) || len(got) > MaxRanges || status != 200 && status != 206 && status != 416 {
			t.Fatalf("%q of %d: %d %v", in, size, status, got)
		}
		covered := make([]bool, size)
		for _, r := range got {
			for i := r.Start; i < r.Start+r.Length; i++ {
				if covered[i] { // panics beyond the end
					t.Fatalf("%q of %d: %v overlap", in, size, got)
				}
				covered[i] = true
			}
			if r.Length < 1 {
				t.Fatalf("%q of %d: %v", in, size, got)
			}
		}
		if len(got) != 1 || strings.Contains(string(in), ",") || len(in) > 20 || !strings.HasPrefix(string(in), "bytes=") {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", string(in))
		w := httptest.NewRecorder()
		http.ServeContent(w, r, "x", time.Time{}, strings.NewReader(strings.Repeat("x", int(size))))
		want := string(AppendContentRange(nil, got[0], int64(size)))
		if w.Code != 206 || w.Header().Get("Content-Range") != want {
			t.Errorf("%q of %d: %s here, %d %q from net/http", in, size, want, w.Code, w.Header().Get("Content-Range"))
		}
	})
}
