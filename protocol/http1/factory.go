package http1

import (
	"time"

	"spindle/protocol"
	"spindle/protocol/internal/list"
	"spindle/reactor"
)

// Factory makes the Channels of one loop, and keeps what they share: the
// tokenizer, the buffers not in use, the text of the date. All its connections
// are on that loop. Loop only.
type Factory struct {
	server protocol.Server
	set    Settings // resolved
	tok    *tokenizer
	loop   reactor.Loop // nil before the first connection
	epoch  time.Time    // a second before the first connection
	now    int64        // of the current callback, in ns since epoch: does not jump when the clock is set; see Channel.enter

	prefix   []byte // "HTTP/1.1 200 OK", Server and Date, of second
	prefixed int64  // the second, since 1970, that prefix is of

	idle, busy   list.List[Channel] // by the time since when; idle: no exchange in hand
	draining     bool
	grace        bool // while draining: who was promised to stay may ask once more
	drained      func()
	buffers      *buffer
	decoders     *chunked
	buffersKept  int
	decodersKept int
	accepted     uint64
	requests     uint64
	refused      uint64

	// Of the callback in which requests are read:
	begun     int              // exchanges
	queueable int64            // how far Channel.queued may go without a look at what waits for the client
	switchTo  reactor.Protocol // set by Switch, for the end of it
}

// Stats counts the connections of a factory.
type Stats struct {
	Open     int    // connections
	Idle     int    // of these, without an exchange in hand
	Accepted uint64 // connections ever
	Requests uint64 // heads given to the server
	Refused  uint64 // requests and connections that the protocol refused itself
}

// NewFactory makes a factory whose channels ask server. s may be nil. It panics
// when the ServerName of s can not be sent.
func NewFactory(server protocol.Server, s *Settings) *Factory {
	if s == nil {
		s = new(Settings)
	}
	f := &Factory{server: server, set: s.resolve(), prefixed: -1}
	if err := protocol.CheckField("Server", f.set.ServerName); err != nil {
		panic(err)
	}
	f.tok = newTokenizer(&f.set)
	return f
}

// begin notes the loop, with the first connection.
func (f *Factory) begin(l reactor.Loop) {
	if f.loop != l {
		f.loop = l
		f.epoch = l.Now().Add(-time.Second) // so that now is never 0
	}
}

// tick notes the time of the callback.
func (f *Factory) tick() {
	clock := f.loop.Now()
	f.now = int64(clock.Sub(f.epoch))
	if second := clock.Unix(); second != f.prefixed {
		f.refresh(second)
	}
}

// BuildProtocol makes the Channel of a new connection.
func (f *Factory) BuildProtocol(reactor.Addr) reactor.Protocol { return &Channel{f: f} }

// Stats tells how many connections there are, and have been.
func (f *Factory) Stats() Stats {
	return Stats{
		Open:     f.idle.Len() + f.busy.Len(),
		Idle:     f.idle.Len(),
		Accepted: f.accepted,
		Requests: f.requests,
		Refused:  f.refused,
	}
}

// Drain ends keep-alive: idle connections close at once, busy ones when their
// answer is done. done, which may be nil, is called when the last connection is
// gone, in a later turn; at once when there has never been one. A connection
// that is made later is answered once.
func (f *Factory) Drain(done func()) {
	f.draining = true
	f.drained = done
	f.idle.Each((*Channel).Drain)
	f.tellDrained()
}

// DrainSoon is Drain that gives idle connections until grace is over to send one request more,
// which is answered as their last: somebody may be about to send it.
func (f *Factory) DrainSoon(grace time.Duration, done func()) {
	f.draining = true
	f.drained = done
	if f.idle.Len()+f.busy.Len() > 0 { // the busy ones may have promised to stay
		f.grace = true
		f.loop.CallLater(grace, func() {
			f.grace = false
			f.idle.Each((*Channel).Drain)
		})
	}
	f.tellDrained()
}

// tellDrained calls drained if it is time.
func (f *Factory) tellDrained() {
	if f.drained == nil || f.idle.Len()+f.busy.Len() > 0 {
		return
	}
	done := f.drained
	f.drained = nil
	if f.loop == nil {
		done()
		return
	}
	f.loop.CallLater(0, done)
}

// Abort ends all connections at once.
func (f *Factory) Abort() {
	f.idle.Each((*Channel).abort)
	f.busy.Each((*Channel).abort)
}

// CloseOldestIdle closes the connection that has been idle longest. It tells
// whether there was one.
func (f *Factory) CloseOldestIdle() bool {
	c := f.idle.First()
	for c != nil && (c.is(running) || c.state != stateHead) { // it is at work just now
		c = c.link.Next()
	}
	if c == nil {
		return false
	}
	c.enter()
	c.lose()
	c.settle()
	return true
}

// full tells whether a new connection is one too many, after making room for it
// where that is possible.
func (f *Factory) full() bool {
	if f.set.Full != nil {
		return f.set.Full()
	}
	return f.idle.Len()+f.busy.Len() >= f.set.MaxConnections && !f.CloseOldestIdle()
}

var _ reactor.Factory = (*Factory)(nil)
