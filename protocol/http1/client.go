package http1

import (
	"errors"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Client is the asking side of one connection, one exchange after the other, and the
// protocol.ClientChannel of the one in hand: who asks forgets the channel when its
// exchange is over, since what it does to it later could reach the next one. There is
// no pipelining. Loop only.
//
// This file is the side of the transport; the side of who asks is in clientexchange.go,
// time-outs are in clienttimeout.go.
type Client struct {
	f *ClientFactory
	t reactor.Transport // nil before the connection is made

	rcv      protocol.ClientReceiver // of the exchange in hand, nil when there is none
	producer reactor.Producer
	watcher  protocol.ClientWatcher
	dec      *chunked // kept from one content to the next

	in       []byte // what has come and could not be used yet
	scan     headScan
	left     int64  // content of the answer still to come
	promised int64  // content of the request still to be written
	held     []byte // content that waits for 100 (Continue)
	switchTo reactor.Protocol

	timer    *reactor.DelayedCall
	deadline time.Time // zero: none
	stalled  int       // Buffered when the deadline was looked at last

	asked         asked
	last          protocol.FaultReceiver // of the exchange before, while it wants to hear of faults; nil otherwise
	state         clientState
	sending       answer // of the request: answerNone when it is sent whole
	informational int
	flags         clientFlags
}

// clientState is what the next bytes are.
type clientState uint8

const (
	clientUnmade  clientState = iota // there is no connection yet
	clientIdle                       // nothing: the server has no reason to send any
	clientHead                       // the head of an answer
	clientLength                     // content, left bytes
	clientChunked                    // content in chunks
	clientClose                      // content until the connection ends
	clientSwitch                     // another protocol's, once it is there
	clientGone                       // of no interest
)

type clientFlags uint16

const (
	cRunning  clientFlags = 1 << iota // in run, so inside a callback
	cPosted                           // resume will be called
	cPaused                           // by PauseBody
	cReadStop                         // by PauseReading
	cEOF                              // the server sends no more
	cClosing                          // no exchange after the one in hand
	cReused                           // an exchange has ended well
	cSome                             // a byte of the answer has come
	cWaiting                          // content waits for 100 (Continue)
	cEnded                            // ConnectionLost was called
	cFinish                           // Finish was called while content waited
	cChange                           // the watcher is to be told
)

func (c *Client) is(f clientFlags) bool { return c.flags&f != 0 }

// ConnectionMade makes room for an exchange.
func (c *Client) ConnectionMade(t reactor.Transport) {
	c.t = t
	if c.state == clientUnmade {
		c.state = clientIdle
	}
	c.changed()
}

// DataReceived works on what has come.
func (c *Client) DataReceived(data []byte) {
	if len(c.in) > 0 {
		c.in = append(c.in, data...)
		data = c.in
	}
	c.run(data)
}

// resume goes on with what is unread, in an event of its own.
func (c *Client) resume() {
	c.flags &^= cPosted
	if c.state < clientGone && !c.is(cEnded) {
		c.run(c.in)
	}
}

func (c *Client) post() {
	if !c.is(cPosted) {
		c.flags |= cPosted
		c.t.Loop().CallLater(0, c.resume)
	}
}

// run takes step after step through data, which is all that is unread.
func (c *Client) run(data []byte) {
	c.flags |= cRunning
	for len(data) > 0 {
		n := c.step(data)
		if n == 0 {
			break
		}
		data = data[n:]
	}
	c.flags &^= cRunning
	if p := c.switchTo; p != nil {
		c.handOver(p, data)
		return
	}
	c.keep(data)
	if c.is(cEOF) && !c.is(cPaused) && len(c.in) == 0 || c.is(cEOF) && c.state == clientHead {
		c.concludeEOF()
	}
	c.settle()
	c.changed()
}

// keep keeps what run has left, which is the end of c.in or all of the data that came.
func (c *Client) keep(data []byte) {
	switch {
	case len(data) == 0 || c.state == clientGone:
		if c.in = c.in[:0]; cap(c.in) > largestKept {
			c.in = nil
		}
	case len(c.in) > 0:
		c.in = c.in[:copy(c.in, data)]
	default:
		c.in = append(c.in[:0], data...)
	}
}

// step uses what it can of the front of data, and returns how much.
func (c *Client) step(data []byte) int {
	switch c.state {
	case clientHead:
		return c.stepHead(data)
	case clientIdle:
		// What nobody asked for could be taken for the next answer. Most often it is a
		// 408 before the connection ends.
		c.behind(data)
		c.abandon()
		return len(data)
	case clientGone:
		c.behind(data)
		return len(data)
	case clientSwitch:
		return 0
	}
	if c.is(cPaused) {
		return 0
	}
	switch c.state {
	case clientLength:
		n := int(min(int64(len(data)), c.left))
		c.left -= int64(n)
		c.content(data[:n])
		if c.left == 0 && c.state == clientLength {
			c.finished(nil)
		}
		return n
	case clientChunked:
		return c.stepChunked(data)
	}
	c.content(data)
	return len(data)
}

// behind tells whose answer was over what has come behind it; once.
func (c *Client) behind(data []byte) {
	if r := c.last; r != nil && !beginsStatus(data) {
		c.last = nil
		r.FaultFound(protocol.Fault{Kind: protocol.FaultExtra, Bytes: int64(len(data))})
	}
}

func (c *Client) content(piece []byte) {
	if len(piece) > 0 {
		c.extend(c.f.set.BodyTimeout)
		c.rcv.BodyReceived(piece)
	}
}

// stepHead takes a whole head.
func (c *Client) stepHead(data []byte) int {
	c.flags |= cSome
	n, err := c.f.tok.scan(data, &c.scan)
	if n == 0 && err == nil {
		return 0
	}
	var h *protocol.ResponseHead
	var framing answer
	if err == nil {
		c.scan = headScan{}
		h, framing, err = c.f.tokenizeAnswer(data[:n], &c.asked)
	}
	if err == nil && h.Status < 200 && !h.Switching {
		if c.informational++; c.informational > c.f.set.MaxInformational {
			err = errInformational
		}
	}
	if err != nil {
		c.garbage(err)
		return 0
	}
	c.headIsThere(h, framing)
	return n
}

// garbage ends an exchange whose answer can not be read.
func (c *Client) garbage(err *protocol.Error) {
	if err == errLineTooLong {
		err = errStatusLong
	}
	c.lose(&protocol.LostError{Reason: protocol.UnreadableAnswer + err.Reason, Fault: protocol.FaultUnreadable})
}

// headIsThere tells the receiver.
func (c *Client) headIsThere(h *protocol.ResponseHead, framing answer) {
	if h.Status < 200 && !h.Switching {
		c.extend(c.f.set.HeadTimeout)
		if h.Status == 100 {
			c.goOn()
		}
		c.rcv.InformationalReceived(h)
		return
	}
	c.left = max(h.ContentLength, 0)
	switch {
	case h.Switching:
		c.state = clientSwitch
	case framing == answerLength:
		c.state = clientLength
	case framing == answerClose:
		c.state = clientClose
	case framing == answerChunked:
		c.state = clientChunked
		if c.dec == nil {
			c.dec = new(chunked)
		}
		c.dec.reset(&c.f.limits)
	}
	c.dropHeld()
	c.extend(c.f.set.BodyTimeout)
	c.rcv.HeadReceived(h)
	if framing == answerEmpty && c.state == clientHead && c.rcv != nil {
		c.finished(nil)
	}
}

// dropHeld drops the content that waited for 100 (Continue) and got a final answer: the
// rest of the request is not wanted, and the connection can not be used for another.
func (c *Client) dropHeld() {
	if c.is(cWaiting) {
		c.flags = c.flags&^(cWaiting|cFinish) | cClosing
		c.held = nil
	}
}

// stepChunked takes a piece of chunked content.
func (c *Client) stepChunked(data []byte) int {
	n, piece, err := c.dec.read(data)
	if err != nil {
		c.garbage(err)
		return 0
	}
	done, trailers := c.dec.done, c.dec.trailers
	c.content(piece)
	if done && c.state == clientChunked {
		c.dec.trailers = nil
		c.finished(trailers)
	}
	return n
}

// finished ends an exchange whose answer is whole.
func (c *Client) finished(trailers protocol.Fields) {
	rcv := c.endExchange()
	c.flags |= cReused
	switch {
	case c.sending != answerNone:
		c.sending = answerNone // of a request of which the server did not want all
		c.abandon()
	case c.asked.closes || c.is(cClosing|cEOF):
		c.state = clientGone
		c.t.LoseConnection()
	default:
		c.state = clientIdle
	}
	if r, ok := rcv.(protocol.FaultReceiver); ok && r.WantsFaults() {
		c.last = r
	}
	rcv.BodyFinished(trailers)
}

// endExchange forgets the receiver, and a producer that it has left.
func (c *Client) endExchange() protocol.ClientReceiver {
	rcv := c.rcv
	if p := c.producer; p != nil {
		c.UnregisterProducer()
		c.t.Loop().CallLater(0, p.StopProducing)
	}
	c.rcv, c.held = nil, nil
	c.deadline = time.Time{}
	c.flags = c.flags&^(cPaused|cSome|cWaiting|cFinish) | cChange
	return rcv
}

// lose ends an exchange that has failed, and the connection with it.
func (c *Client) lose(err *protocol.LostError) {
	if c.rcv == nil {
		c.abandon()
		return
	}
	rcv := c.endExchange()
	c.abandon()
	rcv.ExchangeLost(err)
}

// abandon ends the connection at once.
func (c *Client) abandon() {
	c.state = clientGone
	c.flags |= cChange
	c.t.AbortConnection()
}

// ReadConnectionLost is the end of an answer that ends so, and of every other too soon.
func (c *Client) ReadConnectionLost() {
	c.flags |= cEOF
	if len(c.in) == 0 || c.state == clientHead && !c.is(cPosted) { // else run goes on to it
		c.concludeEOF()
		c.changed()
	}
}

// concludeEOF decides what the server's end means.
func (c *Client) concludeEOF() {
	switch c.state {
	case clientClose:
		if v, ok := c.t.(reactor.EndVerifier); ok && !v.EndVerified() {
			c.lose(c.cut(reactor.ErrTruncated)) // RFC 9112 §9.8
			return
		}
		c.finished(nil)
	case clientIdle:
		c.state = clientGone
		c.flags |= cChange
		c.t.LoseConnection()
	case clientHead, clientLength, clientChunked:
		c.lose(c.cut(nil))
	case clientSwitch, clientGone:
	}
}

// cut is why an exchange is lost whose connection has ended.
func (c *Client) cut(reason error) *protocol.LostError {
	if errors.Is(reason, reactor.ErrDone) {
		reason = nil
	}
	e := &protocol.LostError{Err: reason}
	switch {
	case c.state == clientHead && !c.is(cSome):
		e.Reason = "the server closed the connection without an answer"
		e.Stale = c.is(cReused)
	case c.state == clientHead:
		e.Reason, e.Fault = "the server closed the connection in the head of its answer", protocol.FaultCut
	default:
		e.Reason, e.Fault = "the server closed the connection before its answer was complete", protocol.FaultCut
	}
	return e
}

// WriteConnectionLost is of no interest.
func (c *Client) WriteConnectionLost() {}

// ConnectionLost ends the exchange in hand.
func (c *Client) ConnectionLost(reason error) {
	c.flags |= cEnded | cChange
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	state := c.state
	rcv := c.rcv
	if rcv != nil {
		err := c.cut(reason)
		c.endExchange()
		c.state = clientGone
		if state == clientClose && errors.Is(reason, reactor.ErrDone) {
			rcv.BodyFinished(nil)
		} else {
			rcv.ExchangeLost(err)
		}
	}
	c.state = clientGone
	c.in, c.held = nil, nil
	c.changed()
}

// changed tells the watcher, if something has.
func (c *Client) changed() {
	if c.is(cChange) && c.watcher != nil {
		c.flags &^= cChange
		c.watcher.ConnChanged(c)
	}
}

// settle pauses reading while nobody takes what comes, and looks after the deadline.
func (c *Client) settle() {
	if c.state == clientGone {
		return
	}
	stop := c.is(cPaused) || c.state == clientSwitch
	if stop != c.is(cReadStop) {
		c.flags ^= cReadStop
		if stop {
			c.t.PauseReading()
		} else {
			c.t.ResumeReading()
		}
	}
	c.watch()
}

// handOver makes p the protocol of the transport.
func (c *Client) handOver(p reactor.Protocol, unread []byte) {
	c.switchTo = nil
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	if c.is(cReadStop) {
		c.t.ResumeReading()
	}
	c.state = clientGone
	c.flags |= cEnded | cChange
	c.t.Switch(p, unread)
	c.in = nil
	c.changed()
}

var (
	_ reactor.HalfCloseProtocol = (*Client)(nil)
	_ protocol.ClientConn       = (*Client)(nil)
	_ protocol.ClientChannel    = (*Client)(nil)
)
