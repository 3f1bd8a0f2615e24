package protocol

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"spindle/reactor"
)

// Trace is a Factory in front of another one that writes down what goes over
// each connection: one line for each line of bytes and for each event, with the number
// of the connection and the seconds since it was made.
//
//	1 0.000 made 127.0.0.1:40312
//	1 0.000 > "GET / HTTP/1.1\r\n"
//	1 0.000 > "\r\n"
//	1 0.012 < "HTTP/1.1 204 No Content\r\n"
//	1 0.012 < "\r\n"
//	1 5.012 lose
//	1 5.012 lost reactor: connection done
//
// Bytes are quoted as in Go, so that a trace can be pasted into a test. Where
// there is no Trace nothing is traced and nothing is paid. One for each loop. Loop only.
type Trace struct {
	// Factory makes the protocols that are traced.
	Factory reactor.Factory
	// Out takes the lines, those of one event in one Write. It must not block;
	// its errors are not looked at.
	Out io.Writer
	// MaxBytes is how much of one piece is written down: 0 means 4096, negative
	// all of it.
	MaxBytes int

	count int
}

const defaultTraceBytes = 4096

// BuildProtocol wraps the protocol that the factory makes.
func (t *Trace) BuildProtocol(peer reactor.Addr) reactor.Protocol {
	p := t.Factory.BuildProtocol(peer)
	if p == nil {
		return nil
	}
	t.count++
	return (&traced{trace: t, number: t.count}).wrap(p)
}

// StartFactory is handed on.
func (t *Trace) StartFactory(l reactor.Loop) {
	if s, ok := t.Factory.(reactor.FactoryStarter); ok {
		s.StartFactory(l)
	}
}

// StopFactory is handed on.
func (t *Trace) StopFactory() {
	if s, ok := t.Factory.(reactor.FactoryStarter); ok {
		s.StopFactory()
	}
}

// traced stands on both sides of a protocol: it is the protocol to the transport,
// and the transport to the protocol.
type traced struct {
	reactor.Transport
	proto  reactor.Protocol
	trace  *Trace
	number int
	clock  reactor.Clock
	made   time.Time // by clock
	line   []byte
}

// tracedHalf is traced around a protocol that knows of half-closed connections.
type tracedHalf struct{ *traced }

// wrap puts c around p.
func (c *traced) wrap(p reactor.Protocol) reactor.Protocol {
	c.proto = p
	if _, ok := p.(reactor.HalfCloseProtocol); ok {
		return tracedHalf{c}
	}
	return c
}

// note writes one line about an event.
func (c *traced) note(format string, args ...any) {
	c.line = append(fmt.Appendf(c.mark(c.line[:0]), format, args...), '\n')
	c.trace.Out.Write(c.line)
}

// mark appends what every line starts with.
func (c *traced) mark(dst []byte) []byte {
	dst = append(strconv.AppendInt(dst, int64(c.number), 10), ' ')
	seconds := c.clock.Now().Sub(c.made).Seconds()
	return append(strconv.AppendFloat(dst, seconds, 'f', 3, 64), ' ')
}

// bytes writes a piece line by line.
func (c *traced) bytes(way byte, pieces ...[]byte) {
	c.line = c.line[:0]
	limit := c.trace.MaxBytes
	if limit == 0 {
		limit = defaultTraceBytes
	}
	for _, data := range pieces {
		more := 0
		if limit >= 0 && len(data) > limit {
			more, data = len(data)-limit, data[:limit]
		}
		for len(data) > 0 {
			n := len(data)
			if i := bytes.IndexByte(data, '\n'); i >= 0 {
				n = i + 1
			}
			c.line = append(c.mark(c.line), way, ' ')
			c.line = append(strconv.AppendQuote(c.line, string(data[:n])), '\n')
			data = data[n:]
		}
		if more > 0 {
			c.line = fmt.Appendf(append(c.mark(c.line), way), " and %d bytes\n", more)
		}
	}
	c.trace.Out.Write(c.line)
}

// --- what the transport tells the protocol ---

// ConnectionMade notes the peer, and gives the protocol c as its transport.
func (c *traced) ConnectionMade(t reactor.Transport) {
	c.Transport, c.clock = t, t.Loop()
	if c.made.IsZero() {
		c.made = c.clock.Now()
	}
	c.note("made %s", t.Peer())
	c.proto.ConnectionMade(c)
}

// DataReceived notes data.
func (c *traced) DataReceived(data []byte) {
	c.bytes('>', data)
	c.proto.DataReceived(data)
}

// ConnectionLost notes the reason.
func (c *traced) ConnectionLost(reason error) {
	c.note("lost %v", reason)
	c.proto.ConnectionLost(reason)
}

// ReadConnectionLost notes the end of what the peer sends.
func (c tracedHalf) ReadConnectionLost() {
	c.note("end of input")
	c.proto.(reactor.HalfCloseProtocol).ReadConnectionLost()
}

// WriteConnectionLost notes the end of what this side sends.
func (c tracedHalf) WriteConnectionLost() {
	c.note("end of output")
	c.proto.(reactor.HalfCloseProtocol).WriteConnectionLost()
}

// --- what the protocol tells the transport ---

// Write notes data.
func (c *traced) Write(data []byte) {
	c.bytes('<', data)
	c.Transport.Write(data)
}

// WriteShared notes data.
func (c *traced) WriteShared(data []byte) {
	c.bytes('<', data)
	c.Transport.WriteShared(data)
}

// WriteSequence notes the pieces.
func (c *traced) WriteSequence(pieces [][]byte) {
	c.bytes('<', pieces...)
	c.Transport.WriteSequence(pieces)
}

// SendFile notes what is sent, not its bytes.
func (c *traced) SendFile(f *os.File, off, n int64, done func(err error)) {
	c.note("< file %q, %d bytes from %d", f.Name(), n, off)
	c.Transport.SendFile(f, off, n, done)
}

// LoseConnection notes it.
func (c *traced) LoseConnection() {
	c.note("lose")
	c.Transport.LoseConnection()
}

// LoseWriteConnection notes it.
func (c *traced) LoseWriteConnection() {
	c.note("lose output")
	c.Transport.LoseWriteConnection()
}

// AbortConnection notes it.
func (c *traced) AbortConnection() {
	c.note("abort")
	c.Transport.AbortConnection()
}

// Switch notes it, and goes on tracing under the same number.
func (c *traced) Switch(p reactor.Protocol, unread []byte) {
	c.note("switch to %T", p)
	c.Transport.Switch((&traced{trace: c.trace, number: c.number, made: c.made}).wrap(p), unread)
}

// TLS is the state of the connection, nil when it is not secure.
func (c *traced) TLS() *tls.ConnectionState {
	if s, ok := c.Transport.(interface{ TLS() *tls.ConnectionState }); ok {
		return s.TLS()
	}
	return nil
}

var (
	_ reactor.FactoryStarter    = (*Trace)(nil)
	_ reactor.Transport         = (*traced)(nil)
	_ reactor.HalfCloseProtocol = tracedHalf{}
)
