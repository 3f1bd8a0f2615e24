package protocol

// Seen is a message, or a control frame, that somebody has seen go by on a connection
// between two others.
type Seen struct {
	What       string // one of the constants
	Data       []byte // the first of it; valid until return. That of a close is its reason
	Size       int64  // bytes of all of it, inflated; when that is not known, as it passed
	Wire       int64  // bytes of its payload as it passed
	Frames     int
	Compressed bool
	Code       uint16 // of a close; see websocket.Code
	Note       string // what is odd about it, or why it can not be read
}

// What may be seen.
const (
	SeenText   = "text"
	SeenBinary = "binary"
	SeenPing   = "ping"
	SeenPong   = "pong"
	SeenClose  = "close"
	SeenOther  = "other" // an opcode that means nothing (yet)
)

// Decoder follows one direction of such a connection. Loop only.
type Decoder interface {
	// Follow takes the next bytes, which it does not change or keep.
	Follow(p []byte)
	// Between tells whether a message may begin here: nothing has come in part.
	Between() bool
	// Broken is why nothing more is understood, "" while all is.
	Broken() string
}
