package protocol

// Version is the protocol of a request.
type Version uint8

// The versions.
const (
	HTTP10 Version = 10
	HTTP11 Version = 11
	HTTP2  Version = 20
)

// TargetForm is the form of a request target (RFC 9112 §3.2).
type TargetForm uint8

// The four forms.
const (
	OriginForm TargetForm = iota
	AbsoluteForm
	AuthorityForm
	AsteriskForm
)

// RawField is one field of a received head, as it stands in the read buffer.
type RawField struct {
	Name, Value []byte
}

// Head is a received head, checked. Its bytes belong to the read buffer: see
// Receiver.HeadReceived.
type Head struct {
	Method         string // known ones are constants, others copied; case kept
	Target         []byte // as received
	Form           TargetForm
	Scheme         []byte // of an absolute target or HTTP/2's :scheme; nil otherwise
	Authority      []byte // of the target if it has one, else the Host field; may be empty
	Path           []byte // still percent-encoded; "*" for asterisk-form; empty for authority-form
	Query          []byte // what follows "?", nil when there is no "?"
	Version        Version
	Fields         []RawField
	ContentLength  int64 // 0: no content; -1: not known beforehand (chunked)
	ExpectContinue bool  // the client waits for 100 (Continue)
	KeepAlive      bool  // the client wants the connection to last
	Upgrade        bool  // Connection lists "upgrade" and Upgrade is there
}

// Field is the first field of that name (case-blind), nil when there is none.
func (h *Head) Field(name string) []byte { panic("to be built") }

// Clone copies the head and all its bytes, in a constant number of allocations.
func (h *Head) Clone() *Head { panic("to be built") }
