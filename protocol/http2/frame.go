package http2

import "encoding/binary"

// This file is the layout of frames (RFC 9113 §4.1, §6). What they mean is in
// conn.go, headers.go, content.go and control.go.

// preface is what a client sends first (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	headerLen    = 9        // of a frame
	maxFrame     = 16 << 10 // the largest payload we take, and that a client takes unless it says otherwise
	maxRecord    = 16 << 10 // the largest plaintext of a record of TLS (RFC 8446 §5.1)
	maxWindow    = 1<<31 - 1
	firstWindow  = 1<<16 - 1 // of a connection, and of a stream until SETTINGS say otherwise
	reservedBit  = 1 << 31
	maxStreamID  = 1<<31 - 1
	settingLen   = 6
	pingLen      = 8
	priorityLen  = 5
	windowLen    = 4
	resetLen     = 4
	firstDynamic = 62 // index of the first entry of the dynamic table (RFC 7541 §2.3.3)
)

// frameType is the type of a frame.
type frameType uint8

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameReset          frameType = 0x3
	frameSettings       frameType = 0x4
	framePush           frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindow         frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10 // RFC 9218 §7
)

// The flags of a frame. Their meaning depends on its type.
const (
	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// The parameters of SETTINGS (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
const (
	settingTableSize     = 0x1
	settingEnablePush    = 0x2
	settingMaxStreams    = 0x3
	settingInitialWindow = 0x4
	settingMaxFrame      = 0x5
	settingMaxListSize   = 0x6
	settingConnect       = 0x8
	settingNoPriorities  = 0x9
)

// frame is the header of one.
type frame struct {
	length int
	kind   frameType
	flags  uint8
	id     uint32
}

func (f frame) has(flag uint8) bool { return f.flags&flag != 0 }

// parseFrame reads a header off b, which has at least headerLen bytes.
func parseFrame(b []byte) frame {
	_ = b[8]
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		id:     binary.BigEndian.Uint32(b[5:]) &^ reservedBit,
	}
}

// appendFrame appends the header of a frame.
func appendFrame(b []byte, length int, kind frameType, flags uint8, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags,
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// putLength writes the length of a frame into its header.
func putLength(header []byte, length int) {
	header[0], header[1], header[2] = byte(length>>16), byte(length>>8), byte(length)
}

func appendReset(b []byte, id uint32, code errCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, resetLen, frameReset, 0, id), uint32(code))
}

func appendWindow(b []byte, id uint32, n int) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, windowLen, frameWindow, 0, id), uint32(n))
}

func appendGoAway(b []byte, last uint32, code errCode, debug string) []byte {
	b = appendFrame(b, 8+len(debug), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

func appendSetting(b []byte, id uint16, value int) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), uint32(value))
}

// unpad takes the padding off the payload of a HEADERS frame (RFC 9113 §6.2).
func unpad(f frame, payload []byte) ([]byte, *connError) {
	if !f.has(flagPadded) {
		return payload, nil
	}
	if len(payload) == 0 {
		return nil, errFrameSize
	}
	pad := int(payload[0])
	if pad > len(payload)-1 {
		return nil, errPadding
	}
	return payload[1 : len(payload)-pad], nil
}
