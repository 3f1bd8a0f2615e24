package cgi

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"strconv"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// This file reads an environment that a web server has made: the asking side of RFC 3875
// as the application sees it.

var (
	errMethod  = &protocol.Error{Status: 400, Reason: "REQUEST_METHOD is not a method", Close: true}
	errURI     = &protocol.Error{Status: 400, Reason: "REQUEST_URI is not a path", Close: true}
	errHost    = &protocol.Error{Status: 400, Reason: "HTTP_HOST is not a host", Close: true}
	errLength  = &protocol.Error{Status: 400, Reason: "CONTENT_LENGTH is not a number", Close: true}
	errField   = &protocol.Error{Status: 400, Reason: "a variable has a value that no field can have", Close: true}
	errSlow    = &protocol.Error{Status: 408, Reason: "the content comes too slowly", Close: true}
	errShort   = &protocol.Error{Status: 400, Reason: "the content ended before its length", Close: true}
	errConnect = &protocol.Error{Status: 501, Reason: "CONNECT can not be answered behind a gateway", Close: true}
)

// Head is the head of the request that e describes. Its bytes are e's own.
//
// The path is that of REQUEST_URI, still encoded, of which h.Base bytes are SCRIPT_NAME
// when what follows is PATH_INFO: the tree begins there. A web server that says no
// PATH_INFO hands on all of the path, unless script says that SCRIPT_NAME is the name of a
// program (CGI). When REQUEST_URI is missing, or says something else than PATH_INFO, as
// after a rewrite, the path is made of SCRIPT_NAME and PATH_INFO.
func (e *Env) Head(script bool) (*protocol.Head, *protocol.Error) {
	h := &protocol.Head{Version: protocol.HTTP11}
	h.Method = methodOf(e.Get("REQUEST_METHOD"))
	switch {
	case h.Method == "CONNECT":
		return nil, errConnect
	case !protocol.IsToken(h.Method):
		return nil, errMethod
	}
	switch v := e.Get("SERVER_PROTOCOL"); {
	case v == "HTTP/1.0":
		h.Version = protocol.HTTP10
	case strings.HasPrefix(v, "HTTP/2"), strings.HasPrefix(v, "HTTP/3"):
		h.Version = protocol.HTTP2
	}
	if err := e.target(h, script); err != nil {
		return nil, err
	}
	if err := e.fields(h); err != nil {
		return nil, err
	}
	if h.Authority = h.Field("Host"); len(h.Authority) > 0 && !protocol.ValidAuthority(h.Authority) {
		return nil, errHost
	}
	return h, e.length(h)
}

// methodOf is a constant for a method that is known.
func methodOf(m string) string {
	for _, known := range [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if m == known {
			return known
		}
	}
	return m
}

// target finds the path.
func (e *Env) target(h *protocol.Head, script bool) *protocol.Error {
	uri, _ := e.Lookup("REQUEST_URI")
	if i := bytes.Index(uri, []byte("://")); i > 0 && uri[0] != '/' { // the absolute form
		rest := uri[i+3:]
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			uri = rest[slash:]
		} else {
			uri = []byte("/")
		}
	}
	name, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
	if string(uri) == "*" && h.Method == "OPTIONS" {
		h.Target, h.Path, h.Form = uri, uri, protocol.AsteriskForm
		return nil
	}
	if len(uri) > 0 && !isPath(uri) || info != "" && info[0] != '/' {
		return errURI
	}
	path, query, has := bytes.Cut(uri, []byte{'?'})
	base, fits := baseOf(path, name, info, script)
	if len(uri) == 0 || !fits {
		made := appendPath(nil, name)
		base = len(made)
		path = appendPath(made, info)
		if query, has = e.Lookup("QUERY_STRING"); len(query) == 0 {
			query, has = nil, false
		}
		if len(path) == 0 {
			path = []byte("/")
		}
		if uri = path; has {
			uri = append(append(append([]byte(nil), path...), '?'), query...)
		}
		if !isPath(uri) {
			return errURI
		}
	}
	h.Target, h.Path, h.Base = uri, path, base
	if has {
		h.Query = query
		if h.Query == nil {
			h.Query = []byte{}
		}
	}
	return nil
}

