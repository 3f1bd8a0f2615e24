package websocket

import (
	"log/slog"
	"time"
)

// Settings is what the connections of a Factory are bound to. In each limit zero means
// the default that stands beside it, negative means none.
type Settings struct {
	// Subprotocols is what the server speaks, best first: the first that the client
	// offers too is agreed upon. None in common is no reason to refuse.
	Subprotocols []string
	// Origins is from where a browser's page may connect, as "https://example.com".
	// nil means from pages of the same host only; "*" among them from anywhere.
	// Clients that send no Origin are no browsers, and are not checked.
	Origins []string
	// Deflate agrees to permessage-deflate when a client offers it; nil does not.
	Deflate *Deflate

	// MaxMessageBytes limits a message, also one that is inflated; 16 MiB. Beyond:
	// closed with 1009.
	MaxMessageBytes int64
	// MaxFrameBytes limits a frame of it; as MaxMessageBytes. Beyond: closed with 1009.
	MaxFrameBytes int64
	// MaxPartialBytes limits what all connections together keep of messages that have
	// come in part; 256 MiB. Who goes beyond is closed with 1013.
	MaxPartialBytes int64
	// MaxQueuedBytes is how much may wait for a client before no further message of
	// it is looked at, also within one read; 1 MiB, and not less than 64 KiB, at which
	// a transport tells that it is full.
	MaxQueuedBytes int
	// MaxConnections limits the connections; none. Beyond: 503.
	MaxConnections int

	// PingInterval is how long a client may be silent before it is pinged, up to twice
	// as long before it is noticed; 30 s.
	PingInterval time.Duration
	// PongTimeout is how long it may then stay silent; 15 s. Beyond: aborted.
	PongTimeout time.Duration
	// IdleTimeout is how long a connection may be without a message in either
	// direction; none. Beyond, up to twice as long: closed with 1001.
	IdleTimeout time.Duration
	// WriteTimeout is how long a client for which more than 64 KiB are waiting may take
	// none of it; 60 s. Beyond: aborted.
	WriteTimeout time.Duration
	// CloseTimeout is how long the close handshake may take, and then the end of the
	// connection; 5 s. Beyond: aborted.
	CloseTimeout time.Duration

	// Logger takes what handlers do wrong; nil means slog.Default().
	Logger *slog.Logger
}

// Deflate is how messages are compressed. The zero value keeps no context between
// messages, and so no memory for a connection.
type Deflate struct {
	// Level is from 1, the fastest, to 9; 0 means 1.
	Level int
	// MinBytes is what is worth compressing; 0 means 128. Shorter messages are sent
	// as they are.
	MinBytes int
	// ServerWindowBits is how much of what was sent is kept as context for the next
	// message: 2 to the power of it, in bytes, for each connection; 8 to 15. 0 keeps
	// none. A client may ask for less.
	ServerWindowBits int
	// ClientWindowBits is the same for what is received. A client that can not be
	// told to keep to it, and uses 15, is told to begin each message anew.
	ClientWindowBits int
}

// settings is Settings with the defaults filled in. Zero means none.
type settings struct {
	Settings
	deflate Deflate
}

func (s *Settings) resolve() settings {
	r := settings{Settings: *s}
	bytes64(&r.MaxMessageBytes, 16<<20)
	if r.MaxFrameBytes == 0 {
		r.MaxFrameBytes = r.MaxMessageBytes
	}
	bytes64(&r.MaxFrameBytes, r.MaxMessageBytes)
	bytes64(&r.MaxPartialBytes, 256<<20)
	if r.MaxQueuedBytes == 0 {
		r.MaxQueuedBytes = 1 << 20
	} else if r.MaxQueuedBytes < 0 {
		r.MaxQueuedBytes = int(^uint(0) >> 1)
	}
	r.MaxQueuedBytes = max(r.MaxQueuedBytes, 64<<10)
	period(&r.PingInterval, 30*time.Second)
	period(&r.PongTimeout, 15*time.Second)
	period(&r.IdleTimeout, 0)
	period(&r.WriteTimeout, time.Minute)
	period(&r.CloseTimeout, 5*time.Second)
	if r.Logger == nil {
		r.Logger = slog.Default()
	}
	if s.Deflate != nil {
		r.deflate = s.Deflate.resolve()
	}
	return r
}

func bytes64(limit *int64, standard int64) {
	switch {
	case *limit == 0:
		*limit = standard
	case *limit < 0:
		*limit = 1<<63 - 1
	}
}

func period(d *time.Duration, standard time.Duration) {
	switch {
	case *d == 0:
		*d = standard
	case *d < 0:
		*d = 0
	}
}

func (d *Deflate) resolve() Deflate {
	r := *d
	if r.Level == 0 {
		r.Level = 1
	}
	if r.MinBytes == 0 {
		r.MinBytes = 128
	}
	if r.Level < 1 || r.Level > 9 || !windowFits(r.ServerWindowBits) || !windowFits(r.ClientWindowBits) {
		panic("websocket: Deflate: a level is from 1 to 9, a window from 8 to 15 bits, or 0")
	}
	return r
}

func windowFits(bits int) bool { return bits == 0 || bits >= 8 && bits <= 15 }
