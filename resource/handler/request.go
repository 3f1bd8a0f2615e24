package handler

import (
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"

	"spindle/protocol"
)

// This file makes the http.Request, as the server of net/http fills it.

// request is x as net/http has it; nil when its target can not be read.
func (x *exchange) request() *http.Request {
	h := x.head
	u := x.url()
	if u == nil {
		return nil
	}
	req := &http.Request{
		Method:        h.Method,
		URL:           u,
		RequestURI:    string(h.Target),
		Host:          string(h.Authority),
		RemoteAddr:    tcpOrUnix(x.peer),
		TLS:           x.tls,
		ContentLength: h.ContentLength,
		Header:        headOf(h),
		Body:          http.NoBody,
	}
	req.Proto, req.ProtoMajor, req.ProtoMinor = version(h.Version)
	req.Close = h.Version != protocol.HTTP2 && !h.KeepAlive
	if h.ContentLength == -1 && h.Version != protocol.HTTP2 {
		req.TransferEncoding = []string{"chunked"}
	}
	takeTrailer(req)
	if h.ContentLength != 0 {
		req.Body = &body{x: x, waits: h.ExpectContinue}
	}
	req = req.WithContext(x.ctx)
	if b, ok := req.Body.(*body); ok {
		b.req = req
	}
	return req
}

// url reads the target, without the prefix if that is stripped.
func (x *exchange) url() *url.URL {
	if x.head.Form == protocol.AuthorityForm { // of CONNECT
		return &url.URL{Host: string(x.head.Target)}
	}
	u, err := url.ParseRequestURI(string(x.head.Target))
	if err != nil {
		return nil
	}
	if x.h.StripPrefix && x.used <= len(x.head.Path) {
		rest, err := url.ParseRequestURI("/" + strings.TrimPrefix(string(x.head.Path[x.used:]), "/"))
		if err != nil {
			return nil
		}
		u.Path, u.RawPath = rest.Path, rest.RawPath
	}
	return u
}

// version is a version's three forms.
func version(v protocol.Version) (text string, major, minor int) {
	switch v {
	case protocol.HTTP2:
		return "HTTP/2.0", 2, 0
	case protocol.HTTP10:
		return "HTTP/1.0", 1, 0
	}
	return "HTTP/1.1", 1, 1
}

// headOf is the fields of a request with names in their canonical form, without those
// that are fields of the http.Request.
func headOf(h *protocol.Head) http.Header {
	header := make(http.Header, len(h.Fields))
	all := make([]string, len(h.Fields)) // in which each name has a piece, if it is there once
	for i := range h.Fields {
		f := &h.Fields[i]
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		switch name {
		case "Host", "Transfer-Encoding":
			continue
		case "Expect":
			if h.Version == protocol.HTTP2 && h.ExpectContinue {
				continue
			}
		}
		if values, has := header[name]; has {
			header[name] = append(values, string(f.Value))
			continue
		}
		all[i] = string(f.Value)
		header[name] = all[i : i+1 : i+1]
	}
	if header.Get("Pragma") == "no-cache" && header["Cache-Control"] == nil {
		header["Cache-Control"] = []string{"no-cache"} // RFC 9111 §5.4
	}
	return header
}

// headerOf is fields as a map, with names in their canonical form.
func headerOf(fields protocol.Fields) http.Header {
	header := make(http.Header, len(fields))
	for _, f := range fields {
		header.Add(f.Name, f.Value)
	}
	return header
}

// takeTrailer announces the trailers that the Trailer field names.
func takeTrailer(req *http.Request) {
	values, ok := req.Header["Trailer"]
	if !ok || req.ContentLength != -1 {
		return
	}
	delete(req.Header, "Trailer")
	for _, v := range values {
		eachMember(v, func(name string) {
			if req.Trailer == nil {
				req.Trailer = make(http.Header)
			}
			req.Trailer[textproto.CanonicalMIMEHeaderKey(name)] = nil
		})
	}
}

// eachMember calls f for each member of a list of tokens that may be a trailer.
func eachMember(list string, f func(name string)) {
	for name := range strings.SplitSeq(list, ",") {
		if name = textproto.TrimString(name); name != "" && protocol.JudgeTrailer(name) == protocol.TrailerGood {
			f(name)
		}
	}
}

// body is the content of a request as its handler reads it.
type body struct {
	x   *exchange
	req *http.Request

	mu     sync.Mutex // net/http's may be read and closed at once, too
	waits  bool       // the client waits for 100 (Continue)
	ended  bool
	closed bool
}

// Read has a client that waits send, and reads.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.waits {
		b.waits = false
		b.x.out.post(b.x.r.Continue)
	}
	b.mu.Unlock()
	n, err := b.x.in.read(p)
	if err == io.EOF {
		b.takeTrailers()
	}
	return n, err
}

// takeTrailers fills Trailer, once.
func (b *body) takeTrailers() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	b.ended = true
	b.x.in.mu.Lock()
	came := b.x.trailers
	b.x.in.mu.Unlock()
	for name, values := range came {
		if b.req.Trailer == nil {
			b.req.Trailer = make(http.Header)
		}
		b.req.Trailer[name] = values
	}
}

// Close has the rest of the content dropped.
func (b *body) Close() error {
	b.mu.Lock()
	closed := b.closed
	b.closed = true
	b.mu.Unlock()
	if !closed {
		b.x.in.close(http.ErrBodyReadAfterClose)
		b.x.out.post(b.x.r.PauseBody)
	}
	return nil
}

var _ io.ReadCloser = (*body)(nil)
