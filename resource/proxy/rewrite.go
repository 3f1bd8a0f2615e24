package proxy

import (
	"cmp"
	"strings"

	"spindle/protocol"
)

// This file has what an upstream says of itself say this server: where a redirect leads to,
// and where a cookie is sent back to.

// rewrite changes the fields of an answer.
func (x *exchange) rewrite(a *Answer) {
	for i := range a.Fields {
		f := &a.Fields[i]
		switch {
		case protocol.EqualFold(f.Name, "location"), protocol.EqualFold(f.Name, "content-location"):
			f.Value = x.location(f.Value)
		case protocol.EqualFold(f.Name, "set-cookie"):
			f.Value = x.cookie(f.Value)
		}
	}
}

// prefix is the path of the proxy here, without its last slash.
func (x *exchange) prefix() string {
	if x.pre != nil {
		return *x.pre
	}
	path := x.r.Path()
	return path[:max(len(path)-len(x.r.PostpathBytes()), 0)]
}

// location is a reference as it is from here. One to another server stays what it is.
func (x *exchange) location(ref string) string {
	rest, ok := cutOrigin(ref, x.u.scheme, x.u.authority)
	if !ok { // it was told the host that the client asked for, and takes that for its own
		rest, ok = cutOrigin(ref, x.head.Fields.Get("X-Forwarded-Proto"), x.head.Authority)
	}
	if ok {
		ref = rest
		if ref == "" || ref[0] != '/' {
			ref = "/" + ref
		}
	}
	if strings.HasPrefix(ref, "//") || !strings.HasPrefix(ref, "/") {
		return ref
	}
	return x.path(ref)
}

// cutOrigin takes scheme and authority off a URL, if it has these.
func cutOrigin(ref, scheme, authority string) (rest string, ok bool) {
	rest, ok = cutPrefixFold(ref, scheme+"://"+authority)
	return rest, ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// path is a path at the upstream as it is here; what is not below its base stays.
func (x *exchange) path(path string) string {
	rest, ok := strings.CutPrefix(path, x.u.base)
	if !ok || rest != "" && strings.IndexByte("/?#", rest[0]) < 0 {
		return path
	}
	return x.prefix() + rest
}

// cookie is a Set-Cookie whose Path and Domain are those from here.
func (x *exchange) cookie(line string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case strings.EqualFold(name, "domain") && x.isOwnDomain(value):
			continue // so it is for the host that the client knows
		case strings.EqualFold(name, "path"):
			path := x.path(strings.TrimRight(value, "/"))
			part = " Path=" + cmp.Or(path, "/")
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ";")
}

func (x *exchange) isOwnDomain(domain string) bool {
	host, _ := protocol.SplitAuthority([]byte(x.u.authority))
	domain = strings.TrimPrefix(domain, ".")
	own := strings.ToLower(string(host))
	return domain != "" && (own == strings.ToLower(domain) || strings.HasSuffix(own, "."+strings.ToLower(domain)))
}