// isPath tells whether b begins with a slash and has no byte that ends a target.
func isPath(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0 && b[0] == '/'
}

// baseOf is how much of path is the name of the script. fits is false when path is not
// that name and info.
func baseOf(path []byte, name, info string, script bool) (base int, fits bool) {
	if info == "" {
		if whole, err := protocol.UnescapeSegment(nil, path); script && err == nil && string(whole) == name {
			return len(path), true
		}
		return 0, !script || len(path) == 0
	}
	for i := 0; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		before, err := protocol.UnescapeSegment(nil, path[:i])
		if err != nil || string(before) != name {
			continue
		}
		after, err := protocol.UnescapeSegment(nil, path[i:])
		if err == nil && string(after) == info {
			return i, true
		}
	}
	return 0, false
}

// appendPath appends a decoded path, encoded.
func appendPath(dst []byte, path string) []byte {
	for path != "" {
		segment, rest, more := strings.Cut(path, "/")
		dst = protocol.AppendPathEscape(dst, segment)
		if more {
			dst = append(dst, '/')
		}
		path = rest
	}
	return dst
}

// fields makes fields of the HTTP_ variables.
func (e *Env) fields(h *protocol.Head) *protocol.Error {
	add := func(name, value []byte) bool {
		h.Fields = append(h.Fields, protocol.RawField{Name: name, Value: value})
		return protocol.IsToken(name) && protocol.IsValue(value)
	}
	fine := true
	for name, value := range e.All() {
		switch {
		case string(name) == "CONTENT_TYPE" && len(value) > 0:
			fine = add([]byte("Content-Type"), value) && fine
		case string(name) == "CONTENT_LENGTH" && len(value) > 0:
			fine = add([]byte("Content-Length"), value) && fine
		case bytes.HasPrefix(name, []byte("HTTP_")) && !isHop(name[5:]):
			fine = add(fieldName(name[5:]), protocol.TrimBlank(value)) && fine
		}
	}
	if !fine {
		return errField
	}
	return nil
}

// isHop tells whether a variable, without its HTTP_, is about the connection of the client
// to the web server, or has a variable of its own beside.
func isHop(name []byte) bool {
	switch string(name) {
	case "CONNECTION", "KEEP_ALIVE", "TRANSFER_ENCODING", "UPGRADE", "TE", "TRAILER", "EXPECT",
		"CONTENT_LENGTH", "CONTENT_TYPE", "PROXY_CONNECTION", "":
		return true
	}
	return false
}

// fieldName is the name of the field that a variable was made of, as it is usually
// written.
func fieldName(variable []byte) []byte {
	name := make([]byte, len(variable))
	up := true
	for i, c := range variable {
		switch {
		case c == '_':
			c = '-'
		case !up && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		name[i], up = c, c == '-'
	}
	return name
}

// length finds how much content there is. Without a CONTENT_LENGTH there is none, unless
// the client sent it in chunks and the web server passes it on as it comes.
func (e *Env) length(h *protocol.Head) *protocol.Error {
	text := e.Get("CONTENT_LENGTH")
	if text == "" {
		if coding, _ := e.Lookup("HTTP_TRANSFER_ENCODING"); len(coding) > 0 {
			h.ContentLength = -1
		}
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return errLength
	}
	h.ContentLength = int64(n)
	return nil
}

// Peer is the client, as the web server tells.
func (e *Env) Peer() reactor.Addr { return addrOf(e.Get("REMOTE_ADDR"), e.Get("REMOTE_PORT")) }

// Host is where the client has connected to.
func (e *Env) Host() reactor.Addr { return addrOf(e.Get("SERVER_ADDR"), e.Get("SERVER_PORT")) }

func addrOf(ip, port string) reactor.Addr {
	addr, err := netip.ParseAddr(strings.Trim(ip, "[]"))
	if err != nil {
		return reactor.Addr{}
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	return reactor.Addr{IP: addr.Unmap(), Port: uint16(n)}
}

// TLS is not nil when the web server says that the client's connection is secure. Nothing
// else is known of it.
func (e *Env) TLS() *tls.ConnectionState {
	v := e.Get("HTTPS")
	if v == "" || strings.EqualFold(v, "off") || v == "0" {
		return nil
	}
	return &tls.ConnectionState{HandshakeComplete: true}
}
