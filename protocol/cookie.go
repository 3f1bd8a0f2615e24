package protocol

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// SameSite is the attribute of that name.
type SameSite uint8

// The values of SameSite; the zero value sends none.
const (
	SameSiteUnset SameSite = iota
	SameSiteLax
	SameSiteStrict
	SameSiteNone
)

// Cookie is a cookie to be set (RFC 6265bis).
type Cookie struct {
	Name, Value string
	Path        string
	Domain      string
	Expires     time.Time
	MaxAge      int // seconds; 0: not sent; negative: expires now
	Secure      bool
	HTTPOnly    bool
	SameSite    SameSite
	Partitioned bool
}

// What browsers take: a longer cookie is dropped whole, a longer attribute is
// ignored (RFC 6265bis §5.6).
const (
	maxCookieBytes          = 4096 // name and value
	maxCookieAttributeBytes = 1024
)

// Append appends the value of the Set-Cookie field for c. A cookie that a
// browser would drop, cut or read in another way is an error, and dst comes
// back as it was: see Check.
func (c *Cookie) Append(dst []byte) ([]byte, error) {
	if err := c.Check(); err != nil {
		return dst, err
	}
	dst = append(append(append(dst, c.Name...), '='), c.Value...)
	if c.Path != "" {
		dst = append(append(dst, "; Path="...), c.Path...)
	}
	if c.Domain != "" {
		dst = append(append(dst, "; Domain="...), c.Domain...)
	}
	if !c.Expires.IsZero() {
		dst = AppendDate(append(dst, "; Expires="...), c.Expires)
	}
	if c.MaxAge != 0 {
		dst = strconv.AppendInt(append(dst, "; Max-Age="...), int64(max(c.MaxAge, 0)), 10)
	}
	if c.Secure {
		dst = append(dst, "; Secure"...)
	}
	if c.HTTPOnly {
		dst = append(dst, "; HttpOnly"...)
	}
	if c.Partitioned {
		dst = append(dst, "; Partitioned"...)
	}
	return append(dst, sameSiteAttribute[c.SameSite]...), nil
}

