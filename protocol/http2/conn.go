package http2

import (
	"sort"

	"golang.org/x/net/http2/hpack"

	"spindle/protocol"
	"spindle/protocol/internal/list"
	"spindle/reactor"
)

// Conn is one connection, on the server's side; a Client has one, too. Loop only.
//
// There are as many as there are connections, most of them idle: what is larger it
// takes only while it is in use. This file takes frames out of what comes, and
// holds the life of the connection. What frames mean is in headers.go, content.go
// and control.go; what goes out in send.go; time-outs are in timeout.go.
type Conn struct {
	f   *Factory
	t   reactor.Transport
	dec *hpack.Decoder // nil before the first header block
	enc *encoder       // nil before the first answer

	streams []*Stream // that are open, by id
	block   *block    // the header block under way; nil when none
	data    *Stream   // whose DATA frame is under way; nil also when nobody wants it
	ready   *schedule // streams that have something to send; nil when there are none
	in      *buffer   // what has come of a frame that is not whole; nil when nothing
	resets  *resetSet // streams that we have reset; nil when there are none
	updates []update  // priorities of streams that are not open yet
	upgrade *upgrade  // of a connection that began with HTTP/1.1, until the client's SETTINGS; nil of others

	client *Client         // whose connection it is; nil on the server's side
	link   list.Link[Conn] // to idle or busy; to none once the connection is gone

	timer    *reactor.DelayedCall // nil when none is pending
	armed    int64                // when timer is due; all times are ns by Factory.now
	look     int64                // when to look what is due; 0: never
	deadline int64                // of the connection's phase; 0: none
	goAwayAt int64                // when the second GOAWAY goes out, when the client does not answer; 0: none
	stalled  int64                // since when the client has taken nothing; 0: nothing waits for it
	closed   int64                // since when streams wait for the connection's window; 0: none
	queued   int64                // bytes written to the transport, ever
	drained  int64                // of these, those known to be with the kernel
	waiting  int64                // bytes that wait in streams
	linger   int64                // bytes still to be read and dropped
	forgiven int64                // when patience was last topped up

	patience  int    // see Settings.NuisanceBurst
	earned    int    // bytes sent that have not earned anything yet
	window    int    // what we may send
	recv      int    // what the client may send
	unacked   int    // what was taken in and is to be given back to recv
	dataLeft  int    // of the DATA frame under way, without padding
	padLeft   int    // of its padding
	peerFrame int    // the longest payload that the client takes
	peerFirst int    // the window of the client's new streams
	lastID    uint32 // the highest stream that the client has opened
	goneID    uint32 // the highest that is taken, after the second GOAWAY
	producers int    // streams that have a producer
	held      int    // streams whose head waits to be given to the server
	dataEnd   bool   // the DATA frame under way ends its stream

	state state
	phase phase
	flags flags
}

// state is what the next bytes are.
type state uint8

const (
	statePreface state = iota // the client's preface
	stateFrame                // a frame
	stateData                 // the rest of a DATA frame
	stateLinger               // read and dropped, so that the client sees why
	stateClosed               // of no interest: the transport has been told to close
)

type flags uint16

const (
	running    flags = 1 << iota // inside a callback of the transport's or the loop's
	posted                       // resume will be called
	settled                      // the client's SETTINGS have come
	eof                          // the client sends no more
	blocked                      // too much is queued: nothing more is read
	pausedRead                   // by PauseReading
	asking                       // we are the transport's producer
	draining                     // the first GOAWAY is out
	closeAsked                   // it is to go out, by an answer
	finalSent                    // and the second
	finSent                      // LoseWriteConnection is through
	served                       // an exchange began or ended since the last settle
	secure                       // it is TLS, so that what is written is copied anyway
	closing                      // a client's, that begins no further exchange
	changed                      // a client's watcher is to be told
)

func (c *Conn) is(f flags) bool { return c.flags&f != 0 }

func newConn(f *Factory) *Conn {
	return &Conn{
		f: f, window: firstWindow, recv: f.set.ConnWindowBytes,
		peerFrame: maxFrame, peerFirst: firstWindow, patience: f.set.NuisanceBurst,
	}
}

