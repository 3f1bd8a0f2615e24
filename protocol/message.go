package protocol

// Message is one thing that is told to many. Each form in which it is sent (a frame of
// WebSocket, a compressed one, an event of a stream) is made once, by the first
// receiver that needs it, and shared by all. It belongs to one loop and is not
// changed once it was sent. Loop only.
type Message struct {
	// Data is what is told. It is not copied, and not changed any more.
	Data []byte
	// Binary tells that Data is not text in UTF-8.
	Binary bool
	// Event and ID are the name and the identifier of an event of a stream; other
	// receivers do not see them. Both may be empty.
	Event, ID string

	forms []messageForm
}

type messageForm struct {
	key  any
	data []byte
}

// Text is a message of text.
func Text(s string) *Message { return &Message{Data: []byte(s)} }

// Form is what SetForm has kept for key, nil when it was not made yet.
func (m *Message) Form(key any) []byte {
	for i := range m.forms {
		if m.forms[i].key == key {
			return m.forms[i].data
		}
	}
	return nil
}

// SetForm keeps the form of that key. A key is a value of a type of the package that
// knows the form, as with a context.Context; data is not changed any more.
func (m *Message) SetForm(key any, data []byte) {
	m.forms = append(m.forms, messageForm{key, data})
}
