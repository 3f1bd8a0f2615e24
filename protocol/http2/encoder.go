package http2

import (
	"strconv"

	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
)

// This file encodes header blocks (RFC 7541). The dynamic table has few places: the
// fields that come with every answer of a connection find one, and a search through
// all of them costs less than a map.

// places is how many fields the table holds.
const places = 16

// encoder is the state of one connection's header blocks.
type encoder struct {
	max     int // of size, as the client allows
	size    int // as RFC 7541 §4.1 counts
	least   int // the smallest that max was set to since the last block; see begin
	changed bool
	newest  int // its place
	len     int
	fields  [places]protocol.Field
}

// encoder is that of c, made when it is first needed.
func (c *Conn) encoder() *encoder {
	if c.enc == nil {
		c.enc = &encoder{max: maxTable}
	}
	return c.enc
}

// resize takes the client's limit for the table.
func (e *encoder) resize(size int) {
	if size == e.max {
		return
	}
	if !e.changed || size < e.least {
		e.least = size
	}
	e.max, e.changed = size, true
	e.shrink(0)
}

// shrink drops the oldest until there is room for n more.
func (e *encoder) shrink(n int) {
	for e.len > 0 && (e.size+n > e.max || n > 0 && e.len == places) {
		old := &e.fields[(e.newest+places-e.len+1)%places]
		e.size -= len(old.Name) + len(old.Value) + 32
		*old = protocol.Field{}
		e.len--
	}
}

// begin begins a block: it tells of a changed limit (RFC 7541 §4.2).
func (e *encoder) begin(b []byte) []byte {
	if !e.changed {
		return b
	}
	if e.least < e.max {
		b = appendInt(b, 0x20, 5, e.least)
	}
	b = appendInt(b, 0x20, 5, e.max)
	e.changed = false
	return b
}

// appendFields appends the fields that are not the stream's own affair.
func (e *encoder) appendFields(b []byte, fields protocol.Fields) []byte {
	for i := range fields {
		if f := &fields[i]; !isOwn(f.Name) {
			b = e.append(b, f.Name, f.Value)
		}
	}
	return b
}

// append appends one field.
func (e *encoder) append(b []byte, name, value string) []byte {
	for i := 0; i < e.len; i++ {
		f := &e.fields[(e.newest+places-i)%places]
		if len(f.Value) == len(value) && f.Value == value && (f.Name == name || protocol.EqualFold(f.Name, name)) {
			return appendInt(b, 0x80, 7, firstDynamic+i)
		}
	}
	index, kind := staticName(name)
	size := len(name) + len(value) + 32
	switch {
	case kind == never:
		b = appendName(b, 0x10, 4, index, name)
	case kind == seldom || size > e.max/2:
		b = appendName(b, 0, 4, index, name)
	default:
		b = appendName(b, 0x40, 6, index, name)
		e.add(name, value, size)
	}
	return appendString(b, value)
}

// add puts a field into the table.
func (e *encoder) add(name, value string, size int) {
	e.shrink(size)
	e.newest = (e.newest + 1) % places
	e.fields[e.newest] = protocol.Field{Name: name, Value: value}
	e.size += size
	e.len++
}

// appendName appends the begin of a literal field (RFC 7541 §6.2): the index of its
// name in the static table, or the name in lower case (RFC 9113 §8.2).
func appendName(b []byte, pattern byte, bits uint, index int, name string) []byte {
	b = appendInt(b, pattern, bits, index)
	if index != 0 {
		return b
	}
	b = appendInt(b, 0, 7, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// shortest is from how many bytes on a string is worth the Huffman code.
const shortest = 8

// appendString appends a string literal (RFC 7541 §5.2).
func appendString(b []byte, s string) []byte {
	if len(s) >= shortest {
		if n := int(hpack.HuffmanEncodeLength(s)); n < len(s) {
			return hpack.AppendHuffmanString(appendInt(b, 0x80, 7, n), s)
		}
	}
	return append(appendInt(b, 0, 7, len(s)), s...)
}

// appendInt appends n with a prefix of that many bits (RFC 7541 §5.1).
func appendInt(b []byte, pattern byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, pattern|byte(n))
	}
	b = append(b, pattern|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// appendStatus appends :status, of which the static table has some.
func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x88)
	case 204:
		return append(b, 0x89)
	case 206:
		return append(b, 0x8a)
	case 304:
		return append(b, 0x8b)
	case 400:
		return append(b, 0x8c)
	case 404:
		return append(b, 0x8d)
	case 500:
		return append(b, 0x8e)
	}
	return strconv.AppendInt(append(b, 0x08, 3), int64(status), 10)
}

// appendLength appends content-length, which is not worth a place in the table.
func appendLength(b []byte, n int64) []byte {
	b = append(b, 0x0f, 28-15, 0)
	at := len(b)
	b = strconv.AppendInt(b, n, 10)
	b[at-1] = byte(len(b) - at)
	return b
}

// habit is how often a field comes again with the same value.
type habit uint8

const (
	often  habit = iota
	seldom       // it is not worth a place in the table
	never        // it is secret, and may be in no table (RFC 7541 §7.1.3)
)

// staticName is the index of a name in the static table (RFC 7541 appendix A), 0
// when it has none.
func staticName(name string) (index int, h habit) {
	for i := range staticNames {
		if s := &staticNames[i]; len(s.name) == len(name) && protocol.EqualFold(s.name, name) {
			return s.index, s.habit
		}
	}
	return 0, often
}

// staticNames is the names of answers that are in it.
var staticNames = [...]struct {
	name  string
	index int
	habit habit
}{
	{"content-type", 31, often}, {"date", 33, often}, {"server", 54, often},
	{"etag", 34, seldom}, {"last-modified", 44, seldom}, {"cache-control", 24, often},
	{"accept-ranges", 18, often}, {"access-control-allow-origin", 20, often}, {"age", 21, seldom},
	{"allow", 22, often}, {"content-disposition", 25, seldom}, {"content-encoding", 26, often},
	{"content-language", 27, often}, {"content-length", 28, seldom}, {"content-location", 29, seldom},
	{"content-range", 30, seldom}, {"expires", 36, seldom}, {"link", 45, often}, {"location", 46, seldom},
	{"proxy-authenticate", 48, often}, {"refresh", 52, often}, {"retry-after", 53, seldom},
	{"set-cookie", 55, never}, {"strict-transport-security", 56, often}, {"vary", 59, often},
	{"via", 60, often}, {"www-authenticate", 61, often},
	// And those of requests. What a client of ours sends may be the words of many users,
	// who are to learn nothing of each other: their credentials are in no table.
	{":authority", 1, often}, {":method", 2, often}, {":path", 4, seldom}, {":scheme", 6, often},
	{"accept", 19, often}, {"accept-encoding", 16, often}, {"accept-language", 17, often},
	{"authorization", 23, never}, {"cookie", 32, never}, {"expect", 35, often}, {"if-modified-since", 40, seldom},
	{"if-none-match", 41, seldom}, {"if-range", 42, seldom}, {"proxy-authorization", 49, never},
	{"range", 50, seldom}, {"referer", 51, seldom}, {"user-agent", 58, often},
}
