package http1

import (
	"bytes"

	"spindle/protocol"
	"spindle/protocol/internal/list"
	"spindle/reactor"
)

// Channel is the server side of one connection, and the protocol.Channel of the
// exchange in hand. Loop only.
//
// There are as many as there are connections, most of them idle: it is small,
// and takes what is larger only while it is in use. This file is the side of the
// transport: what comes in, and what becomes of it. The side of the Receiver is
// in exchange.go, refusals are in linger.go, time-outs in timeout.go.
type Channel struct {
	f *Factory
	t reactor.Transport

	rcv      protocol.Receiver // of the exchange in hand
	producer reactor.Producer  // registered by it

	in  *buffer  // what has come and could not be used yet; nil when nothing
	dec *chunked // reads the content in hand, when that is chunked

	link list.Link[Channel] // to idle or busy; to none once the connection is gone

	timer    *reactor.DelayedCall // nil when none is pending
	armed    int64                // when timer is due; all times are ns by Factory.now
	deadline int64                // of phase; 0: none
	stalled  int64                // since when the client has taken nothing; 0: nothing waits for it

	left     int64 // content still to come; in stateLinger and for chunked content in stateDiscard: to be dropped at most
	promised int64 // content of the answer still to be written
	queued   int64 // bytes written to the transport, ever
	drained  int64 // of these, those known to be with the kernel

	scan   headScan
	state  state
	answer answer
	phase  phase
	flags  flags
}

// state is what the next bytes are.
type state uint8

const (
	stateHead     state = iota // a head, or nothing for now
	stateBody                  // content of the exchange in hand
	stateAnswer                // to be kept until the answer is done
	stateDiscard               // content that nobody wants any more
	stateClosing               // of no interest: the connection is to end, see conclude
	stateLinger                // read and dropped, so that the client sees the answer
	stateSwitched              // another protocol's
	stateClosed                // of no interest: the transport has been told to close
)

// answer is how far the answer is, and how its content is framed.
type answer uint8

const (
	answerNone    answer = iota // no exchange, or its answer is done
	answerHead                  // the head has not been written
	answerEmpty                 // it has no content
	answerLength                // promised bytes
	answerChunked               // chunks
	answerClose                 // until the connection ends
)

type flags uint32

const (
	running    flags = 1 << iota // in run, so inside a callback
	posted                       // resume will be called
	fresh                        // no head has been complete
	blank                        // the empty line in front of the next head has been
	eof                          // the client sends no more
	blocked                      // too much is queued for another request; see block
	pausedBody                   // by PauseBody
	pausedRead                   // by PauseReading
	draining                     // no request after the one in hand
	finSent                      // LoseWriteConnection is through
	served                       // an exchange began since the last settle
	wrote                        // something was written since expireGone looked

	// Of the exchange in hand:
	headMethod // it is HEAD
	connect    // it is CONNECT
	http10     // it is HTTP/1.0
	closing    // the connection ends with it
	waits      // the client waits for 100 (Continue)
	switching  // the head that has been sent gives the connection to another protocol
)

// The flags that end with an exchange.
const exchangeFlags = headMethod | connect | http10 | waits | switching | pausedBody

func (c *Channel) is(f flags) bool { return c.flags&f != 0 }

// ConnectionMade begins the wait for the first byte.
func (c *Channel) ConnectionMade(t reactor.Transport) {
	f := c.f
	c.t = t
	f.begin(t.Loop())
	c.enter()
	c.flags = fresh
	f.accepted++
	full := f.full()
	f.idle.Put(c, &c.link)
	if full {
		c.refuse(errFull, nil)
	}
	c.settle()
}

// enter notes the time. It begins every callback that may ask for it.
func (c *Channel) enter() { c.f.tick() }

// DataReceived works on what has come: as many requests as there are and as can
// be answered now.
func (c *Channel) DataReceived(data []byte) {
	c.enter()
	if c.in != nil {
		data = c.in.add(data)
	}
	c.run(data)
}

