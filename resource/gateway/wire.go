package gateway

import "spindle/protocol/cgi"

// Wire is how an application is spoken to: what FastCGI and SCGI differ in.
type Wire interface {
	// Name is for the log.
	Name() string
	// NeedsLength tells whether CONTENT_LENGTH is always the first variable.
	NeedsLength() bool
	// Keeps tells whether a connection may be used again.
	Keeps() bool
	// Head is what a request begins with. keep asks that the connection is kept.
	Head(env *cgi.Env, keep bool) []byte
	// NewTalk is for a new connection.
	NewTalk() Talk
}

// Talk is what is said on one connection.
type Talk interface {
	// AppendBefore appends what stands before n bytes of content, at most 32 KiB.
	AppendBefore(dst []byte, n int) []byte
	// AppendEnd appends what ends the content.
	AppendEnd(dst []byte) []byte
	// AppendAbort appends what gives the request up; nothing, when the end of the
	// connection does.
	AppendAbort(dst []byte) []byte
	// Read takes n bytes of data, at least one.
	Read(data []byte) (n int, s Said, err error)
	// Between tells whether nothing is under way that began.
	Between() bool
	// EndsWithConnection tells whether the end of the connection is that of the answer.
	EndsWithConnection() bool
}

// Said is what a piece of data says. At most one of Out, Err and End is there.
type Said struct {
	Out  []byte // output
	Err  []byte // for the log
	End  *End   // the request has ended
	Idle bool   // nothing that belongs to a request
}

// End is the end of a request as the application tells it.
type End struct {
	AppStatus uint32
	Err       error // the request was not answered
	Busy      bool  // because of too many others
}
