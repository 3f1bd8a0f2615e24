package gateway

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"spindle/protocol"
	"spindle/protocol/cgi"
	"spindle/resource"
)

// Script is what a request is for.
type Script struct {
	// Name is the path of the script in URLs, decoded: SCRIPT_NAME.
	Name string
	// Filename is where it is: SCRIPT_FILENAME. "" for an application that is no file.
	Filename string
	// PathInfo is the rest of the path, decoded: PATH_INFO.
	PathInfo string
	// Root is the directory that Name is below of: DOCUMENT_ROOT, and PATH_TRANSLATED
	// with PathInfo, unless that leads up by "..". "" when there is none.
	Root string
}

// Options is how an environment is made.
type Options struct {
	// Authorization passes the field Authorization on, as HTTP_AUTHORIZATION.
	Authorization bool
	// Software is SERVER_SOFTWARE; "" is "Spindle".
	Software string
	// Length adds CONTENT_LENGTH, first of all, even when there is no content, as SCGI
	// wants it.
	Length bool
	// Variables come last, in place of others of their name.
	Variables protocol.Fields
}

// errVariable is about a path that no environment can hold.
var errVariable = errors.New("gateway: a value with CR, LF or NUL")

// AddRequest adds the variables of RFC 3875 §4.1 for r, and those that PHP and others
// expect beside. length is that of the content. The error is one to answer: a path that
// has a line end in it.
func AddRequest(env *cgi.Env, r *resource.Request, s *Script, length int64, o *Options) error {
	e := builder{env, o.Variables}
	h := r.Head()
	if length > 0 || o.Length || h.Field("Content-Length") != nil {
		e.add("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	}
	if t := h.Field("Content-Type"); t != nil {
		e.env.AddBytes("CONTENT_TYPE", t)
	}
	e.add("GATEWAY_INTERFACE", "CGI/1.1")
	e.add("SERVER_SOFTWARE", orElse(o.Software, "Spindle"))
	e.add("SERVER_PROTOCOL", h.Version.Dotted())
	e.add("REQUEST_METHOD", h.Method)
	e.add("REQUEST_URI", requestURI(h))
	e.env.AddBytes("QUERY_STRING", h.Query)
	e.script(s)
	e.ends(r)
	env.AddFields(h, o.Authorization)
	for _, v := range o.Variables {
		env.Add(v.Name, v.Value)
	}
	if env.Bad() != "" {
		return &resource.Error{Status: 400, Detail: "This address has a line end in it.", Err: errVariable}
	}
	return nil
}

// builder leaves out what the options replace.
type builder struct {
	env *cgi.Env
	own protocol.Fields
}

func (e builder) add(name, value string) {
	for i := range e.own {
		if e.own[i].Name == name {
			return
		}
	}
	e.env.Add(name, value)
}

func (e builder) script(s *Script) {
	e.add("SCRIPT_NAME", s.Name)
	if s.PathInfo != "" {
		e.add("PATH_INFO", s.PathInfo)
		if s.Root != "" && !climbs(s.PathInfo) {
			e.add("PATH_TRANSLATED", s.Root+s.PathInfo)
		}
	}
	if s.Filename != "" {
		e.add("SCRIPT_FILENAME", s.Filename)
	}
	if s.Root != "" {
		e.add("DOCUMENT_ROOT", s.Root)
	}
	e.add("DOCUMENT_URI", s.Name+s.PathInfo)
	e.add("REDIRECT_STATUS", "200") // php-cgi does nothing without it
}

// climbs tells whether a path that was decoded has a segment "..", as a slash that was written
// %2F can make it: nothing below a directory is meant by that.
func climbs(path string) bool { return strings.Contains(path+"/", "/../") }

// ends is the two ends of the connection, as the client sees them.
func (e builder) ends(r *resource.Request) {
	secure := r.Secure()
	host, port := r.Host(), "80"
	e.add("REQUEST_SCHEME", r.Scheme())
	if secure {
		e.add("HTTPS", "on")
		port = "443"
	}
	name, asked := protocol.SplitAuthority(r.Head().Authority)
	switch {
	case len(name) > 0:
		e.add("SERVER_NAME", string(name))
	case host.IP.IsValid():
		e.add("SERVER_NAME", bracketed(host.IP))
	default:
		e.add("SERVER_NAME", "localhost")
	}
	switch {
	case host.IP.IsValid():
		e.add("SERVER_ADDR", host.IP.String())
		e.add("SERVER_PORT", host.PortText())
	case len(asked) > 0:
		e.add("SERVER_PORT", string(asked))
	default:
		e.add("SERVER_PORT", port)
	}
	client := r.ClientAddr()
	if !client.IP.IsValid() { // by a UNIX socket: somebody on this machine
		e.add("REMOTE_ADDR", "127.0.0.1")
		return
	}
	e.add("REMOTE_ADDR", client.IP.String())
	if client.Port != 0 {
		e.add("REMOTE_PORT", client.PortText())
	}
}

// bracketed is ip as a host name in a URL.
func bracketed(ip netip.Addr) string {
	if ip.Is6() {
		return "[" + ip.String() + "]"
	}
	return ip.String()
}

// requestURI is the target as the client sent it, but for what an absolute one has before
// its path.
func requestURI(h *protocol.Head) string {
	if h.Form != protocol.AbsoluteForm {
		return string(h.Target)
	}
	uri := string(h.Path)
	if h.Query != nil {
		uri += "?" + string(h.Query)
	}
	return uri
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// PathOf is segments as a path: nothing for none, else each behind a slash.
func PathOf(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	return "/" + strings.Join(segments, "/")
}
