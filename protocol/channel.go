package protocol

import (
	"crypto/tls"
	"os"

	"spindle/reactor"
)

// This file is where the protocols meet what answers: for each exchange (a
// request and its response, RFC 9110 §3.3) a Channel that answers and a Receiver
// that asks. http1.Channel and http2.Stream are Channels; resource.Request is a
// Receiver, and never learns which of them it has.

// Channel is the answering side of one exchange. Loop only. After Respond, Finish,
// Abort or Switch, and after ConnectionLost, its methods do nothing.
//
// A connection of HTTP/1.1 is the Channel of one exchange after the other: a
// Receiver forgets its Channel when its exchange is over, since what it does to it
// later could reach the next one.
type Channel interface {
	// Consumer takes content after WriteHead, framed as the protocol wants it.
	// Content beyond the promised length is dropped and logged, and so is content
	// before WriteHead; content of a response that has none (HEAD, 204, 304) is
	// dropped in silence. A producer that is still registered when the answer ends
	// is told StopProducing.
	reactor.Consumer

	// Respond answers whole: head, Content-Length and body, in one. body is
	// kept until it is sent and must not be changed. It includes Finish. On a
	// response to HEAD the length is that of body and nothing follows. It does
	// nothing after WriteHead.
	Respond(status int, fields Fields, body []byte)
	// WriteHead starts an answer. length is that of the content, -1 when it is
	// not known beforehand (then chunked, or until close with HTTP/1.0).
	// Server and Date are added unless fields has them. fields is not kept.
	// fields must have been checked (Fields.Check); Connection, Keep-Alive,
	// Transfer-Encoding and Content-Length in it are the channel's own affair:
	// "Connection: close" closes, the others are ignored; an Upgrade field is
	// listed in Connection. status is from 200 to 999, or 101 before Switch; one
	// that is not is logged and sent as 500.
	WriteHead(status int, fields Fields, length int64)
	// WriteInformational sends a 1xx answer (103 early hints) before the head.
	// To an HTTP/1.0 client it does nothing.
	WriteInformational(status int, fields Fields)
	// Continue sends 100 Continue if the client waits for it, once. It does
	// nothing otherwise. A receiver that wants the content calls it.
	Continue()
	// WriteShared is Write without a copy when data is large.
	WriteShared(data []byte)
	// SendFile writes n bytes of f from off as content; see
	// reactor.Transport.SendFile. done, which may be nil, is called later, never
	// from inside, also for content that was dropped, and also when the exchange
	// is over by then; but not after ConnectionLost was.
	SendFile(f *os.File, off, n int64, done func(err error))
	// Finish ends the answer. If its content is shorter than promised the client
	// sees it cut. trailers, which may be nil, are sent when the framing can carry
	// them and left out when it can not, so no client may depend on them (RFC
	// 9110 §6.5.1); those that may not stand there are left out too.
	Finish(trailers Fields)
	// Abort gives the exchange up so that the client sees that it is cut: the
	// connection or stream is reset.
	Abort(err error)

	// PauseBody and ResumeBody stop and start the content coming in.
	PauseBody()
	ResumeBody()

	// Switch gives the connection to another protocol, with the bytes already
	// read, after a 101 or a 2xx to CONNECT was sent by WriteHead and the content
	// of the request, if any, is complete; otherwise it aborts. The exchange is
	// over with it; the Receiver gets no further call.
	Switch(p reactor.Protocol)

	// HeadSent tells whether the final head is on its way.
	HeadSent() bool
	// Buffered is the number of bytes written and not yet with the kernel; within
	// Receiver.ConnectionLost, of those that never came there.
	Buffered() int
	Peer() reactor.Addr
	Host() reactor.Addr
	Loop() reactor.Loop
	// TLS is the state of the connection, nil when it is not secure.
	TLS() *tls.ConnectionState
}

// Hijacker is a Channel that can give its connection away without an answer:
// http1.Channel is one, a stream of HTTP/2 has no connection to give.
type Hijacker interface {
	// Hijack makes p the protocol of the connection, and gives it the bytes that
	// have come and were not used, content of the request among them as it is
	// framed. What p writes is what the client sees, behind what was written
	// before. The exchange is over with it; the Receiver gets no further call. It
	// tells whether there was an exchange. Loop only.
	Hijack(p reactor.Protocol) bool
}

// HalfCloseReceiver is a Receiver that wants to know when the client of HTTP/1 closes
// its sending half while the answer is made. Most such clients have gone altogether;
// some wait for the answer, which may go on.
type HalfCloseReceiver interface {
	// ReadConnectionLost is called at most once, when the content of the request
	// is complete. It is not called when further requests came behind it: then the
	// client is one that waits.
	ReadConnectionLost()
}

// Receiver is the asking side of one exchange. Its methods are called on the
// loop, in this order: HeadReceived, BodyReceived any number of times,
// BodyFinished; and ConnectionLost instead of what is left when the client goes.
// After the exchange is over (the answer finished, and the content all read or
// given up) nothing more is called, so a Receiver that finished its answer may
// be used again by its Server. "Over" includes: a Receiver that called Respond,
// Finish, Abort or Switch is not called any more, whatever content still comes.
type Receiver interface {
	// HeadReceived brings the head. h and all its bytes are valid until return;
	// who needs them longer calls h.Clone. A head whose ContentLength is 0 is
	// the whole request: neither BodyReceived nor BodyFinished follows.
	HeadReceived(h *Head)
	// BodyReceived brings the next piece of content, decoded. It is valid
	// until return.
	BodyReceived(data []byte)
	// BodyFinished tells that the content is complete. trailers is nil when
	// there are none; only fields that may stand there are in it.
	BodyFinished(trailers Fields)
	// ConnectionLost tells that the client is gone, or that the content can
	// not be read on: err is then an *Error, and the protocol has answered it
	// unless the head of the answer was sent. It is the last call.
	ConnectionLost(err error)
}

// Server makes the Receiver for each exchange of a connection.
type Server interface {
	// NewReceiver is called when a head has arrived whole and well formed.
	NewReceiver(c Channel) Receiver
	// HeadRefused tells, for log and statistics, of a request that the
	// protocol answered itself. target is the quoted start of what was
	// received, when there is any.
	HeadRefused(peer reactor.Addr, e *Error, received []byte)
}
