package http1

import (
	"bytes"

	"spindle/protocol"
)

// This file takes request targets apart (RFC 9112 §3.2). The bytes of a path or
// query are not looked at beyond what the tokenizer has checked; those of an
// authority are.

var (
	slash    = []byte("/")
	asterisk = []byte("*")
)

// judgeTarget finds the form of h.Target, and its parts.
func judgeTarget(h *protocol.Head) *protocol.Error {
	switch {
	case h.Method == "CONNECT":
		if !validAuthority(h.Target, true) {
			return errAuthority
		}
		h.Form = protocol.AuthorityForm
		h.Authority = h.Target
	case h.Target[0] == '/':
		h.Form = protocol.OriginForm
		h.Path, h.Query = cutQuery(h.Target)
	case h.Method == "OPTIONS" && string(h.Target) == "*":
		h.Form = protocol.AsteriskForm
		h.Path = h.Target
	default:
		return judgeAbsolute(h)
	}
	return nil
}

// cutQuery divides what is before and after the first "?". The query is nil
// when there is no "?".
func cutQuery(target []byte) (path, query []byte) {
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		return target[:i:i], target[i+1:]
	}
	return target, nil
}

// judgeAbsolute takes an http or https URI. Its authority counts, not that of
// the Host field (RFC 9112 §3.2.2).
func judgeAbsolute(h *protocol.Head) *protocol.Error {
	i := bytes.Index(h.Target, []byte("://"))
	if i < 0 || !is(h.Target[:i], "http") && !is(h.Target[:i], "https") {
		return errTargetForm
	}
	rest := h.Target[i+3:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 || !validAuthority(rest[:end], false) {
		return errAuthority
	}
	h.Form = protocol.AbsoluteForm
	h.Scheme = h.Target[:i]
	h.Authority = rest[:end]
	h.Path, h.Query = cutQuery(rest[end:])
	switch {
	case len(h.Path) > 0:
	case h.Method == "OPTIONS" && h.Query == nil: // RFC 9112 §3.2.4
		h.Path = asterisk
	default: // RFC 9110 §4.2.3
		h.Path = slash
	}
	return nil
}

// validAuthority tells whether a is a host, with a port behind a colon when
// withPort says that there has to be one, or there is one. It is never empty,
// and names no user (RFC 3986 §3.2, RFC 9110 §4.2).
func validAuthority(a []byte, withPort bool) bool {
	host, port, hasPort := cutPort(a)
	if len(host) == 0 || withPort && (!hasPort || len(port) == 0) {
		return false
	}
	if n, ok, big := parseDigits(port); len(port) > 0 && (!ok || big || n > 65535) {
		return false
	}
	if host[0] == '[' {
		return validLiteral(host)
	}
	return validName(host)
}

// cutPort divides a at the colon behind its host.
func cutPort(a []byte) (host, port []byte, hasPort bool) {
	from := 0
	if len(a) > 0 && a[0] == '[' {
		from = max(bytes.IndexByte(a, ']'), 0)
	}
	if i := bytes.IndexByte(a[from:], ':'); i >= 0 {
		return a[:from+i], a[from+i+1:], true
	}
	return a, nil, false
}

// validLiteral tells whether h is an IPv6 address in brackets, as far as its
// bytes tell.
func validLiteral(h []byte) bool {
	n := len(h)
	if n < len("[::]") || n > len("[1111:2222:3333:4444:5555:6666:255.255.255.255]") || h[n-1] != ']' {
		return false
	}
	colons := 0
	for _, c := range h[1 : n-1] {
		switch {
		case c == ':':
			colons++
		case c != '.' && unhex(c) < 0:
			return false
		}
	}
	return colons >= 2
}

// validName tells whether h is a reg-name (RFC 3986 §3.2.2), which an IPv4
// address is as well.
func validName(h []byte) bool {
	for i := 0; i < len(h); i++ {
		switch c := h[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c), c == '.', c == '-':
		case c == '%':
			if i+2 >= len(h) || unhex(h[i+1]) < 0 || unhex(h[i+2]) < 0 {
				return false
			}
		case bytes.IndexByte([]byte("_~!$&'()*+,;="), c) < 0:
			return false
		}
	}
	return true
}

// unhex is the value of a hexadecimal digit, -1 when c is none.
func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
