package protocol

import (
	"crypto/tls"

	"spindle/reactor"
)

// This file is the asking side of an exchange, the mirror of channel.go: a ClientConn
// is one connection to a server, a ClientChannel sends one request on it, and a
// ClientReceiver is told the answer. What is sent and received stands in message
// heads, clienthead.go. http1.Client is a ClientConn, and the Agent (package agent) keeps
// them in its pool.

// ClientConn is one connection to a server as who asks on it sees it. It is the
// reactor.Protocol that a connector builds. Loop only.
type ClientConn interface {
	reactor.Protocol
	// Ask begins an exchange and sends the head of its request: r is told what becomes of
	// it, never from inside Ask. h and its Fields are not kept. Content, if
	// h.ContentLength is not 0, is written to the channel, which needs Finish; without
	// content Finish is not needed. It gives nil, and calls nothing, when there is no
	// Room. Before ConnectionMade there is none.
	Ask(h *RequestHead, r ClientReceiver) ClientChannel
	// Room is how many more exchanges could be begun now: 0 or 1 with HTTP/1.1. A
	// connection that is to end, or has ended, has none.
	Room() int
	// Busy is how many exchanges are under way.
	Busy() int
	// Reused tells whether an exchange has ended well on it: then one that fails without
	// a byte of an answer may have met the end of the connection (LostError.Stale).
	Reused() bool
	// Watch names who is told when Room or Busy has changed, and of the end of the
	// connection (when Room and Busy are 0 for good, and Ended). w is called from inside
	// callbacks of the connection, after the receiver was; it may call Ask. nil is nobody.
	Watch(w ClientWatcher)
	// Close lets the exchanges under way end and closes then; no further one is begun.
	Close()
	// Ended tells whether the connection is gone.
	Ended() bool
}

// ClientWatcher is told when a connection can take an exchange again, and when it ends.
type ClientWatcher interface {
	ConnChanged(c ClientConn)
}

// ClientChannel is the sending side of one exchange of a client. Loop only. After
// BodyFinished, ExchangeLost, Abort or Switch its methods do nothing.
type ClientChannel interface {
	// Consumer takes the content of the request, framed as the protocol wants it.
	// Content beyond the promised length is dropped. Content for which
	// 100 (Continue) is awaited (RequestHead.ExpectContinue) is held back until the server
	// or Settings.ContinueTimeout lets it go; the producer is told to pause meanwhile.
	// When the server answers without wanting the rest, the producer is told
	// StopProducing.
	reactor.Consumer
	// WriteShared is Write without a copy when data is large.
	WriteShared(data []byte)
	// Finish ends the content. If it is shorter than promised the exchange is aborted,
	// so that the server does not take it for the whole. trailers, which may be nil, are
	// sent when the framing can carry them.
	Finish(trailers Fields)
	// Abort gives the exchange up: the stream is reset, or the connection ended. The
	// receiver is not called any more. err is for logs.
	Abort(err error)
	// PauseBody and ResumeBody stop and start the content of the answer.
	PauseBody()
	ResumeBody()
	// Switch gives the connection (or with HTTP/2 the stream) to another protocol, with
	// the bytes already read, after a 101 or a 2xx to CONNECT was received: ResponseHead.
	// Switching. It may be called in HeadReceived or later, until when nothing is read;
	// the receiver is not called any more.
	Switch(p reactor.Protocol)
	// Buffered is the number of bytes written and not yet with the kernel.
	Buffered() int

	Peer() reactor.Addr
	Host() reactor.Addr
	Loop() reactor.Loop
	// TLS is the state of the connection, nil when it is not secure.
	TLS() *tls.ConnectionState
}

// ClientReceiver is told the answer of one exchange. Its methods are called on the loop,
// never from inside a call to the channel, in this order: InformationalReceived any
// number of times, HeadReceived, BodyReceived any number of times, BodyFinished; and
// ExchangeLost instead of what is left when the exchange fails. BodyFinished or
// ExchangeLost is the last call, and there is one for each exchange that was not
// given up by Abort or Switch.
//
// An answer may come before the request is sent whole. When it is complete by then,
// BodyFinished is called and the rest of the request is not sent: the producer, if any, is
// told StopProducing.
type ClientReceiver interface {
	// InformationalReceived brings a 1xx answer, other than 101: 100 (Continue) too. h
	// is valid until return.
	InformationalReceived(h *ResponseHead)
	// HeadReceived brings the head of the final answer, or a 101. h and its bytes are
	// valid until return. When h.Switching is set nothing follows until Switch or Abort.
	HeadReceived(h *ResponseHead)
	// BodyReceived brings the next piece of content, without its transfer coding. It is
	// valid until return.
	BodyReceived(data []byte)
	// BodyFinished tells that the answer is complete and whole. trailers is nil when there
	// are none.
	BodyFinished(trailers Fields)
	// ExchangeLost tells that no answer, or no more of it, comes: what came is not
	// whole. err is, or wraps, a *LostError.
	ExchangeLost(err error)
}

// LostError is why an exchange of a client has failed.
type LostError struct {
	Reason string // one line, peers' bytes quoted
	Err    error  // of the transport, reactor.ErrTimeout, or nil
	// Unseen tells that the server has certainly not worked on the request: any request
	// may be sent again, on another connection.
	Unseen bool
	// Stale tells that a connection that was used before ended without a byte of an
	// answer: a request that may be repeated (RFC 9110 §9.2.2) may be sent again.
	Stale bool
	// Fault is FaultUnreadable or FaultCut when the answer itself is to blame.
	Fault FaultKind
}

// UnreadableAnswer is what the reason of a LostError begins with whose Fault is
// FaultUnreadable; what is wrong follows.
const UnreadableAnswer = "the answer can not be read: "

// Error is the reason and its cause.
func (e *LostError) Error() string {
	if e.Err == nil {
		return "protocol: " + e.Reason
	}
	return "protocol: " + e.Reason + ": " + e.Err.Error()
}

// Unwrap is Err.
func (e *LostError) Unwrap() error { return e.Err }
