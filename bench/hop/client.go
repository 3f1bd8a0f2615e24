package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// This file is the client: one connection, one request at a time, on a socket that blocks,
// so that what is measured is as little of the client as can be. Where an answer ends the
// connection the next request includes a new one, as for every client.

type client struct {
	addr    syscall.SockaddrInet4
	fd      int // -1: there is no connection
	request []byte
	in      []byte
}

func newClient(addr, path string) (*client, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	return &client{addr: syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, fd: -1, in: make([]byte, 1<<16),
		request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hop\r\nAccept: */*\r\n\r\n", path, addr)}, nil
}

func (c *client) connect() (err error) {
	if c.fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); err != nil {
		return err
	}
	patience := syscall.NsecToTimeval(int64(10 * time.Second))
	return errors.Join(syscall.SetsockoptTimeval(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience), syscall.Connect(c.fd, &c.addr))
}

func (c *client) close() {
	if c.fd >= 0 {
		_ = syscall.Close(c.fd)
	}
	c.fd = -1
}

// latency is the median of the requests that d has room for.
func (c *client) latency(d time.Duration) (time.Duration, error) {
	var all []time.Duration
	for end := time.Now().Add(d); ; {
		began := time.Now()
		if err := c.ask(); err != nil {
			return 0, err
		}
		now := time.Now()
		if all = append(all, now.Sub(began)); now.After(end) {
			return middle(all), nil
		}
	}
}

var errNotWhole = errors.New("the connection ended within an answer")

// ask sends the request and reads the answer.
func (c *client) ask() error {
	if c.fd < 0 {
		if err := c.connect(); err != nil {
			return err
		}
	}
	if _, err := call(syscall.SYS_WRITE, c.fd, c.request); err != nil {
		return err
	}
	have, whole := 0, -1
	for whole < 0 || have < whole {
		n, err := call(syscall.SYS_READ, c.fd, c.in[have:])
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return errNotWhole
		}
		have += n
		if whole < 0 {
			if whole, err = length(c.in[:have]); err != nil {
				return err
			}
		}
	}
	if bytes.Contains(c.in[:whole], []byte("\r\nConnection: close\r\n")) {
		c.close()
	}
	return nil
}

// call reads or writes. The scheduler of Go is not told: it would wake threads, which have to
// share the cores with what is measured.
func call(what uintptr, fd int, p []byte) (int, error) {
	n, _, e := syscall.RawSyscall(what, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// length is that of the answer at the start of b; -1 when that is not known yet.
func length(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return -1, nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q", b)
	}
	_, rest, ok := bytes.Cut(bytes.ToLower(b[:end+2]), []byte("\r\ncontent-length: "))
	if !ok {
		return 0, fmt.Errorf("the answer has no length: %q", b)
	}
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(digits))
	return end + 4 + n, err
}
