package websocket

import (
	"encoding/binary"
	"io"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/klauspost/compress/flate"

	"spindle/protocol"
)

// This file takes apart what passes between two others: it judges nothing and answers
// nothing, and what it can not follow it leaves alone.

// What a Decoder keeps by default, in bytes.
const (
	defaultKept      = 64 << 10
	defaultCollected = 1 << 20
	defaultInflated  = 4 << 20
	fullWindow       = 1 << maxBits
)

// Decoders makes the Decoders of one loop, which share what inflates. The fields are set
// before the first is made. Loop only.
type Decoders struct {
	MaxKept      int // bytes of a message that protocol.Seen.Data has at most; 64 KiB
	MaxCollected int // bytes of a compressed message; a longer one is not inflated; 1 MiB
	MaxInflated  int // bytes that a message may have when it is inflated; 4 MiB

	coder   *inflater
	scratch []byte
}

// Decoder follows one direction of a connection.
type Decoder struct {
	own      *Decoders
	tell     func(*protocol.Seen)
	deflate  bool
	takeover bool

	head    [maxHead]byte
	headLen int
	frame   ws.Header
	inFrame bool
	got     int64 // of the payload of frame

	partial bool // a message is under way
	message protocol.Seen
	data    []byte // of the message
	control []byte // of a control frame
	window  []byte // what the next compressed message may refer to
	lost    string // why compressed messages can not be read any more
	broken  string
}

// New makes a Decoder. It tells of each message and control frame when its last byte has
// come. extensions is the Sec-WebSocket-Extensions of the answer; client tells that it
// follows what the client sends.
func (d *Decoders) New(extensions []byte, client bool, tell func(*protocol.Seen)) protocol.Decoder {
	c := &Decoder{own: d, tell: tell}
	list, _ := httphead.ParseOptions(extensions, nil)
	for i := range list {
		var p wsflate.Parameters
		if string(list[i].Name) != wsflate.ExtensionName || p.Parse(list[i]) != nil {
			continue
		}
		c.deflate = true
		c.takeover = !p.ServerNoContextTakeover && !client || !p.ClientNoContextTakeover && client
	}
	return c
}

func orDefault(n, d int) int {
	if n <= 0 {
		return d
	}
	return n
}

// Broken is why nothing more is understood, "" while all is.
func (c *Decoder) Broken() string { return c.broken }

// Between tells whether a message may begin here: nothing has come in part.
func (c *Decoder) Between() bool {
	return c.broken == "" && c.headLen == 0 && !c.inFrame && !c.partial
}

// Held is how many bytes it keeps between two calls.
func (c *Decoder) Held() int { return len(c.data) + len(c.control) + len(c.window) }

// Follow takes the next bytes, which it does not change or keep.
func (c *Decoder) Follow(p []byte) {
	for len(p) > 0 && c.broken == "" {
		if c.inFrame {
			p = c.payload(p)
		} else {
			p = c.begin(p)
		}
	}
}

// begin takes the head of a frame, or a part of it.
func (c *Decoder) begin(p []byte) (rest []byte) {
	had := c.headLen
	c.headLen += copy(c.head[had:], p)
	h, n, err := parseHead(c.head[:c.headLen])
	switch {
	case err == errLengthSign:
		c.broken = "what passes is no frame: " + err.reason
		return nil
	case n == 0:
		return nil
	}
	c.headLen = 0
	c.frame, c.inFrame, c.got = h, true, 0
	if !h.OpCode.IsControl() {
		c.beginPart(&h)
	}
	if h.Length == 0 {
		c.end()
	}
	return p[n-had:]
}

// beginPart begins a frame of a message.
func (c *Decoder) beginPart(h *ws.Header) {
	first := h.OpCode != ws.OpContinuation
	if first || !c.partial {
		c.message = protocol.Seen{What: whatOf(h.OpCode), Compressed: h.Rsv&rsv1 != 0 && c.deflate}
		c.data = c.data[:0]
		switch {
		case !first:
			c.message.Note = "it continues nothing"
		case c.partial:
			c.message.Note = "the message before it was not ended"
		case h.Rsv != 0 && !c.message.Compressed:
			c.message.Note = "a reserved bit is set"
		}
	}
	c.partial = true
	c.message.Frames++
	c.message.Wire += h.Length
}

func whatOf(op ws.OpCode) string {
	switch op {
	case ws.OpText:
		return protocol.SeenText
	case ws.OpBinary, ws.OpContinuation:
		return protocol.SeenBinary
	case ws.OpPing:
		return protocol.SeenPing
	case ws.OpPong:
		return protocol.SeenPong
	case ws.OpClose:
		return protocol.SeenClose
	}
	return protocol.SeenOther
}

