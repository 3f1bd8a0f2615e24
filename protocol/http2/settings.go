package http2

import (
	"log/slog"
	"time"
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
	// ExtendedConnect lets a client ask for another protocol on a stream, as
	// WebSocket over HTTP/2 does (RFC 8441).
	ExtendedConnect bool

	// MaxRequestLineBytes limits the path with its query; 8 KiB. Beyond: 414.
	MaxRequestLineBytes int
	// MaxFieldBytes limits the fields of a head together, with 32 bytes for
	// each (RFC 9113 §6.5.2); 64 KiB. Beyond: 431. A header block of more than
	// twice as many bytes ends the connection.
	MaxFieldBytes int
	// MaxFields limits the number of fields; 100. Beyond: 431.
	MaxFields int
	// MaxTrailerBytes limits the trailer fields together, counted as above; 8
	// KiB. Beyond: 431.
	MaxTrailerBytes int
	// MaxStreams limits the requests under way on one connection; 250. Beyond:
	// REFUSED_STREAM, which tells the client that it may try again.
	MaxStreams int
	// StreamWindowBytes is how much content of one request is taken in while
	// nobody reads it; 1 MiB, at least 64 KiB.
	StreamWindowBytes int
	// ConnWindowBytes is the same for all streams of a connection; 4 MiB.
	ConnWindowBytes int
	// MaxQueuedBytes is how much of the answers may wait for a client that
	// reads slowly; 1 MiB. Beyond, no further request of it is begun.
	MaxQueuedBytes int
	// MaxDiscardBytes is how much content that nobody wants any more is read
	// before the stream is reset; 256 KiB. When off the reset comes at once.
	MaxDiscardBytes int64
	// MaxConnections limits the connections of one factory, so of one loop.
	// Zero, the default, is no limit here. At the limit the connection that
	// has been idle longest is closed; when none is idle the new one is.
	MaxConnections int
	// Full, when set, decides in place of MaxConnections whether a new connection
	// is one too many: where several factories share a limit.
	Full func() bool
	// NuisanceBurst and NuisanceRate ration the frames that bring no work
	// forward: pings, settings, resets, priorities, empty frames, windows that
	// are opened for nothing sent, and what makes us reset a stream. 1000 at
	// once, and 50 more each second; each request that is answered, and each
	// KiB that is sent, earns one. Beyond: the connection ends.
	NuisanceBurst int
	// NuisanceRate is how many are forgiven each second.
	NuisanceRate int

	// FirstByteTimeout is the time from the connection to the end of the
	// client's preface; 10 s. Beyond: close.
	FirstByteTimeout time.Duration
	// HeadTimeout is the time from the first frame of a header block to its
	// last; 10 s. Beyond: the connection ends.
	HeadTimeout time.Duration
	// IdleTimeout is the time from the end of one request to the begin of the
	// next; 60 s. Beyond: GOAWAY and close.
	IdleTimeout time.Duration
	// BodyTimeout is how long content may fall behind MinBodyRate; 20 s.
	// Beyond: 408, and the stream is reset.
	BodyTimeout time.Duration
	// MinBodyRate is the least rate of content, in bytes per second; 1024. When
	// off, any byte within BodyTimeout will do.
	MinBodyRate int
	// WriteTimeout is how long the client may take nothing of what waits for
	// it; 60 s. Beyond: the stream whose window stays closed is reset, or the
	// connection aborted.
	WriteTimeout time.Duration
	// LingerTimeout is how long a client whose connection was ended is listened
	// to, so that it gets to see why; 5 s. When off it is not.
	LingerTimeout time.Duration
	// MaxLingerBytes is how much of it is read and dropped; 8 MiB.
	MaxLingerBytes int64

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
		{&s.MaxTrailerBytes, 8 << 10},
		{&s.MaxStreams, 250},
		{&s.StreamWindowBytes, 1 << 20},
		{&s.ConnWindowBytes, 4 << 20},
		{&s.MaxQueuedBytes, 1 << 20},
		{&s.MaxConnections, without},
		{&s.NuisanceBurst, 1000},
	} {
		set(l.field, l.byDefault, without)
	}
	s.StreamWindowBytes = max(s.StreamWindowBytes, firstWindow)
	s.ConnWindowBytes = max(s.ConnWindowBytes, firstWindow)
	set(&s.NuisanceRate, 50, 0)
	set(&s.MaxDiscardBytes, 256<<10, 0)
	set(&s.MaxLingerBytes, 8<<20, 0)
	set(&s.MinBodyRate, 1<<10, 0)
	set(&s.FirstByteTimeout, 10*time.Second, 0)
	set(&s.HeadTimeout, 10*time.Second, 0)
	set(&s.IdleTimeout, 60*time.Second, 0)
	set(&s.BodyTimeout, 20*time.Second, 0)
	set(&s.WriteTimeout, 60*time.Second, 0)
	set(&s.LingerTimeout, 5*time.Second, 0)
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
