package nethttp

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the protocol.Channel: the side of the loop. What may block is queued for
// the goroutine of exchange.go.

const (
	highWater  = 64 << 10 // queued bytes above which a push producer is paused
	lowWater   = 16 << 10 // below which it is resumed
	pieceBytes = 32 << 10 // of content, and of files
)

// Channel is one exchange. Its exported methods are for the loop.
type Channel struct {
	f       *Factory
	w       http.ResponseWriter
	req     *http.Request
	control *http.ResponseController
	out     queue
	in      intake
	begun   bool // the goroutine has written the head

	// Of the loop:
	head     *protocol.Head
	rcv      protocol.Receiver
	answer   answer
	promised int64 // content still to be written, of answerLength
	buffered int   // queued, and not written yet
	status   int   // of a head that is held back until Switch
	fields   protocol.Fields
	producer reactor.Producer
	push     reactor.PushProducer
	paused   bool // push was told to pause
	asked    bool // the pull producer was asked and has not written yet
	due      bool // tellProducer will be called
	lost     bool // the client has gone
	waits    bool // the client waits for 100 (Continue)
	stopped  bool // by PauseBody
	piece    []byte
	ended    func() // the end of the content, when it came while stopped
}

// answer is how far the answer is.
type answer uint8

const (
	answerNone   answer = iota // not begun, or done
	answerHead                 // the head has not been written
	answerSwitch               // its head is held back until Switch
	answerEmpty                // it has no content
	answerLength               // promised bytes
	answerOpen                 // as much as comes
)

func (f *Factory) newChannel(w http.ResponseWriter, req *http.Request) *Channel {
	c := &Channel{f: f, w: w, req: req, control: http.NewResponseController(w)}
	c.out.cond.L = &c.out.mu
	c.in.cond.L = &c.in.mu
	c.in.done = make(chan struct{})
	return c
}

// begin gives the head to a new Receiver.
func (c *Channel) begin() {
	if c.lost {
		return
	}
	c.head = headOf(c.req)
	c.answer = answerHead
	c.waits = c.head.ExpectContinue
	defer c.contain()
	c.rcv = c.f.server.NewReceiver(c)
	c.rcv.HeadReceived(c.head)
	if !c.waits {
		c.startReading()
	}
}

// contain keeps a panic of the Receiver to its exchange.
func (c *Channel) contain() {
	if p := recover(); p != nil {
		c.f.set.Logger.Error("nethttp: panic in a receiver", "peer", c.req.RemoteAddr, "panic", p, "stack", string(debug.Stack()))
		c.lose(reactor.ErrAborted)
	}
}

// startReading begins to read the content, if there is any and somebody for it.
func (c *Channel) startReading() {
	if c.rcv == nil || c.head.ContentLength == 0 || c.in.started {
		return
	}
	c.in.mu.Lock()
	c.in.started = true
	over := c.in.over
	c.in.mu.Unlock()
	if over {
		close(c.in.done)
		return
	}
	_ = c.control.EnableFullDuplex()
	go c.read()
}

// content takes a piece, or keeps it until ResumeBody.
func (c *Channel) content(piece []byte) {
	if c.stopped {
		c.piece = piece
		return
	}
	c.waits = false
	if c.rcv != nil {
		func() {
			defer c.contain()
			c.rcv.BodyReceived(piece)
		}()
	}
	c.in.mu.Lock()
	c.in.busy = false
	c.in.mu.Unlock()
	c.in.cond.Signal()
}

// contentEnd is the end of the content; err is nil when it is complete.
func (c *Channel) contentEnd(trailers protocol.Fields, err error) {
	switch {
	case c.stopped:
		c.ended = func() { c.contentEnd(trailers, err) }
	case c.rcv == nil:
	case err != nil:
		c.refuse(err)
	default:
		defer c.contain()
		c.rcv.BodyFinished(trailers)
	}
}

// refuse ends the exchange whose content can not be read: answered if it has not been.
func (c *Channel) refuse(err error) {
	e := &protocol.Error{Status: 400, Reason: "the content can not be read: " + protocol.Quote(err.Error()), Close: true}
	if c.answer != answerHead {
		c.lose(e)
		return
	}
	rcv := c.rcv
	c.Respond(400, protocol.Fields{{Name: "Connection", Value: "close"}, {Name: "Content-Type", Value: "text/plain; charset=utf-8"}},
		[]byte("Bad Request: the content can not be read\n"))
	rcv.ConnectionLost(e)
}

