package http2

import (
	"crypto/tls"
	"os"
	"strconv"

	"spindle/protocol"
	"spindle/reactor"
)

// Stream is one exchange of a connection, and its protocol.Channel. Loop only.
//
// What is called here from inside a callback of the connection's takes effect
// there; what is called later enters by itself, and puts off what would call the
// caller back.
type Stream struct {
	c    *Conn    // nil when the Stream is not in use
	f    *Factory // stays, for who asks a Stream that is over for its loop
	next *Stream  // of those that are ready, or in the factory's list
	prev *Stream

	rcv      protocol.Receiver
	producer reactor.Producer
	push     reactor.PushProducer // producer, when it is one
	tun      *tunnel              // another protocol has the stream
	held     *protocol.Head       // waits to be given to a Receiver

	in       []byte          // content that came while nobody took it
	trailers protocol.Fields // that came behind it
	out      []piece         // content to be sent; out[:first] is through
	ending   protocol.Fields // the trailers of the answer

	left      int64 // content still to come; -1: not known
	discarded int64 // content that was read and dropped
	promised  int64 // content of the answer still to be written
	queued    int64 // bytes in out
	deadline  int64 // of content; 0: none
	stalled   int64 // since when the client's window has kept something back; 0: nothing

	first    int
	window   int // what we may send
	recv     int // what the client may send
	unacked  int // what was taken in and is to be given back to recv
	id       uint32
	flags    streamFlags
	answer   answer
	priority priority
}

// answer is how far the answer is, and what its content is.
type answer uint8

const (
	answerNone    answer = iota // there is nobody who answers, or it is done
	answerHead                  // the head has not been written
	answerEmpty                 // it has no content
	answerLength                // promised bytes
	answerUnknown               // until the end of the stream
)

type streamFlags uint32

const (
	headMethod     streamFlags = 1 << iota // it is HEAD
	connect                                // it is CONNECT
	switching                              // and has been answered with 2xx
	waits                                  // the client waits for 100 (Continue)
	noContent                              // the head was the whole request
	pausedBody                             // by PauseBody
	held                                   // the head has not been given to a Receiver
	giving                                 // it is being given
	answeredAtOnce                         // and was answered meanwhile: nobody knows the Stream
	peerEnded                              // the other side sends no more
	answered                               // the final head of the answer has come, to a client
	localEnded                             // END_STREAM is on its way
	finishing                              // it is to follow what is queued
	discarding                             // nobody wants the content that still comes
	endHeld                                // the end of the content has come behind what is in in
	catching                               // catchUp is to be called
	isReady                                // it is in the schedule
	producerPaused                         // PauseProducing was called
	producerAsked                          // a pull producer has not written since it was asked
	closed                                 // it is over
)

func (s *Stream) is(f streamFlags) bool { return s.flags&f != 0 }

// ID is the number of the stream.
func (s *Stream) ID() uint32 { return s.id }

// Respond answers whole. It allocates nothing unless the client's window is closed.
func (s *Stream) Respond(status int, fields protocol.Fields, body []byte) {
	if s.answer != answerHead {
		return
	}
	c := s.c
	c.enterLate()
	b := s.appendHead(c.t.AvailableBuffer(), status, fields, int64(len(body)))
	n := len(body)
	if s.answer != answerLength {
		n = 0
	}
	s.promised = 0
	switch {
	case s.is(localEnded):
		c.write(b)
	case c.mayPass(s, n):
		c.writeLast(s, b, body[:n])
	default:
		c.write(b)
		s.enqueue(piece{data: body, shared: true})
	}
	s.over()
	c.settleLate()
}

// WriteHead starts an answer.
func (s *Stream) WriteHead(status int, fields protocol.Fields, length int64) {
	if s.answer != answerHead {
		return
	}
	s.c.enterLate()
	s.c.write(s.appendHead(s.c.t.AvailableBuffer(), status, fields, length))
	s.c.settleLate()
}

// WriteInformational sends a 1xx answer.
func (s *Stream) WriteInformational(status int, fields protocol.Fields) {
	if s.answer != answerHead || status < 100 || status > 199 || status == 101 {
		return
	}
	if status == 100 {
		s.Continue()
		return
	}
	s.c.enterLate()
	s.c.write(s.appendInformational(s.c.t.AvailableBuffer(), status, fields))
	s.c.settleLate()
}

