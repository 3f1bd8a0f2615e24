// Wswrite is the bound for a broadcast: a frame that was made beforehand is written to
// one socket after the other, a write(2) each, when something comes from the first
// connection. It reads nothing else and knows no error.
package main

import (
	"bufio"
	"log"
	"net"
	"syscall"
	"unsafe"

	"github.com/gobwas/ws"

	"spindle-bench-peers/peer"
)

func main() {
	listen, _ := peer.Flags()
	peer.Serve(listen, serve)
}

// serve takes connections. The first one, and the first after that one has ended, tells
// what to write.
func serve(l net.Listener) error {
	var conns chan net.Conn
	var ended chan bool
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if _, err := ws.Upgrade(c); err != nil {
			log.Print(err)
			continue
		}
		select {
		case <-ended:
			ended = nil
		default:
		}
		if ended == nil {
			ended, conns = make(chan bool), make(chan net.Conn, 1<<16)
			go func(first net.Conn, conns chan net.Conn, ended chan bool) {
				broadcast(first, conns)
				close(ended)
			}(c, conns, ended)
		}
		conns <- c
	}
}

// broadcast writes to all connections for each message of the first one.
func broadcast(first net.Conn, conns chan net.Conn) {
	var list []net.Conn
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
			case c := <-conns:
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
