//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// This file is WebSocket: its frames are made once, and their answers' lengths are
// known, so that the client does little.

// echo has each connection send a message as soon as the last has come back.
type echo struct{ list []net.Conn }

func (e *echo) open() (err error) {
	e.list, err = dialAll(*conns)
	return err
}

func (e *echo) left() int { return openOf(e.list) }

func (e *echo) run(end time.Time) (n int, each []time.Duration, err error) {
	message, turn := clientFrame(*size), make(chan net.Conn, len(e.list))
	for _, c := range e.list {
		turn <- c
	}
	err = together(len(e.list), len(e.list), func() error {
		c, in, count := <-turn, make([]byte, serverFrame(*size)), 0
		var took []time.Duration
		for began := time.Now(); began.Before(end); count++ {
			if _, err := c.Write(message); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, in); err != nil {
				return err
			}
			now := time.Now()
			took = append(took, now.Sub(began))
			began = now
		}
		mu.Lock()
		n += count
		each = append(each, took...)
		mu.Unlock()
		return nil
	})
	return n, each, err
}

// broadcast has the first connection send a message when the last one has reached all.
type broadcast struct {
	list []net.Conn
	got  chan bool
}

func (b *broadcast) left() int { return openOf(b.list) }

// open sends one message that does not count: the first one grows buffers.
func (b *broadcast) open() (err error) {
	if b.list, err = dialAll(*conns); err != nil {
		return err
	}
	b.got = make(chan bool, len(b.list))
	for _, c := range b.list {
		go b.read(c)
	}
	return b.round(clientFrame(*size))
}

func (b *broadcast) read(c net.Conn) {
	in := make([]byte, serverFrame(*size))
	for {
		if _, err := io.ReadFull(c, in); err != nil {
			return
		}
		b.got <- true
	}
}

// round sends one message and waits until all have it.
func (b *broadcast) round(message []byte) error {
	if _, err := b.list[0].Write(message); err != nil {
		return err
	}
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for range b.list {
		select {
		case <-b.got:
		case <-late.C:
			return errors.New("a broadcast does not arrive")
		}
	}
	return nil
}

func (b *broadcast) run(end time.Time) (n int, each []time.Duration, err error) {
	message := clientFrame(*size)
	for began := time.Now(); began.Before(end); began = time.Now() {
		if err := b.round(message); err != nil {
			return n, each, err
		}
		n += len(b.list)
		each = append(each, time.Since(began))
	}
	return n, each, nil
}

func dialAll(n int) (list []net.Conn, err error) {
	for range n {
		c, err := dial()
		if err != nil {
			return list, err
		}
		list = append(list, c)
	}
	return list, nil
}

// dial opens a connection, with the handshake of RFC 6455 §1.3.
func dial() (net.Conn, error) {
	c, err := net.Dial("tcp", *to)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", *path, *to)
	var head []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, one[0]) {
		if _, err := io.ReadFull(c, one); err != nil {
			return nil, err
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
		return nil, fmt.Errorf("the handshake is answered %q", head)
	}
	return c, nil
}

// closeNow closes a connection so that no port is kept.
func closeNow(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// openOf is how many of the connections the server has not closed.
func openOf(list []net.Conn) (n int) {
	for _, c := range list {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) {
			_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if err == unix.EAGAIN {
				n++
			}
		})
	}
	return n
}

// clientFrame is a text of n bytes, masked.
func clientFrame(n int) []byte {
	b := appendHead([]byte{0x81}, 0x80, n)
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, mask[:]...)
	for i := range n {
		b = append(b, 'x'^mask[i%4])
	}
	return b
}

// serverFrame is how long the answer is.
func serverFrame(n int) int { return len(appendHead([]byte{0x81}, 0, n)) + n }

func appendHead(b []byte, mask byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, mask|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
}
