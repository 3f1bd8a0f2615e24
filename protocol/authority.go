package protocol

import "bytes"

// ValidAuthority tells whether a Host field, or the authority of a target,
// has the form uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2.2): a name, an
// IPv4 address, or an IPv6 address in brackets, and a port up to 65535, which may
// be empty. There is no user in it, and no address of a future version. Empty is valid
// (RFC 9112 §3.2: of a target that has none).
func ValidAuthority(a []byte) bool {
	if len(a) == 0 {
		return true
	}
	host, port := SplitAuthority(a)
	if len(host) == 0 || !validPort(port) {
		return false
	}
	if host[0] == '[' {
		return len(host) > 2 && host[len(host)-1] == ']' && isIPv6(host[1:len(host)-1])
	}
	return isRegName(host)
}

// SplitAuthority divides at the ":" before the port. The brackets stay with an
// IPv6 address. Both are parts of a; port is nil when there is no ":".
func SplitAuthority(a []byte) (host, port []byte) {
	end := bytes.LastIndexByte(a, ']') + 1
	if i := bytes.IndexByte(a[end:], ':'); i >= 0 {
		return a[:end+i], a[end+i+1:]
	}
	return a, nil
}

func validPort(port []byte) bool {
	n := digits(port)
	return len(port) <= 5 && n >= 0 && n <= 65535
}

// isRegName takes IPv4 addresses too, which have the form of a name.
func isRegName(s []byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if _, ok := unhex2(s[i+1:]); !ok {
				return false
			}
			i += 2
			continue
		}
		if class[s[i]]&hostChar == 0 {
			return false
		}
	}
	return true
}

// isIPv6 knows RFC 4291 §2.2: eight groups, or fewer and one "::"; the last two
// may be written as IPv4.
func isIPv6(s []byte) bool {
	groups, gap := 0, bytes.HasPrefix(s, []byte("::"))
	if gap {
		s = s[2:]
	}
	for len(s) > 0 {
		n := 0
		for n < len(s) && HexValue(s[n]) < 16 {
			n++
		}
		if n < len(s) && s[n] == '.' {
			if !isIPv4(s) {
				return false
			}
			groups += 2
			break
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		if s = s[n:]; len(s) == 0 {
			break
		}
		switch {
		case s[0] != ':' || len(s) == 1:
			return false
		case s[1] != ':':
			s = s[1:]
		case gap:
			return false
		default:
			gap, s = true, s[2:]
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

func isIPv4(s []byte) bool {
	for part := 1; ; part++ {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		if n == 0 || n > 3 || n > 1 && s[0] == '0' || digits(s[:n]) > 255 {
			return false
		}
		if part == 4 {
			return n == len(s)
		}
		if n == len(s) || s[n] != '.' {
			return false
		}
		s = s[n+1:]
	}
}
