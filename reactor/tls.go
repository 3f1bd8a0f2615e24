package reactor

import (
	"crypto/tls"
	"fmt"
	"io"
	"slices"
)

// This file is TLS as a Transport around a connection. The handshake is made by
// a goroutine of a pool (handshake.go), which waits for the peer without holding
// the loop; once it is complete the loop alone owns the tls.Conn, whose underlying
// Read says "would block" when the loop has no more bytes, and whose Write appends
// to the connection's queue (tlswire.go). So an idle connection has no goroutine
// and no stack. What a callback writes becomes records once, when it ends
// (tlswrite.go). Files are in tlsfile.go, configurations in tlsconfig.go.

// ConnectionStater is a Transport that is secure.
type ConnectionStater interface {
	// ConnectionState tells version, suite, ALPN protocol, server name and the
	// peer's certificates. Loop only.
	ConnectionState() *tls.ConnectionState
}

// EndVerifier is a Transport that knows whether the end of what it received is the peer's word.
// Who reads up to the end, and has no length, has to ask.
type EndVerifier interface {
	// EndVerified tells, from ReadConnectionLost on, whether the peer has ended its data by a
	// close_notify. If not, the end may have been made by somebody on the way (RFC 8446 §6.1).
	// Loop only.
	EndVerified() bool
}

// ErrTruncated is what a Protocol that is no HalfCloseProtocol is told by ConnectionLost where
// TLS ended without a close_notify of the peer. It wraps io.ErrUnexpectedEOF.
var ErrTruncated = fmt.Errorf("reactor: TLS ended without a close_notify: %w", io.ErrUnexpectedEOF)

// NegotiatedFactory is a Factory that chooses by the protocol that the handshake
// agreed upon (ALPN, RFC 7301). Other factories get BuildProtocol, after the
// handshake too.
type NegotiatedFactory interface {
	Factory
	// BuildNegotiated makes the protocol of a secure connection. alpn is empty
	// when the client offered none.
	BuildNegotiated(peer Addr, alpn string) Protocol
}

// ProtocolNamer is a Factory that knows the names of its protocols in ALPN.
type ProtocolNamer interface {
	Factory
	// NextProtos is the names, the best first. A configuration of TLS that has
	// its own is not asked for these.
	NextProtos() []string
}

// secure is the protocol of the raw connection, and the Transport of the protocol
// inside.
type secure struct {
	raw     *Conn
	proto   Protocol // nil until the handshake is complete
	conn    *tls.Conn
	wire    wire
	hand    *handshake // nil once it is over
	turning *turning   // Switch; nil when there was none
	out     []outPiece // waits for room in the raw connection
	kept    []byte     // ciphertext that came while reading was paused
	state   secureState
}

// turning is what Switch leaves behind.
type turning struct {
	next   Protocol
	unread []byte // plaintext to be read before what conn holds
}

// secureState is a set of facts about a secure connection.
type secureState uint16

const (
	tlsPaused    secureState = 1 << iota // PauseReading
	tlsLosing                            // LoseConnection
	tlsHalf                              // LoseWriteConnection
	tlsClosed                            // close_notify is on its way
	tlsEOF                               // the peer sends no more
	tlsToldEOF                           // and the protocol knows
	tlsProducing                         // a producer is registered
	tlsReadSoon                          // read will be called
	tlsSwitching                         // next comes next
	tlsNotified                          // the peer's close_notify has come
	tlsCut                               // the connection ends because its data did, without one
)

const plainSize = 16<<10 + 512 // a whole record fits

// secureConn puts TLS around a raw connection, as its protocol.
func (r *Reactor) secureConn(f Factory, config *tls.Config, client bool) *secure {
	s := new(secure)
	s.wire.s = s
	s.hand = &handshake{s: s, factory: f, client: client}
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
	s.raw.state |= filtered
	s.hand.wait(s)
}

// DataReceived takes ciphertext.
func (s *secure) DataReceived(data []byte) {
	switch {
	case s.hand != nil:
		s.hand.feed(s, data)
		return
	case s.state&(tlsEOF|tlsLosing) != 0:
		return // nothing counts behind a close_notify
	}
	s.wire.in = data
	if len(s.kept) > 0 {
		s.kept = append(s.kept, data...)
		s.wire.in = s.kept
	}
	s.read()
	s.keep()
	trimTLS(s.conn, largestIdle)
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
	h := s.hand
	if s.raw.state&lost != 0 {
		h.tell(nil, err)
		return
	}
	if err != nil {
		s.raw.r.logger().Debug("reactor: TLS handshake failed", "peer", s.raw.Peer().String(), "err", err)
		s.raw.LoseConnection()
		h.tell(nil, err)
		return
	}
	defer s.raw.contain()
	s.kept = h.rest()
	s.hand = nil
	if s.proto = s.build(h.factory); s.proto == nil {
		s.raw.LoseConnection()
		h.tell(nil, errRefused)
		return
	}
	if s.raw.state&eofRead != 0 {
		s.state |= tlsEOF
	}
	if s.raw.state&readPaused != 0 {
		s.raw.ResumeReading()
	}
	s.readSoon()
	s.proto.ConnectionMade(s)
	h.tell(s.proto, nil)
}

