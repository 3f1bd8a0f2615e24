package dap

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// message is one message of the protocol: a request, a response or an event.
type message struct {
	Seq        int             `json:"seq"`
	Type       string          `json:"type"`
	RequestSeq int             `json:"request_seq,omitempty"`
	Success    *bool           `json:"success,omitempty"`
	Command    string          `json:"command,omitempty"`
	Message    string          `json:"message,omitempty"`
	Event      string          `json:"event,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
}

// ok tells whether a response says that it was done.
func (m *message) ok() bool { return m.Success != nil && *m.Success }

// encode is the message as it is sent.
func (m *message) encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		return nil // its raw parts have been decoded, or are ours
	}
	return append([]byte("Content-Length: "+strconv.Itoa(len(text))+"\r\n\r\n"), text...)
}

// Bounds of what is taken.
const (
	mostHead    = 4 << 10
	mostContent = 64 << 20
)

var (
	errHead    = errors.New("dap: a head that is none")
	errTooLong = errors.New("dap: a message that is too long")
)

// decoder makes messages of bytes, however they come in pieces.
type decoder struct{ rest []byte }

// add gives each message that is whole to f. An error ends the connection: what follows can
// not be found.
func (d *decoder) add(data []byte, f func(message)) error {
	d.rest = append(d.rest, data...)
	for {
		head, content, whole := bytes.Cut(d.rest, []byte("\r\n\r\n"))
		if !whole {
			head = d.rest
		}
		if len(head) > mostHead {
			return errHead
		}
		if !whole {
			return nil
		}
		n, err := contentLength(string(head))
		if err != nil || len(content) < n {
			return err
		}
		var m message
		if err := json.Unmarshal(content[:n], &m); err != nil {
			return err
		}
		d.rest = append([]byte(nil), content[n:]...)
		f(m)
	}
}

// contentLength reads a head.
func contentLength(head string) (int, error) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			switch {
			case err != nil:
				return 0, errHead
			case n > mostContent:
				return 0, errTooLong
			}
			return int(n), nil
		}
	}
	return 0, errHead
}
