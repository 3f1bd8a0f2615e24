package http2

import (
	"crypto/tls"

	"spindle/protocol"
	"spindle/reactor"
)

// ClientStream is one exchange of a Client, and its protocol.ClientChannel. Loop only.
type ClientStream struct {
	s             *Stream
	k             *Client
	rcv           protocol.ClientReceiver
	informational int
	head          bool // of HEAD
}

// Ask begins an exchange.
func (k *Client) Ask(h *protocol.RequestHead, r protocol.ClientReceiver) protocol.ClientChannel {
	if k.Room() == 0 {
		return nil
	}
	c := k.c
	if h.Protocol != "" && c.is(settled) && !k.extended {
		return k.unable(r)
	}
	c.enterLate()
	if len(c.streams) == 0 {
		k.heard = c.f.now // nobody has waited before
	}
	s := &Stream{c: c, f: c.f, id: k.next, window: c.peerFirst, recv: c.f.set.StreamWindowBytes, left: -1, priority: defaultPriority}
	x := &ClientStream{s: s, k: k, rcv: r, head: h.Method == "HEAD"}
	s.rcv = (*answering)(x)
	c.lastID = k.next
	if k.next += 2; k.next > maxStreamID {
		c.flags |= closing // there are no more numbers
	}
	c.streams = append(c.streams, s)
	c.flags |= served
	k.begin(s, h)
	c.settleLate()
	return x
}

// unable is an exchange that this server can not have: what it asks for is not in its
// SETTINGS (RFC 8441 §3).
func (k *Client) unable(r protocol.ClientReceiver) protocol.ClientChannel {
	c := k.c
	c.f.loop.CallLater(0, func() {
		r.ExchangeLost(&protocol.LostError{Reason: "the server takes no extended CONNECT", Unseen: true})
	})
	return &ClientStream{k: k, rcv: r, s: &Stream{c: c, f: c.f, flags: closed}}
}

// begin sends the head of a request.
func (k *Client) begin(s *Stream, h *protocol.RequestHead) {
	c := k.c
	switch {
	case h.Method == "CONNECT":
		s.flags |= connect
	case h.ContentLength > 0:
		s.answer, s.promised = answerLength, h.ContentLength
	case h.ContentLength < 0:
		s.answer = answerUnknown
	default:
		s.flags |= localEnded | finishing
	}
	c.write(s.appendRequest(c.t.AvailableBuffer(), h))
	switch {
	case h.ExpectContinue && s.answer != answerNone:
		s.flags |= waits
		s.deadline = k.within(k.f.set.ContinueTimeout)
	case s.is(localEnded | connect):
		s.deadline = k.within(k.f.set.HeadTimeout)
	}
}

// appendRequest appends the head of a request (RFC 9113 §8.3.1).
func (s *Stream) appendRequest(b []byte, h *protocol.RequestHead) []byte {
	start := len(b)
	var flags uint8
	if s.is(localEnded) {
		flags = flagEndStream
	}
	b = appendFrame(b, 0, frameHeaders, flagEndHeaders|flags, s.id)
	e := s.c.encoder()
	b = e.begin(b)
	b = e.appendPseudo(b, h)
	for i := range h.Fields {
		f := &h.Fields[i]
		if !isOwn(f.Name) && !isRequestOwn(f.Name, f.Value) {
			b = e.append(b, f.Name, f.Value)
		}
	}
	if h.Method != "CONNECT" && (h.ContentLength > 0 || h.ContentLength == 0 && wantsLength(h.Method)) {
		b = appendLength(b, h.ContentLength)
	}
	if h.ExpectContinue && h.ContentLength != 0 {
		b = e.append(b, "expect", "100-continue")
	}
	return s.c.endHeaders(b, start)
}

// appendPseudo appends the pseudo-header fields, of which the static table has some whole.
func (e *encoder) appendPseudo(b []byte, h *protocol.RequestHead) []byte {
	switch h.Method {
	case "GET":
		b = append(b, 0x82)
	case "POST":
		b = append(b, 0x83)
	default:
		b = e.append(b, ":method", h.Method)
	}
	if h.Method != "CONNECT" || h.Protocol != "" {
		switch h.Scheme {
		case "http", "":
			b = append(b, 0x86)
		case "https":
			b = append(b, 0x87)
		default:
			b = e.append(b, ":scheme", h.Scheme)
		}
		if h.Target == "/" {
			b = append(b, 0x84)
		} else {
			b = e.append(b, ":path", h.Target)
		}
	}
	if h.Authority != "" {
		b = e.append(b, ":authority", h.Authority)
	}
	if h.Protocol != "" {
		b = e.append(b, ":protocol", h.Protocol)
	}
	return b
}

