package wsgi

import (
	"bytes"
	"fmt"
	"strconv"

	"spindle/protocol"
)

// This file sets status and fields of an answer as an application gives them.

// setHead sets what the payload of a head says. length is what its Content-Length
// promises, -1 without.
func (x *exchange) setHead(payload []byte) (length int64, err error) {
	status, rest, more := bytes.Cut(payload, nul)
	code, err := statusCode(status)
	if err != nil {
		return -1, err
	}
	x.r.SetStatus(code)
	length = -1
	if o := x.r.Origin(); o != nil {
		o.OriginHead(originHead(code, rest))
	}
	for more {
		var name, value []byte
		if name, rest, more = bytes.Cut(rest, nul); !more {
			return -1, fmt.Errorf("wsgi: a field without a value: %s", protocol.Quote(string(name)))
		}
		value, rest, more = bytes.Cut(rest, nul)
		value = protocol.TrimBlank(value)
		switch {
		case protocol.EqualFold(name, "Content-Length"):
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil {
				return -1, fmt.Errorf("wsgi: Content-Length %s is not a number of bytes", protocol.Quote(string(value)))
			}
			length = int64(n)
		case !isHopByHop(name):
			x.r.AddField(string(name), string(value)) // what can not be sent makes it a 500
		}
	}
	return length, nil
}

// originHead is a head as the application gave it, for who looks at it.
func originHead(code int, rest []byte) *protocol.ResponseHead {
	h := &protocol.ResponseHead{Status: code, ContentLength: -1}
	for parts := bytes.Split(rest, nul); len(parts) > 1; parts = parts[2:] {
		h.Fields = append(h.Fields, protocol.RawField{Name: parts[0], Value: protocol.TrimBlank(parts[1])})
	}
	return h
}

var nul = []byte{0}

// statusCode is the number that a status begins with.
func statusCode(status []byte) (int, error) {
	if len(status) >= 3 && (len(status) == 3 || status[3] == ' ') {
		if code, err := strconv.Atoi(string(status[:3])); err == nil && code >= 200 && code <= 599 {
			return code, nil
		}
	}
	return 0, fmt.Errorf("wsgi: %s is not the status of an answer", protocol.Quote(string(status)))
}

// isHopByHop tells whether a field is about a connection, which is not the
// application's affair (PEP 3333, "Other HTTP Features"). Keep-Alive and the like would
// be ignored anyhow; an Upgrade would not.
func isHopByHop(name []byte) bool {
	for _, own := range [...]string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Proxy-Connection", "TE", "Trailer", "Trailers", "Transfer-Encoding", "Upgrade"} {
		if len(name) == len(own) && protocol.EqualFold(name, own) {
			return true
		}
	}
	return false
}
