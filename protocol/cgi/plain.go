package cgi

import (
	"spindle/protocol"
	"spindle/reactor"
)

// plain is the Framing of CGI itself: the variables are there beforehand, and what comes
// is content.
type plain struct{ env []string }

// NewPlainFactory makes the factory for the one request that env ("name=value" each)
// describes: that of a process that a web server has started. The connection that it
// builds has the content as what comes, and the answer as what is written.
func NewPlainFactory(server protocol.Server, s *Settings, env []string) *Factory {
	return NewFactory("cgi", server, s, func(*Settings) Framing { return &plain{env: env} })
}

// Start begins with the request. To be called once, on the loop, when the connection is
// made.
func (c *Conn) Start() {
	p, ok := c.framing.(*plain)
	if !ok || p.env == nil {
		return
	}
	for _, v := range p.env {
		for i := 0; i < len(v); i++ {
			if v[i] == '=' {
				c.env.Add(v[:i], v[i+1:])
				break
			}
		}
	}
	c.env.bad = "" // what else is in the environment is not the client's
	p.env = nil
	c.Begin()
	c.settle()
}

func (p *plain) Read(c *Conn, data []byte) (n int, err error) {
	c.Content(data)
	return len(data), nil
}

func (*plain) Most() int                             { return 1 << 30 }
func (*plain) AppendBefore(dst []byte, _ int) []byte { return dst }
func (*plain) AppendEnd(dst []byte) []byte           { return dst }
func (*plain) Keeps() bool                           { return false }
func (*plain) Halves() bool                          { return true }
func (*plain) Script() bool                          { return true }
func (*plain) Between() bool                         { return false }
func (*plain) Pending() bool                         { return false }

var (
	_ Framing          = (*plain)(nil)
	_ reactor.Protocol = (*Conn)(nil)
)