// lose ends an exchange that can not be answered to its end. Loop only.
func (c *Channel) lose(err error) {
	rcv := c.rcv
	c.lost = true
	c.endExchange()
	c.out.finish(endAbort)
	if rcv != nil {
		defer c.contain()
		rcv.ConnectionLost(err)
	}
}

// endExchange forgets the Receiver, and a producer that it has left.
func (c *Channel) endExchange() {
	if p := c.producer; p != nil {
		c.producer, c.push = nil, nil
		c.f.loop.CallLater(0, p.StopProducing)
	}
	c.rcv, c.answer, c.ended = nil, answerNone, nil
	c.in.mu.Lock()
	c.in.over = true
	c.in.mu.Unlock()
	c.in.cond.Signal()
}

// Respond answers whole. See protocol.Channel.
func (c *Channel) Respond(status int, fields protocol.Fields, body []byte) {
	if c.answer != answerHead {
		return
	}
	status, length := c.possible(status, int64(len(body)))
	framed := c.framing(status, &length)
	if framed == answerSwitch {
		c.complain("an answer with content has the status of a switch")
		c.Abort(nil)
		return
	}
	if framed != answerLength {
		body = nil
	}
	body = body[:min(int64(len(body)), length)] // a 205 has none
	own := append(protocol.Fields(nil), fields...)
	c.endExchange()
	c.out.addLast(func() error {
		c.writeHead(status, own, length)
		if len(body) == 0 {
			return nil
		}
		_, err := c.w.Write(body)
		return err
	})
}

// possible is status and length, or those that stand for a status that can not be.
func (c *Channel) possible(status int, length int64) (int, int64) {
	if status >= 200 && status <= 999 || status == 101 {
		return status, length
	}
	c.complain("the answer had the impossible status " + strconv.Itoa(status))
	return 500, 0
}

// WriteHead starts an answer.
func (c *Channel) WriteHead(status int, fields protocol.Fields, length int64) {
	if c.answer != answerHead {
		return
	}
	status, length = c.possible(status, length)
	c.answer = c.framing(status, &length)
	c.promised = max(length, 0)
	own := append(protocol.Fields(nil), fields...)
	if c.answer == answerSwitch {
		c.status, c.fields = status, own
		return
	}
	c.out.add(0, func() error {
		c.writeHead(status, own, length)
		return nil
	})
}

// framing decides what the content of the answer is.
func (c *Channel) framing(status int, length *int64) answer {
	switch {
	case status == 101 || c.head.Method == "CONNECT" && status/100 == 2:
		return answerSwitch
	case status == 205: // RFC 9110 §15.3.6
		*length = 0
		return answerLength
	case c.head.Method == "HEAD" || protocol.NoContent(status):
		return answerEmpty
	case *length >= 0:
		return answerLength
	}
	return answerOpen
}

// WriteInformational sends a 1xx answer.
func (c *Channel) WriteInformational(status int, fields protocol.Fields) {
	switch {
	case c.answer != answerHead || c.head.Version == protocol.HTTP10 || status < 100 || status > 199 || status == 101:
	case status == 100:
		c.Continue()
	default:
		own := append(protocol.Fields(nil), fields...)
		c.out.add(0, func() error {
			c.writeInformational(status, own)
			return nil
		})
	}
}

// Continue has the content read, at which net/http sends 100 if the client waits for it.
func (c *Channel) Continue() {
	if c.waits && c.answer == answerHead {
		c.waits = false
		c.startReading()
	}
}

// Write sends a copy of data.
func (c *Channel) Write(data []byte) {
	c.write(append([]byte(nil), data[:c.admit(int64(len(data)))]...))
}

// WriteShared sends data, which is not changed any more.
func (c *Channel) WriteShared(data []byte) {
	c.write(data[:c.admit(int64(len(data)))])
}

func (c *Channel) write(own []byte) {
	if c.queued(len(own)); len(own) == 0 {
		return
	}
	c.out.add(len(own), func() error {
		_, err := c.w.Write(own)
		return err
	})
}

// admit is how much of n bytes of content may be sent now.
func (c *Channel) admit(n int64) int64 {
	switch c.answer {
	case answerHead:
		c.complain("content was written before the head, and dropped")
	case answerLength:
		if n > c.promised {
			c.complain("more content was written than was promised, and dropped")
			n = c.promised
		}
		c.promised -= n
		return n
	case answerOpen:
		return n
	}
	return 0
}

// queued notes that n bytes wait to be written.
func (c *Channel) queued(n int) {
	c.buffered += n
	c.asked = false
	c.lookAfterProducer()
}

// wrote notes that n of them are.
func (c *Channel) wrote(n int) {
	c.buffered -= n
	c.tellProducer()
}

