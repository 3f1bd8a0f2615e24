package websocket

import "spindle/reactor"

// This file is a connection and its life. What it receives is in receive.go, what it
// sends in send.go, its end in close.go, its timer in alive.go.

// Handler gets the events of connections. All is called on the loop, never from inside
// a call that the handler makes. One Handler may serve many connections.
type Handler interface {
	// Opened is the first call. c may be used until Closed.
	Opened(c *Conn)
	// MessageReceived brings a message, whole: UTF-8 if kind is Text. data is valid
	// until return.
	MessageReceived(c *Conn, kind Kind, data []byte)
	// Closed is the last call, made once: with what the close frame of the client
	// says, with what was wrong with it, or with CodeAbnormal when the connection
	// ended without one. After Close it comes when the client has answered.
	Closed(c *Conn, code Code, reason string)
}

// FlowHandler is a Handler that is told when to stop writing, as a push producer is.
// Meanwhile what the client sends is not read either.
type FlowHandler interface {
	Handler
	// WritingPaused tells that much is waiting for the client.
	WritingPaused(c *Conn)
	// WritingResumed tells that it has taken most of it.
	WritingResumed(c *Conn)
}

// Conn is a connection, the protocol.Protocol of its transport. Loop only.
type Conn struct {
	// Value is the handler's own.
	Value any

	f           *Factory
	t           reactor.Transport
	h           Handler
	in          *inbound // what has come in part; nil in between
	context     *context // of compression; nil when none is kept
	timer       *reactor.DelayedCall
	prev, next  *Conn // in the Factory's list
	onClosed    []func()
	subprotocol string
	active      int64 // when a message was last noticed, in ns; see alive.go
	queued      int   // what was waiting for the client when the timer was set
	state       state
	flags       flags
	terms       terms
}

type state uint8

const (
	stateNew     state = iota // not connected yet
	stateOpen                 // messages go both ways
	stateClosing              // our close frame is sent, that of the client is awaited
	stateOver                 // Closed was called; what still comes is not looked at
	stateLost
)

type flags uint8

const (
	heard    flags = 1 << iota // something has come since the timer looked
	pinged                     // a ping is not answered yet
	busy                       // a message went or came since the timer looked
	paused                     // by PauseReading
	choked                     // the transport has too much to send
	holding                    // in.rest is to be received first
	waiting                    // goOn is under way
	silenced                   // nothing may be written any more
)

// ConnectionMade begins. See reactor.Protocol.
func (c *Conn) ConnectionMade(t reactor.Transport) {
	c.t = t
	c.state = stateOpen
	c.f.made(c)
	t.RegisterProducer(c)
	c.watch()
	c.h.Opened(c)
	if c.f.draining {
		c.Close(CodeGoingAway, "the server stops")
	}
}

// ReadConnectionLost ends what the client has ended, with a close frame or without one.
// See reactor.HalfCloseProtocol.
func (c *Conn) ReadConnectionLost() {
	c.silence()
	c.t.LoseConnection()
}

// WriteConnectionLost does nothing: after a failure the client's end is awaited. See
// reactor.HalfCloseProtocol.
func (c *Conn) WriteConnectionLost() {}

// ConnectionLost ends. See reactor.Protocol.
func (c *Conn) ConnectionLost(error) {
	was := c.state
	c.state = stateLost
	if was == stateNew { // it was lost while it was switched: nobody was told of it
		return
	}
	c.unwatch()
	c.f.gone(c)
	if c.in != nil {
		c.f.giveBack(c.in)
		c.in = nil
	}
	c.context = nil
	if was != stateOver {
		c.tell(CodeAbnormal, "")
	}
}

// Subprotocol is the one that was agreed upon, "" when there is none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Peer is the address of the client, Host that of this end.
func (c *Conn) Peer() reactor.Addr { return c.t.Peer() }

// Host is the address that the client has connected to.
func (c *Conn) Host() reactor.Addr { return c.t.Host() }

// Loop is where the connection lives.
func (c *Conn) Loop() reactor.Loop { return c.t.Loop() }

// Buffered is the number of bytes sent and not yet with the kernel.
func (c *Conn) Buffered() int {
	if c.state == stateLost {
		return 0
	}
	return c.t.Buffered()
}

// PauseReading stops the messages: what the client sends waits.
func (c *Conn) PauseReading() {
	if c.state == stateOpen {
		c.flags |= paused
		c.t.PauseReading()
	}
}

// ResumeReading starts them again, in a later turn.
func (c *Conn) ResumeReading() {
	if c.flags&paused != 0 {
		c.flags &^= paused
		c.readOn()
	}
}

// PauseProducing is called by the transport when much is waiting. A client that does
// not read its answers is not read either.
func (c *Conn) PauseProducing() {
	c.flags |= choked
	c.t.PauseReading()
	c.watch()
	if h, ok := c.h.(FlowHandler); ok && c.state == stateOpen {
		h.WritingPaused(c)
	}
}

// ResumeProducing is called by the transport when the client has taken most of it.
func (c *Conn) ResumeProducing() {
	c.flags &^= choked
	c.watch()
	c.readOn()
	if h, ok := c.h.(FlowHandler); ok && c.state == stateOpen {
		h.WritingResumed(c)
	}
}

// StopProducing is called by the transport when the connection is lost, of which
// ConnectionLost tells more.
func (c *Conn) StopProducing() {}

// readOn goes on reading if nothing is against it.
func (c *Conn) readOn() {
	switch {
	case c.flags&(paused|choked) != 0:
	case c.flags&holding != 0:
		c.goOnLater()
	default:
		c.t.ResumeReading()
	}
}

// Speaks names the protocol. See protocol.Speaker.
func (c *Conn) Speaks() (name string, exchanges int) { return "WebSocket", -1 }

var (
	_ reactor.HalfCloseProtocol = (*Conn)(nil)
	_ reactor.PushProducer      = (*Conn)(nil)
)
