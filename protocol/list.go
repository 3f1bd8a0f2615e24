package protocol

import "bytes"

// This file takes the common shapes of field values apart, in place: lists with
// commas (RFC 9110 §5.6.1), parameters (§5.6.6), quoted strings (§5.6.4).

// List is the value of a field that is a list, over all its lines: the bytes of
// the head when there is one line, a joined copy when there are more, nil when
// there is none (RFC 9110 §5.3).
func (h *Head) List(name string) []byte {
	var list []byte
	lines := 0
	for value := range h.FieldAll(name) {
		switch lines++; lines {
		case 1:
			if list = value; list == nil {
				list = []byte{}
			}
		case 2:
			list = append(append(bytes.Clone(list), ", "...), value...)
		default:
			list = append(append(list, ", "...), value...)
		}
	}
	return list
}

// NextMember cuts the first member off a list. Empty members are passed over, a
// comma in a quoted string cuts nothing. ok is false when there is none left.
func NextMember(list []byte) (member, rest []byte, ok bool) {
	for len(list) > 0 {
		end := memberEnd(list)
		member, rest = TrimBlank(list[:end]), list[min(end+1, len(list)):]
		if len(member) > 0 {
			return member, rest, true
		}
		list = rest
	}
	return nil, nil, false
}

func memberEnd(list []byte) int {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return i
		}
	}
	return len(list)
}

// HasMember tells whether a list of tokens (Connection, Vary, Upgrade) has this
// one, case-blind.
func HasMember(list []byte, token string) bool {
	for {
		member, rest, ok := NextMember(list)
		if !ok {
			return false
		}
		if EqualFold(member, token) {
			return true
		}
		list = rest
	}
}

// param is one parameter, its value as it stands: a token or a quoted string.
type param[T text] struct{ name, value T }

// nextParam cuts the first parameter off s, which is empty or starts with OWS
// and ";". more is false at the end of s; ok is false when s does not have the
// form (RFC 9110 §5.6.6: no blank around "=").
func nextParam[T text](s T) (p param[T], rest T, more, ok bool) {
	for {
		if s = TrimBlank(s); len(s) == 0 {
			return p, s, false, true
		}
		if s[0] != ';' {
			return p, s, false, false
		}
		if s = TrimBlank(s[1:]); len(s) == 0 || s[0] != ';' { // not an empty parameter
			break
		}
	}
	if len(s) == 0 {
		return p, s, false, true
	}
	n := spanToken(s)
	if n == 0 || n == len(s) || s[n] != '=' {
		return p, s, false, false
	}
	p.name, s = s[:n], s[n+1:]
	if n = spanToken(s); n == 0 {
		n = spanQuoted(s)
	}
	p.value = s[:n]
	return p, s[n:], true, n > 0
}

func spanToken[T text](s T) int {
	n := 0
	for n < len(s) && class[s[n]]&tokenChar != 0 {
		n++
	}
	return n
}

// spanQuoted is the length of the quoted string that s starts with, 0 when it
// starts with none. RFC 9110 §5.6.4.
func spanQuoted[T text](s T) int {
	if len(s) == 0 || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			i++
		}
		if i == len(s) || class[s[i]]&valueChar == 0 {
			return 0
		}
	}
	return 0
}

// unquote is what a token or a quoted string means. It is a copy only when there
// is a quoted pair in it.
func unquote[T text](s T) string {
	if len(s) < 2 || s[0] != '"' {
		return string(s)
	}
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			return dropBackslashes(s)
		}
	}
	return string(s)
}

func dropBackslashes[T text](s T) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}
