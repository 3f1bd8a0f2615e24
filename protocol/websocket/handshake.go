package websocket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strings"

	"spindle/protocol"
)

// This file is the opening handshake: over HTTP/1.1 (RFC 6455 §4.2) and by extended
// CONNECT (RFC 8441 §5).

// Agreement is what a handshake has come to.
type Agreement struct {
	// Subprotocol is the one that both speak, "" when there is none.
	Subprotocol string
	// Fields goes with the answer, beside its status.
	Fields protocol.Fields

	deflate terms
}

const (
	version = "13" // RFC 6455 §4.1
	magic   = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// Refused is the fields that go with an answer of this status to a handshake: with 426
// (Upgrade Required) what the server speaks.
func Refused(status int) protocol.Fields {
	if status != 426 {
		return nil
	}
	return protocol.Fields{{Name: "Upgrade", Value: "websocket"}, {Name: "Sec-WebSocket-Version", Value: version}}
}

// Accept judges the head of a request. The error says why it is no handshake that can be
// agreed to; see Refused. h is not kept.
func (f *Factory) Accept(h *protocol.Head) (Agreement, *protocol.Error) {
	a := Agreement{}
	if h.Method == "CONNECT" {
		if err := checkConnect(h); err != nil {
			return a, err
		}
	} else {
		if err := checkUpgrade(h); err != nil {
			return a, err
		}
		a.Fields.Add("Upgrade", "websocket")
		a.Fields.Add("Sec-WebSocket-Accept", acceptKey(h.Field("Sec-WebSocket-Key")))
	}
	switch {
	case !f.originFits(h):
		return a, refuse(403, "A page from another site may not connect here.")
	case f.draining:
		return a, refuse(503, "The server stops.")
	case f.set.MaxConnections > 0 && f.open >= f.set.MaxConnections:
		return a, refuse(503, "There are too many connections. Please try again soon.")
	}
	if a.Subprotocol = f.subprotocol(h); a.Subprotocol != "" {
		a.Fields.Add("Sec-WebSocket-Protocol", a.Subprotocol)
	}
	if f.set.Deflate != nil {
		var answer string
		if a.deflate, answer = f.set.deflate.negotiate(h.List("Sec-WebSocket-Extensions")); answer != "" {
			a.Fields.Add("Sec-WebSocket-Extensions", answer)
		}
	}
	return a, nil
}

func refuse(status int, reason string) *protocol.Error {
	return &protocol.Error{Status: status, Reason: reason}
}

// checkUpgrade judges a handshake of HTTP/1.1.
func checkUpgrade(h *protocol.Head) *protocol.Error {
	switch {
	case h.Method != "GET" && h.Method != "HEAD":
		return refuse(405, "A WebSocket begins with GET.")
	case h.Method == "HEAD" || !h.Upgrade || !protocol.HasMember(h.List("Upgrade"), "websocket") || h.Version < protocol.HTTP11:
		return refuse(426, "This address speaks WebSocket.")
	case h.ContentLength != 0:
		return refuse(400, "A WebSocket handshake has no content.")
	case !versionFits(h):
		return refuse(426, "This server speaks version 13 of WebSocket.")
	case !keyFits(h):
		return refuse(400, "Sec-WebSocket-Key is not 16 bytes in base64.")
	}
	return nil
}

// checkConnect judges one by extended CONNECT.
func checkConnect(h *protocol.Head) *protocol.Error {
	switch {
	case !protocol.EqualFold(h.Protocol, "websocket"):
		return refuse(501, "This address speaks WebSocket only.")
	case !versionFits(h):
		return refuse(426, "This server speaks version 13 of WebSocket.")
	}
	return nil
}

func versionFits(h *protocol.Head) bool {
	return string(h.List("Sec-WebSocket-Version")) == version
}

// keyFits tells whether there is one key, of 16 bytes.
func keyFits(h *protocol.Head) bool {
	var key [18]byte // as many as 24 characters can stand for
	text := h.List("Sec-WebSocket-Key")
	if len(text) != base64.StdEncoding.EncodedLen(16) {
		return false
	}
	n, err := base64.StdEncoding.Decode(key[:], text)
	return err == nil && n == 16
}

// acceptKey proves that the handshake was understood. RFC 6455 §4.2.2.
func acceptKey(key []byte) string {
	sum := sha1.Sum(append(bytes.Clone(key), magic...))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// subprotocol is the one to agree upon.
func (f *Factory) subprotocol(h *protocol.Head) string {
	if len(f.set.Subprotocols) == 0 {
		return ""
	}
	offered := h.List("Sec-WebSocket-Protocol")
	for _, ours := range f.set.Subprotocols {
		for rest := offered; ; {
			member, next, ok := protocol.NextMember(rest)
			if !ok {
				break
			}
			if string(member) == ours { // RFC 6455 §11.3.4: with the case that it has
				return ours
			}
			rest = next
		}
	}
	return ""
}

// originFits tells whether the page that connects may. RFC 6455 §10.2.
func (f *Factory) originFits(h *protocol.Head) bool {
	value := h.Field("Origin")
	if value == nil {
		return true
	}
	origin := strings.ToLower(string(value))
	for _, allowed := range f.set.Origins {
		if allowed == "*" || strings.ToLower(allowed) == origin {
			return true
		}
	}
	if f.set.Origins != nil {
		return false
	}
	scheme, host, ok := strings.Cut(origin, "://")
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return ok && port != "" && host != "" &&
		strings.TrimSuffix(host, port) == strings.TrimSuffix(strings.ToLower(string(h.Authority)), port)
}