// ConnectionMade sends our preface, and begins the wait for the client's.
func (c *Conn) ConnectionMade(t reactor.Transport) {
	f := c.f
	c.t = t
	f.begin(t.Loop())
	c.enter()
	c.forgiven = f.now
	if _, is := t.(reactor.ConnectionStater); is {
		c.flags |= secure
	}
	f.accepted++
	full := f.full()
	f.idle.Put(c, &c.link)
	c.write(f.hello)
	switch {
	case full:
		c.fail(errFull)
	case f.draining:
		c.Drain()
	case c.upgrade != nil:
		c.takeUpgrade()
	}
	c.settle()
}

// enter notes the time. It begins every callback that may ask for it.
func (c *Conn) enter() { c.f.tick() }

// DataReceived works on what has come.
func (c *Conn) DataReceived(data []byte) {
	c.enter()
	if c.client != nil {
		c.client.heard = c.f.now
	}
	if c.in != nil {
		data = c.in.add(data)
	}
	c.run(data)
}

// post has resume called in the next turn: never from inside a call of an
// application's.
func (c *Conn) post() {
	if !c.is(posted) {
		c.flags |= posted
		c.f.loop.CallLater(0, c.resume)
	}
}

// resume goes on with what was put off, in an event of its own.
func (c *Conn) resume() {
	c.flags &^= posted
	if c.link.On() == nil {
		return
	}
	c.enter()
	c.flags |= running
	c.goOn()
	c.flags &^= running
	c.run(c.unread())
}

// unread is what has come and was not used.
func (c *Conn) unread() []byte {
	if c.in == nil {
		return nil
	}
	return c.in.unread()
}

// run takes step after step through data, which is all that is unread.
func (c *Conn) run(data []byte) {
	c.flags |= running
	for len(data) > 0 {
		n, err := c.step(data)
		if err != nil {
			c.fail(err)
			continue
		}
		if n == 0 {
			break
		}
		data = data[n:]
	}
	c.keep(data)
	c.work()
	c.conclude()
	c.flags &^= running
	c.settle()
	c.tell()
}

// step uses what it can of the front of data, and returns how much. 0 means that
// it takes more bytes, or another event, to go on.
func (c *Conn) step(data []byte) (n int, err *connError) {
	switch c.state {
	case statePreface:
		return c.stepPreface(data)
	case stateFrame:
		return c.stepFrame(data)
	case stateData:
		return c.stepData(data), nil
	case stateLinger:
		return c.stepLinger(data), nil
	}
	return len(data), nil
}

// stepPreface compares what has come of the preface.
func (c *Conn) stepPreface(data []byte) (int, *connError) {
	n := min(len(data), len(preface))
	if string(data[:n]) != preface[:n] {
		return 0, errPreface
	}
	if n < len(preface) {
		return 0, nil
	}
	c.state = stateFrame
	return n, nil
}

// stepFrame takes a whole frame, or the front of a DATA frame.
func (c *Conn) stepFrame(data []byte) (int, *connError) {
	if len(data) < headerLen {
		return 0, nil
	}
	if c.t.Buffered() > c.f.set.MaxQueuedBytes {
		c.blockReading()
		return 0, nil
	}
	f := parseFrame(data)
	if err := c.admit(f); err != nil {
		return 0, err
	}
	if f.kind == frameData {
		return c.beginData(f, data[headerLen:])
	}
	if len(data) < headerLen+f.length {
		return 0, nil
	}
	return headerLen + f.length, c.take(f, data[headerLen:headerLen+f.length])
}

// admit tells whether a frame may come now, by its header alone.
func (c *Conn) admit(f frame) *connError {
	switch {
	case f.length > maxFrame:
		return errFrameTooLong
	case !c.is(settled) && (f.kind != frameSettings || f.has(flagAck)):
		return errNoSettings
	case c.block != nil && (f.kind != frameContinuation || f.id != c.block.id):
		return errContinuation
	}
	return nil
}

