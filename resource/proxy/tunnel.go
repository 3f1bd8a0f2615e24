package proxy

import (
	"crypto/sha1"
	"encoding/base64"

	"spindle/protocol"
	"spindle/reactor"
)

// This file joins two connections that are no longer HTTP: after an upgrade, or a CONNECT.

// join gives both connections to the ends of a tunnel.
func (x *exchange) join(h *protocol.ResponseHead) {
	fields := x.p.answerFields(nil, x.r, h)
	switch {
	case x.r.Method() == "CONNECT":
		fields.Del("Upgrade")
		fields.Del("Sec-WebSocket-Accept")
	case h.Status != 101: // the upstream's is a stream of HTTP/2
		key := append(x.r.Head().Field("Sec-WebSocket-Key"), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...)
		sum := sha1.Sum(key)
		fields.Add("Upgrade", "websocket")
		fields.Add("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	}
	x.end()
	client, server := newTunnel()
	x.ch.Switch(server)
	x.call.Switched()
	x.r.Switch(client, fields)
}

// end is one end of a tunnel: what it receives it writes to the other end.
type end struct {
	t      reactor.Transport // nil before it is there, and after it is gone
	other  *end
	early  []byte // came before the other end was there
	eof    bool   // it sends no more
	gone   bool
	paused bool // by the other end, whose peer takes nothing
}

func newTunnel() (a, b *end) {
	a, b = new(end), new(end)
	a.other, b.other = b, a
	return a, b
}

// ConnectionMade joins the ends once both are there.
func (e *end) ConnectionMade(t reactor.Transport) {
	e.t = t
	if e.other.gone {
		t.LoseConnection()
		return
	}
	if e.other.t == nil {
		t.PauseReading()
		return
	}
	e.begin()
	e.other.begin()
}

// begin has what this end receives go to the other.
func (e *end) begin() {
	o := e.other
	o.t.RegisterProducer(e)
	if len(e.early) > 0 {
		o.t.Write(e.early)
		e.early = nil
	}
	if !e.paused {
		e.t.ResumeReading()
	}
	if e.eof {
		e.passEOF()
	}
}

// DataReceived passes data on.
func (e *end) DataReceived(data []byte) {
	switch o := e.other; {
	case o.gone:
	case o.t == nil:
		e.early = append(e.early, data...)
	default:
		o.t.Write(data)
	}
}

// ReadConnectionLost has the other end send no more either.
func (e *end) ReadConnectionLost() {
	e.eof = true
	if e.other.t != nil {
		e.passEOF()
	}
}

func (e *end) passEOF() {
	o := e.other
	o.t.UnregisterProducer()
	if o.eof {
		o.t.LoseConnection()
		if e.t != nil {
			e.t.LoseConnection()
		}
		return
	}
	o.t.LoseWriteConnection()
}

// WriteConnectionLost is of no interest.
func (e *end) WriteConnectionLost() {}

// ConnectionLost ends the other end, after what is on its way there.
func (e *end) ConnectionLost(reason error) {
	e.gone = true
	e.t = nil
	if o := e.other; o.t != nil {
		o.t.UnregisterProducer()
		if reason == reactor.ErrDone {
			o.t.LoseConnection()
		} else {
			o.t.AbortConnection()
		}
	}
}

// PauseProducing is told when the other end's peer takes nothing.
func (e *end) PauseProducing() {
	e.paused = true
	if e.t != nil {
		e.t.PauseReading()
	}
}

// ResumeProducing is told when it takes something again.
func (e *end) ResumeProducing() {
	e.paused = false
	if e.t != nil {
		e.t.ResumeReading()
	}
}

// StopProducing does nothing: ConnectionLost of the other end does.
func (e *end) StopProducing() {}

var (
	_ reactor.HalfCloseProtocol = (*end)(nil)
	_ reactor.PushProducer      = (*end)(nil)
)

// Speaks names what the connection is. See protocol.Speaker.
func (e *end) Speaks() (name string, exchanges int) { return "Tunnel", -1 }
