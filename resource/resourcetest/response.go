package resourcetest

import (
	"bytes"
	"fmt"
	"net/netip"

	"spindle/protocol"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // never written to

// Response is what a client has got so far.
type Response struct {
	Status   int             // 0: nothing yet
	Fields   protocol.Fields // as the resource set them, without Server, Date and framing
	Body     []byte          // what would be on the wire: nothing for HEAD, 204, 304
	Length   int64           // the Content-Length, -1 when it is not known beforehand
	Trailers protocol.Fields
	Hints    []protocol.Fields // the 1xx answers before
	Continue bool              // 100 (Continue) was sent
	Done     bool              // the answer has ended
	Aborted  error             // why it was cut, nil if it was not
}

// Field is the first field of that name, "" when there is none.
func (r *Response) Field(name string) string { return r.Fields.Get(name) }

// String is status line, fields, an empty line and the body: for comparing with what
// a test wants.
func (r *Response) String() string {
	var b bytes.Buffer
	if r.Aborted != nil {
		fmt.Fprintf(&b, "aborted: %v\n", r.Aborted)
	}
	fmt.Fprintf(&b, "%d %s\n", r.Status, protocol.StatusText(r.Status))
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	b.WriteByte('\n')
	b.Write(r.Body)
	return b.String()
}
