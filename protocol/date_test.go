package protocol

import (
	"net/http"
	"testing"
	"time"
)

var date2026 = time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)

func TestParseDate(t *testing.T) {
	rfc := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, c := range []struct {
		why, in string
		want    time.Time // zero: refused
	}{
		{"§5.6.7 IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", rfc},
		{"§5.6.7 RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", rfc},
		{"§5.6.7 asctime", "Sun Nov  6 08:49:37 1994", rfc},
		{"§5.6.7 asctime with two digits of a day", "Wed Nov 16 08:49:37 1994", rfc.AddDate(0, 0, 10)},
		{"§5.6.7 the wrong weekday is not compared", "Mon, 06 Nov 1994 08:49:37 GMT", rfc},
		{"§5.6.7 leap second", "Sat, 31 Dec 2016 23:59:60 GMT", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"§5.6.7 29 February of a leap year", "Thu, 29 Feb 2024 00:00:00 GMT", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"§5.6.7 two digits: within 50 years ahead", "Tuesday, 14-Jul-76 12:00:00 GMT", time.Date(2076, 7, 14, 12, 0, 0, 0, time.UTC)},
		{"§5.6.7 two digits: exactly 50 years ahead", "Tuesday, 15-Jul-76 12:00:00 GMT", time.Date(2076, 7, 15, 12, 0, 0, 0, time.UTC)},
		{"§5.6.7 two digits: more than 50 years ahead is past", "Tuesday, 15-Jul-76 12:00:01 GMT", time.Date(1976, 7, 15, 12, 0, 1, 0, time.UTC)},
		{"§5.6.7 two digits: this century", "Friday, 01-Jan-27 00:00:00 GMT", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"§5.6.7 two digits: 29 February in the century that has it", "Tuesday, 29-Feb-00 00:00:00 GMT", time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"§5.6.7 30 February", "Thu, 30 Feb 2024 00:00:00 GMT", time.Time{}},
		{"§5.6.7 29 February of no leap year", "Thu, 29 Feb 2023 00:00:00 GMT", time.Time{}},
		{"§5.6.7 day 0", "Sun, 00 Nov 1994 08:49:37 GMT", time.Time{}},
		{"§5.6.7 hour 24", "Sun, 06 Nov 1994 24:00:00 GMT", time.Time{}},
		{"§5.6.7 minute 60", "Sun, 06 Nov 1994 08:60:00 GMT", time.Time{}},
		{"§5.6.7 second 61", "Sun, 06 Nov 1994 08:49:61 GMT", time.Time{}},
		{"§5.6.7 case of letters", "sun, 06 Nov 1994 08:49:37 GMT", time.Time{}},
		{"§5.6.7 case of the month", "Sun, 06 NOV 1994 08:49:37 GMT", time.Time{}},
		{"§5.6.7 another zone", "Sun, 06 Nov 1994 08:49:37 UTC", time.Time{}},
		{"§5.6.7 numeric zone", "Sun, 06 Nov 1994 08:49:37 +0000", time.Time{}},
		{"§5.6.7 one digit of a day", "Sun, 6 Nov 1994 08:49:37 GMT", time.Time{}},
		{"§5.6.7 sign in the year", "Sun, 06 Nov -994 08:49:37 GMT", time.Time{}},
		{"§5.6.7 sign in the hour", "Sun, 06 Nov 1994 +8:49:37 GMT", time.Time{}},
		{"§5.6.7 blank behind", "Sun, 06 Nov 1994 08:49:37 GMT ", time.Time{}},
		{"§5.6.7 no such day", "Sunyday, 06-Nov-94 08:49:37 GMT", time.Time{}},
		{"§5.6.7 letters in a year of two digits", "Sunday, 06-Nov-9x 08:49:37 GMT", time.Time{}},
		{"§5.6.7 four digits in RFC 850", "Sunday, 06-Nov-1994 08:49:37 GMT", time.Time{}},
		{"empty", "", time.Time{}},
		{"a number", "784111777", time.Time{}},
	} {
		got, ok := ParseDate([]byte(c.in), date2026)
		if ok == c.want.IsZero() || ok && !got.Equal(c.want) {
			t.Errorf("%s: ParseDate(%q) = %v, %v, want %v", c.why, c.in, got, ok, c.want)
		}
	}
}

