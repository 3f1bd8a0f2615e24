package protocoltest

import (
	"fmt"
	"strings"

	"spindle/protocol"
	"spindle/reactor"
)

// Server is a protocol.Server whose Receivers do what the test says. A function
// that is nil does nothing.
type Server struct {
	OnHead func(x *Exchange)              // from HeadReceived
	OnBody func(x *Exchange, data []byte) // from BodyReceived
	OnDone func(x *Exchange)              // when the request is complete, with or without content
	OnLost func(x *Exchange)              // from ConnectionLost

	Exchanges []*Exchange
	Refused   []*protocol.Error
	Received  [][]byte // what HeadRefused was shown
}

// Exchange is a protocol.Receiver that records what it is given.
type Exchange struct {
	protocol.Channel
	Server   *Server
	Head     *protocol.Head // a clone
	Body     []byte
	Pieces   int // calls of BodyReceived
	Trailers protocol.Fields
	Complete bool  // the request is
	Lost     error // what ConnectionLost was told
	Calls    int
	Number   int // counted from 0 on this Server
}

// NewReceiver makes the next Exchange.
func (s *Server) NewReceiver(c protocol.Channel) protocol.Receiver {
	x := &Exchange{Channel: c, Server: s, Number: len(s.Exchanges)}
	s.Exchanges = append(s.Exchanges, x)
	return x
}

// HeadRefused records e.
func (s *Server) HeadRefused(_ reactor.Addr, e *protocol.Error, received []byte) {
	s.Refused = append(s.Refused, e)
	s.Received = append(s.Received, append([]byte(nil), received...))
}

// Last is the youngest Exchange. It panics when there is none.
func (s *Server) Last() *Exchange { return s.Exchanges[len(s.Exchanges)-1] }

// HeadReceived records the head.
func (x *Exchange) HeadReceived(h *protocol.Head) {
	x.Calls++
	x.Head = h.Clone()
	if x.Server.OnHead != nil {
		x.Server.OnHead(x)
	}
	if h.ContentLength == 0 {
		x.done()
	}
}

func (x *Exchange) done() {
	x.Complete = true
	if x.Server.OnDone != nil {
		x.Server.OnDone(x)
	}
}

// BodyReceived records content.
func (x *Exchange) BodyReceived(data []byte) {
	x.Calls++
	x.Pieces++
	x.Body = append(x.Body, data...)
	if x.Server.OnBody != nil {
		x.Server.OnBody(x, data)
	}
}

// BodyFinished records the trailers.
func (x *Exchange) BodyFinished(trailers protocol.Fields) {
	x.Calls++
	x.Trailers = trailers
	x.done()
}

// ConnectionLost records err.
func (x *Exchange) ConnectionLost(err error) {
	x.Calls++
	x.Lost = err
	if x.Server.OnLost != nil {
		x.Server.OnLost(x)
	}
}

// Text answers 200 with s as text/plain.
func (x *Exchange) Text(s string) {
	x.Respond(200, protocol.Fields{{Name: "Content-Type", Value: "text/plain"}}, []byte(s))
}

// String tells in lines what was asked, the same for the same request however it
// was cut: method, version, target, fields, content.
func (x *Exchange) String() string {
	var b strings.Builder
	h := x.Head
	fmt.Fprintf(&b, "%s %q %d form=%d host=%q path=%q query=%q length=%d keep=%v expect=%v upgrade=%v\n",
		h.Method, h.Target, h.Version, h.Form, h.Authority, h.Path, h.Query, h.ContentLength,
		h.KeepAlive, h.ExpectContinue, h.Upgrade)
	for _, f := range h.Fields {
		fmt.Fprintf(&b, "  %s: %q\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "  body %q trailers %q complete %v lost %v\n", x.Body, x.Trailers, x.Complete, x.Lost)
	return b.String()
}

var (
	_ protocol.Server   = (*Server)(nil)
	_ protocol.Receiver = (*Exchange)(nil)
)
