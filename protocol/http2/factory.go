package http2

import (
	"time"

	"spindle/protocol"
	"spindle/protocol/internal/list"
	"spindle/reactor"
)

// Factory makes the Conns of one loop, and keeps what they share: streams, blocks
// and buffers not in use, the text of the date. All its connections are on that
// loop. Loop only.
type Factory struct {
	server protocol.Server
	set    Settings     // resolved
	hello  []byte       // the frames that begin every connection of ours
	loop   reactor.Loop // nil before the first connection
	clock  time.Time    // time of the current callback; see Conn.enter
	epoch  time.Time    // a second before the first connection
	now    int64        // clock, in ns since epoch: does not jump when the clock is set

	date   string // the Date field of second
	second int64  // since 1970

	idle, busy  list.List[Conn] // by the time since when; idle: no stream is open
	draining    bool
	drained     func()
	buffers     *buffer
	blocks      *block
	streams     *Stream
	buffersKept int
	blocksKept  int
	streamsKept int
	scratch     []byte // joins what a request has in several fields
	fileFrame   []byte // a frame that a file is read into
	accepted    uint64
	requests    uint64
	refused     uint64
}

// Stats counts the connections of a factory.
type Stats struct {
	Open     int    // connections
	Idle     int    // of these, without an exchange in hand
	Accepted uint64 // connections ever
	Requests uint64 // heads given to the server
	Refused  uint64 // requests and connections that the protocol refused itself
}

// NewFactory makes a factory whose streams ask server. s may be nil.
func NewFactory(server protocol.Server, s *Settings) *Factory {
	if s == nil {
		s = new(Settings)
	}
	f := &Factory{server: server, set: s.resolve(), second: -1}
	f.hello = appendHello(nil, &f.set)
	return f
}

// appendHello appends the server's preface (RFC 9113 §3.4), and the rest of the
// connection's window, which SETTINGS can not give.
func appendHello(b []byte, s *Settings) []byte {
	start := len(b)
	b = appendFrame(b, 0, frameSettings, 0, 0)
	b = appendSetting(b, settingMaxStreams, s.MaxStreams)
	b = appendSetting(b, settingInitialWindow, s.StreamWindowBytes)
	b = appendSetting(b, settingMaxListSize, s.MaxFieldBytes)
	b = appendSetting(b, settingNoPriorities, 1)
	if s.ExtendedConnect {
		b = appendSetting(b, settingConnect, 1)
	}
	putLength(b[start:], len(b)-start-headerLen)
	if more := s.ConnWindowBytes - firstWindow; more > 0 {
		b = appendWindow(b, 0, more)
	}
	return b
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
	f.clock = f.loop.Now()
	f.now = int64(f.clock.Sub(f.epoch))
}

// BuildProtocol makes the Conn of a new connection.
func (f *Factory) BuildProtocol(reactor.Addr) reactor.Protocol { return newConn(f) }

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

// Drain ends the connections without cutting a request: the clients are told by
// GOAWAY to open no stream (RFC 9113 §6.8), and each connection closes when its
// last answer is done. done, which may be nil, is called when the last connection
// is gone, in a later turn; at once when there has never been one. A connection
// that is made later is told at once.
func (f *Factory) Drain(done func()) {
	f.draining = true
	f.drained = done
	f.idle.Each((*Conn).Drain)
	f.busy.Each((*Conn).Drain)
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
	f.idle.Each((*Conn).abort)
	f.busy.Each((*Conn).abort)
}

// CloseOldestIdle closes the connection that has been idle longest. It tells
// whether there was one.
func (f *Factory) CloseOldestIdle() bool {
	c := f.idle.First()
	for c != nil && c.state >= stateLinger {
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

// refresh writes the date when its second is over.
func (f *Factory) refresh() {
	if second := f.clock.Unix(); second != f.second {
		f.second = second
		f.date = string(protocol.AppendDate(nil, time.Unix(second, 0)))
	}
}

var _ reactor.Factory = (*Factory)(nil)
