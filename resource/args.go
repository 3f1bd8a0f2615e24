package resource

import (
	"bytes"
)

// This file reads arguments: those of the query, and behind them those of a form in
// the content. One argument is found in place; only the whole set becomes a map.

// Arg is the first value of the argument name, "" when there is none: query first,
// then form.
func (r *Request) Arg(name string) string { return r.ArgOr(name, "") }

// ArgOr is Arg with another value for when there is none.
func (r *Request) ArgOr(name, otherwise string) string {
	if value, ok := findArg(r.head.Query, name); ok {
		return value
	}
	return otherwise
}

// findArg is the first value of name in an urlencoded query.
func findArg(query []byte, name string) (value string, ok bool) {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		k, v, _ := bytes.Cut(pair, []byte{'='})
		if len(pair) > 0 && argNamed(k, name) {
			return string(unescapeArg(v)), true
		}
	}
	return "", false
}

func argNamed(encoded []byte, name string) bool {
	return string(encoded) == name || bytes.ContainsAny(encoded, "%+") && string(unescapeArg(encoded)) == name
}

// unescapeArg undoes the encoding of a form (WHATWG URL §5.1): a plus is a blank, and
// a percent sign without two digits stands for itself.
func unescapeArg(s []byte) []byte {
	if bytes.IndexByte(s, '%') < 0 && bytes.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}
