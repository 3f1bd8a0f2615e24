package fastcgi

import (
	"spindle/protocol"
	"spindle/protocol/cgi"
)

// NewFactory makes the factory of the answering side: connections on which a web server
// asks server, one request after the other. s may be nil.
func NewFactory(server protocol.Server, s *cgi.Settings) *cgi.Factory {
	return cgi.NewFactory("fastcgi", server, s, func(*cgi.Settings) cgi.Framing { return new(framing) })
}

// framing is one connection.
type framing struct {
	dec    Decoder
	id     uint16 // of the request in hand; 0: none
	keep   bool
	asked  bool   // the variables are complete
	all    bool   // the content is
	pairs  []byte // of Params, or of GetValues
	record []byte // of a BeginRequest, what has come
}

var (
	errTooLong = &protocol.Error{Status: 431, Reason: "the variables are longer than allowed", Close: true}
	errPairs   = &protocol.Error{Status: 400, Reason: "the variables do not fit their lengths", Close: true}
)

// maxValues is how long the names of a GetValues may be.
const maxValues = 4 << 10

// Read reads a piece of a record.
func (f *framing) Read(c *cgi.Conn, data []byte) (n int, err error) {
	n, p, ok, err := f.dec.Read(data)
	if err != nil || !ok {
		return n, err
	}
	switch {
	case p.ID == 0:
		f.manage(c, &p)
	case p.Type == BeginRequest:
		f.begin(c, &p)
	case p.ID != f.id: // of a request that is over, or was refused (§3.3)
	case p.Type == Params && !f.asked:
		f.params(c, &p)
	case p.Type == Stdin && f.asked:
		if f.all = p.Len == 0; f.all {
			c.ContentEnd()
		} else {
			c.Content(p.Data)
		}
	case p.Type == AbortRequest && p.Last:
		f.abort(c)
	}
	return n, nil
}

// abort ends a request that the web server gives up.
func (f *framing) abort(c *cgi.Conn) {
	if f.asked {
		c.Gone()
		return
	}
	c.Send(AppendEnd(nil, f.id, 0, RequestComplete))
	f.forget()
}

// begin takes a BeginRequest. A second request is refused while one is under way, and so
// is another role than that of a responder.
func (f *framing) begin(c *cgi.Conn, p *Piece) {
	if f.record = append(f.record, p.Data...); !p.Last {
		return
	}
	role, keep, ok := ParseBegin(f.record)
	f.record = f.record[:0]
	switch {
	case !ok || f.id != 0:
		c.Send(AppendEnd(nil, p.ID, 0, CantMultiplex))
	case role != Responder:
		c.Send(AppendEnd(nil, p.ID, 0, UnknownRole))
	default:
		f.id, f.keep, f.asked, f.all = p.ID, keep, false, false
		f.pairs = f.pairs[:0]
	}
}

// params gathers the variables.
func (f *framing) params(c *cgi.Conn, p *Piece) {
	if f.pairs = append(f.pairs, p.Data...); len(f.pairs) > c.Settings().MaxVariableBytes {
		f.pairs, f.asked = nil, true
		c.Refuse(errTooLong)
		return
	}
	if p.Len > 0 {
		return
	}
	f.asked = true
	if err := ParsePairs(c.Env(), f.pairs); err != nil {
		c.Refuse(errPairs)
		return
	}
	c.Begin()
}

// manage takes a record about the connection (§4).
func (f *framing) manage(c *cgi.Conn, p *Piece) {
	if p.Type != GetValues {
		if p.Last {
			c.Send(AppendUnknown(nil, p.Type))
		}
		return
	}
	if len(f.record) <= maxValues {
		f.record = append(f.record, p.Data...)
	}
	if p.Last {
		c.Send(AppendRecord(nil, GetValuesResult, 0, values(f.record)))
		f.record = f.record[:0]
	}
}

// values is what is said of the names that are asked for. The numbers are those of the
// processes that such a question is meant for: how many connections there may be is
// limited otherwise.
func values(asked []byte) (pairs []byte) {
	for len(asked) > 0 {
		name, _, rest, err := NextPair(asked)
		if err != nil {
			return pairs
		}
		switch string(name) {
		case "FCGI_MAX_CONNS", "FCGI_MAX_REQS":
			pairs = AppendPair(pairs, name, "1024")
		case "FCGI_MPXS_CONNS":
			pairs = AppendPair(pairs, name, "0")
		}
		asked = rest
	}
	return pairs
}

// forget makes room for the next request.
func (f *framing) forget() { f.id, f.asked = 0, false }

func (*framing) Most() int { return MaxContent &^ 7 }

func (f *framing) AppendBefore(dst []byte, n int) []byte { return AppendHeader(dst, Stdout, f.id, n) }

// AppendEnd ends the stream of the answer, and the request.
func (f *framing) AppendEnd(dst []byte) []byte {
	dst = AppendEnd(AppendHeader(dst, Stdout, f.id, 0), f.id, 0, RequestComplete)
	f.forget()
	return dst
}

func (f *framing) Keeps() bool   { return f.keep }
func (f *framing) Pending() bool { return f.id != 0 && !f.all }
func (*framing) Halves() bool    { return false }
func (*framing) Script() bool    { return false }
func (f *framing) Between() bool { return f.id == 0 && f.dec.Between() }

var _ cgi.Framing = (*framing)(nil)
