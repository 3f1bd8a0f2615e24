package cgi

import (
	"container/list"
	"crypto/tls"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Conn is one connection from a web server, and the protocol.Channel of the request in
// hand. Loop only. This file is what comes in, exchange.go the answer, watch.go the
// time-outs.
type Conn struct {
	f       *Factory
	t       reactor.Transport
	framing Framing
	env     Env

	rcv      protocol.Receiver // nil when no request is in hand, or its answer is done
	producer reactor.Producer  // registered by it
	peer     reactor.Addr
	host     reactor.Addr
	secure   *tls.ConnectionState
	in       []byte // come, and not read yet

	element *list.Element
	on      *list.List // idle or busy; nil once the connection is gone
	timer   *reactor.DelayedCall
	armed   time.Time
	due     time.Time // deadline of the phase
	stalled time.Time // since when the web server has taken nothing
	drained int64     // bytes known to be with the kernel, then
	sent    int64     // bytes written ever

	left     int64 // content still to come; -1: until its end is told
	promised int64 // content of the answer still to be written
	state    state
	answer   answer
	phase    phase
	flags    flags
}

// state is what comes next.
type state uint8

const (
	stateIdle   state = iota // a request
	stateBody                // content of the request in hand
	stateAnswer              // nothing: the answer is being made
	stateRest                // what is read and dropped, behind the last answer
	stateEnd                 // nothing: the connection is to end
)

// answer is how far the answer is.
type answer uint8

const (
	answerNone   answer = iota
	answerHead          // the head has not been written
	answerEmpty         // it has no content
	answerLength        // promised bytes
	answerOpen          // content until its end
)

type flags uint8

const (
	running    flags = 1 << iota // in run
	posted                       // resume will be called
	pausedBody                   // by PauseBody
	headMethod                   // the request in hand is HEAD
	eof                          // the web server sends no more
	begun                        // a request ever
)

func (c *Conn) is(f flags) bool { return c.flags&f != 0 }

// ConnectionMade begins the wait for a request. See reactor.Protocol.
func (c *Conn) ConnectionMade(t reactor.Transport) {
	f := c.f
	c.t, f.loop = t, t.Loop()
	f.accepted++
	if f.full() {
		c.f.set.Logger.Warn(f.name+": too many connections", "peer", t.Peer().String())
		t.AbortConnection()
		return
	}
	c.enterList(&f.idle)
	c.settle()
}

// Env is the variables of the request in hand, for the Framing to fill in.
func (c *Conn) Env() *Env { return &c.env }

// Settings is the factory's.
func (c *Conn) Settings() *Settings { return &c.f.set }

// Send writes something beside an answer.
func (c *Conn) Send(b []byte) {
	c.sent += int64(len(b))
	c.t.Write(b)
}

// DataReceived reads what has come. See reactor.Protocol.
func (c *Conn) DataReceived(data []byte) {
	if len(c.in) > 0 {
		c.in = append(c.in, data...)
		data = c.in
	}
	c.run(data)
}

func (c *Conn) run(data []byte) {
	c.flags |= running
	for len(data) > 0 && c.state < stateRest && !c.is(pausedBody) {
		n, err := c.framing.Read(c, data)
		if err != nil {
			c.malformed(err)
			break
		}
		if n == 0 {
			break
		}
		data = data[n:]
	}
	c.flags &^= running
	if c.state >= stateRest {
		data = nil
	}
	c.in = append(c.in[:0], data...)
	if len(data) == 0 {
		c.in = nil
	}
	c.concludeEOF()
	c.settle()
}

// resume goes on with what is unread.
func (c *Conn) resume() {
	c.flags &^= posted
	if c.on != nil {
		c.run(c.in)
	}
}

// malformed ends a connection that can not be understood.
func (c *Conn) malformed(err error) {
	c.f.set.Logger.Warn(c.f.name+": "+err.Error(), "peer", c.t.Peer().String())
	c.state = stateEnd
	c.t.AbortConnection()
}

// Begin is called by the Framing when all variables have come.
func (c *Conn) Begin() {
	c.flags = c.flags&^headMethod | begun
	c.peer, c.host = c.env.Peer(), c.env.Host()
	h, err := c.env.Head(c.framing.Script())
	if err == nil && c.env.Bad() != "" {
		err = errField
	}
	c.state, c.answer = stateAnswer, answerHead
	if err != nil {
		c.refuse(err)
		return
	}
	c.secure = c.env.TLS()
	c.f.requests++
	if h.Method == "HEAD" {
		c.flags |= headMethod
	}
	if c.left = h.ContentLength; c.left != 0 {
		c.state = stateBody
	}
	c.rcv = c.f.server.NewReceiver(c)
	c.rcv.HeadReceived(h)
}

// Refuse is called by the Framing when a request can not be answered. The Framing knows
// which one it is by then.
func (c *Conn) Refuse(err *protocol.Error) {
	c.peer, c.answer = c.env.Peer(), answerHead
	c.refuse(err)
}

// refuse answers by itself.
func (c *Conn) refuse(err *protocol.Error) {
	c.state, c.left = stateBody, -1 // whatever there is of it
	uri, _ := c.env.Lookup("REQUEST_URI")
	c.f.server.HeadRefused(c.Peer(), err, uri)
	text := []byte(protocol.StatusText(err.Status) + ": " + err.Reason + "\n")
	c.Respond(err.Status, protocol.Fields{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}, text)
}

// Content is called by the Framing with a piece of content.
func (c *Conn) Content(data []byte) {
	if c.state != stateBody || len(data) == 0 {
		return
	}
	if c.left >= 0 {
		data = data[:min(int64(len(data)), c.left)]
		c.left -= int64(len(data))
	}
	c.gain(len(data))
	if c.rcv != nil {
		c.rcv.BodyReceived(data)
	}
	if c.left == 0 && c.state == stateBody {
		c.contentDone()
	}
}

// ContentEnd is called by the Framing when no more content comes.
func (c *Conn) ContentEnd() {
	switch {
	case c.state != stateBody:
	case c.left > 0:
		c.fail(errShort)
	default:
		c.contentDone()
	}
}

func (c *Conn) contentDone() {
	c.state = stateAnswer
	if c.rcv != nil {
		c.rcv.BodyFinished(nil)
	}
}

// Left is how much content is still to come; -1 when it is not known.
func (c *Conn) Left() int64 {
	if c.state != stateBody {
		return 0
	}
	return c.left
}

// Gone is called by the Framing when the web server gives the request up.
func (c *Conn) Gone() {
	rcv := c.rcv
	if c.answer == answerNone {
		return
	}
	c.finish()
	if rcv != nil {
		rcv.ConnectionLost(reactor.ErrAborted)
	}
}

// lose tells the Receiver that the client is gone. What it says is over.
func (c *Conn) lose(reason error) {
	rcv := c.rcv
	c.endExchange()
	if rcv != nil {
		rcv.ConnectionLost(reason)
	}
}

// fail ends a request whose content can not be read on: it is answered, if the head was
// not sent.
func (c *Conn) fail(err *protocol.Error) {
	rcv, headSent := c.rcv, c.answer != answerHead
	if c.producer != nil {
		c.UnregisterProducer()
	}
	c.rcv = nil
	if headSent {
		c.Abort(err)
	} else {
		c.refuse(err)
	}
	if rcv != nil {
		rcv.ConnectionLost(err)
	}
}

// ReadConnectionLost goes on with the answer, if the web server may still wait for it. See
// reactor.HalfCloseProtocol.
func (c *Conn) ReadConnectionLost() {
	c.flags |= eof
	c.concludeEOF()
	c.settle()
}

// WriteConnectionLost does nothing. See reactor.HalfCloseProtocol.
func (c *Conn) WriteConnectionLost() {}

// concludeEOF decides what the end of what comes means, when all of it was read.
func (c *Conn) concludeEOF() {
	if !c.is(eof) || len(c.in) > 0 || c.is(posted) || c.on == nil {
		return
	}
	switch {
	case c.state == stateAnswer && c.framing.Halves():
	case c.state == stateBody && c.framing.Halves():
		c.ContentEnd()
	case c.state == stateBody || c.state == stateAnswer:
		c.lose(reactor.ErrDone)
		c.t.AbortConnection()
	default:
		c.t.LoseConnection()
	}
}

// ConnectionLost ends everything. See reactor.Protocol.
func (c *Conn) ConnectionLost(reason error) {
	c.state = stateEnd
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	c.leaveList()
	rcv := c.rcv
	c.rcv, c.producer, c.answer = nil, nil, answerNone
	if rcv != nil {
		rcv.ConnectionLost(reason)
	}
	c.f.tellDrained()
}

func (c *Conn) enterList(l *list.List) {
	c.on, c.element = l, l.PushBack(c)
}

func (c *Conn) leaveList() {
	if c.on != nil {
		c.on.Remove(c.element)
		c.on, c.element = nil, nil
	}
}

var (
	_ reactor.HalfCloseProtocol = (*Conn)(nil)
	_ protocol.Channel          = (*Conn)(nil)
)
