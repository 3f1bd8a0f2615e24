package http1

import (
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// ClientSettings are the limits and time-outs of connections to servers. In every field
// zero means the default that stands beside it, negative means off. It is not changed
// once a factory was made with it.
type ClientSettings struct {
	// MaxStatusLineBytes limits the status line, without its CRLF; 8 KiB.
	MaxStatusLineBytes int
	// MaxFieldBytes limits the field lines of a head together, with their CRLFs; 64 KiB.
	MaxFieldBytes int
	// MaxFields limits the number of field lines; 200.
	MaxFields int
	// MaxChunkLineBytes limits the line of a chunk's size and extensions; 1 KiB.
	MaxChunkLineBytes int
	// MaxTrailerBytes limits the trailer lines of a content together; 8 KiB.
	MaxTrailerBytes int
	// MaxInformational limits the 1xx answers before a final one; 16.
	MaxInformational int

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
}

// ClientFactory makes Clients, and keeps what they share. All its connections are on one
// loop. Loop only.
type ClientFactory struct {
	set    ClientSettings // resolved
	limits Settings       // of the decoders
	tok    *tokenizer
	answer protocol.ResponseHead // of the callback under way
}

// NewClientFactory makes a factory. s may be nil.
func NewClientFactory(s *ClientSettings) *ClientFactory {
	if s == nil {
		s = new(ClientSettings)
	}
	f := &ClientFactory{set: s.resolve()}
	f.limits = Settings{
		MaxRequestLineBytes: f.set.MaxStatusLineBytes,
		MaxFieldBytes:       f.set.MaxFieldBytes,
		MaxFields:           f.set.MaxFields,
		MaxChunkLineBytes:   f.set.MaxChunkLineBytes,
		MaxTrailerBytes:     f.set.MaxTrailerBytes,
	}
	f.tok = newTokenizer(&f.limits)
	f.tok.answers = true
	return f
}

// BuildProtocol makes the Client of a new connection.
func (f *ClientFactory) BuildProtocol(reactor.Addr) reactor.Protocol { return f.NewClient() }

// NewClient makes a Client, to be the protocol of a connection.
func (f *ClientFactory) NewClient() *Client { return &Client{f: f} }

func (s ClientSettings) resolve() ClientSettings {
	set(&s.MaxStatusLineBytes, 8<<10, without)
	set(&s.MaxFieldBytes, 64<<10, without)
	set(&s.MaxFields, 200, without)
	set(&s.MaxChunkLineBytes, 1<<10, without)
	set(&s.MaxTrailerBytes, 8<<10, without)
	set(&s.MaxInformational, 16, without)
	set(&s.HeadTimeout, 60*time.Second, 0)
	set(&s.BodyTimeout, 60*time.Second, 0)
	set(&s.WriteTimeout, 60*time.Second, 0)
	set(&s.ContinueTimeout, time.Second, 0)
	return s
}

var _ reactor.Factory = (*ClientFactory)(nil)
