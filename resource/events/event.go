package events

import (
	"bytes"
	"encoding/base64"
	"strings"

	"spindle/protocol"
)

// Event is one event.
type Event struct {
	// Name is its type, which a page listens for; "" is "message".
	Name string
	// ID is what a listener that comes again says it had last; "" lets Publish
	// choose one.
	ID string
	// Data is its text; it may have lines.
	Data string
}

func (e *Event) message() *protocol.Message {
	return &protocol.Message{Data: []byte(e.Data), Event: e.Name, ID: e.ID}
}

// formKey is the form of a protocol.Message in an event stream.
type formKey struct{}

// formOf is m as an event. It is made once.
func formOf(m *protocol.Message) []byte {
	form := m.Form(formKey{})
	if form == nil {
		form = appendEvent(nil, m)
		m.SetForm(formKey{}, form)
	}
	return form
}

// appendEvent appends m as an event; data that is not text goes in base64. A name or
// identifier that has a line end, which can not be sent, is left out.
func appendEvent(b []byte, m *protocol.Message) []byte {
	if m.ID != "" && !strings.ContainsAny(m.ID, "\r\n\x00") {
		b = append(append(append(b, "id: "...), m.ID...), '\n')
	}
	if m.Event != "" && !strings.ContainsAny(m.Event, "\r\n") {
		b = append(append(append(b, "event: "...), m.Event...), '\n')
	}
	data := m.Data
	if m.Binary {
		data = base64.StdEncoding.AppendEncode(nil, data)
	}
	for more := true; more; {
		var line []byte
		line, data, more = cutLine(data)
		b = append(append(append(b, "data: "...), line...), '\n')
	}
	return append(b, '\n')
}

// cutLine cuts the first line off data: all three kinds of line ends would end it.
func cutLine(data []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	line, rest = data[:i], data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest, true
}
