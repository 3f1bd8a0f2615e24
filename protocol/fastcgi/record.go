package fastcgi

import "errors"

// This file is the record (FastCGI 1.0 §3.3): how it is written, and how it is read
// whatever way it was cut.

// Type is that of a record.
type Type uint8

// The types of records (§8).
const (
	BeginRequest Type = iota + 1
	AbortRequest
	EndRequest
	Params
	Stdin
	Stdout
	Stderr
	Data
	GetValues
	GetValuesResult
	UnknownType
)

// Role is what an application is asked to be (§6).
type Role uint16

// The roles.
const (
	Responder Role = iota + 1
	Authorizer
	Filter
)

// Status is the protocolStatus of an EndRequest (§5.5).
type Status uint8

// The statuses.
const (
	RequestComplete Status = iota
	CantMultiplex          // another request is under way on the connection
	Overloaded
	UnknownRole
)

// String says what the status means.
func (s Status) String() string {
	switch s {
	case RequestComplete:
		return "request complete"
	case CantMultiplex:
		return "the application takes one request at a time on a connection"
	case Overloaded:
		return "the application is overloaded"
	case UnknownRole:
		return "the application does not know the role"
	}
	return "unknown status"
}

const (
	// HeaderLen is the number of bytes before the content of a record.
	HeaderLen = 8
	// MaxContent is how much content one record may have.
	MaxContent = 65535
	// KeepConn is the flag of a BeginRequest that asks to keep the connection.
	KeepConn = 1

	version = 1
	bodyLen = 8 // of BeginRequest, EndRequest and UnknownType
)

// ErrVersion is about a record that is none: its first byte is not 1.
var ErrVersion = errors.New("fastcgi: a record of another version, or no record at all")

// AppendHeader appends the header of a record with n bytes of content, at most
// MaxContent, and no padding.
func AppendHeader(dst []byte, t Type, id uint16, n int) []byte {
	return append(dst, version, byte(t), byte(id>>8), byte(id), byte(n>>8), byte(n), 0, 0)
}

// AppendRecord appends records of type t with content, as many as it takes; one that
// is empty when content is.
func AppendRecord(dst []byte, t Type, id uint16, content []byte) []byte {
	for len(content) > MaxContent {
		dst = append(AppendHeader(dst, t, id, MaxContent), content[:MaxContent]...)
		content = content[MaxContent:]
	}
	return append(AppendHeader(dst, t, id, len(content)), content...)
}

// AppendBegin appends a BeginRequest (§5.1).
func AppendBegin(dst []byte, id uint16, role Role, keep bool) []byte {
	dst = AppendHeader(dst, BeginRequest, id, bodyLen)
	flags := byte(0)
	if keep {
		flags = KeepConn
	}
	return append(dst, byte(role>>8), byte(role), flags, 0, 0, 0, 0, 0)
}

// AppendEnd appends an EndRequest (§5.5).
func AppendEnd(dst []byte, id uint16, appStatus uint32, s Status) []byte {
	dst = AppendHeader(dst, EndRequest, id, bodyLen)
	return append(dst, byte(appStatus>>24), byte(appStatus>>16), byte(appStatus>>8), byte(appStatus), byte(s), 0, 0, 0)
}

// AppendUnknown appends an UnknownType about t (§4.2).
func AppendUnknown(dst []byte, t Type) []byte {
	dst = AppendHeader(dst, UnknownType, 0, bodyLen)
	return append(dst, byte(t), 0, 0, 0, 0, 0, 0, 0)
}

// ParseBegin reads the content of a BeginRequest; ok is false when it is too short.
func ParseBegin(content []byte) (role Role, keep, ok bool) {
	if len(content) < bodyLen {
		return 0, false, false
	}
	return Role(content[0])<<8 | Role(content[1]), content[2]&KeepConn != 0, true
}

// ParseEnd reads the content of an EndRequest; ok is false when it is too short.
func ParseEnd(content []byte) (appStatus uint32, s Status, ok bool) {
	if len(content) < bodyLen {
		return 0, 0, false
	}
	return uint32(content[0])<<24 | uint32(content[1])<<16 | uint32(content[2])<<8 | uint32(content[3]), Status(content[4]), true
}

// Piece is a part of the content of a record, or all of it.
type Piece struct {
	Type Type
	ID   uint16
	Data []byte // a part of what was read; nil for a record without content
	Last bool   // the content of the record is complete
	Len  int    // of the content of the whole record
}

// Decoder reads records. Their content comes as it is there, so a record is never
// gathered. The zero value is ready.
type Decoder struct {
	head    [HeaderLen]byte
	have    int // bytes of head that have come
	content int // bytes of content to come
	padding int // and of padding
}

// Read takes n bytes, at least one, from the front of data, which is not empty. ok
// tells that they brought a piece. After an error nothing can be read any more.
func (d *Decoder) Read(data []byte) (n int, p Piece, ok bool, err error) {
	switch {
	case d.have < HeaderLen:
		return d.readHead(data)
	case d.content > 0:
		n = min(len(data), d.content)
		d.content -= n
		p = d.piece(data[:n:n])
		d.next()
		return n, p, true, nil
	}
	n = min(len(data), d.padding)
	d.padding -= n
	d.next()
	return n, Piece{}, false, nil
}

func (d *Decoder) readHead(data []byte) (n int, p Piece, ok bool, err error) {
	n = copy(d.head[d.have:], data)
	d.have += n
	if d.head[0] != version {
		return n, Piece{}, false, ErrVersion
	}
	if d.have < HeaderLen {
		return n, Piece{}, false, nil
	}
	d.content = int(d.head[4])<<8 | int(d.head[5])
	d.padding = int(d.head[6])
	if ok = d.content == 0; ok {
		p = d.piece(nil)
	}
	d.next()
	return n, p, ok, nil
}

func (d *Decoder) piece(data []byte) Piece {
	return Piece{
		Type: Type(d.head[1]), ID: uint16(d.head[2])<<8 | uint16(d.head[3]),
		Data: data, Last: d.content == 0, Len: int(d.head[4])<<8 | int(d.head[5]),
	}
}

// next goes on to the next record when this one is over.
func (d *Decoder) next() {
	if d.content == 0 && d.padding == 0 {
		d.have = 0
	}
}

// Between tells whether no record is under way.
func (d *Decoder) Between() bool { return d.have == 0 }