var sameSiteAttribute = [...]string{"", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=None"}

// Check tells why c can not be set: a byte that its part may not have (encode
// the value, in base64 for one), a part too long, an attribute that needs
// another (SameSite=None and Partitioned need Secure), or a promise of the name
// that is not kept (__Secure-, __Host-, __Http-, __Host-Http-). Nothing is
// cleaned in silence.
func (c *Cookie) Check() error {
	if !IsToken(c.Name) {
		return fmt.Errorf("protocol: cookie name %s is not a token", Quote(c.Name))
	}
	for _, check := range [...]func(*Cookie) string{(*Cookie).badText, (*Cookie).badAttribute, (*Cookie).badPrefix} {
		if reason := check(c); reason != "" {
			return fmt.Errorf("protocol: cookie %s: %s", Quote(c.Name), reason)
		}
	}
	return nil
}

// badText tells what is wrong with the bytes of c's parts. RFC 6265 §4.1.1.
func (c *Cookie) badText() string {
	switch {
	case !all(unquoteCookie(c.Value), cookieChar):
		return "value " + Quote(c.Value) + ` has a byte beyond ASCII, a control byte, a blank or one of ",;\`
	case len(c.Name)+len(c.Value) > maxCookieBytes:
		return "longer than 4096 bytes"
	case c.Path != "" && !isCookiePath(c.Path):
		return "path " + Quote(c.Path) + ` does not start with /, has ";" or a byte that no path has, or is longer than 1024 bytes`
	case c.Domain != "" && !isDomain(c.Domain):
		return "domain " + Quote(c.Domain) + " is not a host name"
	}
	return ""
}

// badAttribute tells which attribute has a value that means nothing, or needs
// another one. RFC 6265bis §5.6.
func (c *Cookie) badAttribute() string {
	switch year := c.Expires.UTC().Year(); {
	case !c.Expires.IsZero() && (year < 1601 || year > 9999):
		return "expires in the year " + strconv.Itoa(year)
	case int(c.SameSite) >= len(sameSiteAttribute):
		return "no such SameSite: " + strconv.Itoa(int(c.SameSite))
	case c.SameSite == SameSiteNone && !c.Secure:
		return "SameSite=None needs Secure"
	case c.Partitioned && !c.Secure:
		return "Partitioned needs Secure"
	}
	return ""
}

// badPrefix tells which promise of the name is not kept. RFC 6265bis §4.1.3;
// browsers compare the prefix without case.
func (c *Cookie) badPrefix() string {
	host := c.Secure && c.Path == "/" && c.Domain == ""
	switch {
	case hasPrefix(c.Name, "__Host-Http-") && !(host && c.HTTPOnly):
		return "__Host-Http- needs HTTPOnly, Secure, Path / and no Domain"
	case hasPrefix(c.Name, "__Host-") && !host:
		return "__Host- needs Secure, Path / and no Domain"
	case hasPrefix(c.Name, "__Http-") && !(c.Secure && c.HTTPOnly):
		return "__Http- needs Secure and HTTPOnly"
	case hasPrefix(c.Name, "__Secure-") && !c.Secure:
		return "__Secure- needs Secure"
	}
	return ""
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && EqualFold(s[:len(prefix)], prefix)
}

func isCookiePath(s string) bool {
	return s[0] == '/' && len(s) <= maxCookieAttributeBytes && all(s, uriChar) && strings.IndexByte(s, ';') < 0
}

// isDomain tells whether s is a host name of letters, digits and hyphens in
// labels (RFC 1034 §3.5, RFC 1123 §2.1). Others are written in punycode.
func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for start, i := 0, 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if class[s[i]]&alnumChar == 0 && s[i] != '-' {
				return false
			}
			continue
		}
		if n := i - start; n == 0 || n > 63 || s[start] == '-' || s[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

// maxCookies is the number of pairs that are looked at in one request. Browsers
// keep fewer than 200 for a site.
const maxCookies = 1000

// Cookie is the value of the first cookie of that name that the client sent,
// without the quotes if it has them. The first one is that with the longest
// path (RFC 6265 §5.4). value is valid as long as h is.
func (h *Head) Cookie(name string) (value []byte, ok bool) {
	for n, v := range h.Cookies() {
		if string(n) == name {
			return v, true
		}
	}
	return nil, false
}

// Cookies goes over the cookies that the client sent, in order, over all its
// Cookie fields (HTTP/2 has one for each). A pair whose name is not a token is
// passed over; a value is any bytes but ";", without the quotes around it. Names
// have case. After 1000 pairs it ends.
func (h *Head) Cookies() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		left := maxCookies
		for i := range h.Fields {
			if f := &h.Fields[i]; len(f.Name) == len("Cookie") && EqualFold(f.Name, "Cookie") {
				if left = eachCookie(f.Value, left, yield); left <= 0 {
					return
				}
			}
		}
	}
}

// eachCookie yields the pairs of one Cookie field, at most left of them. It
// returns how many are left for the next field, 0 when it is to end. A quoted
// value ends at ";" like any other: RFC 6265 §5.4 knows no other end.
func eachCookie(list []byte, left int, yield func(name, value []byte) bool) int {
	for len(list) > 0 {
		pair := list
		list = nil
		if i := bytes.IndexByte(pair, ';'); i >= 0 {
			pair, list = pair[:i], pair[i+1:]
		}
		pair = TrimBlank(pair)
		eq := bytes.IndexByte(pair, '=')
		if eq < 0 || !IsToken(pair[:eq]) {
			continue
		}
		if left == 0 || !yield(pair[:eq], unquoteCookie(pair[eq+1:])) {
			return 0
		}
		left--
	}
	return left
}

// unquoteCookie is s without the quotes around it.
func unquoteCookie[T text](s T) T {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
