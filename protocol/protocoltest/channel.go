package protocoltest

import (
	"crypto/tls"
	"io"
	"os"

	"spindle/protocol"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Channel is a protocol.Channel that records the answer. It keeps the contract:
// after the end nothing has an effect, content beyond the promised length is
// dropped. The zero value is ready.
type Channel struct {
	// Before the answer: what the Receiver is told of the connection.
	PeerAddr, HostAddr reactor.Addr
	TLSState           *tls.ConnectionState
	ReactorLoop        reactor.Loop // nil: a reactortest.Loop is made
	HeadMethod         bool         // the request is HEAD: content is dropped
	Queued             int          // what Buffered says

	// The answer.
	Status        int
	Fields        protocol.Fields // a copy
	Length        int64           // as WriteHead was told; that of the body for Respond
	Body          []byte
	Trailers      protocol.Fields
	Informational []int // the 1xx answers, Continue's 100 among them
	Finished      bool
	Aborted       bool
	AbortError    error
	Switched      reactor.Protocol
	Dropped       int // bytes of content that were too many

	BodyPaused bool
	Producer   reactor.Producer
}

// Over tells whether the exchange has ended.
func (c *Channel) Over() bool { return c.Finished || c.Aborted || c.Switched != nil }

// Respond records a whole answer.
func (c *Channel) Respond(status int, fields protocol.Fields, body []byte) {
	if c.Over() || c.HeadSent() {
		return
	}
	c.WriteHead(status, fields, int64(len(body)))
	c.Write(body)
	c.Finish(nil)
}

// WriteHead records the head.
func (c *Channel) WriteHead(status int, fields protocol.Fields, length int64) {
	if c.Over() || c.HeadSent() {
		return
	}
	c.Status, c.Length = status, length
	c.Fields = append(protocol.Fields(nil), fields...)
}

// WriteInformational records the status.
func (c *Channel) WriteInformational(status int, fields protocol.Fields) {
	if !c.Over() && !c.HeadSent() {
		c.Informational = append(c.Informational, status)
	}
}

// Continue records 100.
func (c *Channel) Continue() { c.WriteInformational(100, nil) }

// Write records content.
func (c *Channel) Write(data []byte) {
	if n := c.admit(len(data)); n > 0 {
		c.Body = append(c.Body, data[:n]...)
	}
}

// admit is how much of n bytes is content.
func (c *Channel) admit(n int) int {
	if c.Over() || c.HeadMethod || protocol.NoContent(c.Status) {
		return 0
	}
	room := n
	if !c.HeadSent() {
		room = 0
	} else if c.Length >= 0 {
		room = min(n, int(c.Length)-len(c.Body))
	}
	c.Dropped += n - room
	return room
}

// WriteShared is Write.
func (c *Channel) WriteShared(data []byte) { c.Write(data) }

// SendFile reads the part of f at once, and has done called in the next turn.
func (c *Channel) SendFile(f *os.File, off, n int64, done func(err error)) {
	data := make([]byte, n)
	got, err := io.ReadFull(io.NewSectionReader(f, off, n), data)
	c.Write(data[:got])
	if done != nil {
		c.Loop().CallLater(0, func() { done(err) })
	}
}

// Finish records the end.
func (c *Channel) Finish(trailers protocol.Fields) {
	if !c.Over() {
		c.Finished = true
		c.Trailers = append(protocol.Fields(nil), trailers...)
	}
}

// Abort records the end.
func (c *Channel) Abort(err error) {
	if !c.Over() {
		c.Aborted, c.AbortError = true, err
	}
}

// PauseBody and ResumeBody are recorded in BodyPaused.
func (c *Channel) PauseBody() { c.BodyPaused = true }

// ResumeBody ends the pause.
func (c *Channel) ResumeBody() { c.BodyPaused = false }

// RegisterProducer records p; a second one panics.
func (c *Channel) RegisterProducer(p reactor.Producer) {
	if c.Producer != nil {
		panic("protocoltest: RegisterProducer: there is a producer already")
	}
	c.Producer = p
}

// UnregisterProducer forgets it.
func (c *Channel) UnregisterProducer() { c.Producer = nil }

// Switch records p.
func (c *Channel) Switch(p reactor.Protocol) {
	if !c.Over() {
		c.Switched = p
	}
}

// HeadSent tells whether WriteHead was called.
func (c *Channel) HeadSent() bool { return c.Status != 0 }

// Buffered is Queued.
func (c *Channel) Buffered() int { return c.Queued }

// Peer is PeerAddr.
func (c *Channel) Peer() reactor.Addr { return c.PeerAddr }

// Host is HostAddr.
func (c *Channel) Host() reactor.Addr { return c.HostAddr }

// Loop is ReactorLoop.
func (c *Channel) Loop() reactor.Loop {
	if c.ReactorLoop == nil {
		c.ReactorLoop = reactortest.NewLoop()
	}
	return c.ReactorLoop
}

// TLS is TLSState.
func (c *Channel) TLS() *tls.ConnectionState { return c.TLSState }

var _ protocol.Channel = (*Channel)(nil)