func (s *secure) build(f Factory) Protocol {
	alpn := s.conn.ConnectionState().NegotiatedProtocol
	if alpn == acmeALPN {
		return nil
	}
	if f, ok := f.(NegotiatedFactory); ok {
		return f.BuildNegotiated(s.raw.Peer(), alpn)
	}
	return f.BuildProtocol(s.raw.Peer())
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
		if s.raw.state&lost != 0 {
			return
		}
		s.wire.in = s.kept
		s.read()
		s.keep()
		trimTLS(s.conn, 0)
	})
}

// read hands the protocol what is there, record by record.
func (s *secure) read() {
	const stop = tlsPaused | tlsLosing | tlsSwitching
	buf := s.raw.r.plainBuffer()
	for s.state&stop == 0 && s.raw.state&(failed|lost) == 0 {
		if s.turning != nil {
			data := s.turning.unread
			s.turning = nil
			if data != nil {
				s.proto.DataReceived(data)
			}
			continue
		}
		n, err := s.conn.Read(buf)
		if n > 0 {
			s.proto.DataReceived(buf[:n])
		}
		switch {
		case err == nil:
		case err == errWouldBlock:
			s.tellEOF()
			return
		case err == io.EOF:
			s.wire.in = nil
			s.state |= tlsEOF | tlsNotified
			s.tellEOF()
			return
		default:
			s.failRead(err)
			return
		}
	}
}

// failRead ends a connection whose peer sent an alert, or what earned it one, which
// is on its way and should arrive.
func (s *secure) failRead(err error) {
	s.wire.in = nil
	s.raw.flush()
	s.raw.drainInput()
	s.raw.fail(err)
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
	const not = tlsToldEOF | tlsLosing | tlsPaused | tlsSwitching
	if s.state&tlsEOF == 0 || s.state&not != 0 {
		return
	}
	s.state |= tlsToldEOF
	s.raw.touch()
	if h, ok := s.proto.(HalfCloseProtocol); ok {
		h.ReadConnectionLost()
		return
	}
	if s.state&tlsNotified == 0 {
		s.state |= tlsCut
	}
	s.LoseConnection()
}

// EndVerified tells whether the peer's close_notify has come. Loop only.
func (s *secure) EndVerified() bool { return s.state&tlsNotified != 0 }

// ReadConnectionLost is the raw connection's end of data. Without a close_notify
// before it something may have been cut off: see EndVerifier.
func (s *secure) ReadConnectionLost() {
	if s.hand != nil {
		s.hand.ended(s)
		return
	}
	s.state |= tlsEOF
	s.readSoon()
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
		s.hand.lost(reason)
	}
	s.raw.r.dropPlain(s)
	if reason == ErrDone && s.state&tlsCut != 0 {
		reason = ErrTruncated
	}
	if s.proto != nil {
		s.proto.ConnectionLost(reason)
	}
}

// PauseReading stops the reads. Loop only.
func (s *secure) PauseReading() {
	s.raw.r.loop.check()
	s.state |= tlsPaused
	s.raw.PauseReading()
}

// ResumeReading starts them again, with what is decrypted or kept already. Loop only.
func (s *secure) ResumeReading() {
	s.raw.r.loop.check()
	if s.state&tlsPaused == 0 {
		return
	}
	s.state &^= tlsPaused
	if s.state&tlsLosing == 0 {
		s.raw.ResumeReading()
		s.readSoon()
	}
}

// Switch makes p the protocol. Loop only. Copies unread.
func (s *secure) Switch(p Protocol, unread []byte) {
	s.raw.r.loop.check()
	if s.raw.state&lost != 0 {
		return
	}
	if s.turning == nil {
		s.turning = new(turning)
	}
	s.turning.next = p
	if len(unread) > 0 { // what is left of an earlier Switch comes behind it
		s.turning.unread = append(slices.Clone(unread), s.turning.unread...)
	}
	s.state |= tlsSwitching
	s.raw.touch()
}

// switchNow makes the next protocol the protocol, when the callback has ended.
func (s *secure) switchNow() {
	s.proto, s.turning.next = s.turning.next, nil
	s.state &^= tlsSwitching | tlsToldEOF
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

var (
	_ Transport         = (*secure)(nil)
	_ ConnectionStater  = (*secure)(nil)
	_ EndVerifier       = (*secure)(nil)
	_ HalfCloseProtocol = (*secure)(nil)
)