// SendFile sends a part of f as content.
func (c *Channel) SendFile(f *os.File, off, n int64, done func(err error)) {
	if c.answer == answerNone {
		return
	}
	n = c.admit(max(n, 0))
	c.queued(int(n))
	c.out.add(int(n), func() error {
		sent, err := io.CopyBuffer(c.w, io.NewSectionReader(f, off, n), make([]byte, pieceBytes))
		if err == nil && sent < n {
			err = io.ErrUnexpectedEOF
		}
		if done != nil && err == nil {
			c.f.loop.CallFromThread(func() {
				if !c.lost {
					done(nil)
				}
			})
		}
		return err
	})
}

// Finish ends the answer. net/http sees to it that the client sees when content is missing.
func (c *Channel) Finish(trailers protocol.Fields) {
	switch c.answer {
	case answerNone:
		return
	case answerHead:
		c.complain("the answer was finished before it was begun")
		c.Respond(500, nil, nil)
		return
	case answerSwitch:
		c.complain("the protocol was not switched after the head for it")
		c.Abort(nil)
		return
	}
	if len(trailers) > 0 && c.answer == answerOpen {
		own := append(protocol.Fields(nil), trailers...)
		c.out.add(0, func() error {
			return c.writeTrailers(own)
		})
	}
	c.endExchange()
	c.out.finish(endDone)
}

// Abort cuts the answer.
func (c *Channel) Abort(error) {
	if c.answer != answerNone {
		c.endExchange()
		c.out.finish(endAbort)
	}
}

// PauseBody stops the content.
func (c *Channel) PauseBody() {
	if c.answer != answerNone {
		c.stopped = true
	}
}

// ResumeBody starts it again, in a later turn.
func (c *Channel) ResumeBody() {
	if c.stopped {
		c.stopped = false
		c.f.loop.CallLater(0, c.catchUp)
	}
}

// catchUp gives what came while the content was stopped.
func (c *Channel) catchUp() {
	if piece := c.piece; piece != nil && !c.stopped {
		c.piece = nil
		c.content(piece)
	}
	if ended := c.ended; ended != nil && !c.stopped {
		c.ended = nil
		ended()
	}
}

// RegisterProducer makes p the producer of the content.
func (c *Channel) RegisterProducer(p reactor.Producer) {
	switch {
	case c.answer == answerNone:
		c.f.loop.CallLater(0, p.StopProducing)
		return
	case c.producer != nil:
		panic("nethttp: RegisterProducer: there is a producer already; unregister it first")
	}
	c.producer = p
	c.push, _ = p.(reactor.PushProducer)
	c.paused, c.asked = false, false
	c.lookAfterProducer()
}

// UnregisterProducer ends it.
func (c *Channel) UnregisterProducer() { c.producer, c.push = nil, nil }

// lookAfterProducer has tellProducer called in the next turn.
func (c *Channel) lookAfterProducer() {
	if c.producer != nil && !c.due {
		c.due = true
		c.f.loop.CallLater(0, func() {
			c.due = false
			c.tellProducer()
		})
	}
}

// tellProducer tells the producer whether to go on.
func (c *Channel) tellProducer() {
	if c.producer == nil {
		return
	}
	defer c.contain()
	switch {
	case c.push == nil:
		if !c.asked && c.buffered == 0 {
			c.asked = true
			c.producer.ResumeProducing()
		}
	case !c.paused && c.buffered > highWater:
		c.paused = true
		c.push.PauseProducing()
	case c.paused && c.buffered <= lowWater:
		c.paused = false
		c.push.ResumeProducing()
	}
}

// HeadSent tells whether the head of the answer is on its way.
func (c *Channel) HeadSent() bool { return c.answer != answerHead }

// Buffered is the number of bytes that are not written yet.
func (c *Channel) Buffered() int { return c.buffered }

// Peer is the address of the client.
func (c *Channel) Peer() reactor.Addr { return peerOf(c.req) }

// Host is the address that the client has connected to.
func (c *Channel) Host() reactor.Addr { return hostOf(c.req) }

// Loop is where the exchange lives.
func (c *Channel) Loop() reactor.Loop { return c.f.loop }

// TLS is the state of the connection, nil when it is not secure.
func (c *Channel) TLS() *tls.ConnectionState { return c.req.TLS }

// complain logs what a resource does wrong.
func (c *Channel) complain(text string) {
	c.f.set.Logger.Warn("nethttp: "+text, "peer", c.req.RemoteAddr)
}

var (
	_ protocol.Channel  = (*Channel)(nil)
	_ protocol.Hijacker = (*Channel)(nil)
)