// resume goes on with what is unread, in an event of its own.
func (c *Channel) resume() {
	c.flags &^= posted
	if c.state >= stateSwitched {
		return
	}
	c.enter()
	c.run(c.unread())
}

// post has resume called in the next turn: never from inside a call of the
// Receiver's.
func (c *Channel) post() {
	if !c.is(posted) {
		c.flags |= posted
		c.f.loop.CallLater(0, c.resume)
	}
}

// unread is what has come and was not used.
func (c *Channel) unread() []byte {
	if c.in == nil {
		return nil
	}
	return c.in.unread()
}

// run takes step after step through data, which is all that is unread.
func (c *Channel) run(data []byte) {
	c.flags |= running
	c.f.begun, c.f.queueable = 0, 0
	for len(data) > 0 {
		n := 0
		if c.state == stateHead {
			n = c.stepHead(data)
		} else {
			n = c.step(data)
		}
		if n == 0 {
			break
		}
		data = data[n:]
	}
	c.flags &^= running
	if c.state == stateSwitched {
		p := c.f.switchTo
		c.f.switchTo = nil
		c.handOver(p, data)
		return
	}
	c.keep(data)
	c.conclude(len(data))
	c.settle()
}

// step uses what it can of the front of data, and returns how much. 0 means that
// it takes more bytes, or another event, to go on.
func (c *Channel) step(data []byte) int {
	switch c.state {
	case stateHead:
		return c.stepHead(data)
	case stateBody, stateDiscard:
		if c.dec != nil {
			return c.stepChunked(data)
		}
		return c.stepLength(data)
	case stateLinger:
		return c.stepLinger(data)
	case stateClosed:
		return len(data)
	}
	return 0
}

// stepHead takes a whole head, and gives it to a new Receiver.
func (c *Channel) stepHead(data []byte) int {
	if data[0] == '\r' && !c.is(blank) {
		return c.stepBlank(data)
	}
	f := c.f
	if c.scan.pos == 0 && c.mustWait() {
		return 0
	}
	n, err := f.tok.scan(data, &c.scan)
	if n == 0 && err == nil {
		return 0
	}
	var h *protocol.Head
	if err == nil {
		h, err = f.tok.tokenize(data[:n], &c.scan)
	}
	if err != nil {
		if err != errMajorVersion || !c.isPreface(data) {
			c.refuse(c.orNoHTTP(err, data), data)
		}
		return 0
	}
	c.scan = headScan{}
	c.begin(h, data, n)
	return n
}

// mustWait tells whether the next request has to wait: for the client to take
// what it has been answered, or for the others on the loop to have their turn.
func (c *Channel) mustWait() bool {
	if c.is(blocked) {
		return true
	}
	if c.queued >= c.f.queueable && c.tooMuchQueued() {
		c.block()
		return true
	}
	if c.f.begun >= begunAtOnce {
		c.post()
		return true
	}
	return false
}

// tooMuchQueued tells whether more waits for the client than may, and if not how much more may
// be written before it is asked again.
func (c *Channel) tooMuchQueued() bool {
	room := c.f.set.MaxQueuedBytes - c.t.Buffered()
	c.f.queueable = c.queued + int64(room)
	return room < 0
}

// isPreface tells whether the connection begins with the preface of HTTP/2, and has
// it given to the protocol that takes it.
func (c *Channel) isPreface(data []byte) bool {
	f := c.f
	if f.set.Preface == nil || !c.is(fresh) || !bytes.HasPrefix(data, []byte("PRI * HTTP/2.0\r\n")) {
		return false
	}
	p := f.set.Preface(c.t.Peer())
	if p == nil {
		return false
	}
	f.accepted-- // it is counted there
	f.switchTo = p
	c.state = stateSwitched
	return true
}

