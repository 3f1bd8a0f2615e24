package http2

import (
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// ClientSettings are the limits and time-outs of connections to servers. In every field
// zero means the default that stands beside it, negative means off. It is not changed
// once a factory was made with it.
type ClientSettings struct {
	// MaxFieldBytes limits the fields of a head together, with 32 bytes for each (RFC 9113
	// §6.5.2); 64 KiB. A header block of more than twice as many bytes ends the connection.
	MaxFieldBytes int
	// MaxFields limits the number of fields; 200.
	MaxFields int
	// MaxTrailerBytes limits the trailer fields together, counted as above; 8 KiB.
	MaxTrailerBytes int
	// MaxInformational limits the 1xx answers before a final one; 16.
	MaxInformational int
	// MaxStreams limits the exchanges under way on one connection, as the server's own
	// limit does; 100.
	MaxStreams int
	// StreamWindowBytes is how much content of one answer is taken in while nobody reads
	// it; 1 MiB, at least 64 KiB.
	StreamWindowBytes int
	// ConnWindowBytes is the same for all streams of a connection; 4 MiB.
	ConnWindowBytes int

	// SettingsTimeout is the time from the connection to the server's SETTINGS; 10 s.
	SettingsTimeout time.Duration
	// HeadTimeout is the time from the end of the request to the head of its answer;
	// 60 s. An informational answer begins it anew.
	HeadTimeout time.Duration
	// BodyTimeout is the time in which some of the answer's content has to come, unless
	// nobody wants it just now (PauseBody); 60 s.
	BodyTimeout time.Duration
	// WriteTimeout is the time in which the server has to take some of what waits for it;
	// 60 s.
	WriteTimeout time.Duration
	// ContinueTimeout is how long content waits for 100 (Continue) before it is sent
	// anyhow (RFC 9110 §10.1.1); 1 s.
	ContinueTimeout time.Duration
	// PingInterval is how long nothing may come while exchanges are under way before the
	// server is asked whether it is there (PING, RFC 9113 §6.7); 30 s.
	PingInterval time.Duration
	// PingTimeout is how long it may take to answer; 15 s. Beyond, the connection is lost.
	PingTimeout time.Duration
}

// ClientFactory makes Clients, and keeps what they share. All its connections are on one
// loop. Loop only.
type ClientFactory struct {
	f   *Factory
	set ClientSettings // resolved
}

// NewClientFactory makes a factory. s may be nil.
func NewClientFactory(s *ClientSettings) *ClientFactory {
	if s == nil {
		s = new(ClientSettings)
	}
	set := s.resolve()
	common := Settings{
		MaxFieldBytes:     set.MaxFieldBytes,
		MaxTrailerBytes:   set.MaxTrailerBytes,
		StreamWindowBytes: set.StreamWindowBytes,
		ConnWindowBytes:   set.ConnWindowBytes,
		FirstByteTimeout:  offIfZero(set.SettingsTimeout),
		BodyTimeout:       offIfZero(set.BodyTimeout),
		WriteTimeout:      offIfZero(set.WriteTimeout),
		MinBodyRate:       -1, // any byte will do
		IdleTimeout:       -1, // whose connection it is decides
		LingerTimeout:     -1,
		MaxQueuedBytes:    -1, // the requests are our own
	}
	f := &Factory{set: common.resolve(), second: -1}
	f.hello = appendClientHello(nil, &f.set)
	return &ClientFactory{f: f, set: set}
}

// appendClientHello appends the client's preface (RFC 9113 §3.4), and the rest of the
// connection's window, which SETTINGS can not give.
func appendClientHello(b []byte, s *Settings) []byte {
	b = append(b, preface...)
	start := len(b)
	b = appendFrame(b, 0, frameSettings, 0, 0)
	b = appendSetting(b, settingEnablePush, 0)
	b = appendSetting(b, settingInitialWindow, s.StreamWindowBytes)
	b = appendSetting(b, settingMaxListSize, s.MaxFieldBytes)
	putLength(b[start:], len(b)-start-headerLen)
	if more := s.ConnWindowBytes - firstWindow; more > 0 {
		b = appendWindow(b, 0, more)
	}
	return b
}

// BuildProtocol makes the Client of a new connection.
func (f *ClientFactory) BuildProtocol(reactor.Addr) reactor.Protocol { return f.NewClient() }

// NewClient makes a Client, to be the protocol of a connection: one that is known to
// speak HTTP/2, or on which ALPN has agreed on "h2".
func (f *ClientFactory) NewClient() *Client {
	c := &Client{f: f, c: newConn(f.f), most: without}
	c.c.client = c
	c.c.state = stateFrame // the server's preface is SETTINGS alone
	return c
}

func (s ClientSettings) resolve() ClientSettings {
	set(&s.MaxFieldBytes, 64<<10, without)
	set(&s.MaxFields, 200, without)
	set(&s.MaxTrailerBytes, 8<<10, without)
	set(&s.MaxInformational, 16, without)
	set(&s.MaxStreams, 100, without)
	set(&s.SettingsTimeout, 10*time.Second, 0)
	set(&s.HeadTimeout, 60*time.Second, 0)
	set(&s.BodyTimeout, 60*time.Second, 0)
	set(&s.WriteTimeout, 60*time.Second, 0)
	set(&s.ContinueTimeout, time.Second, 0)
	set(&s.PingInterval, 30*time.Second, 0)
	set(&s.PingTimeout, 15*time.Second, 0)
	return s
}

// offIfZero is d as a field has it that is not resolved.
func offIfZero(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

var (
	_ reactor.Factory     = (*ClientFactory)(nil)
	_ protocol.ClientConn = (*Client)(nil)
)
