package protocol

import "time"

// This file writes and reads HTTP-date (RFC 9110 §5.6.7). The clock is the
// caller's: nothing here asks for the time.

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// dateLen is the length of every IMF-fixdate.
const dateLen = len("Sun, 06 Nov 1994 08:49:37 GMT")

// AppendDate appends t as IMF-fixdate, cut to the second. The format has four
// digits for the year: a time outside of 0 to 9999 becomes the nearest inside.
func AppendDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	weekday := t.Weekday()
	if year < 0 {
		year, month, day, hour, minute, second, weekday = 0, 1, 1, 0, 0, 0, time.Saturday
	} else if year > 9999 {
		year, month, day, hour, minute, second, weekday = 9999, 12, 31, 23, 59, 59, time.Friday
	}
	d, m := int(weekday)*3, (int(month)-1)*3
	dst = append(dst, dayNames[d:d+3]...)
	dst = append(dst, ',', ' ')
	dst = append(append2(dst, day), ' ')
	dst = append(dst, monthNames[m:m+3]...)
	dst = append(dst, ' ')
	dst = append(append2(append2(dst, year/100), year%100), ' ')
	dst = append(append2(dst, hour), ':')
	dst = append(append2(dst, minute), ':')
	return append(append2(dst, second), " GMT"...)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// DateCache writes the time of the Date field once for each second. The zero
// value is ready. One for each loop. Loop only.
type DateCache struct {
	second int64 // since 1970, of text
	text   [dateLen]byte
}

// Date is now as IMF-fixdate, valid until the next call.
func (c *DateCache) Date(now time.Time) []byte {
	if s := now.Unix(); s != c.second || c.text[0] == 0 {
		c.second = s
		AppendDate(c.text[:0], now)
	}
	return c.text[:]
}

// ParseDate reads an HTTP-date in any of its three formats, of which only the
// first is sent today:
//
//	Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
//	Sun Nov  6 08:49:37 1994         asctime
//
// Letters have the case shown. The day of the week must be one, but is not
// compared with the date. A year of two digits is taken as the one that is not
// more than 50 years after now. ok is false for anything else: who reads a field
// with a bad date ignores the field (RFC 9110 §13.1.3).
func ParseDate(b []byte, now time.Time) (t time.Time, ok bool) {
	switch {
	case len(b) == dateLen && b[3] == ',':
		return parseFixdate(b)
	case len(b) == len("Sun Nov  6 08:49:37 1994"):
		return parseASCTime(b)
	}
	return parseRFC850(b, now)
}

func parseFixdate(b []byte) (time.Time, bool) {
	if nameIndex(dayNames, b[:3]) < 0 || b[4] != ' ' || b[7] != ' ' || b[11] != ' ' || string(b[25:]) != " GMT" {
		return time.Time{}, false
	}
	return makeTime(digits(b[12:16]), 1+nameIndex(monthNames, b[8:11]), digits(b[5:7]), b[16:25])
}

func parseASCTime(b []byte) (time.Time, bool) {
	if nameIndex(dayNames, b[:3]) < 0 || b[3] != ' ' || b[7] != ' ' || b[19] != ' ' {
		return time.Time{}, false
	}
	day := b[8:10]
	if day[0] == ' ' {
		day = day[1:]
	}
	return makeTime(digits(b[20:]), 1+nameIndex(monthNames, b[4:7]), digits(day), b[10:19])
}

func parseRFC850(b []byte, now time.Time) (time.Time, bool) {
	weekday := 0
	for weekday < len(b) && b[weekday] != ',' {
		weekday++
	}
	if !isLongDay(b[:weekday]) {
		return time.Time{}, false
	}
	b = b[weekday:]
	if len(b) != len(", 06-Nov-94 08:49:37 GMT") || b[1] != ' ' || b[4] != '-' || b[8] != '-' || string(b[20:]) != " GMT" {
		return time.Time{}, false
	}
	year := digits(b[9:11])
	if year < 0 {
		return time.Time{}, false
	}
	nowYear := now.UTC().Year()
	year += nowYear - nowYear%100 // in the century of now
	month, day := 1+nameIndex(monthNames, b[5:8]), digits(b[2:4])
	t, ok := makeTime(year, month, day, b[11:20])
	if limit := now.AddDate(50, 0, 0); t.After(limit) {
		t, ok = makeTime(year-100, month, day, b[11:20])
	} else if next := year + 100; next <= nowYear+50 {
		if u, uok := makeTime(next, month, day, b[11:20]); uok && !u.After(limit) {
			t, ok = u, uok
		}
	}
	return t, ok
}

func isLongDay(b []byte) bool {
	switch string(b) {
	case "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday":
		return true
	}
	return false
}

// makeTime puts a date together. clock is " 08:49:37". A second of 60 is a leap
// second, which is the same instant as the first of the next minute.
func makeTime(year, month, day int, clock []byte) (time.Time, bool) {
	hour, minute, second := digits(clock[1:3]), digits(clock[4:6]), digits(clock[7:9])
	if clock[0] != ' ' || clock[3] != ':' || clock[6] != ':' ||
		year < 0 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day { // the 30th of February
		return time.Time{}, false
	}
	return t.Add(time.Duration(second) * time.Second), true
}

// nameIndex is the number of the three letters b in names, -1 when they are not one.
func nameIndex(names string, b []byte) int {
	for i := 0; i < len(names); i += 3 {
		if names[i:i+3] == string(b) {
			return i / 3
		}
	}
	return -1
}

// digits is the number that b is written as, -1 when it is not digits only.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
