package protocol

import "spindle/protocol/internal/word"

// This file knows the character classes of the grammar, as tables, and the
// comparison of names without case.

// text is what the lookups below take: a field of a head is bytes, one of an
// answer is a string.
type text interface{ ~string | ~[]byte }

// The classes of a byte. RFC 9110 §5.5, §5.6.2; RFC 6265 §4.1.1;
// RFC 3986 §2.
const (
	tokenChar      = 1 << iota // tchar: what names and methods are made of
	valueChar                  // HTAB, SP, VCHAR, obs-text: what a value is made of
	cookieChar                 // cookie-octet: what a cookie's value is made of
	etagChar                   // etagc: what an entity tag is made of
	alnumChar                  // letters and digits
	unreservedChar             // what stands for itself everywhere in a URI
	hostChar                   // unreserved, sub-delims: what a host name is made of
	uriChar                    // what may stand somewhere in a URI, "%" too
)

// IsToken tells whether s is a token (RFC 9110 §5.6.2): one byte or more of
// letters, digits and !#$%&'*+-.^_`|~.
func IsToken[T text](s T) bool { return len(s) > 0 && all(s, tokenChar) }

// IsTokenByte tells whether c may stand in a token.
func IsTokenByte(c byte) bool { return class[c]&tokenChar != 0 }

// IsValue tells whether s may be sent as a field's value (RFC 9110 §5.5): no
// control bytes but HTAB, and no blank at either end. Empty is a value.
func IsValue[T text](s T) bool {
	if len(s) == 0 {
		return true
	}
	if blank(s[0]) || blank(s[len(s)-1]) {
		return false
	}
	i := 0
	for ; i+8 <= len(s) && word.Controls(load8(s[i:i+8])) == 0; i += 8 {
	}
	return all(s[i:], valueChar) // from a HTAB on, or the last few
}

// load8 is the first 8 bytes of s in one word.
func load8[T text](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// all tells whether every byte of s is of the class.
func all[T text](s T, c uint8) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&c == 0 {
			return false
		}
	}
	return true
}

// blank tells whether c is one of OWS (RFC 9110 §5.6.3).
func blank(c byte) bool { return c == ' ' || c == '\t' }

// TrimBlank is s without the blanks (SP and HTAB, nothing else) at its ends. It
// is a part of s, not a copy.
func TrimBlank[T text](s T) T {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// EqualFold tells whether a and b are the same but for the case of ASCII
// letters, as names and tokens compare (RFC 9110 §5.1).
func EqualFold[A, B text](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if x, y := a[i], b[i]; x != y && (x^y != 0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