// Continue sends 100 (Continue) if the client waits for it.
func (s *Stream) Continue() {
	if s.answer != answerHead || !s.is(waits) {
		return
	}
	s.c.enterLate()
	s.flags &^= waits
	s.c.write(s.appendInformational(s.c.t.AvailableBuffer(), 100, nil))
	s.c.settleLate()
}

// Write sends content.
func (s *Stream) Write(data []byte) { s.write(data, false) }

// WriteShared sends content without a copy.
func (s *Stream) WriteShared(data []byte) { s.write(data, true) }

func (s *Stream) write(data []byte, shared bool) {
	n := s.admit(int64(len(data)))
	if n == 0 {
		if s.is(producerAsked) && len(data) > 0 {
			s.flags &^= producerAsked // it was dropped: the next piece is asked for
			s.c.post()
		}
		return
	}
	s.put(data[:n], shared)
}

// put sends or queues content.
func (s *Stream) put(data []byte, shared bool) {
	s.c.enterLate()
	s.flags &^= producerAsked
	s.send(data, shared)
	s.c.settleLate()
}

// SendFile sends a part of f as content.
func (s *Stream) SendFile(f *os.File, off, n int64, done func(err error)) {
	if s.answer == answerNone {
		return
	}
	if n = s.admit(max(n, 0)); n == 0 {
		if done != nil {
			s.f.loop.CallLater(0, func() { s.doneUnlessLost(done) })
		}
		return
	}
	s.putFile(&filePiece{f: f, off: off, n: n, done: done})
}

// putFile queues a part of a file.
func (s *Stream) putFile(p *filePiece) {
	s.c.enterLate()
	s.flags &^= producerAsked
	s.enqueue(piece{file: p})
	s.c.settleLate()
}

// doneUnlessLost tells of a file of which nothing had to be sent.
func (s *Stream) doneUnlessLost(done func(err error)) {
	if s.c != nil && s.c.link.On() != nil {
		done(nil)
	}
}

// admit is how much of n bytes of content may be sent now.
func (s *Stream) admit(n int64) int64 {
	switch s.answer {
	case answerHead:
		s.complain("content was written before the head, and dropped")
	case answerLength:
		if n > s.promised {
			s.complain("more content was written than was promised, and dropped")
			n = s.promised
		}
		s.promised -= n
		return n
	case answerUnknown:
		return n
	}
	return 0
}

// Finish ends the answer. One whose content is shorter than promised is reset, so
// that the client can see it.
func (s *Stream) Finish(trailers protocol.Fields) {
	switch s.answer {
	case answerNone:
		return
	case answerHead:
		s.complain("the answer was finished before it was begun")
		s.Respond(500, nil, nil)
		return
	}
	if s.promised > 0 {
		s.complain("less content was written than was promised")
		s.Abort(nil)
		return
	}
	s.c.enterLate()
	if s.answer != answerEmpty && len(trailers) > 0 {
		s.ending = append(protocol.Fields(nil), trailers...)
	}
	s.over()
	s.c.settleLate()
}

// Abort resets the stream.
func (s *Stream) Abort(error) {
	if s.answer == answerNone {
		return
	}
	c := s.c
	c.enterLate()
	s.dropFiles(reactor.ErrAborted)
	s.forget()
	c.sendReset(s.id, codeInternal)
	c.close(s)
	c.settleLate()
}

// over goes on after the answer is done, but for what is queued.
func (s *Stream) over() {
	c := s.c
	if s.is(giving) {
		s.flags |= answeredAtOnce
	}
	s.forget()
	s.flags |= finishing
	if !s.is(peerEnded) {
		s.flags |= discarding
		c.dropIn(s)
	}
	switch {
	case s.is(localEnded):
		c.ended(s)
	case len(s.out) == 0:
		c.endLocal(s)
	}
}

// forget lets the Receiver go, and a producer that it has left.
func (s *Stream) forget() {
	s.stopProducer()
	if s.is(held) {
		s.c.held--
		s.held = nil
	}
	s.rcv, s.answer = nil, answerNone
	s.flags &^= pausedBody | held | endHeld | catching
}