// TestParseDateTwoDigitYears goes through every year of two digits from several
// presents: the result is never more than 50 years ahead and never 50 or more back.
func TestParseDateTwoDigitYears(t *testing.T) {
	for _, year := range []int{1994, 1999, 2000, 2026, 2049, 2050, 2099} {
		now := time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
		for yy := range 100 {
			in := []byte("Sunday, 06-Nov-00 08:49:37 GMT")
			in[15], in[16] = byte('0'+yy/10), byte('0'+yy%10)
			got, ok := ParseDate(in, now)
			if !ok || got.Year()%100 != yy || got.After(now.AddDate(50, 0, 0)) || got.AddDate(100, 0, 0).Compare(now.AddDate(50, 0, 0)) <= 0 {
				t.Errorf("at %d, %q is %v", year, in, got)
			}
		}
	}
}

func TestAppendDate(t *testing.T) {
	for _, c := range []struct {
		in   time.Time
		want string
	}{
		{time.Unix(784111777, 999999999), "Sun, 06 Nov 1994 08:49:37 GMT"},
		{time.Unix(784111777, 0).In(time.FixedZone("", 3600)), "Sun, 06 Nov 1994 08:49:37 GMT"},
		{time.Time{}, "Mon, 01 Jan 0001 00:00:00 GMT"},
		{time.Date(-5, 6, 7, 8, 9, 10, 0, time.UTC), "Sat, 01 Jan 0000 00:00:00 GMT"},
		{time.Date(12026, 6, 7, 8, 9, 10, 0, time.UTC), "Fri, 31 Dec 9999 23:59:59 GMT"},
	} {
		if got := string(AppendDate(nil, c.in)); got != c.want {
			t.Errorf("AppendDate(%v) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestDateCache(t *testing.T) {
	var c DateCache
	now := time.Unix(0, 0)
	if got := string(c.Date(now)); got != "Thu, 01 Jan 1970 00:00:00 GMT" {
		t.Errorf("first: %q", got)
	}
	now = time.Unix(784111777, 0)
	first := c.Date(now)
	if string(first) != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("got %q", first)
	}
	c.text[0] = 'X' // what is in the cache is what comes back
	if got := c.Date(now.Add(999 * time.Millisecond)); got[0] != 'X' {
		t.Errorf("written anew within the second: %q", got)
	}
	if got := string(c.Date(now.Add(time.Second))); got != "Sun, 06 Nov 1994 08:49:38 GMT" {
		t.Errorf("next second: %q", got)
	}
	if got := string(c.Date(now)); got != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("clock set back: %q", got)
	}
}

func TestDatesAllocateNothing(t *testing.T) {
	var c DateCache
	in := []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	now := date2026
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(700 * time.Millisecond)
		c.Date(now)
		if _, ok := ParseDate(in, now); !ok {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDate: no panic; what is read is read the same by net/http, but for leap
// seconds and the year of two digits, which it decides without a clock; and what
// is written is read back.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Thu, 30 Feb 2024 00:00:00 GMT"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, ok := ParseDate(in, date2026)
		if !ok {
			return
		}
		back, ok := ParseDate(AppendDate(nil, got), date2026)
		if !ok || !back.Equal(got) {
			t.Errorf("%q is %v, read back %v %v", in, got, back, ok)
		}
		want, err := http.ParseTime(string(in))
		if err != nil {
			if got.Second() != 0 {
				t.Errorf("%q is %v here, net/http says %v", in, got, err)
			}
			return
		}
		if !got.Equal(want) && !got.Equal(want.AddDate(100, 0, 0)) {
			t.Errorf("%q is %v here, %v to net/http", in, got, want)
		}
	})
}

func BenchmarkDateCache(b *testing.B) {
	var c DateCache
	now := date2026
	b.ReportAllocs()
	for b.Loop() {
		c.Date(now)
	}
}
