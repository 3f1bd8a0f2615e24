package http1

import (
	"log/slog"
	"time"

	"spindle/reactor"
)

// Settings are the limits and time-outs of a server's connections. In every
// field zero means the default that stands beside it, negative means off. One
// Settings may serve many factories; it is not changed once one of them has
// been made.
//
// How much content a request may bring is not limited here: what answers
// decides that for each request, once it has seen the head.
type Settings struct {
	// ServerName is the Server field of every answer; "" is "Spindle", "-"
	// sends none.
	ServerName string

	// MaxRequestLineBytes limits the request line, without its CRLF; 8 KiB.
	// Beyond: 414.
	MaxRequestLineBytes int
	// MaxFieldBytes limits the field lines of a head together, with their
	// CRLFs; 64 KiB. Beyond: 431.
	MaxFieldBytes int
	// MaxFields limits the number of field lines; 100. Beyond: 431.
	MaxFields int
	// MaxChunkLineBytes limits the line of a chunk's size and extensions,
	// without its CRLF; 1 KiB. Beyond: 400.
	MaxChunkLineBytes int
	// MaxTrailerBytes limits the trailer lines of a content together, with
	// their CRLFs; 8 KiB. Beyond: 431. MaxFields holds for their number.
	MaxTrailerBytes int
	// MaxPipelinedBytes is how much of the requests that follow is taken in
	// while an answer is being made; 16 KiB. Beyond, reading pauses.
	MaxPipelinedBytes int
	// MaxQueuedBytes is how much of the answers may wait for a client that
	// reads slowly; 1 MiB. Beyond, no further request of it is begun.
	MaxQueuedBytes int
	// MaxDiscardBytes is how much content that nobody wants any more is read
	// to save the connection for the next request; 256 KiB. Beyond, and always
	// when off: close.
	MaxDiscardBytes int64
	// MaxConnections limits the connections of one factory, so of one loop.
	// Zero, the default, is no limit here. At the limit the connection that
	// has been idle longest is closed; when none is idle the new one gets 503.
	MaxConnections int
	// Full, when set, decides in place of MaxConnections whether a new connection
	// is one too many: where several factories share a limit.
	Full func() bool
	// Preface, when set, makes the protocol of a client whose first request is the
	// preface of HTTP/2 (RFC 9113 §3.4), which then gets it. nil, and a nil protocol,
	// refuse it with 505.
	Preface func(peer reactor.Addr) reactor.Protocol

	// FirstByteTimeout is the time from the connection to its first byte;
	// 10 s. Beyond: close.
	FirstByteTimeout time.Duration
	// HeadTimeout is the time from the first byte of a head to its last; 10 s.
	// Beyond: 408.
	HeadTimeout time.Duration
	// IdleTimeout is the time from one request to the first byte of the next;
	// 60 s. Beyond: close.
	IdleTimeout time.Duration
	// BodyTimeout is how long content may fall behind MinBodyRate; 20 s.
	// Beyond: 408.
	BodyTimeout time.Duration
	// MinBodyRate is the least rate of content, in bytes per second; 1024. When
	// off, any byte within BodyTimeout will do.
	MinBodyRate int
	// WriteTimeout is how long the client may take nothing of what waits for
	// it; 60 s. Beyond: the connection is aborted.
	WriteTimeout time.Duration
	// LingerTimeout is how long a refused client that goes on sending is
	// listened to, so that it gets to see the answer; 5 s. When off it is not.
	LingerTimeout time.Duration
	// MaxLingerBytes is how much of it is read and dropped; 8 MiB.
	MaxLingerBytes int64

	// HalfCloseTimeout is how long a client that has closed its sending half waits for some of
	// its answer; 10 s. Most that close have left, which can not be seen but by sending
	// something: what works on the answer has to be told in time. Beyond: the connection is
	// aborted.
	HalfCloseTimeout time.Duration
	// Logger takes what is an application's or a client's fault and has no
	// place in an access log; nil is slog.Default().
	Logger *slog.Logger
}

// without is the value of a limit that is off.
const without = 1 << 30

// resolve puts the defaults where there is zero. A limit that is off becomes
// without; a time, a rate, and what is read only to be dropped become zero.
func (s Settings) resolve() Settings {
	if s.ServerName == "" {
		s.ServerName = "Spindle"
	}
	for _, l := range []struct {
		field     *int
		byDefault int
	}{
		{&s.MaxRequestLineBytes, 8 << 10},
		{&s.MaxFieldBytes, 64 << 10},
		{&s.MaxFields, 100},
		{&s.MaxChunkLineBytes, 1 << 10},
		{&s.MaxTrailerBytes, 8 << 10},
		{&s.MaxPipelinedBytes, 16 << 10},
		{&s.MaxQueuedBytes, 1 << 20},
		{&s.MaxConnections, without},
	} {
		set(l.field, l.byDefault, without)
	}
	set(&s.MaxDiscardBytes, 256<<10, 0)
	set(&s.MaxLingerBytes, 8<<20, 0)
	set(&s.MinBodyRate, 1<<10, 0)
	set(&s.FirstByteTimeout, 10*time.Second, 0)
	set(&s.HeadTimeout, 10*time.Second, 0)
	set(&s.IdleTimeout, 60*time.Second, 0)
	set(&s.BodyTimeout, 20*time.Second, 0)
	set(&s.WriteTimeout, 60*time.Second, 0)
	set(&s.LingerTimeout, 5*time.Second, 0)
	set(&s.HalfCloseTimeout, 10*time.Second, 0)
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}

// set resolves one field.
func set[T int | int64 | time.Duration](field *T, byDefault, off T) {
	switch {
	case *field == 0:
		*field = byDefault
	case *field < 0:
		*field = off
	}
}