// isRequestOwn tells whether a field of a request is the client's own affair, or may not
// be sent over HTTP/2 (RFC 9113 §8.2.2).
func isRequestOwn(name, value string) bool {
	switch len(name) {
	case 2:
		return protocol.EqualFold(name, "te") && !protocol.EqualFold(value, "trailers")
	case 4:
		return protocol.EqualFold(name, "host")
	case 6:
		return protocol.EqualFold(name, "expect")
	case 14:
		return protocol.EqualFold(name, "http2-settings")
	}
	return false
}

// wantsLength tells whether a request of that method says that it has no content (RFC
// 9110 §8.6).
func wantsLength(method string) bool { return method == "POST" || method == "PUT" || method == "PATCH" }

// ID is the number of the stream.
func (x *ClientStream) ID() uint32 { return x.s.id }

// Write sends content.
func (x *ClientStream) Write(data []byte) { x.s.write(data, false) }

// WriteShared sends content without a copy.
func (x *ClientStream) WriteShared(data []byte) { x.s.write(data, true) }

// Finish ends the content of the request.
func (x *ClientStream) Finish(trailers protocol.Fields) {
	s := x.s
	if s.answer == answerNone {
		return
	}
	if s.promised > 0 {
		x.loseLater(&protocol.LostError{Reason: "less content was written than was promised"})
		return
	}
	c := s.c
	c.enterLate()
	if len(trailers) > 0 {
		s.ending = append(protocol.Fields(nil), trailers...)
	}
	s.answer = answerNone
	s.flags |= finishing
	s.stopProducer()
	if len(s.out) == 0 && !s.heldBack() {
		c.endLocal(s)
	}
	c.settleLate()
}

// loseLater ends the exchange in the next turn: never from inside a call.
func (x *ClientStream) loseLater(err error) {
	rcv := x.rcv
	x.Abort(err)
	x.s.f.loop.CallLater(0, func() { rcv.ExchangeLost(err) })
}

// over tells whether the exchange is.
func (x *ClientStream) over() bool { return x.s.is(closed) || x.s.rcv == nil }

// Abort gives the exchange up: the stream is reset.
func (x *ClientStream) Abort(error) {
	if x.over() {
		return
	}
	s, c := x.s, x.s.c
	c.enterLate()
	s.forget()
	c.sendReset(s.id, codeCancel)
	c.close(s)
	c.settleLate()
}

// PauseBody stops the content of the answer.
func (x *ClientStream) PauseBody() {
	if !x.over() {
		x.s.flags |= pausedBody
		if x.s.is(answered) {
			x.s.deadline = 0
		}
	}
}

// ResumeBody starts it again.
func (x *ClientStream) ResumeBody() {
	s := x.s
	if x.over() || !s.is(pausedBody) || s.is(switching) {
		return
	}
	if s.is(answered) {
		s.resumeIn()
	} else {
		s.flags &^= pausedBody
	}
}

// RegisterProducer makes p the producer of the content of the request.
func (x *ClientStream) RegisterProducer(p reactor.Producer) { x.s.RegisterProducer(p) }

// UnregisterProducer ends it.
func (x *ClientStream) UnregisterProducer() { x.s.UnregisterProducer() }

// Switch gives the stream to p.
func (x *ClientStream) Switch(p reactor.Protocol) {
	switch {
	case x.over():
	case !x.s.is(switching):
		x.Abort(nil) // the server has not agreed
	default:
		x.s.startTunnel(p)
	}
}

// Buffered is the number of bytes not yet with the kernel: those of this stream, and
// those of the connection, which go before them.
func (x *ClientStream) Buffered() int { return x.s.Buffered() }

// Peer is the address of the server.
func (x *ClientStream) Peer() reactor.Addr { return x.s.Peer() }

// Host is the address of our end.
func (x *ClientStream) Host() reactor.Addr { return x.s.Host() }

// Loop is where the connection lives. Any goroutine.
func (x *ClientStream) Loop() reactor.Loop { return x.s.Loop() }

// TLS is the state of the connection, nil when it is not secure.
func (x *ClientStream) TLS() *tls.ConnectionState { return x.s.TLS() }

// heldBack tells whether content of a request waits for 100 (Continue).
func (s *Stream) heldBack() bool { return s.is(waits) && s.c.client != nil }

// goOn sends the content that waited for 100 (Continue).
func (k *Client) goOn(s *Stream) {
	if !s.heldBack() {
		return
	}
	s.flags &^= waits
	s.deadline = 0
	switch {
	case len(s.out) > 0:
		k.c.makeReady(s)
	case s.is(finishing):
		k.c.endLocal(s)
	}
}

// sentWhole goes on after the request was sent.
func (k *Client) sentWhole(s *Stream) {
	if !s.is(answered) {
		s.deadline = k.within(k.f.set.HeadTimeout)
	}
}

var _ protocol.ClientChannel = (*ClientStream)(nil)
