//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// This file is TLS: a full handshake and one request for each connection, or
// connections on which one request was answered and that are idle since.

// secure is both.
type secure struct {
	request []byte
	config  *tls.Config
	idle    []net.Conn // under the TLS
	keep    []*tls.Conn
}

// newSecure reads the request. All servers get the same key exchange, which is the
// one that all of them have; no session is resumed.
func newSecure(file string) (*secure, error) {
	text, err := os.ReadFile(file)
	return &secure{request: text, config: &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		NextProtos:         []string{"http/1.1"},
	}}, err
}

// open opens what will be idle.
func (s *secure) open() error {
	if *work != "idle-tls" {
		return nil
	}
	return together(openers, *conns, func() error {
		raw, c, err := s.connect()
		if err != nil {
			return err
		}
		mu.Lock()
		s.idle, s.keep = append(s.idle, raw), append(s.keep, c)
		mu.Unlock()
		return nil
	})
}

// connect makes the handshake and has one request answered.
func (s *secure) connect() (net.Conn, *tls.Conn, error) {
	raw, err := net.DialTimeout("tcp", *to, 10*time.Second)
	if err != nil {
		return nil, nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(30 * time.Second))
	c := tls.Client(raw, s.config)
	if _, err = c.Write(s.request); err == nil {
		err = readAnswer(c)
	}
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	return raw, c, nil
}

// readAnswer reads an answer, and wants it to be 200 and as long as it has to be.
func readAnswer(c io.Reader) error {
	r, err := http.ReadResponse(bufio.NewReaderSize(c, 1<<10), nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, r.Body)
	switch {
	case err != nil:
		return err
	case r.StatusCode != http.StatusOK || n != int64(*length):
		return fmt.Errorf("the answer is %s and has %d bytes of content, not %d", r.Status, n, *length)
	}
	return nil
}

// run opens one connection after the other, several at a time.
func (s *secure) run(end time.Time) (n int, each []time.Duration, err error) {
	err = together(*conns, *conns, func() error {
		for time.Now().Before(end) {
			began := time.Now()
			raw, c, err := s.connect()
			if err != nil {
				return err
			}
			took := time.Since(began)
			_, _ = io.Copy(io.Discard, c) // the server closes
			closeNow(raw)
			mu.Lock()
			n++
			each = append(each, took)
			mu.Unlock()
		}
		return nil
	})
	return n, each, err
}

func (s *secure) left() int { return openOf(s.idle) }

// openers is how many connections are opened at a time.
const openers = 16

var mu sync.Mutex // of what goroutines count together

// together calls f n times, on that many goroutines at most, and gives back an error
// if there is one.
func together(most, n int, f func() error) (err error) {
	turns := make(chan bool, n)
	for range n {
		turns <- true
	}
	close(turns)
	var all sync.WaitGroup
	for range min(most, n) {
		all.Go(func() {
			for range turns {
				if e := f(); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
			}
		})
	}
	all.Wait()
	return err
}
