package resource

import "bytes"

// This file answers an authority that comes by HTTP to see that a host name is ours.

// challengePath is where it comes to (RFC 8555 §8.3).
var challengePath = []byte("/.well-known/acme-challenge/")

// HTTP01 is the root of a port 80 of which an authority that speaks ACME may come to ask
// (HTTP-01). All other requests go on to Inner. It looks at the path from its root, and
// so it must not be a child.
type HTTP01 struct {
	Leaf
	// Answer is what is answered for a token; not ok is 404. What acme.Answer gives
	// back is such a function.
	Answer func(token string) (answer string, ok bool)
	// Inner answers all else, a SecureRedirect for instance; nil for nothing.
	Inner Resource
}

// Pass goes on with Inner, unless it is an authority that asks.
func (h *HTTP01) Pass(r *Request) (Resource, error) {
	token, ok := bytes.CutPrefix(r.PathBytes(), challengePath)
	if !ok {
		return h.Inner, nil
	}
	answer, ok := h.Answer(string(token))
	if !ok {
		return nil, ErrNotFound
	}
	return NewData([]byte(answer), "application/octet-stream"), nil
}

var _ Passer = (*HTTP01)(nil)
