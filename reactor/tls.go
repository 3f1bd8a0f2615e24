package reactor

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"slices"
)

// This file is TLS as a Transport around a connection. The handshake is made by
// a goroutine of a pool (handshake.go), which waits for the peer without holding
// the loop; once it is complete the loop alone owns the tls.Conn, whose underlying
// Read says "would block" when the loop has no more bytes, and whose Write appends
// to the connection's queue (tlswire.go). So an idle connection has no goroutine
// and no stack. What a callback writes becomes records once, when it ends. Files
// are in tlsfile.go.

// ConnectionStater is a Transport that is secure.
type ConnectionStater interface {
	// ConnectionState tells version, suite, ALPN protocol, server name and the
	// peer's certificates. Loop only.
	ConnectionState() *tls.ConnectionState
}

// NegotiatedFactory is a Factory that chooses by the protocol that the handshake
// agreed upon (ALPN, RFC 7301). Other factories get BuildProtocol, after the
// handshake too.
type NegotiatedFactory interface {
	Factory
	// BuildNegotiated makes the protocol of a secure connection. alpn is empty
	// when the client offered none.
	BuildNegotiated(peer Addr, alpn string) Protocol
}

// secure is the protocol of the raw connection, and the Transport of the protocol
// inside.
type secure struct {
	raw     *Conn
	proto   Protocol // nil until the handshake is complete
	factory Factory
	conn    *tls.Conn
	wire    wire
	hand    *handshake // nil once it is over
	out     []outPiece // waits behind a file
	kept    []byte     // ciphertext that came while reading was paused
	state   secureState
}

// secureState is a set of facts about a secure connection.
type secureState uint16

const (
	tlsPaused    secureState = 1 << iota // PauseReading
	tlsLosing                            // LoseConnection
	tlsHalf                              // LoseWriteConnection
	tlsClosed                            // close_notify is on its way
	tlsEOF                               // the peer sends no more
	tlsProducing                         // a producer is registered
	tlsReadSoon                          // read will be called
	tlsSwitching                         // raw.more.target comes next
	tlsUnread                            // raw.more.unread is to be read first
)

const (
	plainSize    = 16<<10 + 512 // a whole record fits
	tlsHighWater = 256 << 10    // ciphertext queued above which no more is made of a file
)

// secureConn puts TLS around a raw connection, as its protocol.
func (r *Reactor) secureConn(f Factory, config *tls.Config, client bool) *secure {
	s := &secure{factory: f}
	s.wire.s = s
	s.hand = &handshake{s: s, config: config, client: client}
	if client {
		s.conn = tls.Client(&s.wire, config)
	} else {
		s.conn = tls.Server(&s.wire, config)
	}
	return s
}

// ConnectionMade waits for the handshake.
func (s *secure) ConnectionMade(t Transport) {
	s.raw = t.(*Conn)
	s.raw.extra().filter = s
	s.hand.wait(s)
}

// DataReceived takes ciphertext.
func (s *secure) DataReceived(data []byte) {
	if s.hand != nil {
		s.hand.feed(s, data)
		return
	}
	s.wire.in = data
	if len(s.kept) > 0 {
		s.kept = append(s.kept, data...)
		s.wire.in = s.kept
	}
	s.read()
	s.keep()
}

// keep copies what the wire still holds, since reading was paused meanwhile.
func (s *secure) keep() {
	if len(s.wire.in) == 0 {
		s.kept, s.wire.in = nil, nil
		return
	}
	s.kept = slices.Clone(s.wire.in)
	s.wire.in = nil
}

// opened goes on after the handshake, with what came behind it.
func (s *secure) opened(err error) {
	if s.raw.state&lost != 0 {
		return
	}
	if err != nil {
		s.raw.r.logger().Debug("reactor: TLS handshake failed", "peer", s.raw.Peer().String(), "err", err)
		s.hand.answerPlain(s)
		s.raw.LoseConnection()
		return
	}
	defer s.raw.contain()
	rest := s.hand.finish(s)
	if s.proto = s.build(); s.proto == nil {
		s.raw.LoseConnection()
		return
	}
	s.proto.ConnectionMade(s)
	s.kept = rest
	if s.raw.state&eofRead != 0 {
		s.state |= tlsEOF
	}
	s.readSoon()
}

func (s *secure) build() Protocol {
	if f, ok := s.factory.(NegotiatedFactory); ok {
		return f.BuildNegotiated(s.raw.Peer(), s.conn.ConnectionState().NegotiatedProtocol)
	}
	return s.factory.BuildProtocol(s.raw.Peer())
}

// readSoon has read called when the current callback has ended.
func (s *secure) readSoon() {
	if s.state&tlsReadSoon != 0 {
		return
	}
	s.state |= tlsReadSoon
	s.raw.r.later(func() {
		defer s.raw.contain()
		s.state &^= tlsReadSoon
		if s.raw.state&lost != 0 || s.hand != nil {
			return
		}
		s.wire.in = s.kept
		s.read()
		s.keep()
	})
}

