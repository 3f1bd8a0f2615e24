package wsgi

import (
	"bytes"
	"strconv"

	"spindle/protocol"
	"spindle/resource"
)

// This file makes the environ of a request (PEP 3333, "environ Variables"), as the frame
// that a worker takes it from.

// appendRequest appends the R frame of r. It is called while the walk has been done.
func (a *App) appendRequest(b []byte, r *resource.Request, content byte) []byte {
	from := len(b)
	b = append(beginFrame(b, frameRequest), content)
	h := r.Head()
	first := len(b)
	b = appendPair(b, "REQUEST_METHOD", h.Method)
	b = appendPaths(b, r)
	b = appendBytes(b, "QUERY_STRING", h.Query)
	b = appendBytes(b, "REQUEST_URI", h.Target)
	b = appendPair(b, "SERVER_PROTOCOL", h.Version.Dotted())
	b = appendPair(b, "wsgi.url_scheme", r.Scheme())
	b = appendEnds(b, r)
	if h.ContentLength > 0 {
		b = appendKey(b, "CONTENT_LENGTH")
		b = append(strconv.AppendInt(b, h.ContentLength, 10), 0)
	}
	if r.Secure() {
		b = appendPair(b, "HTTPS", "on")
	}
	if a.User != nil {
		if user := a.User(r); user != "" {
			b = appendPair(b, "REMOTE_USER", user)
		}
	}
	b = appendFields(b, h.Fields)
	if len(b) > first {
		b = b[:len(b)-1] // the last NUL
	}
	endFrame(b, from)
	return b
}

func appendKey(b []byte, key string) []byte { return append(append(b, key...), 0) }

// appendPair appends a variable. value has no NUL.
func appendPair(b []byte, key, value string) []byte {
	return append(append(appendKey(b, key), value...), 0)
}

func appendBytes(b []byte, key string, value []byte) []byte {
	return append(append(appendKey(b, key), value...), 0)
}

// appendPaths appends SCRIPT_NAME and PATH_INFO. That they can be decoded was checked by
// the walk, which refuses %00, too.
func appendPaths(b []byte, r *resource.Request) []byte {
	path, rest := r.PathBytes(), r.PostpathBytes()
	if len(path) == 0 || path[0] != '/' {
		path, rest = nil, nil // "*"
	}
	b = appendKey(b, "SCRIPT_NAME")
	b = append(appendDecoded(b, path[:len(path)-len(rest)]), 0)
	b = appendKey(b, "PATH_INFO")
	return append(appendDecoded(b, rest), 0)
}

// appendDecoded undoes percent encoding.
func appendDecoded(b, path []byte) []byte {
	for len(path) > 0 {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return append(b, path...)
		}
		b = append(b, path[:i]...)
		n, err := strconv.ParseUint(string(path[i+1:i+3]), 16, 8)
		if err != nil { // the walk has looked
			return b
		}
		b = append(b, byte(n))
		path = path[i+3:]
	}
	return b
}

// appendEnds appends the addresses of both ends: SERVER_NAME and SERVER_PORT as the
// client knows them.
func appendEnds(b []byte, r *resource.Request) []byte {
	name, port := serverEnd(r)
	b = appendBytes(b, "SERVER_NAME", name)
	b = appendBytes(b, "SERVER_PORT", port)
	client := r.ClientAddr()
	b = appendKey(b, "REMOTE_ADDR")
	if client.IP.IsValid() {
		b = client.IP.AppendTo(b)
	}
	if b = append(b, 0); client.Port != 0 { // of one behind a proxy nobody knows it
		b = appendKey(b, "REMOTE_PORT")
		b = append(strconv.AppendUint(b, uint64(client.Port), 10), 0)
	}
	return b
}

// serverEnd is host and port that the client asked for; where it did not say, those of
// the connection. (To ask for the latter costs a system call.)
func serverEnd(r *resource.Request) (name, port []byte) {
	name = r.Head().Authority
	if at := bytes.LastIndexByte(name, ':'); at > bytes.LastIndexByte(name, ']') {
		name, port = name[:at], name[at+1:]
	}
	if len(name) == 0 {
		host := r.Host()
		if name = []byte("localhost"); host.IP.IsValid() {
			name, port = host.IP.AppendTo(nil), strconv.AppendUint(nil, uint64(host.Port), 10)
		}
	}
	switch {
	case len(port) > 0:
	case r.Secure():
		port = []byte("443")
	default:
		port = []byte("80")
	}
	return name, port
}

// appendFields appends the fields of the request.
func appendFields(b []byte, fields []protocol.RawField) []byte {
	for i := range fields {
		name := fields[i].Name
		if !passes(name) || isRepeated(fields[:i], name) {
			continue
		}
		if protocol.EqualFold(name, "Content-Type") {
			b = appendBytes(b, "CONTENT_TYPE", fields[i].Value)
			continue
		}
		b = append(b, "HTTP_"...)
		for _, c := range name {
			switch {
			case 'a' <= c && c <= 'z':
				c -= 'a' - 'A'
			case c == '-':
				c = '_'
			}
			b = append(b, c)
		}
		b = append(append(b, 0), fields[i].Value...)
		b = append(appendOthers(b, fields[i+1:], name), 0)
	}
	return b
}

// passes tells whether a field may become a variable: not one that another name could
// pass for (an underscore), not Proxy, which libraries take HTTP_PROXY for, and not what
// the server has dealt with.
func passes(name []byte) bool {
	if bytes.IndexByte(name, '_') >= 0 {
		return false
	}
	switch len(name) {
	case 2:
		return !protocol.EqualFold(name, "TE")
	case 5:
		return !protocol.EqualFold(name, "Proxy")
	case 14:
		return !protocol.EqualFold(name, "Content-Length")
	case 17:
		return !protocol.EqualFold(name, "Transfer-Encoding")
	}
	return true
}

func isRepeated(before []protocol.RawField, name []byte) bool {
	for i := range before {
		if sameName(before[i].Name, name) {
			return true
		}
	}
	return false
}

func sameName(a, b []byte) bool { return protocol.EqualFold(a, b) }

// appendOthers appends further values of the same field.
func appendOthers(b []byte, fields []protocol.RawField, name []byte) []byte {
	for i := range fields {
		if !sameName(fields[i].Name, name) {
			continue
		}
		if protocol.EqualFold(name, "Cookie") {
			b = append(b, "; "...)
		} else {
			b = append(b, ',')
		}
		b = append(b, fields[i].Value...)
	}
	return b
}
