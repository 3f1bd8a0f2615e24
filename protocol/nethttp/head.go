package nethttp

import (
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// This file makes a protocol.Head of an http.Request.

// headOf is the head of req. Its path is that of the URL, which what stands around the
// Factory may have changed (http.StripPrefix); the target is as it was received.
func headOf(req *http.Request) *protocol.Head {
	h := &protocol.Head{
		Method:        req.Method,
		Target:        []byte(req.RequestURI),
		Authority:     []byte(req.Host),
		Path:          []byte(req.URL.EscapedPath()),
		Version:       versionOf(req),
		Fields:        fieldsOf(req),
		ContentLength: req.ContentLength,
		KeepAlive:     !req.Close,
	}
	if h.Method == "" {
		h.Method = "GET"
	}
	if req.Body == nil || req.Body == http.NoBody {
		h.ContentLength = 0
	}
	if len(h.Target) == 0 { // made by a program, not received
		h.Target = []byte(req.URL.RequestURI())
	}
	if req.URL.RawQuery != "" || req.URL.ForceQuery {
		h.Query = []byte(req.URL.RawQuery)
	}
	h.ExpectContinue = protocol.EqualFold(req.Header.Get("Expect"), "100-continue") && h.ContentLength != 0
	h.Upgrade = protocol.HasMember([]byte(strings.Join(req.Header["Connection"], ",")), "upgrade") && req.Header.Get("Upgrade") != ""
	setForm(h, req)
	return h
}

// setForm tells which form the target has (RFC 9112 §3.2).
func setForm(h *protocol.Head, req *http.Request) {
	switch {
	case req.Method == "CONNECT" && req.URL.Path == "":
		h.Form, h.Path = protocol.AuthorityForm, nil
	case string(h.Target) == "*":
		h.Form, h.Path = protocol.AsteriskForm, []byte("*")
	case req.URL.Scheme != "" && len(h.Target) > 0 && h.Target[0] != '/':
		h.Form, h.Scheme = protocol.AbsoluteForm, []byte(req.URL.Scheme)
	}
	if p := req.Header[":protocol"]; len(p) > 0 && req.Method == "CONNECT" {
		h.Protocol = []byte(p[0]) // RFC 8441
	}
	if h.Version == protocol.HTTP2 {
		h.Scheme = []byte("http")
		if req.TLS != nil {
			h.Scheme = []byte("https")
		}
	}
}

func versionOf(req *http.Request) protocol.Version {
	switch {
	case req.ProtoMajor == 1 && req.ProtoMinor == 0:
		return protocol.HTTP10
	case req.ProtoMajor >= 2:
		return protocol.HTTP2
	}
	return protocol.HTTP11
}

// fieldsOf is the fields of req in the order of their names, Host first, which net/http
// takes out.
func fieldsOf(req *http.Request) []protocol.RawField {
	fields := make([]protocol.RawField, 0, len(req.Header)+1)
	if req.Host != "" {
		fields = append(fields, protocol.RawField{Name: []byte("Host"), Value: []byte(req.Host)})
	}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		if !protocol.IsToken(name) {
			continue // such as ":protocol"
		}
		for _, v := range req.Header[name] {
			fields = append(fields, protocol.RawField{Name: []byte(name), Value: []byte(v)})
		}
	}
	return fields
}

// trailersOf is what came behind the content.
func trailersOf(header http.Header) (fields protocol.Fields) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, v := range header[name] {
			if protocol.JudgeTrailer(name) == protocol.TrailerGood {
				fields.Add(name, v)
			}
		}
	}
	return fields
}

// peerOf is where req comes from: net/http writes that of a UNIX socket "@".
func peerOf(req *http.Request) reactor.Addr {
	ap, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return reactor.Addr{}
	}
	return reactor.Addr{IP: ap.Addr().Unmap(), Port: ap.Port()}
}

// hostOf is where it came to.
func hostOf(req *http.Request) reactor.Addr {
	switch a := req.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		ap := a.AddrPort()
		return reactor.Addr{IP: ap.Addr().Unmap(), Port: ap.Port()}
	case *net.UnixAddr:
		return reactor.Addr{Path: a.Name}
	}
	return reactor.Addr{}
}