// read hands the protocol what is there, record by record.
func (s *secure) read() {
	const stop = tlsPaused | tlsLosing | tlsSwitching
	if s.state&tlsUnread != 0 && !s.readUnread(stop) {
		return
	}
	buf := s.raw.r.plainBuffer()
	for s.state&stop == 0 && s.raw.state&(failed|lost) == 0 {
		n, err := s.conn.Read(buf)
		if n > 0 {
			s.proto.DataReceived(buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, errWouldBlock):
			s.tellEOF()
			return
		case errors.Is(err, io.EOF):
			s.state |= tlsEOF
			s.tellEOF()
			return
		default:
			s.raw.fail(err)
			return
		}
	}
}

// readUnread hands the protocol what the one before it had left, unless it is
// stopped. It tells whether it did.
func (s *secure) readUnread(stop secureState) bool {
	if s.state&stop != 0 || s.raw.state&(failed|lost) != 0 {
		return false
	}
	data := s.raw.more.unread
	s.raw.more.unread = nil
	s.state &^= tlsUnread
	s.proto.DataReceived(data)
	return true
}

// plainBuffer is where records are opened, one buffer for all connections.
func (r *Reactor) plainBuffer() []byte {
	if r.plain == nil {
		r.plain = make([]byte, plainSize)
	}
	return r.plain
}

// tellEOF tells the protocol, once, that the peer sends no more.
func (s *secure) tellEOF() {
	if s.state&tlsEOF == 0 || s.state&tlsLosing != 0 || s.wire.told {
		return
	}
	s.wire.told = true
	if h, ok := s.proto.(HalfCloseProtocol); ok {
		h.ReadConnectionLost()
		return
	}
	s.LoseConnection()
}

// ReadConnectionLost is the raw connection's end of data. Without a close_notify
// before it something may have been cut off; protocols that need to know have
// lengths.
func (s *secure) ReadConnectionLost() {
	if s.hand != nil {
		s.hand.fail(io.ErrUnexpectedEOF)
		return
	}
	s.state |= tlsEOF
	if len(s.kept) == 0 {
		s.tellEOF()
	}
}

// WriteConnectionLost tells that everything was delivered.
func (s *secure) WriteConnectionLost() {
	if h, ok := s.proto.(HalfCloseProtocol); ok {
		h.WriteConnectionLost()
	}
}

// ConnectionLost is the end.
func (s *secure) ConnectionLost(reason error) {
	if s.hand != nil {
		s.hand.timer.Cancel()
		s.hand.fail(reason)
	}
	s.raw.r.dropPlain(s)
	if s.proto != nil {
		s.proto.ConnectionLost(reason)
	}
}

// --- as a Transport ---

func (s *secure) over() bool {
	return s.raw.state&(failed|lost|writeClosed) != 0 || s.state&(tlsLosing|tlsHalf) != 0 && s.state&tlsProducing == 0
}

// Write queues a copy of data. Loop only.
func (s *secure) Write(data []byte) {
	if s.over() || len(data) == 0 {
		return
	}
	s.wrote()
	if len(s.out) > 0 {
		s.out = append(s.out, outPiece{data: slices.Clone(data)})
		return
	}
	s.raw.r.addPlain(s, data)
}

func (s *secure) wrote() {
	if m := s.raw.more; m != nil {
		m.asked = false
	}
	s.raw.touch()
}

// WriteShared queues data itself when it is large. Loop only.
func (s *secure) WriteShared(data []byte) {
	if len(data) < sharedFrom || len(s.out) > 0 {
		s.Write(data)
		return
	}
	if s.over() {
		return
	}
	s.wrote()
	s.seal()
	s.encrypt(data)
}

// WriteSequence is Write for each of pieces. Loop only.
func (s *secure) WriteSequence(pieces [][]byte) {
	for _, p := range pieces {
		s.Write(p)
	}
}

// AvailableBuffer is where the next Write can be built. Loop only.
func (s *secure) AvailableBuffer() []byte {
	if s.over() || len(s.out) > 0 {
		return s.raw.r.spare[:0]
	}
	return s.raw.r.availablePlain(s)
}

// idle tells whether everything written is with the raw connection.
func (s *secure) idle() bool {
	return len(s.out) == 0 && (s.raw.r.plainOwner != s || len(s.raw.r.plainOut) == 0)
}

// seal makes records of what was written in this callback.
func (s *secure) seal() {
	r := s.raw.r
	if r.plainOwner != s {
		return
	}
	r.plainOwner = nil
	data := r.plainOut
	r.plainOut = data[:0]
	if len(data) > 0 {
		s.encrypt(data)
	}
}

func (s *secure) encrypt(data []byte) {
	if s.raw.state&(failed|lost) != 0 || s.state&tlsClosed != 0 {
		return
	}
	if _, err := s.conn.Write(data); err != nil {
		s.raw.fail(err)
	}
}

// addPlain copies data to the loop's buffer of plaintext.
func (r *Reactor) addPlain(s *secure, data []byte) {
	buf := r.availablePlain(s)
	if len(data) > cap(buf) {
		s.seal()
		s.encrypt(data)
		return
	}
	r.plainOut = append(r.plainOut, data...)
}

