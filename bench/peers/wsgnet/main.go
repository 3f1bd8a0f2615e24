// Wsgnet is a WebSocket echo by gobwas/ws on gnet's own engine: whole frames are
// unmasked where they lie, and all answers of an event leave in one write.
package main

import (
	"bytes"
	"io"
	"log"
	"net"

	"github.com/gobwas/ws"
	"github.com/panjf2000/gnet/v2"

	"spindle-bench-peers/peer"
)

type server struct {
	gnet.BuiltinEventEngine
	addr string
	out  bytes.Buffer
	in   bytes.Reader
}

func main() {
	listen, _ := peer.Flags()
	l, err := net.Listen("tcp", listen) // gnet does not tell which port it took for 0
	if err != nil {
		log.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	l.Close()
	go peer.ExitOnTerm()
	log.Fatal(gnet.Run(s, "tcp://"+s.addr))
}

func (s *server) OnBoot(gnet.Engine) gnet.Action {
	a, _ := net.ResolveTCPAddr("tcp", s.addr)
	peer.Ready(a)
	return gnet.None
}

func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	data, _ := c.Peek(-1)
	s.out.Reset()
	used := 0
	if c.Context() == nil {
		if used = s.upgrade(data); used < 0 {
			return gnet.Close
		}
		if used > 0 {
			c.SetContext(true)
		}
	}
	for c.Context() != nil {
		n := s.echo(data[used:])
		if n < 0 {
			return gnet.Close
		}
		if n == 0 {
			break
		}
		used += n
	}
	if s.out.Len() > 0 {
		c.Write(s.out.Bytes())
	}
	c.Discard(used)
	return gnet.None
}

// upgrade answers the handshake. It gives back its length, 0 when it is not whole.
func (s *server) upgrade(data []byte) int {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	_, err := ws.Upgrade(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(data[:end+4]), &s.out})
	if err != nil {
		return -1
	}
	return end + 4
}

// echo answers the first frame.
func (s *server) echo(data []byte) int {
	s.in.Reset(data)
	h, err := ws.ReadHeader(&s.in)
	head := len(data) - s.in.Len()
	if err != nil || int64(s.in.Len()) < h.Length {
		return 0
	}
	if ws.CheckHeader(h, ws.StateServerSide) != nil {
		return -1
	}
	payload := data[head : head+int(h.Length)]
	ws.Cipher(payload, h.Mask, 0)
	h.Masked = false
	ws.WriteFrame(&s.out, ws.Frame{Header: h, Payload: payload})
	return head + int(h.Length)
}