// take acts on a frame that is whole.
func (c *Conn) take(f frame, payload []byte) *connError {
	switch f.kind {
	case frameHeaders:
		return c.takeHeaders(f, payload)
	case framePriority:
		return c.takePriority(f, payload)
	case frameReset:
		return c.takeReset(f, payload)
	case frameSettings:
		return c.takeSettings(f, payload)
	case framePush:
		return errPush
	case framePing:
		return c.takePing(f, payload)
	case frameGoAway:
		return c.takeGoAway(f, payload)
	case frameWindow:
		return c.takeWindow(f, payload)
	case frameContinuation:
		return c.takeContinuation(f, payload)
	case framePriorityUpdate:
		return c.takeUpdate(f, payload)
	}
	return c.annoyed(1) // of an unknown type, to be ignored (RFC 9113 §4.1)
}

// keep keeps what run has left, which is the end of c.in or all of the data that
// came.
func (c *Conn) keep(data []byte) {
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

func (c *Conn) giveBuffer() {
	if c.in != nil {
		c.f.giveBuffer(c.in)
		c.in = nil
	}
}

// conclude ends the connection when nothing can follow any more.
func (c *Conn) conclude() {
	if c.state >= stateLinger {
		if c.state == stateLinger && c.is(eof) {
			c.lose()
		}
		return
	}
	if c.is(eof) && !c.is(posted|blocked) {
		c.concludeEOF()
	}
	c.endIfDone()
}

// endIfDone closes the connection when no stream is open and none can follow.
func (c *Conn) endIfDone() {
	if len(c.streams) == 0 && c.state < stateLinger && (c.is(finalSent|closing) || c.is(eof) && !c.is(posted|blocked)) {
		c.lose()
	}
}

// concludeEOF ends what can not become whole any more.
func (c *Conn) concludeEOF() {
	if c.client != nil {
		c.client.cut()
		return
	}
	c.eachOpen(func(s *Stream) {
		if !s.is(peerEnded) && s.tun == nil {
			c.refuseContent(s, errContentCut)
		}
	})
}

// eachOpen calls f for the streams, the newest first. f may end any of them.
func (c *Conn) eachOpen(f func(s *Stream)) {
	for i := len(c.streams) - 1; i >= 0; i-- {
		if i < len(c.streams) {
			f(c.streams[i])
		}
	}
}

// find is the stream with that id if it is open, and where it stands.
func (c *Conn) find(id uint32) *Stream {
	n := len(c.streams)
	if n > 0 && c.streams[n-1].id == id {
		return c.streams[n-1]
	}
	i := sort.Search(n, func(i int) bool { return c.streams[i].id >= id })
	if i < n && c.streams[i].id == id {
		return c.streams[i]
	}
	return nil
}

// remove takes s off the streams that are open.
func (c *Conn) remove(s *Stream) {
	n := len(c.streams)
	i := n - 1
	for i >= 0 && c.streams[i] != s {
		i--
	}
	if i < 0 {
		return
	}
	copy(c.streams[i:], c.streams[i+1:])
	c.streams[n-1] = nil
	c.streams = c.streams[:n-1]
}

// ReadConnectionLost goes on until what the client has asked is answered.
func (c *Conn) ReadConnectionLost() {
	c.enter()
	c.flags |= eof
	c.flags |= running
	c.eachOpen(func(s *Stream) {
		if s.tun != nil && !s.is(peerEnded) {
			c.contentEnd(s, nil)
		}
	})
	c.conclude()
	c.flags &^= running
	c.settle()
	c.tell()
}

// WriteConnectionLost begins the time that a lingering client is given.
func (c *Conn) WriteConnectionLost() {
	c.enter()
	c.flags |= finSent
	c.settle()
}

// ConnectionLost gives everything back, and tells the Receivers.
func (c *Conn) ConnectionLost(reason error) {
	c.state = stateClosed
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	c.giveBuffer()
	c.giveBlock()
	c.flags &^= asking
	c.loseStreams(reason)
	if c.link.On() != nil {
		c.link.Remove()
		c.f.tellDrained()
	}
	c.flags |= changed
	c.tell()
}

// loseStreams tells all Receivers that they are over.
func (c *Conn) loseStreams(reason error) {
	for len(c.streams) > 0 {
		c.loseStream(c.streams[len(c.streams)-1], reason)
	}
}

func (c *Conn) giveBlock() {
	if c.block != nil {
		c.f.giveBlock(c.block)
		c.block = nil
	}
}

// fail ends the connection with an error (RFC 9113 §5.4.1).
func (c *Conn) fail(e *connError) {
	if c.state >= stateLinger {
		return
	}
	c.f.refused++
	if c.client == nil {
		c.f.server.HeadRefused(c.t.Peer(), &protocol.Error{Reason: "http2: " + e.reason, Close: true}, nil)
	}
	c.bye(e.code, e.reason)
	c.giveBlock()
	c.lingerOn()
	c.loseStreams(e)
}

// bye sends the last GOAWAY. The stream that it names never goes up again (RFC 9113
// §6.8).
func (c *Conn) bye(code errCode, debug string) {
	if !c.is(finalSent) {
		c.flags |= draining | finalSent
		c.goneID = c.lastID
	}
	last := c.goneID
	if c.client != nil {
		last = 0 // the server has opened none
	}
	c.write(appendGoAway(c.t.AvailableBuffer(), last, code, debug))
}

// lingerOn closes our half, and reads and drops for a while what still comes, so
// that the client gets to see the GOAWAY and not a reset.
func (c *Conn) lingerOn() {
	if c.is(eof) || c.f.set.LingerTimeout == 0 || c.f.set.MaxLingerBytes == 0 {
		c.lose()
		return
	}
	c.unblock()
	c.release()
	c.state = stateLinger
	c.linger = c.f.set.MaxLingerBytes
	c.t.LoseWriteConnection()
}

// stepLinger drops data.
func (c *Conn) stepLinger(data []byte) int {
	if c.linger -= int64(len(data)); c.linger < 0 {
		c.lose()
	}
	return len(data)
}

// lose closes the connection when everything is delivered.
func (c *Conn) lose() {
	if c.state == stateClosed {
		return
	}
	if !c.is(finalSent) {
		c.bye(codeNo, "")
	}
	c.unblock()
	c.release()
	c.state = stateClosed
	c.t.LoseConnection()
}

// abort ends the connection at once. The Receivers are told by ConnectionLost.
func (c *Conn) abort() {
	c.state = stateClosed
	c.t.AbortConnection()
}

// blockReading puts off all reading until the client has taken what waits for it.
func (c *Conn) blockReading() {
	c.flags |= blocked
	c.ask()
}

func (c *Conn) unblock() { c.flags &^= blocked }

// annoyed takes n off the patience that there is with the client.
func (c *Conn) annoyed(n int) *connError {
	s := &c.f.set
	if c.patience < s.NuisanceBurst {
		c.topUp()
	}
	if c.patience -= n; c.patience < 0 {
		return errNuisance
	}
	return nil
}

// topUp forgives what the time since the last call allows.
func (c *Conn) topUp() {
	const second = 1e9
	s := &c.f.set
	if s.NuisanceRate == 0 {
		return
	}
	each := second / int64(s.NuisanceRate)
	n := (c.f.now - c.forgiven) / each
	if n <= 0 {
		return
	}
	c.forgiven += n * each
	c.patience = int(min(int64(s.NuisanceBurst), int64(c.patience)+n))
}

// pleased adds n to it.
func (c *Conn) pleased(n int) {
	c.patience = min(c.patience+n, c.f.set.NuisanceBurst)
}

// Drain tells the client to open no more streams, and closes the connection when
// the last one is done. See Factory.Drain.
func (c *Conn) Drain() {
	if c.is(draining) || c.state >= stateLinger {
		return
	}
	c.enter()
	c.drain()
	c.settleLate()
}

// Speaks names the protocol. See protocol.Speaker.
func (c *Conn) Speaks() (name string, exchanges int) { return "HTTP/2", len(c.streams) }

var (
	_ reactor.HalfCloseProtocol = (*Conn)(nil)
	_ protocol.Speaker          = (*Conn)(nil)
)
