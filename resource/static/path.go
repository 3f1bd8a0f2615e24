package static

import (
	"strings"

	"spindle/protocol"
)

// This file turns what is left of a request path into the name of a file below
// the root. It looks at bytes only: what a name leads to on the disk (links,
// devices) is for source.go.

// A name is the path of a file relative to the root, segments joined by "/",
// decoded; a trailing "/" says that a directory was asked for. The root itself
// is "". Names that clean lets through have no empty segment but that last one,
// no "." and "..", no NUL, no "/" that came encoded, and no backslash.

// clean appends the name that the raw rest of a path stands for to dst. rest is
// without its leading slash and still percent-encoded. ok is false when nothing
// below a root can have that name.
func clean(dst, rest []byte) (name []byte, ok bool) {
	start := len(dst)
	for i := 0; i < len(rest); i++ {
		c, encoded := rest[i], false
		if c == '%' {
			if c, ok = unhex(rest[i:]); !ok {
				return dst, false
			}
			i, encoded = i+2, true
		}
		switch {
		case c == 0 || c == '\\' || c == '/' && encoded:
			return dst, false
		case c == '/':
			if !goodSegment(dst[start:]) {
				return dst, false
			}
			start = len(dst) + 1
		}
		dst = append(dst, c)
	}
	last := dst[start:]
	return dst, len(last) == 0 || goodSegment(last)
}

func goodSegment(s []byte) bool {
	return len(s) != 0 && string(s) != "." && string(s) != ".."
}

func unhex(s []byte) (c byte, ok bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, lo := protocol.HexValue(s[1]), protocol.HexValue(s[2])
	return hi<<4 | lo, hi|lo < 16
}

// hidden tells whether a segment of name starts with a dot. A first segment
// ".well-known" is public by its very purpose (RFC 8615).
func hidden(name string) bool {
	if name == ".well-known" || strings.HasPrefix(name, ".well-known/") {
		name = name[len(".well-known"):]
	}
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// extension is that of the last segment of name, in lower case, with its dot;
// "" when there is none. A leading dot starts no extension: ".profile" has none.
func extension(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		return strings.ToLower(base[i:])
	}
	return ""
}

// escapeSegment percent-encodes all of s that may not stand in a path segment
// (RFC 3986 §3.3), so that it can be put into a link.
func escapeSegment(s string) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isAlphanumeric(c) || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upper[c>>4])
		b.WriteByte(upper[c&15])
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