// availablePlain makes s the owner of the buffer, and returns its free end.
func (r *Reactor) availablePlain(s *secure) []byte {
	if r.plainOwner != nil && r.plainOwner != s {
		r.plainOwner.seal()
	}
	if r.plainOut == nil {
		r.plainOut = make([]byte, 0, scratchSize)
	}
	r.plainOwner = s
	s.raw.touch()
	n := len(r.plainOut)
	return r.plainOut[n:n:cap(r.plainOut)]
}

func (r *Reactor) dropPlain(s *secure) {
	if r.plainOwner == s {
		r.plainOwner, r.plainOut = nil, r.plainOut[:0]
	}
}

// Buffered is what the kernel has not taken, in about as many bytes of ciphertext.
// Loop only.
func (s *secure) Buffered() int {
	n := s.raw.Buffered() + s.outBytes()
	if s.raw.r.plainOwner == s {
		n += len(s.raw.r.plainOut)
	}
	return n
}

// RegisterProducer makes p the producer. Loop only.
func (s *secure) RegisterProducer(p Producer) {
	s.state |= tlsProducing
	s.raw.RegisterProducer(p)
}

// UnregisterProducer ends it. Loop only.
func (s *secure) UnregisterProducer() {
	s.state &^= tlsProducing
	s.raw.UnregisterProducer()
	s.raw.touch()
}

// LoseConnection delivers what was written and a close_notify, then closes. Loop
// only.
func (s *secure) LoseConnection() {
	s.state |= tlsLosing
	s.raw.touch()
}

// LoseWriteConnection delivers what was written and a close_notify. Loop only.
func (s *secure) LoseWriteConnection() {
	s.state |= tlsHalf
	s.raw.touch()
}

// AbortConnection drops what is queued and resets the connection. Loop only.
func (s *secure) AbortConnection() { s.raw.AbortConnection() }

// closeIfDone ends what was asked to end once all plaintext is sealed.
func (s *secure) closeIfDone() {
	if s.state&(tlsLosing|tlsHalf) == 0 || s.state&(tlsProducing|tlsClosed) != 0 || len(s.out) > 0 || s.hand != nil {
		return
	}
	_ = s.conn.CloseWrite()
	s.state |= tlsClosed
	if s.state&tlsLosing != 0 {
		s.raw.LoseConnection()
	} else {
		s.raw.LoseWriteConnection()
	}
}

// beforeFlush is called when the callback has ended, before the raw connection
// sends.
func (s *secure) beforeFlush() {
	if s.hand != nil {
		return
	}
	if s.state&tlsSwitching != 0 {
		s.switchNow()
	}
	s.seal()
	s.pump()
	s.closeIfDone()
	if s.state&tlsLosing != 0 && s.state&tlsClosed != 0 {
		s.raw.state |= losing
	}
}

// PauseReading stops the reads. Loop only.
func (s *secure) PauseReading() {
	s.state |= tlsPaused
	s.raw.PauseReading()
}

// ResumeReading starts them again, with what is decrypted or kept already. Loop only.
func (s *secure) ResumeReading() {
	if s.state&tlsPaused == 0 {
		return
	}
	s.state &^= tlsPaused
	s.raw.ResumeReading()
	s.readSoon()
}

// Switch makes p the protocol. Loop only. Copies unread.
func (s *secure) Switch(p Protocol, unread []byte) {
	if s.raw.state&lost != 0 {
		return
	}
	m := s.raw.extra()
	m.target = p
	if len(unread) > 0 { // what is left of an earlier Switch comes behind it
		m.unread = append(slices.Clone(unread), m.unread...)
		s.state |= tlsUnread
	}
	s.state |= tlsSwitching
	s.raw.touch()
}

// switchNow makes the target the protocol; it reads when the callback has ended.
func (s *secure) switchNow() {
	m := s.raw.more
	s.proto, m.target = m.target, nil
	s.state &^= tlsSwitching
	s.wire.told = false
	s.readSoon()
	s.proto.ConnectionMade(s)
}

// Peer and Host are the addresses of both ends; Loop is the reactor.
func (s *secure) Peer() Addr { return s.raw.Peer() }
func (s *secure) Host() Addr { return s.raw.Host() }
func (s *secure) Loop() Loop { return s.raw.r }

// ConnectionState tells what the handshake agreed upon. Loop only.
func (s *secure) ConnectionState() *tls.ConnectionState {
	state := s.conn.ConnectionState()
	return &state
}

// SendFile queues n bytes of f. Loop only.
func (s *secure) SendFile(f *os.File, off, n int64, done func(err error)) {
	if s.over() || n <= 0 {
		if done != nil {
			var err error
			if n > 0 {
				err = ErrDone
			}
			s.raw.r.tellFile(func() { done(err) })
		}
		return
	}
	s.wrote()
	s.out = append(s.out, outPiece{file: &filePiece{f: f, off: off, n: n, done: done}})
}

var (
	_ Transport         = (*secure)(nil)
	_ ConnectionStater  = (*secure)(nil)
	_ HalfCloseProtocol = (*secure)(nil)
)
