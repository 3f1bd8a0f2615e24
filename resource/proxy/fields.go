package proxy

import (
	"bytes"
	"strings"

	"spindle/protocol"
	"spindle/resource"
)

// This file decides which fields pass (RFC 9110 §7.6.1), and what is said of the client
// (RFC 7239).

// passes tells whether a field of that name may go on, of requests and answers: it is not
// about one hop only.
func passes(name []byte) bool {
	switch len(name) {
	case 2:
		return !protocol.EqualFold(name, "te")
	case 7:
		return !protocol.EqualFold(name, "upgrade")
	case 10:
		return !protocol.EqualFold(name, "connection") && !protocol.EqualFold(name, "keep-alive")
	case 14:
		return !protocol.EqualFold(name, "content-length") && !protocol.EqualFold(name, "http2-settings")
	case 16:
		return !protocol.EqualFold(name, "proxy-connection")
	case 17:
		return !protocol.EqualFold(name, "transfer-encoding")
	}
	return true
}

// fromClient tells whether a field of a request passes, as far as its name tells: not what
// is said anew here, nor what only looks like it to a server that takes "_" for "-".
func fromClient(name []byte) bool {
	switch len(name) {
	case 4:
		return !protocol.EqualFold(name, "host")
	case 5:
		return !protocol.EqualFold(name, "proxy") // it means nothing, and HTTP_PROXY too much
	case 6:
		return !protocol.EqualFold(name, "expect")
	case 9:
		return !protocol.EqualFold(name, "forwarded")
	case 15:
		return !looksLike(name, "x-forwarded-for")
	case 16:
		return passes(name) && !looksLike(name, "x-forwarded-host")
	case 17:
		return passes(name) && !looksLike(name, "x-forwarded-proto")
	case 19:
		return !protocol.EqualFold(name, "proxy-authorization")
	}
	return passes(name)
}

// aboutClient tells whether a field is one in which proxies say who their client is, how it
// came and what for. That of somebody who is not trusted is as good as made up.
func aboutClient(name []byte) bool {
	return len(name) > 12 && looksLike(name[:12], "x-forwarded-") || len(name) == 9 && looksLike(name, "x-real-ip")
}

// looksLike is EqualFold that takes "_" for "-".
func looksLike(name []byte, lower string) bool {
	for i, c := range name {
		if c == '_' {
			c = '-'
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// named tells whether Connection names a field as one of this hop; most often it names
// no field at all.
func named(connection, name []byte) bool {
	return len(connection) > 0 && protocol.HasMember(connection, string(name))
}

// plainConnection tells whether a Connection field says nothing of other fields.
func plainConnection(list []byte) bool {
	return len(list) == 0 || protocol.EqualFold(list, "keep-alive") || protocol.EqualFold(list, "close") ||
		protocol.EqualFold(list, "upgrade")
}

// ownFields appends what is passed on of the fields of a request to dst.
func (p *Proxy) ownFields(dst protocol.Fields, r *resource.Request) protocol.Fields {
	h := r.Head()
	connection := h.List("Connection")
	if plainConnection(connection) {
		connection = nil
	}
	kept, cookies, trusted := p.kept[:0], 0, r.PeerTrusted()
	for i := range h.Fields {
		f := &h.Fields[i]
		if len(f.Name) == 6 && protocol.EqualFold(f.Name, "cookie") {
			if cookies++; cookies > 1 {
				continue
			}
		}
		if aboutClient(f.Name) && (!trusted || bytes.IndexByte(f.Name, '_') >= 0) {
			continue
		}
		if fromClient(f.Name) && !named(connection, f.Name) {
			kept = append(kept, *f)
		}
	}
	dst = protocol.RawFields(kept).Text(dst)
	clear(kept)
	p.kept = kept
	if cookies > 1 { // HTTP/2 sends crumbs (RFC 9113 §8.2.3)
		dst.Set("Cookie", strings.Join(r.FieldValues("Cookie"), "; "))
	}
	if protocol.HasMember(h.List("TE"), "trailers") {
		dst.Add("TE", "trailers")
	}
	return dst
}

// addForwarded says who the client is and how it came.
func (p *Proxy) addForwarded(dst protocol.Fields, r *resource.Request) protocol.Fields {
	client, host := peerText(r), r.Authority()
	before, list := "", ""
	if r.PeerTrusted() {
		before = string(r.Head().List("X-Forwarded-For"))
		list = string(r.Head().List("Forwarded"))
		if said := r.Field("X-Forwarded-Host"); said != "" {
			host = said
		}
	}
	scheme := r.Scheme()
	dst.Add("X-Forwarded-For", join(before, client))
	if host != "" {
		dst.Add("X-Forwarded-Host", host)
	}
	dst.Add("X-Forwarded-Proto", scheme)
	if p.Forwarded {
		dst.Add("Forwarded", join(list, forwardedElement(client, host, scheme)))
	}
	return dst
}

func join(before, last string) string {
	if before == "" {
		return last
	}
	return before + ", " + last
}

// forwardedElement is one hop as RFC 7239 §4 writes it.
func forwardedElement(client, host, scheme string) string {
	if strings.IndexByte(client, ':') >= 0 {
		client = `"[` + client + `]"`
	}
	s := "for=" + client + ";proto=" + scheme
	if host != "" && strings.IndexByte(host, '"') < 0 && strings.IndexByte(host, '\\') < 0 {
		s += `;host="` + host + `"`
	}
	return s
}

// peerText is the address of the other end of the connection, "unknown" (RFC 7239 §6.2) when
// that is a UNIX socket.
func peerText(r *resource.Request) string {
	if ip := r.Peer().IP; ip.IsValid() {
		return ip.Unmap().String()
	}
	return "unknown"
}

// clientText is the address of the client, for hashes.
func clientText(r *resource.Request) string { return r.ClientAddr().IP.String() }

// answerFields are the fields of an answer that are passed on: all but those of the hop, and
// those that a resource above has set already. r may be nil.
func (p *Proxy) answerFields(dst protocol.Fields, r *resource.Request, h *protocol.ResponseHead) protocol.Fields {
	connection := h.Fields.List("Connection")
	if plainConnection(connection) {
		connection = nil
	}
	var set protocol.Fields
	if r != nil {
		set = r.ResponseFields()
	}
	kept := p.kept[:0]
	for i := range h.Fields {
		f := &h.Fields[i]
		if !passes(f.Name) && !(h.Status == 101 && protocol.EqualFold(f.Name, "upgrade")) || named(connection, f.Name) {
			continue
		}
		if len(set) > 0 && !protocol.EqualFold(f.Name, "set-cookie") && set.Has(string(f.Name)) {
			continue
		}
		kept = append(kept, *f)
	}
	dst = protocol.RawFields(kept).Text(dst)
	clear(kept)
	p.kept = kept
	return dst
}
