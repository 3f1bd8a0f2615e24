package reactor

import (
	"crypto/tls"
	"errors"
	"os"
	"time"
)

// This file is the contract between the reactor and what runs on it: small
// interfaces that a protocol is written against, so that the same code runs on
// a socket, under TLS, on one stream of HTTP/2, and in memory in a test.

// Errors that ConnectionLost is told. Anything else wraps the errno of the
// call that failed.
var (
	// ErrDone is a clean end: the peer closed, or LoseConnection delivered
	// everything and closed.
	ErrDone = errors.New("reactor: connection done")
	// ErrAborted is the end made by AbortConnection on this side.
	ErrAborted = errors.New("reactor: connection aborted")
	// ErrStopped is the end made by the reactor's shutdown.
	ErrStopped = errors.New("reactor: stopped")
)

// Protocol handles the events of one connection. All its methods are called on
// the loop, one at a time, never from inside a call that the protocol makes.
type Protocol interface {
	// ConnectionMade is the first call. t may be kept and used until
	// ConnectionLost; after that its methods do nothing.
	ConnectionMade(t Transport)
	// DataReceived brings the next bytes, at least one. data is valid until
	// return and may not be changed; who needs it longer copies it.
	DataReceived(data []byte)
	// ConnectionLost is the last call, made exactly once. reason is ErrDone,
	// ErrAborted, ErrStopped, ErrTruncated, or an error that wraps an errno.
	ConnectionLost(reason error)
}

// HalfCloseProtocol is a Protocol that goes on with the other half when one is
// closed. To a protocol without these methods the end of the peer's data is the
// end of the connection (after what was written has been delivered).
type HalfCloseProtocol interface {
	Protocol
	// ReadConnectionLost tells that the peer sends no more. Writing goes on;
	// the protocol ends the connection with LoseConnection when it is done.
	ReadConnectionLost()
	// WriteConnectionLost tells that LoseWriteConnection has delivered
	// everything and closed our sending half.
	WriteConnectionLost()
}

// Factory makes the Protocol for each connection of a port or connector.
type Factory interface {
	// BuildProtocol is called on the loop. nil refuses the connection, which
	// is then closed.
	BuildProtocol(peer Addr) Protocol
}

// FactoryFunc makes a function a Factory.
type FactoryFunc func(peer Addr) Protocol

// BuildProtocol calls f.
func (f FactoryFunc) BuildProtocol(peer Addr) Protocol { return f(peer) }

// FactoryStarter is a Factory that is told of its first and last port.
type FactoryStarter interface {
	Factory
	// StartFactory is called before the first port of this factory listens.
	StartFactory(l Loop)
	// StopFactory is called after the last port of this factory has closed.
	StopFactory()
}

// Producer gives bytes to a Consumer when it is asked: a pull producer. If it
// also has PauseProducing it is a PushProducer. Loop only.
type Producer interface {
	// ResumeProducing asks for more. A pull producer writes one piece; a push
	// producer goes on by itself until it is paused.
	ResumeProducing()
	// StopProducing tells that nobody listens any more.
	StopProducing()
}

// PushProducer writes by itself until it is told to pause.
type PushProducer interface {
	Producer
	// PauseProducing asks to stop writing until ResumeProducing; it comes when the
	// callback that wrote is over, never from inside Write. Who writes much at once
	// looks at Buffered, or is a pull producer. What is written all the same is
	// kept, not lost.
	PauseProducing()
}

// Consumer takes bytes, and tells its Producer when to go on. Loop only.
type Consumer interface {
	// Write queues a copy of data. It never blocks and never fails: after loss
	// data is dropped.
	Write(data []byte)
	// RegisterProducer makes p the one producer of this consumer: a push
	// producer is paused when a callback has ended above the high-water mark,
	// and resumed below the low one; a pull producer is asked whenever the queue is empty, from the next
	// turn on. A second one panics. LoseConnection waits for
	// UnregisterProducer. On a lost consumer p.StopProducing is called, after
	// RegisterProducer has returned.
	RegisterProducer(p Producer)
	// UnregisterProducer ends it. It does nothing if there is none.
	UnregisterProducer()
}

