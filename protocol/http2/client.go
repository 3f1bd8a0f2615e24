package http2

import (
	"errors"
	"strconv"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Client is the asking side of one connection, with several exchanges under way at a
// time. Loop only.
//
// Frames, windows and priorities are those of Conn; this file is the connection as who
// asks sees it, and what ends it. Exchanges are in clientstream.go, answers in
// clientanswer.go.
type Client struct {
	f       *ClientFactory
	c       *Conn
	watcher protocol.ClientWatcher
	why     *protocol.LostError // what ends the connection, when it is known

	next     uint32 // the stream of the next exchange
	most     int    // streams that the server allows
	heard    int64  // when something came last
	pinged   int64  // since when a PING waits for its answer; 0: none does
	reused   bool   // an exchange has ended well
	extended bool   // the server takes extended CONNECT (RFC 8441 §3)
}

// ConnectionMade sends our preface.
func (k *Client) ConnectionMade(t reactor.Transport) {
	c := k.c
	c.t = t
	c.f.begin(t.Loop())
	c.enter()
	c.forgiven, k.heard = c.f.now, c.f.now
	if _, is := t.(reactor.ConnectionStater); is {
		c.flags |= secure
	}
	c.f.idle.Put(c, &c.link)
	c.write(c.f.hello)
	k.next = 1
	c.flags |= changed
	c.settle()
	c.tell()
}

// DataReceived works on what has come.
func (k *Client) DataReceived(data []byte) { k.c.DataReceived(data) }

// ReadConnectionLost ends the exchanges that are not complete.
func (k *Client) ReadConnectionLost() { k.c.ReadConnectionLost() }

// WriteConnectionLost is of no interest.
func (k *Client) WriteConnectionLost() { k.c.WriteConnectionLost() }

// ConnectionLost ends all exchanges.
func (k *Client) ConnectionLost(reason error) { k.c.ConnectionLost(reason) }

// Room is how many more exchanges could be begun now.
func (k *Client) Room() int {
	c := k.c
	if c.link.On() == nil || c.state >= stateLinger || c.is(closing|finalSent|eof) {
		return 0
	}
	return max(min(k.most, k.f.set.MaxStreams)-len(c.streams), 0)
}

// Busy is how many exchanges are under way. What became of one after Switch counts.
func (k *Client) Busy() int { return len(k.c.streams) }

// Reused tells whether an exchange has ended well.
func (k *Client) Reused() bool { return k.reused }

// Watch names who is told of changes.
func (k *Client) Watch(w protocol.ClientWatcher) { k.watcher = w }

// Ended tells whether the connection is gone.
func (k *Client) Ended() bool {
	return k.c.state >= stateLinger || k.c.t != nil && k.c.link.On() == nil
}

// Close ends the connection after the exchanges under way.
func (k *Client) Close() {
	c := k.c
	c.flags |= closing | changed
	if c.link.On() != nil && len(c.streams) == 0 {
		c.enterLate()
		c.lose()
		c.settleLate()
	}
}

// tell tells the watcher of a client, if something has changed.
func (c *Conn) tell() {
	if c.client != nil && c.is(changed) {
		c.flags &^= changed
		if w := c.client.watcher; w != nil {
			w.ConnChanged(c.client)
		}
	}
}

// goAway takes the server's GOAWAY: what it has not worked on may be asked elsewhere,
// and nothing more is asked here (RFC 9113 §6.8).
func (k *Client) goAway(last uint32, code errCode) {
	c := k.c
	c.flags |= closing | changed
	if code != codeNo && k.why == nil {
		k.why = &protocol.LostError{Reason: "the server ends the connection: " + code.text()}
	}
	c.eachOpen(func(s *Stream) {
		if s.id > last {
			c.loseStream(s, &protocol.LostError{Reason: "the server ends the connection, and has not seen the request", Unseen: true})
		}
	})
}

// cut ends the exchanges that can not become whole, since the server sends no more. What
// has come whole, and waits for who asked, is still there.
func (k *Client) cut() {
	c := k.c
	c.eachOpen(func(s *Stream) {
		if !s.is(peerEnded) {
			c.loseStream(s, reactor.ErrDone)
		}
	})
}

// resetBy is what it means that the server has reset a stream.
func resetBy(code errCode) error {
	return &protocol.LostError{Reason: "the server has reset the stream: " + code.text(), Unseen: code == codeRefused}
}

// text is the name of a code, as a log shows it.
func (e errCode) text() string {
	names := [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
		"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}
	if int64(e) < int64(len(names)) {
		return names[e]
	}
	return "code " + strconv.FormatUint(uint64(e), 10)
}

// lost is reason as a receiver is told it.
func (k *Client) lost(s *Stream, reason error) error {
	var known *protocol.LostError
	var refused *protocol.Error
	var broken *connError
	switch {
	case errors.As(reason, &known):
		return known
	case errors.As(reason, &refused):
		return &protocol.LostError{Reason: "the answer can not be read: " + refused.Reason}
	case errors.As(reason, &broken):
		return &protocol.LostError{Reason: "the connection is not HTTP/2 as it has to be: " + broken.reason}
	case errors.Is(reason, errStalled):
		return &protocol.LostError{Reason: "the server took nothing of the request in time", Err: reactor.ErrTimeout}
	case k.why != nil:
		return k.why
	}
	e := &protocol.LostError{Reason: "the server closed the connection before its answer was complete", Err: reason}
	if errors.Is(reason, reactor.ErrDone) {
		e.Err = nil
	}
	if !s.is(answered) {
		e.Reason = "the server closed the connection without an answer"
		e.Stale = k.reused
	}
	return e
}

// nextPing is when it is time to ask whether the server is there; 0 is never.
func (k *Client) nextPing() int64 {
	set := &k.f.set
	switch {
	case k.c.link.On() == nil || len(k.c.streams) == 0 || set.PingInterval == 0:
		return 0
	case k.pinged != 0 && set.PingTimeout == 0:
		return 0
	case k.pinged != 0:
		return k.pinged + int64(set.PingTimeout)
	}
	return k.heard + int64(set.PingInterval)
}

// livePing is what our PINGs carry.
const livePing = "spindle?"

// ping asks whether the server is there, or ends the connection when it has not said so.
func (k *Client) ping() {
	c := k.c
	when := k.nextPing()
	if when == 0 || c.f.now < when || c.state >= stateLinger {
		return
	}
	if k.pinged != 0 {
		k.why = &protocol.LostError{Reason: "the server did not answer a PING in time", Err: reactor.ErrTimeout}
		c.abort()
		return
	}
	k.pinged = c.f.now
	c.write(append(appendFrame(c.t.AvailableBuffer(), pingLen, framePing, 0, 0), livePing...))
}

// expire is the end of the time of an exchange.
func (k *Client) expire(s *Stream) {
	c := k.c
	s.deadline = 0
	reason := "there was no answer in time"
	switch {
	case s.heldBack():
		k.goOn(s)
		return
	case s.is(answered):
		reason = "no content of the answer came in time"
	case !s.is(localEnded | connect): // whose content does not come; that is not the server's fault
		return
	}
	c.sendReset(s.id, codeCancel)
	c.loseStream(s, &protocol.LostError{Reason: reason, Err: reactor.ErrTimeout})
}

// within is when d from now is over; 0 is never.
func (k *Client) within(d time.Duration) int64 {
	if d == 0 {
		return 0
	}
	when := k.c.f.now + int64(d)
	k.c.due(when)
	return when
}

var _ reactor.HalfCloseProtocol = (*Client)(nil)