// payload takes what has come of the payload of the frame.
func (c *Decoder) payload(p []byte) (rest []byte) {
	n := int(min(c.frame.Length-c.got, int64(len(p))))
	to, most := &c.data, orDefault(c.own.MaxKept, defaultKept)
	switch {
	case c.frame.OpCode.IsControl():
		to, most = &c.control, maxControl
	case c.message.Compressed:
		most = orDefault(c.own.MaxCollected, defaultCollected)
	}
	if room := min(n, most-len(*to)); room > 0 {
		*to = appendUnmasked(*to, p[:room], c.frame.Mask, c.got)
	}
	if c.got += int64(n); c.got == c.frame.Length {
		c.end()
	}
	return p[n:]
}

// end ends a frame.
func (c *Decoder) end() {
	c.inFrame = false
	switch {
	case c.frame.OpCode.IsControl():
		c.controlSeen()
	case c.frame.Fin:
		c.partial = false
		c.messageSeen()
	}
}

// controlSeen tells of a control frame.
func (c *Decoder) controlSeen() {
	s := protocol.Seen{What: whatOf(c.frame.OpCode), Data: c.control, Size: c.frame.Length, Wire: c.frame.Length, Frames: 1}
	if s.What == protocol.SeenClose {
		s.Code = uint16(CodeNone)
		if len(s.Data) >= 2 {
			s.Code, s.Data = binary.BigEndian.Uint16(s.Data), s.Data[2:]
		}
	}
	if c.frame.Length > maxControl || !c.frame.Fin {
		s.Note = "longer than a control frame may be, or in parts"
	}
	c.control = c.control[:0]
	c.tell(&s)
}

// messageSeen tells of a message.
func (c *Decoder) messageSeen() {
	s := &c.message
	s.Data, s.Size = c.data, s.Wire
	if s.Compressed {
		s.Data = nil
		if note := c.inflate(s); note != "" {
			s.Data, s.Note = nil, note
		}
	}
	c.tell(s)
	s.Data = nil
	if cap(c.data) > maxSpare {
		c.data = nil
	}
}

// Why a compressed message can not be read.
const (
	tooLongToInflate = "compressed, and too long to be inflated here"
	notInflated      = "it can not be inflated"
	afterUnread      = "compressed with the context of a message that was not inflated"
)

// inflate reads the message, and gives why it can not be read.
func (c *Decoder) inflate(s *protocol.Seen) (note string) {
	switch {
	case c.lost != "":
		return c.lost
	case int64(len(c.data)) < s.Wire:
		note = tooLongToInflate
	default:
		note = c.own.inflate(c, s)
	}
	if !c.takeover {
		c.window = nil
	} else if note != "" {
		c.lost, c.window = afterUnread, nil
	}
	return note
}

// inflate does it. Of what comes out the first is kept, and the last as the window of
// the next message.
func (d *Decoders) inflate(c *Decoder, s *protocol.Seen) (note string) {
	if d.coder == nil {
		d.coder = new(inflater)
		d.coder.flate = flate.NewReader(&d.coder.src)
		d.scratch = make([]byte, 16<<10+orDefault(d.MaxKept, defaultKept))
	}
	i := d.coder
	c.data = append(c.data, inflateTail...)
	i.src.Reset(c.data)
	if i.flate.(flate.Resetter).Reset(&i.src, c.window) != nil {
		return notInflated
	}
	kept, room := d.scratch[16<<10:16<<10], d.scratch[:16<<10]
	s.Size = 0
	for {
		n, err := i.flate.Read(room)
		s.Size += int64(n)
		if c.takeover {
			c.window = slide(c.window, room[:n], maxBits)
		}
		kept = append(kept, room[:min(n, cap(kept)-len(kept))]...)
		switch {
		case s.Size > int64(orDefault(d.MaxInflated, defaultInflated)):
			s.Size = s.Wire
			return tooLongToInflate
		case err == io.EOF && i.atEnd():
			s.Data = kept
			return ""
		case err != nil:
			s.Size = s.Wire
			return notInflated
		}
	}
}

// AppendText appends a message of text as a client sends it: whole, not compressed, and
// masked.
func (d *Decoders) AppendText(dst, data []byte) []byte {
	from := len(dst)
	dst = appendHead(dst, ws.OpText, false, len(data))
	dst[from+1] |= bitMask
	mask := ws.NewMask()
	dst = append(dst, mask[:]...)
	return appendUnmasked(dst, data, mask, 0)
}

var _ protocol.Decoder = (*Decoder)(nil)
