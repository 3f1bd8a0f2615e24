package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"spindle/protocol/internal/word"
)

// This file decodes and encodes what stands in a request target and in a link
// (RFC 3986): segments of a path, pairs of a query, the URL of a redirect.

// errNUL is about %00, which a path of no file system has.
var errNUL = errors.New("protocol: NUL in a path segment")

// UnescapeSegment decodes one segment of a path, once: %2F becomes a "/" that
// stays in its segment, "+" stays "+". decoded is seg itself when there is
// nothing to decode, else it is appended to dst. A "%" that two hex digits do not
// follow is an error, and so is NUL.
func UnescapeSegment(dst, seg []byte) (decoded []byte, err error) {
	i := bytes.IndexByte(seg, '%')
	if i < 0 {
		if bytes.IndexByte(seg, 0) >= 0 {
			return nil, errNUL
		}
		return seg, nil
	}
	from := len(dst)
	dst = append(dst, seg[:i]...)
	for ; i < len(seg); i++ {
		c := seg[i]
		if c == '%' {
			var ok bool
			if c, ok = unhex2(seg[i+1:]); !ok {
				return nil, fmt.Errorf("protocol: bad escape in path segment %s", Quote(seg))
			}
			i += 2
		}
		dst = append(dst, c)
	}
	if decoded = dst[from:]; bytes.IndexByte(decoded, 0) >= 0 {
		return nil, errNUL
	}
	return decoded, nil
}

// SegmentEnd is where the segment of path that begins at from ends: at a slash, or at the end
// of path. plain tells that UnescapeSegment would give it as it is; else end is at the first
// byte that needs it.
func SegmentEnd(path []byte, from int) (end int, plain bool) {
	i := from
	for ; i+8 <= len(path); i += 8 {
		x := word.Load(path[i : i+8])
		if marks := word.Equal(x, '/') | word.Equal(x, '%') | word.Equal(x, 0); marks != 0 {
			i += word.First(marks)
			return i, path[i] == '/'
		}
	}
	for ; i < len(path); i++ {
		switch path[i] {
		case '/':
			return i, true
		case '%', 0:
			return i, false
		}
	}
	return i, true
}

// unhex2 is the byte that the two hex digits at the start of s write.
func unhex2[T text](s T) (c byte, ok bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, low := HexValue(s[0]), HexValue(s[1])
	return high<<4 | low, high < 16 && low < 16
}

// HexValue is the value of a hex digit, of either case; 255 for another byte.
func HexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// IsDotSegment tells whether a decoded segment is "." or "..", which clients
// resolve before they ask (RFC 3986 §5.2.4). In a request it is an ordinary
// segment that nothing has as its name; who maps segments to file names refuses it.
func IsDotSegment[T text](decoded T) bool {
	return string(decoded) == "." || string(decoded) == ".."
}

// NextPair cuts the first pair off a query or an urlencoded form: name and value
// as they stand, to be decoded by UnescapeQuery. Pairs are divided by "&" only;
// one without "=" has an empty value; empty ones are passed over. ok is false when there
// is none left.
func NextPair(query []byte) (name, value, rest []byte, ok bool) {
	for len(query) > 0 {
		pair := query
		query = nil
		if i := bytes.IndexByte(pair, '&'); i >= 0 {
			pair, query = pair[:i], pair[i+1:]
		}
		if len(pair) == 0 {
			continue
		}
		if i := bytes.IndexByte(pair, '='); i >= 0 {
			return pair[:i], pair[i+1:], query, true
		}
		return pair, nil, query, true
	}
	return nil, nil, nil, false
}

// UnescapeQuery appends a name or value of a query, decoded: "+" is a blank. A
// "%" that two hex digits do not follow stands for itself, as browsers send it
// (URL Standard §5.1).
func UnescapeQuery(dst, s []byte) []byte {
	for len(s) > 0 {
		c, n := queryByte(s)
		dst = append(dst, c)
		s = s[n:]
	}
	return dst
}

// queryByte is the first byte that s means, and how many it is written with.
func queryByte(s []byte) (c byte, n int) {
	switch s[0] {
	case '+':
		return ' ', 1
	case '%':
		if c, ok := unhex2(s[1:]); ok {
			return c, 3
		}
	}
	return s[0], 1
}

