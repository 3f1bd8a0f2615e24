package resource

import (
	"context"
	"crypto/tls"
	"io"
	"os"
	"time"

	"spindle/protocol"
	"spindle/reactor"
)

// Request is one exchange: what was asked, and the way to answer. Loop only,
// but for Context. It is a protocol.Receiver.
type Request struct {
	ch   protocol.Channel
	head *protocol.Head
}

// --- what was asked ---

func (r *Request) Method() string            { panic("to be built") }
func (r *Request) Version() protocol.Version { panic("to be built") }
func (r *Request) Target() string            { panic("to be built") } // as received
func (r *Request) Path() string              { panic("to be built") } // raw, still encoded
func (r *Request) PathBytes() []byte         { panic("to be built") } // valid until Render returns
func (r *Request) Query() string             { panic("to be built") } // raw, without "?"
func (r *Request) Prepath() []string         { panic("to be built") } // segments used up, decoded once each
func (r *Request) Postpath() []string        { panic("to be built") } // segments left, decoded once each

// Field is the first request field of that name; FieldBytes without a copy (valid until Render returns).
func (r *Request) Field(name string) string         { panic("to be built") }
func (r *Request) FieldBytes(name string) []byte    { panic("to be built") }
func (r *Request) FieldValues(name string) []string { panic("to be built") }
func (r *Request) Fields() protocol.Fields          { panic("to be built") } // a copy of all

// Args: query and form together; query values first.
func (r *Request) Arg(name string) string              { panic("to be built") }
func (r *Request) ArgOr(name, otherwise string) string { panic("to be built") }
func (r *Request) Args() map[string][]string           { panic("to be built") }
func (r *Request) Cookie(name string) (string, bool)   { panic("to be built") }
func (r *Request) Files() map[string][]*File           { panic("to be built") } // multipart
func (r *Request) Body() io.ReadSeeker                 { panic("to be built") } // at 0; memory or an unlinked file
func (r *Request) BodyBytes() ([]byte, error)          { panic("to be built") }
func (r *Request) BodyLength() int64                   { panic("to be built") }
func (r *Request) Trailers() protocol.Fields           { panic("to be built") }
func (r *Request) Authority() string                   { panic("to be built") } // Host
func (r *Request) Secure() bool                        { panic("to be built") }
func (r *Request) TLS() *tls.ConnectionState           { panic("to be built") }
func (r *Request) Peer() reactor.Addr                  { panic("to be built") } // of the connection
func (r *Request) Host() reactor.Addr                  { panic("to be built") }
func (r *Request) ClientAddr() reactor.Addr            { panic("to be built") } // behind trusted proxies: site.TrustedProxies
func (r *Request) Loop() reactor.Loop                  { panic("to be built") }
func (r *Request) Now() time.Time                      { panic("to be built") }
func (r *Request) Context() context.Context            { panic("to be built") } // cancelled when the exchange is over; any goroutine
func (r *Request) NotifyFinish(f func(err error))      { panic("to be built") } // nil: answered; else the client is gone
func (r *Request) ID() string                          { panic("to be built") } // short, random, made when asked for
func (r *Request) PrePathURL() string                  { panic("to be built") } // absolute URL of the consumed path
func (r *Request) ChildLink(name string) string        { panic("to be built") }
func (r *Request) SiblingLink(name string) string      { panic("to be built") }

// --- the content as a stream (from HeadReceived) ---

func (r *Request) SetBodyLimit(n int64)                                { panic("to be built") }
func (r *Request) StreamBody(data func(p []byte), end func(err error)) { panic("to be built") }
func (r *Request) PauseBody()                                          { panic("to be built") }
func (r *Request) ResumeBody()                                         { panic("to be built") }

// --- the answer ---

func (r *Request) SetStatus(code int)                                      { panic("to be built") }
func (r *Request) Status() int                                             { panic("to be built") }
func (r *Request) SetField(name, value string)                             { panic("to be built") }
func (r *Request) AddField(name, value string)                             { panic("to be built") }
func (r *Request) DelField(name string)                                    { panic("to be built") }
func (r *Request) ResponseField(name string) string                        { panic("to be built") }
func (r *Request) SetCookie(c protocol.Cookie)                             { panic("to be built") }
func (r *Request) SetContentLength(n int64)                                { panic("to be built") }
func (r *Request) SetLastModified(t time.Time) (notModified bool)          { panic("to be built") }
func (r *Request) SetETag(tag string) (notModified bool)                   { panic("to be built") }
func (r *Request) SetTrailer(name, value string)                           { panic("to be built") }
func (r *Request) EarlyHints(links ...string)                              { panic("to be built") }
func (r *Request) Write(p []byte) (int, error)                             { panic("to be built") } // copies; io.Writer
func (r *Request) WriteString(s string) (int, error)                       { panic("to be built") }
func (r *Request) WriteShared(p []byte)                                    { panic("to be built") } // not changed afterwards
func (r *Request) SendFile(f *os.File, off, n int64, done func(err error)) { panic("to be built") }
func (r *Request) RegisterProducer(p reactor.Producer)                     { panic("to be built") }
func (r *Request) UnregisterProducer()                                     { panic("to be built") }
func (r *Request) Buffered() int                                           { panic("to be built") }
func (r *Request) Finish()                                                 { panic("to be built") }
func (r *Request) Fail(err error)                                          { panic("to be built") } // error page, or abort when the head is sent
func (r *Request) Abort(err error)                                         { panic("to be built") }
func (r *Request) Finished() bool                                          { panic("to be built") }
func (r *Request) Switch(p reactor.Protocol, fields protocol.Fields)       { panic("to be built") } // 101, or 200 to CONNECT

// One-line answers, to be returned from Render.
func (r *Request) JSON(v any) ([]byte, error)          { panic("to be built") }
func (r *Request) HTML(s string) ([]byte, error)       { panic("to be built") }
func (r *Request) Text(s string) ([]byte, error)       { panic("to be built") }
func (r *Request) Redirect(url string) ([]byte, error) { panic("to be built") } // 302, or the status set before

// File is one file of a multipart form.
type File struct {
	Name        string // the file name the client gave, its last element only
	ContentType string
	Size        int64
	Fields      protocol.Fields
}

// Open gives the content from its start.
func (f *File) Open() (io.ReadSeekCloser, error) { panic("to be built") }
