package protocol

import "strings"

// This file chooses among offers by a client's quality lists (RFC 9110 §12.5).
// Weights are in thousandths. A member that has not the form is passed over; a
// list without a good member is taken like a field that is not there.

// BestMedia is the index of the offer that accept (an Accept field, see
// Head.List) likes best, -1 when it accepts none. The range that is most exact
// decides on an offer. Among equal weights an offer that is named wins over one
// taken by a wildcard, then the first one: the server's own preference is their
// order. Without the field it is the first. An offer is a media type, with parameters if it is only to match a range with the same.
// RFC 9110 §12.5.1.
func BestMedia(accept []byte, offers ...string) int {
	return best(accept, offers, mediaMatch)
}

// BestLanguage is the same for Accept-Language and language tags: a range takes
// a tag that is equal or goes on behind a hyphen (RFC 4647 §3.3.1), and if no
// range does, a tag that the range goes on from ("de-CH" takes "de", §3.4).
func BestLanguage(acceptLanguage []byte, offers ...string) int {
	return best(acceptLanguage, offers, languageMatch)
}

// best is the index of the offer with the highest weight; of equal ones, that
// which is named rather than taken by a wildcard. match tells how exact a member
// matches an offer: 0 not at all, 1 and 2 by a wildcard, 3 and more by name.
func best(list []byte, offers []string, match func(member weighted, offer string) int) int {
	choice, highest, any := -1, 0, false
	for i, offer := range offers {
		exact, q := 0, 0
		for rest := list; ; {
			m, ok := nextWeighted(&rest)
			if !ok {
				break
			}
			any = true
			if e := match(m, offer); e > exact || e == exact && e > 0 && m.q > q {
				exact, q = e, m.q
			}
		}
		if rank := q<<2 + min(exact, 3); q > 0 && rank > highest {
			choice, highest = i, rank
		}
	}
	if !any && len(offers) > 0 {
		return 0
	}
	return choice
}

// weighted is a member of a quality list.
type weighted struct {
	name   []byte // what stands before the first ";"
	params []byte // from there to the weight
	q      int    // 0 to 1000
}

// nextWeighted cuts the first well formed member off *list.
func nextWeighted(list *[]byte) (m weighted, ok bool) {
	for {
		member, rest, ok := NextMember(*list)
		if *list = rest; !ok {
			return m, false
		}
		if m, ok = parseWeighted(member); ok {
			return m, true
		}
	}
}

func parseWeighted(member []byte) (m weighted, ok bool) {
	end := 0
	for end < len(member) && member[end] != ';' {
		end++
	}
	m.name, m.q = TrimBlank(member[:end]), 1000
	for rest := member[end:]; ; {
		p, after, more, ok := nextParam(rest)
		if !ok || !more {
			m.params = member[end:]
			return m, ok && len(m.name) > 0
		}
		if EqualFold(p.name, "q") { // what follows is no parameter of the range
			m.params = member[end : len(member)-len(rest)]
			m.q = parseWeight(p.value)
			return m, m.q >= 0 && len(m.name) > 0
		}
		rest = after
	}
}

// parseWeight reads a qvalue, -1 when it is none. RFC 9110 §12.4.2.
func parseWeight(s []byte) int {
	if len(s) == 0 || len(s) > 5 || s[0] > '1' || s[0] < '0' || len(s) > 1 && s[1] != '.' {
		return -1
	}
	q := int(s[0]-'0') * 1000
	for i, unit := 2, 100; i < len(s); i, unit = i+1, unit/10 {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		q += int(s[i]-'0') * unit
	}
	if q > 1000 {
		return -1
	}
	return q
}

// mediaMatch is 1 for */*, 2 for type/*, 3 for type/subtype, more for each
// parameter that must be there.
func mediaMatch(m weighted, offer string) int {
	offerParams := ""
	if i := strings.IndexByte(offer, ';'); i >= 0 {
		offer, offerParams = strings.TrimRight(offer[:i], " \t"), offer[i:]
	}
	slash := strings.IndexByte(offer, '/')
	switch n := len(m.name); {
	case string(m.name) == "*/*":
		return 1
	case slash < 0 || n < slash+2 || !EqualFold(m.name[:slash+1], offer[:slash+1]):
		return 0
	case string(m.name[slash+1:]) == "*":
		return 2
	case !EqualFold(m.name, offer):
		return 0
	}
	exact := 3
	for rest := m.params; ; exact++ {
		p, after, more, _ := nextParam(rest)
		if !more {
			return exact
		}
		if !hasParam(offerParams, p) {
			return 0
		}
		rest = after
	}
}

// hasParam tells whether params has p. The value has case but in charset, of
// which RFC 9110 §8.3.2 knows that it has none.
func hasParam(params string, p param[[]byte]) bool {
	for {
		have, rest, more, _ := nextParam(params)
		if !more {
			return false
		}
		if EqualFold(have.name, p.name) {
			a, b := unquote(have.value), unquote(p.value)
			return a == b || EqualFold(p.name, "charset") && EqualFold(a, b)
		}
		params = rest
	}
}

// languageMatch is 1 for "*", 2 for a tag that the range goes on from (which says
// nothing against the tag when its weight is 0), more for a tag that the range
// takes: the longer the range, the more exact.
func languageMatch(m weighted, tag string) int {
	n := len(m.name)
	switch {
	case string(m.name) == "*":
		return 1
	case n <= len(tag) && EqualFold(m.name, tag[:n]) && (n == len(tag) || tag[n] == '-'):
		return 3 + n
	case m.q > 0 && n > len(tag) && m.name[len(tag)] == '-' && EqualFold(m.name[:len(tag)], tag):
		return 2
	}
	return 0
}

// BestEncoding is the index of the content coding that acceptEncoding (an
// Accept-Encoding field, see Head.List) likes best, -1 for none of them: the
// content then goes as it is (identity). Among equals the first offer wins, over
// identity too. Without the field it is -1: who says nothing may know nothing.
// RFC 9110 §12.5.3.
func BestEncoding(acceptEncoding []byte, offers ...string) int {
	choice, highest := -1, codingWeight(acceptEncoding, "identity")
	for i, offer := range offers {
		// An offer that is equal to identity is better, one equal to an offer
		// before it is not.
		if q := codingWeight(acceptEncoding, offer); q > highest || q == highest && q > 0 && choice < 0 {
			choice, highest = i, q
		}
	}
	return choice
}

// codingWeight is the weight of one content coding, 0 when it is not wanted or
// not named.
func codingWeight(list []byte, coding string) int {
	named, star := -1, 0
	for {
		m, ok := nextWeighted(&list)
		switch {
		case !ok && named >= 0:
			return named
		case !ok:
			return star
		case string(m.name) == "*":
			star = max(star, m.q)
		case isCoding(m.name, coding):
			named = max(named, m.q)
		}
	}
}

// isCoding compares codings; x-gzip and x-compress are old names (RFC 9110 §8.4.1).
func isCoding(name []byte, coding string) bool {
	if len(name) > 2 && (EqualFold(name, "x-gzip") || EqualFold(name, "x-compress")) {
		name = name[2:]
	}
	return EqualFold(name, coding)
}