// QueryArg is the first value of that name in a query, decoded.
func QueryArg(query []byte, name string) (value string, ok bool) {
	for {
		n, v, rest, ok := NextPair(query)
		if !ok {
			return "", false
		}
		if queryEqual(n, name) {
			if bytes.IndexByte(v, '%') < 0 && bytes.IndexByte(v, '+') < 0 {
				return string(v), true
			}
			return string(UnescapeQuery(make([]byte, 0, len(v)), v)), true
		}
		query = rest
	}
}

// queryEqual tells whether s, decoded, is name.
func queryEqual(s []byte, name string) bool {
	for i := 0; i < len(name); i++ {
		if len(s) == 0 {
			return false
		}
		c, n := queryByte(s)
		if c != name[i] {
			return false
		}
		s = s[n:]
	}
	return len(s) == 0
}

const upperHex = "0123456789ABCDEF"

// AppendPathEscape appends a segment for a link: all but unreserved bytes are
// escaped (RFC 3986 §2.3), so it means the same in a path, in HTML, and as the
// first segment of a relative link. "." and ".." have no escape that browsers
// do not resolve: no link leads to a child of that name.
func AppendPathEscape(dst []byte, segment string) []byte {
	for i := 0; i < len(segment); i++ {
		dst = appendEscaped(dst, segment[i])
	}
	return dst
}

// AppendQueryEscape appends a name or value for a query: like AppendPathEscape,
// but a blank becomes "+".
func AppendQueryEscape(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			dst = append(dst, '+')
		} else {
			dst = appendEscaped(dst, s[i])
		}
	}
	return dst
}

func appendEscaped(dst []byte, c byte) []byte {
	if class[c]&unreservedChar != 0 {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// Location is url as it may stand in a Location field and in a link: it itself,
// but with bytes beyond ASCII escaped (RFC 3987 §3.1). It is an error if it is
// empty, has a byte that no URL has (a control byte, a blank, a backslash, a
// quote), a bad escape, or a scheme that runs or shows itself (javascript,
// vbscript, data).
func Location(url string) (string, error) {
	if url == "" {
		return "", errors.New("protocol: empty URL")
	}
	beyond := 0
	for i := 0; i < len(url); i++ {
		c := url[i]
		_, escape := unhex2(url[i+1:])
		switch {
		case c >= utf8.RuneSelf:
			beyond++
		case class[c]&uriChar == 0, c == '%' && !escape:
			return "", fmt.Errorf("protocol: URL %s has %q at %d", Quote(url), c, i)
		}
	}
	if s, ok := scheme(url); !ok || EqualFold(s, "javascript") || EqualFold(s, "vbscript") || EqualFold(s, "data") {
		return "", fmt.Errorf("protocol: URL %s has scheme %s", Quote(url), Quote(s))
	}
	if beyond == 0 {
		return url, nil
	}
	if !utf8.ValidString(url) {
		return "", fmt.Errorf("protocol: URL %s is not UTF-8", Quote(url))
	}
	return escapeBeyondASCII(url, beyond), nil
}

func escapeBeyondASCII(url string, n int) string {
	b := make([]byte, 0, len(url)+2*n)
	for i := 0; i < len(url); i++ {
		if url[i] < utf8.RuneSelf {
			b = append(b, url[i])
		} else {
			b = appendEscaped(b, url[i])
		}
	}
	return string(b)
}

// scheme is what stands before the first ":", if that comes before any of "/?#".
// ok is false when it can be none (RFC 3986 §3.1, §4.2).
func scheme(url string) (s string, ok bool) {
	i := strings.IndexAny(url, ":/?#")
	if i < 0 || url[i] != ':' {
		return "", true
	}
	s = url[:i]
	if s == "" || class[s[0]]&alnumChar == 0 || s[0] <= '9' {
		return s, false
	}
	for j := 1; j < len(s); j++ {
		if c := s[j]; class[c]&alnumChar == 0 && c != '+' && c != '-' && c != '.' {
			return s, false
		}
	}
	return s, true
}

// IsLocalURL tells whether url, given by a client ("next=/page"), leads a
// browser to a page of this same site: one that Location takes and that starts
// with one "/". Browsers read "//host" and "/\host" as another site.
func IsLocalURL(url string) bool {
	_, err := Location(url)
	return err == nil && url[0] == '/' && !strings.HasPrefix(url, "//")
}
