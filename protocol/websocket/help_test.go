package websocket_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"spindle/protocol"
	"spindle/protocol/websocket"
	"spindle/reactor/reactortest"
)

// This file is the client's side: frames that it sends, and what it gets as a text.

// The opcodes.
const (
	cont  = 0
	text  = 1
	bin   = 2
	clos  = 8
	ping  = 9
	pong  = 10
	fin   = 0x80
	rsv1  = 0x40
	mask1 = 0x37fa213d // of RFC 6455 §5.7
)

// frame is a masked frame whose first byte is first.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = binary.BigEndian.AppendUint32(b, mask1)
	for i := range len(payload) {
		b = append(b, payload[i]^byte(uint32(mask1)>>(24-8*(i%4))))
	}
	return string(b)
}

// closing is a close frame.
func closing(code int, reason string) string {
	return frame(fin|clos, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// fragments is a message in frames of n bytes.
func fragments(op byte, payload string, n int) string {
	var b strings.Builder
	for first := op; ; first = cont {
		k := min(n, len(payload))
		if k == len(payload) {
			b.WriteString(frame(fin|first, payload))
			return b.String()
		}
		b.WriteString(frame(first, payload[:k]))
		payload = payload[k:]
	}
}

// recorder is a Handler that writes down what it is told, and echoes if it is asked to.
type recorder struct {
	log    strings.Builder
	echo   bool
	conn   *websocket.Conn
	on     func(c *websocket.Conn, data []byte) // in MessageReceived
	opened func(c *websocket.Conn)
}

func (r *recorder) note(format string, args ...any) {
	if r.log.Len() > 0 {
		r.log.WriteString("; ")
	}
	fmt.Fprintf(&r.log, format, args...)
}

func (r *recorder) Opened(c *websocket.Conn) {
	r.conn = c
	r.note("opened")
	if r.opened != nil {
		r.opened(c)
	}
}

func (r *recorder) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
	r.note("%v %s", kind, show(data))
	if r.echo {
		c.Send(kind, data)
	}
	if r.on != nil {
		r.on(c, data)
	}
}

func (r *recorder) Closed(_ *websocket.Conn, code websocket.Code, reason string) {
	r.note("closed %v %s", code, reason)
}

// show is a payload, short.
func show(data []byte) string {
	if len(data) > 40 {
		return fmt.Sprintf("%d bytes %q", len(data), data[:4])
	}
	return fmt.Sprintf("%q", data)
}

// client is the far end of a connection in memory.
type client struct {
	*reactortest.Transport
	t       testing.TB
	loop    *reactortest.Loop
	h       *recorder
	f       *websocket.Factory
	conn    *websocket.Conn
	context []byte // of what was inflated; nil keeps none
	keeps   bool
}

// dial makes a connection to h, with settings s and the extension offered if it is not
// "".
func dial(t testing.TB, s *websocket.Settings, h *recorder, extension string) *client {
	t.Helper()
	return dialOn(t, reactortest.NewLoop(), websocket.NewFactory(s), h, extension)
}

func dialOn(t testing.TB, loop *reactortest.Loop, f *websocket.Factory, h *recorder, extension string) *client {
	t.Helper()
	head := upgrade()
	if extension != "" {
		setField(head, "Sec-WebSocket-Extensions", extension)
	}
	a, refused := f.Accept(head)
	if refused != nil {
		t.Fatal(refused)
	}
	c := &client{t: t, loop: loop, h: h, f: f}
	if answer := a.Fields.Get("Sec-WebSocket-Extensions"); answer != "" {
		c.keeps = !strings.Contains(answer, "server_no_context_takeover")
	}
	c.Transport = loop.NewTransport()
	c.conn = f.NewConn(a, h)
	c.Start(c.conn)
	return c
}

// send delivers frames.
func (c *client) send(frames ...string) { c.DeliverString(strings.Join(frames, "")) }

// want takes what has come and compares it.
func (c *client) want(want string) {
	c.t.Helper()
	if got := c.got(); got != want {
		c.t.Errorf("the client got\n\t%s\nwant\n\t%s", cut(got), cut(want))
	}
}

// told compares what the handler was told.
func (c *client) told(want string) {
	c.t.Helper()
	c.Bytes() // settles
	if got := c.h.log.String(); got != want {
		c.t.Errorf("the handler was told\n\t%s\nwant\n\t%s", cut(got), cut(want))
	}
}

func cut(s string) string { return s[:min(len(s), 2000)] }

// got is the frames that have come, as a text.
func (c *client) got() string {
	data := c.Take()
	var list []string
	for len(data) > 0 {
		var one string
		one, data = c.one(data)
		list = append(list, one)
	}
	return strings.Join(list, "; ")
}

// one is the first frame of data as a text.
func (c *client) one(data []byte) (string, []byte) {
	if len(data) < 2 || data[1]&0x80 != 0 || data[0]&0xb0 != fin {
		return fmt.Sprintf("no frame of a server: %x", data[:min(8, len(data))]), nil
	}
	n, head := int(data[1]), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(data[2:])), 4
	case 127:
		n, head = int(binary.BigEndian.Uint64(data[2:])), 10
	}
	if len(data) < head+n {
		return "a frame that is cut", nil
	}
	payload, rest := data[head:head+n], data[head+n:]
	z := ""
	if data[0]&rsv1 != 0 {
		z = "deflated "
		payload = c.inflate(payload)
	}
	switch data[0] & 15 {
	case text:
		return z + "text " + show(payload), rest
	case bin:
		return z + "binary " + show(payload), rest
	case ping:
		return z + "ping " + show(payload), rest
	case pong:
		return z + "pong " + show(payload), rest
	case clos:
		if n < 2 {
			return "close", rest
		}
		return z + strings.TrimSpace(fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(payload), payload[2:])), rest
	}
	return "an opcode that there is not", rest
}

