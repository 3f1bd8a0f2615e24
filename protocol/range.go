package protocol

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"
)

// ByteRange is a part of a representation: Length bytes from Start, at least one.
type ByteRange struct{ Start, Length int64 }

// MaxRanges is how many ranges one request may ask for. To one that asks for more
// the whole is sent.
const MaxRanges = 64

// RangesOf says which parts of a representation of size bytes a request asks
// for, Range and If-Range together, after Precondition said 0. It is 200 for the
// whole, 206 for the ranges, 416 when there are none in it. ranges are
// appended to dst. RFC 9110 §14.2: only GET has ranges.
func RangesOf(dst []ByteRange, h *Head, v Validators, size int64, now time.Time) (ranges []ByteRange, status int) {
	value, n := h.fieldCount("Range")
	if n != 1 || h.Method != "GET" || !rangeStillGood(h, v, now) {
		return dst, 200
	}
	return ParseRange(dst, value, size)
}

// ParseRange reads a Range field for a representation of size bytes. status is
// 206 with the ranges appended to dst, in the order asked for; 416 when none of
// them is in it; 200 when the field is to be ignored and the whole sent: another
// unit, bad syntax, more than MaxRanges, or nothing to take a part of. Ranges that
// overlap or touch are made one, and then all stand in the order of their
// starts, so what is sent is never more than size. RFC 9110 §14.1.2, §14.2.
func ParseRange(dst []ByteRange, value []byte, size int64) (ranges []ByteRange, status int) {
	const unit = "bytes="
	if len(value) < len(unit) || !EqualFold(value[:len(unit)], unit) || size <= 0 {
		return dst, 200
	}
	ranges = dst
	list, specs := value[len(unit):], 0
	for {
		spec, rest, ok := NextMember(list)
		if !ok {
			break
		}
		r, ok := parseRangeSpec(spec, size)
		if specs++; !ok || specs > MaxRanges {
			return dst, 200
		}
		if r.Length > 0 {
			ranges = append(ranges, r)
		}
		list = rest
	}
	switch {
	case specs == 0:
		return dst, 200
	case len(ranges) == len(dst):
		return dst, 416
	}
	mine := coalesce(ranges[len(dst):])
	return ranges[:len(dst)+len(mine)], 206
}

// parseRangeSpec reads "first-last", "first-" or "-suffix". A length of 0 means
// that it is well formed and not in the representation.
func parseRangeSpec(spec []byte, size int64) (r ByteRange, ok bool) {
	dash := bytes.IndexByte(spec, '-')
	if dash < 0 {
		return r, false
	}
	first, firstOK := parsePosition(spec[:dash])
	last, lastOK := parsePosition(spec[dash+1:])
	switch {
	case dash == 0: // the last bytes, or all when there are fewer
		n := min(last, size)
		return ByteRange{size - n, n}, lastOK
	case !firstOK:
		return r, false
	case dash+1 == len(spec):
		last = size - 1
	case !lastOK || last < first:
		return r, false
	}
	if first >= size {
		return r, true
	}
	return ByteRange{first, min(last, size-1) - first + 1}, true
}

// parsePosition reads digits. A number too large for the type is the largest:
// no representation reaches it.
func parsePosition(s []byte) (n int64, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		if digit := int64(c - '0'); n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + digit
		}
	}
	return n, len(s) > 0
}

// coalesce makes ranges that overlap or touch one, in place. Without any such it
// leaves the order alone.
func coalesce(ranges []ByteRange) []ByteRange {
	if !anyTouch(ranges) {
		return ranges
	}
	slices.SortFunc(ranges, func(a, b ByteRange) int { return cmp.Compare(a.Start, b.Start) })
	n := 0
	for _, r := range ranges[1:] {
		if last := &ranges[n]; r.Start <= last.Start+last.Length {
			last.Length = max(last.Length, r.Start+r.Length-last.Start)
			continue
		}
		n++
		ranges[n] = r
	}
	return ranges[:n+1]
}

// anyTouch compares each with each: at most MaxRanges²/2 comparisons.
func anyTouch(ranges []ByteRange) bool {
	for i, a := range ranges {
		for _, b := range ranges[:i] {
			if a.Start <= b.Start+b.Length && b.Start <= a.Start+a.Length {
				return true
			}
		}
	}
	return false
}

// AppendContentRange appends the Content-Range of r: "bytes 0-9/10".
func AppendContentRange(dst []byte, r ByteRange, size int64) []byte {
	dst = strconv.AppendInt(append(dst, "bytes "...), r.Start, 10)
	dst = strconv.AppendInt(append(dst, '-'), r.Start+r.Length-1, 10)
	return strconv.AppendInt(append(dst, '/'), size, 10)
}

// AppendUnsatisfiedRange appends the Content-Range of a 416: "bytes */10".
func AppendUnsatisfiedRange(dst []byte, size int64) []byte {
	return strconv.AppendInt(append(dst, "bytes */"...), size, 10)
}