// stopProducer lets a producer go that is left.
func (s *Stream) stopProducer() {
	if s.producer != nil {
		s.f.loop.CallLater(0, s.producer.StopProducing)
		s.dropProducer()
	}
}

// PauseBody stops the content.
func (s *Stream) PauseBody() {
	if s.answer != answerNone {
		s.flags |= pausedBody
		s.deadline = 0
	}
}

// ResumeBody starts it again.
func (s *Stream) ResumeBody() {
	if s.answer == answerNone || !s.is(pausedBody) || s.is(connect) {
		return
	}
	s.resumeIn()
}

// resumeIn has what was kept delivered, in an event of its own.
func (s *Stream) resumeIn() {
	s.c.enterLate()
	s.flags &^= pausedBody
	if !s.is(peerEnded) && s.tun == nil {
		s.deadline = s.f.bodyDeadline()
		s.c.due(s.deadline)
	}
	if len(s.in) > 0 || s.is(endHeld) {
		s.flags |= catching
		s.c.post()
	}
	s.c.settleLate()
}

// RegisterProducer makes p the producer of the content.
func (s *Stream) RegisterProducer(p reactor.Producer) {
	if s.answer == answerNone {
		if s.f.loop != nil {
			s.f.loop.CallLater(0, p.StopProducing)
		}
		return
	}
	s.register(p)
}

func (s *Stream) register(p reactor.Producer) {
	if s.producer != nil {
		panic("http2: RegisterProducer: there is a producer already; unregister it first")
	}
	s.producer = p
	s.push, _ = p.(reactor.PushProducer)
	s.c.producers++
	s.c.post()
}

// UnregisterProducer ends it.
func (s *Stream) UnregisterProducer() {
	if s.producer != nil && s.answer != answerNone {
		s.dropProducer()
	}
}

func (s *Stream) dropProducer() {
	s.producer, s.push = nil, nil
	s.flags &^= producerPaused | producerAsked
	s.c.producers--
}

// Switch gives the stream to p, after a 2xx to CONNECT.
func (s *Stream) Switch(p reactor.Protocol) {
	if s.answer == answerNone {
		return
	}
	if !s.is(switching) {
		s.complain("the protocol was switched without a 2xx to CONNECT")
		s.Abort(nil)
		return
	}
	s.startTunnel(p)
}

// HeadSent tells whether the head of the answer is on its way.
func (s *Stream) HeadSent() bool { return s.answer != answerHead }

// Buffered is the number of bytes not yet with the kernel: those of this stream,
// and those of the connection, which go before them.
func (s *Stream) Buffered() int {
	if s.c == nil {
		return 0
	}
	return int(s.queued) + s.c.t.Buffered()
}

// Peer is the address of the client.
func (s *Stream) Peer() reactor.Addr {
	if s.c == nil {
		return reactor.Addr{}
	}
	return s.c.t.Peer()
}

// Host is the address that the client has connected to.
func (s *Stream) Host() reactor.Addr {
	if s.c == nil {
		return reactor.Addr{}
	}
	return s.c.t.Host()
}

// Loop is where the connection lives.
func (s *Stream) Loop() reactor.Loop { return s.f.loop }

// TLS is the state of the connection, nil when it is not secure.
func (s *Stream) TLS() *tls.ConnectionState {
	if s.c != nil {
		if t, ok := s.c.t.(reactor.ConnectionStater); ok {
			return t.ConnectionState()
		}
	}
	return nil
}

// enterLate and settleLate stand around what an application does outside of a
// callback of the connection's.
func (c *Conn) enterLate() {
	if !c.is(running) {
		c.enter()
	}
}

func (c *Conn) settleLate() {
	if c.is(running) || c.link.On() == nil {
		return
	}
	if c.state < stateLinger {
		c.pump()
		if c.held > 0 || c.producers > 0 && c.producersDue() {
			c.post()
		}
		c.endIfDone()
		if c.is(changed) && c.client != nil {
			c.post() // the watcher is not told from inside
		}
	}
	c.settle()
}

// complain logs what a resource does wrong.
func (s *Stream) complain(text string) {
	s.f.set.Logger.Warn("http2: "+text, "peer", s.Peer().String(), "stream", strconv.FormatUint(uint64(s.id), 10))
}

var _ protocol.Channel = (*Stream)(nil)
