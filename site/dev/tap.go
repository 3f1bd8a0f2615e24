package dev

import (
	"crypto/tls"
	"errors"

	"spindle/protocol"
	"spindle/reactor"
)

// This file follows a WebSocket that passes through. It stands on both sides of the
// protocol that has the connection, and passes on what it gets as it is.

// Messages takes WebSockets apart as they pass. Its methods are called on the loop.
type Messages interface {
	// New makes what follows one direction of a connection. extensions is the field
	// Sec-WebSocket-Extensions of the answer; client says that it follows the client.
	New(extensions []byte, client bool, tell func(*protocol.Seen)) protocol.Decoder
	// AppendText appends a message of text as a client sends it.
	AppendText(dst, text []byte) []byte
}

// tap is the protocol to the connection, and the connection to the protocol.
type tap struct {
	reactor.Transport
	proto reactor.Protocol
	st    *stream
	up    protocol.Decoder // what the client sends
	down  protocol.Decoder
	hand  bool   // up follows what somebody has written by hand
	wait  []byte // frame that was, until a message may begin
	shut  bool   // the client has sent a close
}

// tapHalf is a tap around a protocol that knows of half-closed connections.
type tapHalf struct{ *tap }

// Switched has a tap stand before p if what begins is a WebSocket.
func (x *record) Switched(p reactor.Protocol) reactor.Protocol {
	decoders := x.c.s.opts.Messages
	if decoders == nil || !x.isWebSocket() {
		return p
	}
	st := x.c.streams.begin("websocket", x)
	t := &tap{proto: p, st: st}
	extensions := []byte(x.answer.Get("Sec-WebSocket-Extensions"))
	t.up = decoders.New(extensions, true, func(s *protocol.Seen) { t.seen(s, true) })
	t.down = decoders.New(extensions, false, func(s *protocol.Seen) { t.seen(s, false) })
	st.tap, x.stream = t, st
	x.c.open[x] = t.restart
	if _, ok := p.(reactor.HalfCloseProtocol); ok {
		return tapHalf{t}
	}
	return t
}

// isWebSocket tells whether that is what the exchange has led to. RFC 6455 §4, RFC 8441.
func (x *record) isWebSocket() bool {
	if x.method == "CONNECT" {
		return x.protocol == "websocket"
	}
	return protocol.EqualFold(x.fields.Get("Upgrade"), "websocket")
}

// seen keeps what a decoder has seen.
func (t *tap) seen(s *protocol.Seen, up bool) {
	if up && s.What == protocol.SeenClose {
		t.shut = true
	}
	t.st.add(passed{up: up, hand: up && t.hand, kind: s.What, size: s.Size, wire: s.Wire, frames: s.Frames, compressed: s.Compressed,
		code: s.Code, note: s.Note}, s.Data)
}

// follow has a decoder follow, while somebody can see what it says.
func (t *tap) follow(d protocol.Decoder, data []byte) {
	if t.st.c == nil || d.Broken() != "" {
		return
	}
	d.Follow(data)
	if why := d.Broken(); why != "" {
		t.st.note = "Nothing more can be shown of one direction: " + why + "."
		t.st.c.version++
	}
}

// errNoSending is why nothing can be sent by hand.
var (
	errNotOpen = errors.New("the connection is not open any more")
	errWaiting = errors.New("the client is in the middle of a message, and one waits already")
	errUnread  = errors.New("what the client sends can not be followed")
)

// send has the program get a text as if the client had sent it, between two messages of
// the client's own.
func (t *tap) send(text []byte) error {
	switch {
	case t == nil || t.shut || t.Transport == nil:
		return errNotOpen
	case t.up.Broken() != "":
		return errUnread
	case t.wait != nil:
		return errWaiting
	}
	t.wait = t.st.x.c.s.opts.Messages.AppendText(nil, text)
	t.sendWaiting()
	return nil
}

// sendWaiting sends what waits, if it may be sent now.
func (t *tap) sendWaiting() {
	if t.wait == nil || t.shut || !t.up.Between() {
		return
	}
	frame := t.wait
	t.wait, t.hand = nil, true
	t.follow(t.up, frame)
	t.hand = false
	t.proto.DataReceived(frame)
}

// restart closes the connection: the program has made room for another one. RFC 6455 §7.4.1.
func (t *tap) restart() {
	if t.Transport == nil {
		return
	}
	if t.st.c != nil && t.down.Broken() == "" && t.down.Between() {
		t.Write([]byte{0x88, 2, 1012 >> 8, 1012 & 0xff})
	}
	t.LoseConnection()
}

// ConnectionMade gives the protocol the tap as its transport.
func (t *tap) ConnectionMade(tr reactor.Transport) {
	t.Transport = tr
	t.proto.ConnectionMade(t)
}

// DataReceived passes on what the client sends.
func (t *tap) DataReceived(data []byte) {
	t.follow(t.up, data)
	t.proto.DataReceived(data)
	t.sendWaiting()
}

// ConnectionLost passes it on.
func (t *tap) ConnectionLost(reason error) {
	why := "closed"
	if reason != nil && reason != reactor.ErrDone {
		why = "cut: " + reason.Error()
	}
	delete(t.st.x.c.open, t.st.x)
	t.st.end(why)
	t.shut = true
	t.proto.ConnectionLost(reason)
}

// ReadConnectionLost passes it on.
func (t tapHalf) ReadConnectionLost() {
	t.shut = true
	t.proto.(reactor.HalfCloseProtocol).ReadConnectionLost()
}

// WriteConnectionLost passes it on.
func (t tapHalf) WriteConnectionLost() { t.proto.(reactor.HalfCloseProtocol).WriteConnectionLost() }

// Write passes on what the program sends.
func (t *tap) Write(data []byte) {
	t.follow(t.down, data)
	t.Transport.Write(data)
}

// WriteShared passes on what the program sends.
func (t *tap) WriteShared(data []byte) {
	t.follow(t.down, data)
	t.Transport.WriteShared(data)
}

// WriteSequence passes on what the program sends.
func (t *tap) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		t.follow(t.down, p)
	}
	t.Transport.WriteSequence(pieces)
}

// TLS is the state of the connection, nil when it is not secure.
func (t *tap) TLS() *tls.ConnectionState {
	if s, ok := t.Transport.(interface{ TLS() *tls.ConnectionState }); ok {
		return s.TLS()
	}
	return nil
}

var (
	_ reactor.Transport         = (*tap)(nil)
	_ reactor.HalfCloseProtocol = tapHalf{}
)

// Speaks names what passes. See protocol.Speaker.
func (t *tap) Speaks() (name string, exchanges int) { return "WebSocket", -1 }
