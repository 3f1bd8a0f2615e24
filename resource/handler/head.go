package handler

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"spindle/protocol"
	"spindle/resource"
)

// This file makes the head of an answer from a status and an http.Header, as net/http
// does.

// head is status and fields as they were when WriteHeader was called.
type head struct {
	status     int
	fields     protocol.Fields // without Content-Length
	trailers   []string        // announced by the Trailer field
	hasTrailer bool            // those, or some that have the prefix
	framed     bool            // no length is told: there is a Transfer-Encoding, or a length that is none
	typed      bool            // the type is known, or not to be found out
}

// fixHead takes the fields as they are now.
func (w *writer) fixHead(status int) {
	w.wroteHeader = true
	w.status = status
	h := &w.head
	*h = head{status: status, fields: fieldsOf(w.header)}
	h.fields.Del("Transfer-Encoding")
	h.fields.Del("Content-Length")
	h.framed = w.header.Get("Transfer-Encoding") != ""
	_, hasType := w.header["Content-Type"]
	h.typed = hasType || h.framed || w.header.Get("Content-Encoding") != ""
	if status == 304 {
		h.fields.Del("Content-Type")
	}
	h.takeTrailer(w.header)
	w.takeLength()
}

// takeLength takes the length that the handler promises.
func (w *writer) takeLength() {
	text := w.header.Get("Content-Length")
	if text == "" || w.head.framed || protocol.NoContent(w.status) {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		w.head.framed = true
		w.complain("invalid Content-Length " + protocol.Quote(text))
		return
	}
	w.length = n
}

// takeTrailer notes which trailers are announced.
func (h *head) takeTrailer(header http.Header) {
	for name := range header {
		h.hasTrailer = h.hasTrailer || strings.HasPrefix(name, http.TrailerPrefix)
	}
	for _, v := range header["Trailer"] {
		h.hasTrailer = true
		eachMember(v, func(name string) {
			h.trailers = append(h.trailers, textproto.CanonicalMIMEHeaderKey(name))
		})
	}
	for _, name := range h.trailers {
		h.fields.Del(name)
	}
}

// trailersOf is the trailers that header has at the end.
func (h *head) trailersOf(header http.Header) (list protocol.Fields) {
	for _, name := range h.trailers {
		list = appendFields(list, name, header[name])
	}
	for _, key := range slices.Sorted(maps.Keys(header)) {
		if name, ok := strings.CutPrefix(key, http.TrailerPrefix); ok {
			list = appendFields(list, name, header[key])
		}
	}
	return list
}

// fieldsOf is header as fields that can be sent, in the order of their names.
func fieldsOf(header http.Header) protocol.Fields {
	fields := make(protocol.Fields, 0, len(header)+1)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !strings.HasPrefix(name, http.TrailerPrefix) {
			fields = appendFields(fields, name, header[name])
		}
	}
	return fields
}

// appendFields appends a field for each of values. A name or value that can not be sent
// is left out; ends of lines in a value become blanks.
func appendFields(fields protocol.Fields, name string, values []string) protocol.Fields {
	if !protocol.IsToken(name) {
		return fields
	}
	for _, v := range values {
		if strings.ContainsAny(v, "\r\n") {
			v = strings.NewReplacer("\n", " ", "\r", " ").Replace(v)
		}
		if v = textproto.TrimString(v); protocol.IsValue(v) {
			fields = append(fields, protocol.Field{Name: name, Value: v})
		}
	}
	return fields
}

// sniff finds out the type of content that begins with the first n bytes of buf.
func (h *head) sniff(buf *[pieceBytes]byte, n int) {
	if !h.typed && n > 0 && !protocol.NoContent(h.status) {
		h.fields = append(h.fields, protocol.Field{Name: "Content-Type", Value: http.DetectContentType(buf[:n])})
	}
	h.typed = true
}

// set gives status and fields to r, in place of those that are set there. Loop only.
func (h *head) set(r *resource.Request) {
	r.Untyped()
	r.SetStatus(h.status)
	if len(r.ResponseFields()) == 0 {
		r.SetFields(h.fields)
		return
	}
	for i, f := range h.fields {
		if i > 0 && h.fields[i-1].Name == f.Name {
			r.AddField(f.Name, f.Value)
		} else {
			r.SetField(f.Name, f.Value)
		}
	}
}