// orNoHTTP is err, or errNoHTTP when a connection that may be of HTTP/2 begins with a
// line that names no version of HTTP.
func (c *Channel) orNoHTTP(err *protocol.Error, data []byte) *protocol.Error {
	if err != errVersion || c.f.set.Preface == nil || !c.is(fresh) {
		return err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.Contains(line, []byte(" HTTP")) {
		return err
	}
	return errNoHTTP
}

// stepBlank passes over the one empty line that may stand in front of a head
// (RFC 9112 §2.2).
func (c *Channel) stepBlank(data []byte) int {
	if len(data) == 1 {
		return 0
	}
	c.flags |= blank
	if data[1] == '\n' {
		return 2
	}
	return c.step(data) // what is wrong is said there
}

// begin makes h, which is the first n bytes of data, the exchange in hand.
func (c *Channel) begin(h *protocol.Head, data []byte, n int) {
	c.f.requests++
	c.f.begun++
	c.flags = c.flags&^(fresh|blank) | served | exchangeOf(h)
	c.answer = answerHead
	c.left = max(h.ContentLength, 0)
	switch h.ContentLength {
	case 0:
		c.state = stateAnswer
	case -1:
		c.dec = c.f.takeDecoder()
		c.state = stateBody
	default:
		c.state = stateBody
		if rest := data[n:]; int64(len(rest)) >= c.left && !h.ExpectContinue {
			h.Content = rest[:c.left:c.left]
		}
	}
	c.rcv = c.f.server.NewReceiver(c)
	c.rcv.HeadReceived(h)
}

// exchangeOf is the flags of an exchange with that head.
func exchangeOf(h *protocol.Head) (f flags) {
	switch h.Method {
	case "HEAD":
		f = headMethod
	case "CONNECT":
		f = connect
	}
	if h.Version == protocol.HTTP10 {
		f |= http10
	}
	if !h.KeepAlive {
		f |= closing
	}
	if h.ExpectContinue {
		f |= waits
	}
	return f
}

// stepLength takes content whose length is known.
func (c *Channel) stepLength(data []byte) int {
	if c.is(pausedBody) {
		return 0
	}
	n := int(min(int64(len(data)), c.left))
	c.left -= int64(n)
	c.content(n, data[:n])
	if c.left == 0 {
		c.contentEnd(nil)
	}
	return n
}

// stepChunked takes a piece of chunked content.
func (c *Channel) stepChunked(data []byte) int {
	if c.is(pausedBody) {
		return 0
	}
	n, piece, err := c.dec.read(data)
	if err != nil {
		c.fail(err)
		return 0
	}
	if c.state == stateDiscard {
		if c.left -= int64(n); c.left < 0 {
			c.state = stateClosing
			return 0
		}
	}
	done, trailers := c.dec.done, c.dec.trailers
	if done {
		c.f.giveDecoder(c.dec)
		c.dec = nil
	}
	c.content(n, piece)
	if done {
		c.contentEnd(trailers)
	}
	return n
}

// content gives a piece of content, which n bytes have brought, to the Receiver.
func (c *Channel) content(n int, piece []byte) {
	c.gain(n)
	if c.state == stateBody && len(piece) > 0 {
		c.flags &^= waits
		c.rcv.BodyReceived(piece)
	}
}

// contentEnd tells the Receiver that the content is complete, or goes on to the
// next request when it has answered before.
func (c *Channel) contentEnd(trailers protocol.Fields) {
	switch c.state {
	case stateBody:
		c.flags &^= waits
		c.state = stateAnswer
		c.rcv.BodyFinished(trailers)
	case stateDiscard:
		c.left = 0
		c.state = c.afterExchange()
	}
}

// afterExchange is the state after an exchange whose content is all read.
func (c *Channel) afterExchange() state {
	if c.is(draining) || c.f.draining && !c.f.grace {
		return stateClosing
	}
	return stateHead
}

// keep keeps what run has left, which is the end of c.in or all of the data that
// came.
func (c *Channel) keep(data []byte) {
	switch {
	case len(data) == 0 || c.state >= stateLinger:
		c.giveBuffer()
	case c.in != nil:
		c.in.off = len(c.in.b) - len(data)
	default:
		c.in = c.f.takeBuffer()
		c.in.add(data)
	}
}

func (c *Channel) giveBuffer() {
	if c.in != nil {
		c.f.giveBuffer(c.in)
		c.in = nil
	}
}

// conclude ends the connection when it is to end, or when the client's end has
// come and nothing is left to be answered. unread bytes have not been used.
func (c *Channel) conclude(unread int) {
	switch {
	case c.state == stateClosing:
		if unread > 0 || c.left > 0 || c.dec != nil {
			c.linger()
		} else {
			c.lose()
		}
	case c.is(eof) && !c.is(posted|blocked|pausedBody):
		c.concludeEOF(unread)
	}
}

// concludeEOF decides what the client's end means.
func (c *Channel) concludeEOF(unread int) {
	switch c.state {
	case stateHead:
		if unread > 0 {
			c.refuse(errHeadCut, c.unread())
		}
		c.lose()
	case stateBody:
		c.fail(errContentCut)
		c.lose()
	case stateDiscard, stateLinger:
		c.lose()
	}
}

// ReadConnectionLost goes on until what the client has sent is answered (RFC
// 9112 §9.6 calls it a half-closed connection).
func (c *Channel) ReadConnectionLost() {
	c.enter()
	c.flags |= eof
	c.conclude(len(c.unread()))
	c.settle()
	if h, ok := c.rcv.(protocol.HalfCloseReceiver); ok && c.state == stateAnswer && c.in == nil {
		h.ReadConnectionLost()
	}
}

// WriteConnectionLost begins the time that a lingering client is given.
func (c *Channel) WriteConnectionLost() {
	c.enter()
	c.flags |= finSent
	c.settle()
}

// ConnectionLost gives everything back, and tells the Receiver.
func (c *Channel) ConnectionLost(reason error) {
	c.state = stateClosed
	c.release()
	if rcv := c.rcv; rcv != nil {
		c.rcv, c.producer, c.answer = nil, nil, answerNone
		rcv.ConnectionLost(reason)
	}
}

// release gives back what the channel has of the factory's.
func (c *Channel) release() {
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	c.giveBuffer()
	c.giveDecoder()
	if c.link.On() != nil {
		c.link.Remove()
		c.f.tellDrained()
	}
}

func (c *Channel) giveDecoder() {
	if c.dec != nil {
		c.f.giveDecoder(c.dec)
		c.dec = nil
	}
}

// block puts off the next request until the client has taken what waits for it.
// No exchange is in hand, so the transport has no producer.
func (c *Channel) block() {
	c.flags |= blocked
	c.t.RegisterProducer((*waiter)(c))
}

// unblock ends it.
func (c *Channel) unblock() {
	if c.is(blocked) {
		c.flags &^= blocked
		c.t.UnregisterProducer()
	}
}

// waiter is a Channel as the pull producer that is asked when the transport has
// delivered everything.
type waiter Channel

// ResumeProducing goes on with the next request.
func (w *waiter) ResumeProducing() {
	c := (*Channel)(w)
	c.unblock()
	c.resume()
}

// StopProducing does nothing: ConnectionLost follows.
func (w *waiter) StopProducing() {}

// Speaks names the protocol. See protocol.Speaker.
func (c *Channel) Speaks() (name string, exchanges int) {
	if c.answer != answerNone {
		exchanges = 1
	}
	return "HTTP/1", exchanges
}

// Drain ends keep-alive: an idle connection closes at once, a busy one when its
// answer is done.
func (c *Channel) Drain() {
	c.flags |= draining
	if c.state == stateHead && c.in == nil {
		c.enter()
		c.lose()
		c.settle()
	}
}

var (
	_ reactor.HalfCloseProtocol = (*Channel)(nil)
	_ protocol.Channel          = (*Channel)(nil)
	_ protocol.Hijacker         = (*Channel)(nil)
	_ protocol.Speaker          = (*Channel)(nil)
)
