package websocket

import (
	"strconv"

	"github.com/gobwas/ws"
)

// Kind is what a message holds.
type Kind uint8

// The kinds of messages. They are the opcodes of RFC 6455 §5.2.
const (
	Text   = Kind(ws.OpText)
	Binary = Kind(ws.OpBinary)
)

// String is "text" or "binary".
func (k Kind) String() string {
	if k == Text {
		return "text"
	}
	return "binary"
}

// Code says why a connection is closed (RFC 6455 §7.4).
type Code uint16

// The codes of RFC 6455 §7.4.1, and those that were registered with IANA later.
const (
	CodeNormal           Code = 1000
	CodeGoingAway        Code = 1001 // the server stops, the page is left
	CodeProtocolError    Code = 1002
	CodeUnsupportedData  Code = 1003 // this kind of message is not taken
	CodeNone             Code = 1005 // is never sent: the close frame had no code
	CodeAbnormal         Code = 1006 // is never sent: the connection ended without a close frame
	CodeInvalidPayload   Code = 1007 // text that is not UTF-8, data that can not be inflated
	CodePolicyViolation  Code = 1008
	CodeMessageTooBig    Code = 1009
	CodeMissingExtension Code = 1010
	CodeInternalError    Code = 1011
	CodeServiceRestart   Code = 1012
	CodeTryAgainLater    Code = 1013
	CodeBadGateway       Code = 1014
)

// String is the number.
func (c Code) String() string { return strconv.Itoa(int(c)) }

// CanSend tells whether c may stand in a close frame: those that are defined and not
// reserved, and 3000 to 4999, which are free for libraries and applications.
func (c Code) CanSend() bool {
	switch {
	case c >= 3000 && c <= 4999:
		return true
	case c < CodeNormal || c > CodeBadGateway:
		return false
	}
	return c != 1004 && c != CodeNone && c != CodeAbnormal
}