// Transport is one connection as its Protocol sees it. Loop only. Everything
// written in one callback leaves in one system call when that callback ends.
type Transport interface {
	Consumer

	// AvailableBuffer returns an empty slice with spare capacity, to be
	// appended to and passed to an immediately following Write, which then
	// copies nothing. Valid until the next call on this transport.
	AvailableBuffer() []byte
	// WriteShared queues data without a copy when it is large. data may be
	// shared by many, and must not be changed by anybody afterwards.
	WriteShared(data []byte)
	// WriteSequence is Write for each of pieces, in order.
	WriteSequence(pieces [][]byte)
	// SendFile queues n bytes of f from offset off, by sendfile(2) where the
	// transport is a plain socket. f stays the caller's and must stay open
	// until done, which is called on the loop, after SendFile returned, when
	// the last byte is with the kernel, or with the error that ended it: a
	// file that is shorter than promised aborts the connection. done may be
	// nil. A cold file is read by a thread; the loop does not wait for a disk.
	SendFile(f *os.File, off, n int64, done func(err error))
	// Buffered is the number of bytes queued and not yet with the kernel; within
	// ConnectionLost, of those that never came there.
	Buffered() int

	// LoseConnection delivers everything that was written, waits for a
	// registered producer to end, then closes. Nothing is read from then on.
	LoseConnection()
	// LoseWriteConnection delivers everything that was written, then closes
	// the sending half only.
	LoseWriteConnection()
	// AbortConnection drops what is queued and resets the connection.
	AbortConnection()

	// PauseReading stops the reads: what the peer sends stays in the kernel.
	PauseReading()
	// ResumeReading starts them again.
	ResumeReading()

	// Switch makes p the protocol of this connection: it gets ConnectionMade,
	// then unread (bytes the old protocol had and did not use; copied) as its
	// first data, after the current callback has returned. The old protocol is
	// called no more.
	Switch(p Protocol, unread []byte)

	// Peer and Host are the addresses of the other end and of this one.
	Peer() Addr
	Host() Addr
	// Loop is where this connection lives.
	Loop() Loop
}

// Connector makes outgoing connections. A Reactor is one, and the Loop that a connection of
// it names. Loop only.
type Connector interface {
	// ConnectTCP connects to a host, which is a name or an address; see
	// Reactor.ConnectTCP.
	ConnectTCP(host string, port int, f Factory) *Deferred[Protocol]
	// ConnectTLS is ConnectTCP with TLS; the certificate is verified.
	ConnectTLS(host string, port int, f Factory, config *tls.Config) *Deferred[Protocol]
	// ConnectUNIX connects to a UNIX socket.
	ConnectUNIX(path string, f Factory) *Deferred[Protocol]
}

// Clock is time as a parameter: the reactor in a program, a fake in a test.
type Clock interface {
	// Now is the time of the current callback: read at most once in each.
	// Loop only.
	Now() time.Time
	// CallLater calls f on the loop after d; a d of zero or less means in the
	// next turn. Loop only.
	CallLater(d time.Duration, f func()) *DelayedCall
}

// Loop is what a protocol or a resource may ask of the reactor it runs on.
type Loop interface {
	Clock
	// CallFromThread calls f on the loop, in a later turn, in the order of the
	// calls. Any goroutine. After the loop has ended f is dropped.
	CallFromThread(f func())
	// ThreadPool runs blocking work off the loop; see DeferToThreadPool.
	ThreadPool() *ThreadPool
	// AddSystemEventTrigger has f called at event. In the phases Before and
	// During the event waits for the Deferred that f returns; nil means done.
	// Loop only.
	AddSystemEventTrigger(phase Phase, event Event, f func() *Deferred[struct{}]) TriggerID
	// RemoveSystemEventTrigger takes a trigger back. Loop only.
	RemoveSystemEventTrigger(id TriggerID)
}
