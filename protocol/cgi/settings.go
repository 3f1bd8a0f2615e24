package cgi

import (
	"log/slog"
	"time"

	"spindle/reactor"
)

// Settings are the limits and time-outs of the connections from a web server. In every
// field zero means the default that stands beside it, negative means off.
type Settings struct {
	// MaxVariableBytes limits the variables of a request; 128 KiB. Beyond: 431.
	MaxVariableBytes int
	// MaxConnections limits the connections of one factory. Zero, the default, is no limit
	// here. At the limit the one that has been idle longest is closed; when none is idle the
	// new one is.
	MaxConnections int
	// Full, when set, decides in place of MaxConnections.
	Full func() bool

	// HeadTimeout is the time from the connection, or from the first byte of another
	// request, to the last variable; 10 s. Beyond: close.
	HeadTimeout time.Duration
	// IdleTimeout is the time between requests on a connection that is kept; 5 min, since
	// it is the web server that decides how many it keeps. Beyond: close.
	IdleTimeout time.Duration
	// BodyTimeout is how long content may fall behind MinBodyRate; 60 s. Beyond: 408.
	BodyTimeout time.Duration
	// MinBodyRate is the least rate of content, in bytes per second; 1024. When off, any
	// byte within BodyTimeout will do.
	MinBodyRate int
	// WriteTimeout is how long the web server may take nothing of what waits for it; 60 s.
	// Beyond: the connection is aborted.
	WriteTimeout time.Duration
	// LingerTimeout is how long a web server that goes on sending is listened to behind the
	// answer; 5 s.
	LingerTimeout time.Duration

	// Logger takes what is an application's or a web server's fault; nil is slog.Default().
	Logger *slog.Logger
}

func (s Settings) resolve() Settings {
	const without = 1 << 30
	set(&s.MaxVariableBytes, 128<<10, without)
	set(&s.MaxConnections, without, without)
	set(&s.HeadTimeout, 10*time.Second, 0)
	set(&s.IdleTimeout, 5*time.Minute, 0)
	set(&s.BodyTimeout, 60*time.Second, 0)
	set(&s.MinBodyRate, 1<<10, 0)
	set(&s.WriteTimeout, 60*time.Second, 0)
	set(&s.LingerTimeout, 5*time.Second, 0)
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}

// set resolves one field.
func set[T int | time.Duration](field *T, byDefault, off T) {
	switch {
	case *field == 0:
		*field = byDefault
	case *field < 0:
		*field = off
	}
}

// Framing is what FastCGI, SCGI and CGI differ in, on one connection. Read is called with
// what comes, and tells the Conn what it means by Begin, Content, ContentEnd and Gone.
type Framing interface {
	// Read takes n bytes from the front of data, which is not empty. 0 means that it takes
	// no more now. An error ends the connection.
	Read(c *Conn, data []byte) (n int, err error)
	// Most is how many bytes of an answer one piece may have.
	Most() int
	// AppendBefore appends what stands before a piece of n bytes.
	AppendBefore(dst []byte, n int) []byte
	// AppendEnd appends what ends an answer; the request is then over.
	AppendEnd(dst []byte) []byte
	// Keeps tells whether another request may follow on the connection.
	Keeps() bool
	// Halves tells whether a web server that sends no more may still wait for its answer.
	Halves() bool
	// Script tells whether SCRIPT_NAME is the name of a program; see Env.Head.
	Script() bool
	// Pending tells whether something of the request in hand is still to come, beside its
	// content.
	Pending() bool
	// Between tells whether no request has begun.
	Between() bool
}

// FramingFunc makes the Framing of a new connection.
type FramingFunc func(s *Settings) Framing

var _ reactor.Factory = (*Factory)(nil)
