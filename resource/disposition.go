package resource

import (
	"slices"
	"strings"
	"unicode/utf8"

	"spindle/protocol"
)

// This file reads the Content-Disposition of a part, as browsers write it: that is
// not quite RFC 6266's, so the rules are here and not in package protocol.

// disposition is what the head of a part says about it.
type disposition struct {
	name, filename string
	named, file    bool // whether there is a name, a file name
}

// parseDisposition reads `form-data; name="x"; filename="y"` (RFC 7578 §4.2). A
// parameter that is there twice, or does not have the form of one, is an error. A
// filename* wins over filename (RFC 6266 §4.3), which RFC 7578 does not
// want and some clients send.
func parseDisposition(s string) (d disposition, err *Error) {
	kind, params, _ := strings.Cut(s, ";")
	if !protocol.EqualFold(protocol.TrimBlank(kind), "form-data") {
		return d, badForm("a part that is not form-data: " + protocol.Quote(s))
	}
	var seen []string
	extended := false
	for rest := protocol.TrimBlank(params); rest != ""; {
		name, value, after, ok := dispositionParam(rest)
		lower := strings.ToLower(name)
		if !ok || slices.Contains(seen, lower) || len(seen) == maxDispositionParams {
			return d, badForm("Content-Disposition " + protocol.Quote(s))
		}
		seen, rest = append(seen, lower), after
		switch {
		case lower == "name":
			d.name, d.named = formNameEscapes.Replace(value), true
		case lower == "filename":
			if d.file = true; !extended {
				d.filename = fileNameEscapes.Replace(value)
			}
		case lower == "filename*":
			if d.filename, ok = extendedValue(value); !ok {
				return d, badForm("filename* " + protocol.Quote(value))
			}
			d.file, extended = true, true
		case strings.Contains(lower, "*"): // pieces of RFC 2231 §3, which could hide a file name
			return d, badForm("Content-Disposition " + protocol.Quote(s))
		}
	}
	if !d.named {
		return d, badForm("a part without a name")
	}
	d.filename = lastElement(d.filename)
	if strings.ContainsFunc(d.filename, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return d, badForm("file name " + protocol.Quote(d.filename))
	}
	return d, nil
}

const maxDispositionParams = 16

// Browsers write a quote and line ends in names as these (HTML §4.10.22.8), and
// escape nothing else, not even "%". In a file name line ends stay escaped.
var (
	formNameEscapes = strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n", "%0d", "\r", "%0a", "\n")
	fileNameEscapes = strings.NewReplacer("%22", `"`)
)

// dispositionParam cuts the first parameter off s, and the ";" behind it.
func dispositionParam(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if !ok || !protocol.IsToken(name) {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		value, s, ok = quotedName(s[1:])
	} else {
		n := 0
		for n < len(s) && protocol.IsTokenByte(s[n]) {
			n++
		}
		value, s, ok = s[:n], s[n:], n > 0
	}
	if s = protocol.TrimBlank(s); s != "" {
		ok = ok && s[0] == ';'
		s = protocol.TrimBlank(s[1:])
	}
	return name, value, s, ok
}

// quotedName reads up to the closing quote. A backslash escapes a quote and
// itself only: old browsers sent C:\dir\file as it is.
func quotedName(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// extendedValue reads charset'language'escaped, in UTF-8 or ISO-8859-1
// (RFC 8187 §3.2).
func extendedValue(s string) (value string, ok bool) {
	charset, s, _ := strings.Cut(s, "'")
	_, s, ok = strings.Cut(s, "'")
	raw, err := protocol.UnescapeSegment(nil, []byte(s))
	switch {
	case !ok || err != nil:
		return "", false
	case protocol.EqualFold(charset, "utf-8"):
		return string(raw), utf8.Valid(raw)
	case protocol.EqualFold(charset, "iso-8859-1"):
		runes := make([]rune, len(raw))
		for i, c := range raw {
			runes[i] = rune(c)
		}
		return string(runes), true
	}
	return "", false
}

// lastElement is what follows the last slash or backslash: a path of the
// client's machine is nobody's affair here (RFC 7578 §4.2). "." and ".." are no name.
func lastElement(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if protocol.IsDotSegment(name) {
		return ""
	}
	return name
}
