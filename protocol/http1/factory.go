package http1

import (
	"spindle/protocol"
	"spindle/reactor"
)

// Factory makes the Channels of one loop, and keeps what they share: the
// tokenizer, the buffers not in use, the text of the date. Loop only.
type Factory struct {
	server protocol.Server
	set    Settings
}

// Stats counts the connections of a factory.
type Stats struct {
	Open     int    // connections
	Idle     int    // of these, without an exchange in hand
	Accepted uint64 // connections ever
	Requests uint64 // heads given to the server
	Refused  uint64 // heads answered by the protocol itself
}

// NewFactory makes a factory whose channels ask server. s may be nil.
func NewFactory(server protocol.Server, s *Settings) *Factory { panic("to be built") }

// BuildProtocol makes the Channel of a new connection.
func (f *Factory) BuildProtocol(peer reactor.Addr) reactor.Protocol { panic("to be built") }

// Stats tells how many connections there are.
func (f *Factory) Stats() Stats { panic("to be built") }

// Drain ends keep-alive: idle connections close at once, busy ones when their
// answer is done. done, which may be nil, is called in a later turn when the
// last connection is gone. A connection that is made later is answered once.
func (f *Factory) Drain(done func()) { panic("to be built") }

// Abort ends all connections at once.
func (f *Factory) Abort() { panic("to be built") }

// CloseOldestIdle closes the connection that has been idle longest. It tells
// whether there was one.
func (f *Factory) CloseOldestIdle() bool { panic("to be built") }
