package fastcgi

import (
	"errors"

	"spindle/protocol/cgi"
)

// This file holds name-value pairs (§3.4): those of Params and of GetValues.

// ErrPairs is about pairs that are cut, or say more than there is.
var ErrPairs = errors.New("fastcgi: name-value pairs that do not fit their lengths")

// AppendPair appends one pair.
func AppendPair[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = appendLen(dst, len(name))
	dst = appendLen(dst, len(value))
	dst = append(dst, name...)
	return append(dst, value...)
}

// appendLen appends a length, in one byte where that is enough, else in four.
func appendLen(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return append(dst, byte(n>>24)|0x80, byte(n>>16), byte(n>>8), byte(n))
}

// AppendParams appends the Params stream of env: its records, and the empty one at its
// end.
func AppendParams(dst []byte, id uint16, env *cgi.Env) []byte {
	size := 0
	for name, value := range env.All() {
		size += pairLen(len(name), len(value))
	}
	if size > MaxContent {
		return appendManyParams(dst, id, env)
	}
	if size > 0 {
		dst = AppendHeader(dst, Params, id, size)
		for name, value := range env.All() {
			dst = AppendPair(dst, name, value)
		}
	}
	return AppendHeader(dst, Params, id, 0)
}

// appendManyParams is AppendParams for what takes several records.
func appendManyParams(dst []byte, id uint16, env *cgi.Env) []byte {
	var pairs []byte
	for name, value := range env.All() {
		pairs = AppendPair(pairs, name, value)
	}
	return AppendHeader(AppendRecord(dst, Params, id, pairs), Params, id, 0)
}

// pairLen is the length of a pair.
func pairLen(name, value int) int {
	n := 2 + name + value
	if name >= 0x80 {
		n += 3
	}
	if value >= 0x80 {
		n += 3
	}
	return n
}

// NextPair takes the first pair off b, which is not empty.
func NextPair(b []byte) (name, value, rest []byte, err error) {
	n, b, ok := cutLen(b)
	if !ok {
		return nil, nil, nil, ErrPairs
	}
	m, b, ok := cutLen(b)
	if !ok || n > len(b) || m > len(b)-n {
		return nil, nil, nil, ErrPairs
	}
	return b[:n:n], b[n : n+m : n+m], b[n+m:], nil
}

func cutLen(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) > 0 && b[0] < 0x80:
		return int(b[0]), b[1:], true
	case len(b) >= 4:
		return int(b[0]&0x7f)<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3]), b[4:], true
	}
	return 0, nil, false
}

// ParsePairs reads all pairs of b into env. A variable that no environment may have is
// left out (env.Bad).
func ParsePairs(env *cgi.Env, b []byte) error {
	for len(b) > 0 {
		name, value, rest, err := NextPair(b)
		if err != nil {
			return err
		}
		env.AddBytes(string(name), value)
		b = rest
	}
	return nil
}
