package resource

import (
	"bytes"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// This file makes URLs from where a request is in the tree.

// PrePathURL is the absolute URL of the part of the path that the walk has used up:
// where the resource itself is. Its escapes are those that the client sent.
func (r *Request) PrePathURL() string {
	authority := r.Authority()
	if authority == "" {
		authority = hostText(r.ch.Host())
	}
	return r.Scheme() + "://" + authority + string(r.path()[:max(r.used, 1)])
}

// hostText is a for a URL.
func hostText(a reactor.Addr) string {
	if !a.IP.IsValid() {
		return "localhost"
	}
	return a.String()
}

// ChildLink is the URL, relative to that of the request, of the child name of the
// resource that answers. name is escaped.
func (r *Request) ChildLink(name string) string {
	if left := r.segmentsLeft(); left > 0 {
		return r.link(left-1, name)
	}
	path := r.path()[:r.used]
	last := path[bytes.LastIndexByte(path, '/')+1:]
	if len(last) == 0 {
		return r.link(0, name)
	}
	return "./" + string(last) + "/" + escape(name)
}

// SiblingLink is the URL, relative to that of the request, of the resource name beside
// the one that answers. name is escaped.
func (r *Request) SiblingLink(name string) string { return r.link(r.segmentsLeft(), name) }

// link goes up some levels, and then to name.
func (r *Request) link(up int, name string) string {
	if up == 0 {
		return "./" + escape(name)
	}
	return strings.Repeat("../", up) + escape(name)
}

func escape(name string) string { return string(protocol.AppendPathEscape(nil, name)) }

// segmentsLeft is how many segments are in Postpath.
func (r *Request) segmentsLeft() int {
	return bytes.Count(r.path()[r.used:], []byte{'/'})
}
