package protocoltest

import (
	"regexp"
	"strings"
	"testing"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Client is the far end of a connection in memory, as a transcript: Send what
// the client sends, Want what it must get.
type Client struct {
	T testing.TB
	*reactortest.Transport
	Loop *reactortest.Loop
}

// Dial makes a connection to a protocol of f on l; a nil l is a new loop.
func Dial(t testing.TB, l *reactortest.Loop, f reactor.Factory) *Client {
	if l == nil {
		l = reactortest.NewLoop()
	}
	tr := l.NewTransport()
	tr.Start(f.BuildProtocol(tr.PeerAddr))
	return &Client{T: t, Transport: tr, Loop: l}
}

// Send delivers s.
func (c *Client) Send(s string) { c.DeliverString(s) }

// SendBytes delivers s one byte at a time, each in an event of its own.
func (c *Client) SendBytes(s string) {
	for i := range len(s) {
		c.DeliverString(s[i : i+1])
	}
}

// Want takes what has come and compares it with s. Server and Date, which every
// answer has, are left out of it; see WantExactly.
func (c *Client) Want(s string) {
	c.T.Helper()
	if got := Plain(c.TakeString()); got != s {
		c.T.Errorf("the client got\n%s\nwant\n%s", show(got), show(s))
	}
}

// WantExactly is Want with Server and Date.
func (c *Client) WantExactly(s string) {
	c.T.Helper()
	if got := c.TakeString(); got != s {
		c.T.Errorf("the client got\n%s\nwant\n%s", show(got), show(s))
	}
}

// WantStatus takes what has come and wants its first line to have that status.
func (c *Client) WantStatus(status string) {
	c.T.Helper()
	if got := c.TakeString(); !strings.HasPrefix(got, "HTTP/1.1 "+status+" ") {
		c.T.Errorf("the client got\n%s\nwant status %s", show(got), status)
	}
}

// WantOpen wants the connection to go on, both ways.
func (c *Client) WantOpen() {
	c.T.Helper()
	if c.Disconnecting() || c.WriteClosed() {
		c.T.Error("the connection was closed")
	}
}

// WantClosed wants the connection to have ended cleanly.
func (c *Client) WantClosed() {
	c.T.Helper()
	if reason, lost := c.Lost(); !lost || reason != reactor.ErrDone {
		c.T.Errorf("the connection was not closed: lost %v, reason %v", lost, reason)
	}
}

// WantAborted wants the connection to have been reset.
func (c *Client) WantAborted() {
	c.T.Helper()
	if reason, lost := c.Lost(); !lost || reason != reactor.ErrAborted {
		c.T.Errorf("the connection was not aborted: lost %v, reason %v", lost, reason)
	}
}

// WantLingering wants our half to be closed, and the rest still read.
func (c *Client) WantLingering() {
	c.T.Helper()
	if !c.WriteClosed() || c.Closed() {
		c.T.Errorf("the connection does not linger: our half closed %v, all closed %v", c.WriteClosed(), c.Closed())
	}
}

var serverAndDate = regexp.MustCompile(`(?m)^(Server|Date): .*\r\n`)

// Plain is s without the lines of Server and Date.
func Plain(s string) string { return serverAndDate.ReplaceAllString(s, "") }

// show is s with its line ends visible.
func show(s string) string {
	if s == "" {
		return "  (nothing)"
	}
	s = strings.ReplaceAll(s, "\r\n", "\\r\\n\n")
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ")
}
