package http2

import (
	"encoding/base64"
	"encoding/binary"

	"spindle/protocol"
)

// This file begins HTTP/2 in the middle of a connection of HTTP/1.1 (RFC 7540 §3.2,
// which RFC 9113 has dropped). The request that asked for it is stream 1.

// upgrade is what the request brings.
type upgrade struct {
	head     *protocol.Head
	settings []byte // the payload of a SETTINGS frame
}

// Upgrade takes the request of HTTP/1.1 whose head has come on c, if it asks for HTTP/2
// and may: it is answered with 101 and goes on as stream 1, whose Receiver the Server
// of f makes. false means that it does not, and nothing was done. A request with content
// is left to HTTP/1.1, and so is one on a secure connection, where ALPN decides. h is
// not kept.
func (f *Factory) Upgrade(c protocol.Channel, h *protocol.Head) bool {
	if h.Version != protocol.HTTP11 || !h.Upgrade || h.ContentLength != 0 || h.Method == "CONNECT" || c.TLS() != nil || f.draining {
		return false
	}
	if !protocol.HasMember(h.List("Upgrade"), "h2c") || !protocol.HasMember(h.List("Connection"), "http2-settings") {
		return false
	}
	settings, ok := settingsOf(h)
	if !ok {
		return false
	}
	p := newConn(f)
	p.upgrade = &upgrade{asHTTP2(h), settings}
	c.WriteHead(101, protocol.Fields{{Name: "Upgrade", Value: "h2c"}}, -1)
	c.Switch(p)
	return true
}

// settingsOf is the one HTTP2-Settings field of h, decoded.
func settingsOf(h *protocol.Head) (settings []byte, ok bool) {
	n := 0
	for value := range h.FieldAll("HTTP2-Settings") {
		n++
		var err error
		if settings, err = base64.RawURLEncoding.AppendDecode(nil, value); err != nil {
			return nil, false
		}
	}
	return settings, n == 1 && len(settings)%settingLen == 0
}

// asHTTP2 is h as it would have come on a stream.
func asHTTP2(h *protocol.Head) *protocol.Head {
	h = h.Clone()
	kept := h.Fields[:0]
	for _, field := range h.Fields {
		if name := string(field.Name); !isOwn(name) && !protocol.EqualFold(name, "http2-settings") {
			kept = append(kept, field)
		}
	}
	h.Fields = kept
	h.Version, h.KeepAlive, h.Upgrade, h.ExpectContinue = protocol.HTTP2, true, false, false
	if h.Scheme == nil {
		h.Scheme = []byte("http")
	}
	return h
}

// takeUpgrade takes the settings that came with the request.
func (c *Conn) takeUpgrade() {
	for s := c.upgrade.settings; len(s) > 0; s = s[settingLen:] {
		if err := c.takeSetting(binary.BigEndian.Uint16(s), binary.BigEndian.Uint32(s[2:])); err != nil {
			c.fail(err)
			return
		}
	}
}

// beginUpgrade begins the exchange of the request, once the client has begun to speak
// HTTP/2. It could be answered before, but curl gives up when more than 32 KiB come with
// the 101.
func (c *Conn) beginUpgrade() {
	h := c.upgrade.head
	c.upgrade = nil
	c.lastID = 1
	c.open(1, h, true, parsePriority(h.Field("Priority")))
}
