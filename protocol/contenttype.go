package protocol

// MediaType is the value of a Content-Type field, taken apart in place
// (RFC 9110 §8.3). The standard library's mime.ParseMediaType was looked at: it
// takes blanks around "=" and a type without a subtype, puts RFC 2231's pieces
// together, which Content-Type has not, and makes a map.
type MediaType struct {
	Type   string // "type/subtype" as received: compare with Is
	params string // checked
}

// maxParams bounds the search for a parameter that is there twice.
const maxParams = 16

// ParseMediaType reads a Content-Type field. ok is false when it has not the form
// of one, has a parameter twice (two readers could see two boundaries), or has
// more than 16.
func ParseMediaType(s string) (m MediaType, ok bool) {
	n := spanToken(s)
	if n == 0 || n == len(s) || s[n] != '/' {
		return m, false
	}
	sub := spanToken(s[n+1:])
	if sub == 0 {
		return m, false
	}
	m.Type, m.params = s[:n+1+sub], s[n+1+sub:]
	for n, rest := 0, m.params; ; n++ {
		p, after, more, ok := nextParam(rest)
		if !ok || n > maxParams {
			return MediaType{}, false
		}
		if !more {
			return m, true
		}
		if before := m.params[:len(m.params)-len(rest)]; hasName(before, p.name) {
			return MediaType{}, false
		}
		rest = after
	}
}

// Is tells whether the type is t ("text/html"), case-blind.
func (m MediaType) Is(t string) bool { return EqualFold(m.Type, t) }

// Param is the value of a parameter, unquoted; the name is case-blind.
func (m MediaType) Param(name string) (value string, ok bool) {
	for rest := m.params; ; {
		p, after, more, _ := nextParam(rest)
		if !more {
			return "", false
		}
		if EqualFold(p.name, name) {
			return unquote(p.value), true
		}
		rest = after
	}
}

func hasName(params, name string) bool {
	_, ok := MediaType{params: params}.Param(name)
	return ok
}

// Boundary is the parameter of that name, if it has the form of one: 1 to 70
// bytes of those that RFC 2046 §5.1.1 has, no blank at the end.
func (m MediaType) Boundary() (boundary string, ok bool) {
	boundary, ok = m.Param("boundary")
	if !ok || len(boundary) == 0 || len(boundary) > 70 || boundary[len(boundary)-1] == ' ' {
		return "", false
	}
	for i := 0; i < len(boundary); i++ {
		if !isBoundaryByte(boundary[i]) {
			return "", false
		}
	}
	return boundary, true
}

func isBoundaryByte(c byte) bool {
	switch c {
	case '\'', '(', ')', '+', '_', ',', '-', '.', '/', ':', '=', '?', ' ':
		return true
	}
	return class[c]&alnumChar != 0
}
