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
		if !namesHostAndPort(h.Target) {
			return errAuthority
		}
		h.Form = protocol.AuthorityForm
		h.Authority = h.Target
	case h.Target[0] == '/':
		h.Form = protocol.OriginForm
		h.Path = h.Target
		if i := bytes.IndexByte(h.Target, '?'); i >= 0 {
			h.Path, h.Query = h.Target[:i:i], h.Target[i+1:]
		}
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
	if end == 0 || !protocol.ValidAuthority(rest[:end]) {
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

// namesHostAndPort tells whether a is a host and a port, as CONNECT wants both (RFC 9112
// §3.2.3).
func namesHostAndPort(a []byte) bool {
	_, port := protocol.SplitAuthority(a)
	return len(port) > 0 && protocol.ValidAuthority(a)
}
