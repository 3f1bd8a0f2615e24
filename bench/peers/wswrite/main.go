// Wswrite is the bound for a broadcast: a frame that was made beforehand is written to
// one socket after the other, a write(2) each, when something comes from the first
// connection. It reads nothing else and knows no error.
package main

import (
	"bufio"
	"log"
	"net"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/gobwas/ws"

	"spindle-bench-peers/peer"
)

func main() {
	listen, _ := peer.Flags()
	peer.Serve(listen, serve)
}

// session is one first connection and those that came after it.
type session struct {
	conns  chan net.Conn
	ending atomic.Bool
	ended  chan bool
}

// serve takes connections. The first one, and the first after that one has ended, tells
// what to write.
func serve(l net.Listener) error {
	var s *session
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if s != nil && s.ending.Load() {
			<-s.ended
			s = nil
		}
		if _, err := ws.Upgrade(c); err != nil {
			log.Print(err)
			continue
		}
		if s == nil {
			s = &session{conns: make(chan net.Conn, 1<<16), ended: make(chan bool)}
			go s.broadcast(c)
		}
		s.conns <- c
	}
}

// end closes all connections.
func (s *session) end(list []net.Conn) {
	s.ending.Store(true)
	for len(s.conns) > 0 {
		list = append(list, <-s.conns)
	}
	for _, c := range list {
		c.Close()
	}
	close(s.ended)
}

// broadcast writes to all connections for each message of the first one.
func (s *session) broadcast(first net.Conn) {
	var list []net.Conn
	defer func() { s.end(list) }()
	var fds []uintptr
	in := bufio.NewReader(first)
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			return
		}
		payload := make([]byte, h.Length)
		for i := range payload {
			payload[i], _ = in.ReadByte()
		}
		ws.Cipher(payload, h.Mask, 0)
		frame := ws.MustCompileFrame(ws.NewTextFrame(payload))
		for more := true; more; {
			select {
			case c := <-s.conns:
				list = append(list, c)
				raw, _ := c.(*net.TCPConn).SyscallConn()
				raw.Control(func(fd uintptr) { fds = append(fds, fd) })
			default:
				more = false
			}
		}
		for _, fd := range fds {
			syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&frame[0])), uintptr(len(frame)))
		}
	}
}
