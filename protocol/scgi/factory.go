package scgi

import (
	"errors"

	"spindle/protocol"
	"spindle/protocol/cgi"
)

// NewFactory makes the factory of the answering side: each connection brings one request
// to server. s may be nil.
func NewFactory(server protocol.Server, s *cgi.Settings) *cgi.Factory {
	return cgi.NewFactory("scgi", server, s, func(s *cgi.Settings) cgi.Framing {
		return &framing{head: HeadReader{Max: s.MaxVariableBytes}}
	})
}

// framing is one connection.
type framing struct {
	head HeadReader
	done bool // the variables have come
}

var errTooLong = &protocol.Error{Status: 431, Reason: "the variables are longer than allowed", Close: true}

// Read takes the netstring, and then content as long as there is some.
func (f *framing) Read(c *cgi.Conn, data []byte) (n int, err error) {
	if f.done {
		c.Content(data)
		return len(data), nil
	}
	n, done, err := f.head.Read(data, c.Env())
	switch {
	case errors.Is(err, ErrTooLong):
		f.done = true
		c.Refuse(errTooLong)
		return len(data), nil
	case err != nil:
		return n, err
	case done:
		f.done = true
		c.Begin()
	}
	return n, nil
}

func (*framing) Most() int                             { return 1 << 30 }
func (*framing) AppendBefore(dst []byte, _ int) []byte { return dst }
func (*framing) AppendEnd(dst []byte) []byte           { return dst }
func (*framing) Keeps() bool                           { return false }
func (*framing) Halves() bool                          { return true }
func (*framing) Script() bool                          { return false }
func (*framing) Between() bool                         { return false }
func (*framing) Pending() bool                         { return false }

var _ cgi.Framing = (*framing)(nil)
