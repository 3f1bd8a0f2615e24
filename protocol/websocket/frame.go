package websocket

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// This file is frames as bytes: pure functions without a connection.

const (
	bitFin     = 0x80
	bitMask    = 0x80
	rsv1       = 4 // in ws.Header.Rsv: the message is compressed (RFC 7692 §6)
	maxControl = ws.MaxControlFramePayloadSize
	maxReason  = maxControl - 2
	maxHead    = ws.MaxHeaderSize
)

// failure is why a connection can not go on: what its close frame says.
type failure struct {
	code   Code
	reason string
}

func (f *failure) Error() string { return "websocket: " + f.code.String() + " " + f.reason }

// The failures of a peer.
var (
	errLengthForm   = &failure{CodeProtocolError, "a length is not in its shortest form"}
	errLengthSign   = &failure{CodeProtocolError, "the highest bit of a length is set"}
	errRsv          = &failure{CodeProtocolError, "a reserved bit is set"}
	errFrameTooBig  = &failure{CodeMessageTooBig, "a frame is too big"}
	errTooBig       = &failure{CodeMessageTooBig, "a message is too big"}
	errTooMuch      = &failure{CodeTryAgainLater, "too much is being received at the moment"}
	errNotUTF8      = &failure{CodeInvalidPayload, "a text is not UTF-8"}
	errNotDeflate   = &failure{CodeInvalidPayload, "a message can not be inflated"}
	errCloseCode    = &failure{CodeProtocolError, "a close code that may not be sent"}
	errClosePayload = &failure{CodeProtocolError, "a close frame with one byte"}
	errCloseReason  = &failure{CodeInvalidPayload, "the reason of a close is not UTF-8"}
)

// parseHead reads the head of a frame. n is its size, 0 when b ends before it does.
// RFC 6455 §5.2.
func parseHead(b []byte) (h ws.Header, n int, err *failure) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin = b[0]&bitFin != 0
	h.Rsv = b[0] >> 4 & 7
	h.OpCode = ws.OpCode(b[0] & 15)
	h.Masked = b[1]&bitMask != 0
	size := b[1] &^ bitMask
	if n = headSize(size, h.Masked); len(b) < n {
		return h, 0, nil
	}
	switch size {
	default:
		h.Length = int64(size)
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.Length < 126 {
			err = errLengthForm
		}
	case 127:
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
		if h.Length < 0 {
			err = errLengthSign
		} else if h.Length < 1<<16 {
			err = errLengthForm
		}
	}
	if h.Masked {
		h.Mask = [4]byte(b[n-4 : n])
	}
	return h, n, err
}

// headSize is the size of a head whose second byte says this length.
func headSize(size byte, masked bool) int {
	n := 2
	switch size {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if masked {
		n += 4
	}
	return n
}

// checkHead is what is wrong with the head of a client's frame, nil when it may come
// now. state says what may.
func checkHead(h *ws.Header, state ws.State, deflate bool) *failure {
	if h.Rsv != 0 && !(deflate && h.Rsv == rsv1 && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary)) {
		return errRsv
	}
	// With the bits judged, the extension has nothing to say any more.
	if err := ws.CheckHeader(*h, state|ws.StateServerSide|ws.StateExtended); err != nil {
		return &failure{CodeProtocolError, err.Error()}
	}
	return nil
}

// appendHead appends the head of a frame that this side sends, whole and not masked.
func appendHead(b []byte, op ws.OpCode, compressed bool, length int) []byte {
	first := bitFin | byte(op)
	if compressed {
		first |= rsv1 << 4
	}
	switch {
	case length < 126:
		return append(b, first, byte(length))
	case length < 1<<16:
		return append(b, first, 126, byte(length>>8), byte(length))
	}
	return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(length))
}

// appendUnmasked appends the payload of a client. offset is how much of it came before.
func appendUnmasked(b, payload []byte, mask [4]byte, offset int64) []byte {
	n := len(b)
	b = append(b, payload...)
	ws.Cipher(b[n:], mask, int(offset&3))
	return b
}

// checkUTF8 tells whether text, which may go on, is UTF-8 up to here. n is how much of
// it is done: all but the beginning of a last character.
func checkUTF8(text []byte) (n int, ok bool) {
	if utf8.Valid(text) {
		return len(text), true
	}
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if tail := text[len(text)-i:]; utf8.RuneStart(tail[0]) {
			n = len(text) - i
			return n, !utf8.FullRune(tail) && utf8.Valid(text[:n])
		}
	}
	return 0, false
}

// parseClose reads the payload of a close frame. RFC 6455 §5.5.1, §7.1.5.
func parseClose(payload []byte) (code Code, reason string, err *failure) {
	switch len(payload) {
	case 0:
		return CodeNone, "", nil
	case 1:
		return 0, "", errClosePayload
	}
	code = Code(binary.BigEndian.Uint16(payload))
	if !code.CanSend() {
		return 0, "", errCloseCode
	}
	if !utf8.Valid(payload[2:]) {
		return 0, "", errCloseReason
	}
	return code, string(payload[2:]), nil
}

// appendClose appends a close frame. CodeNone makes one without a code.
func appendClose(b []byte, code Code, reason string) []byte {
	if code == CodeNone {
		return appendHead(b, ws.OpClose, false, 0)
	}
	reason = cutReason(reason)
	b = appendHead(b, ws.OpClose, false, 2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, reason...)
}

// cutReason is what of a reason fits a close frame, in whole characters.
func cutReason(reason string) string {
	if !utf8.ValidString(reason) {
		return ""
	}
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