// inflate is what payload stands for, by the standard library.
func (c *client) inflate(payload []byte) []byte {
	whole := append(bytes.Clone(payload), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...)
	plain, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(whole), c.context))
	if err != nil {
		c.t.Errorf("the client can not inflate: %v", err)
	}
	if c.keeps {
		c.context = append(c.context, plain...)
		c.context = c.context[max(0, len(c.context)-1<<15):]
	}
	return plain
}

// deflater compresses for a client.
type deflater struct {
	buf  bytes.Buffer
	w    *flate.Writer
	keep bool
}

func newDeflater(keep bool) *deflater {
	d := &deflater{keep: keep}
	d.w, _ = flate.NewWriter(&d.buf, 9)
	return d
}

func (d *deflater) deflate(s string) string {
	if !d.keep {
		d.w.Reset(&d.buf)
	}
	d.buf.Reset()
	_, _ = d.w.Write([]byte(s))
	_ = d.w.Flush()
	return strings.TrimSuffix(d.buf.String(), "\x00\x00\xff\xff")
}

// upgrade is the head of a good handshake.
func upgrade() *protocol.Head {
	h := &protocol.Head{Method: "GET", Target: []byte("/chat"), Path: []byte("/chat"), Version: protocol.HTTP11,
		Authority: []byte("server.example.com"), KeepAlive: true, Upgrade: true}
	for _, f := range [][2]string{
		{"Host", "server.example.com"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, {"Sec-WebSocket-Version", "13"},
	} {
		setField(h, f[0], f[1])
	}
	return h
}

// setField sets a field of h, or takes it away when value is "-".
func setField(h *protocol.Head, name, value string) {
	for i := range h.Fields {
		if string(h.Fields[i].Name) == name {
			h.Fields = append(h.Fields[:i], h.Fields[i+1:]...)
			break
		}
	}
	if value != "-" {
		h.Fields = append(h.Fields, protocol.RawField{Name: []byte(name), Value: []byte(value)})
	}
}
