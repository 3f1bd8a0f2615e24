package dev

import (
	"errors"
	"net"
	"time"
)

// This file accepts programs on the sockets that they tell of themselves by.

// acceptPause is how long it is waited after an error, as when all files are open.
const acceptPause = 100 * time.Millisecond

// acceptor is a *net.UnixListener.
type acceptor interface {
	AcceptUnix() (*net.UnixConn, error)
}

// nextOf waits for the next connection, and gives nil when l was closed: any other error
// passes. Any goroutine.
func nextOf(l acceptor) *net.UnixConn {
	for {
		c, err := l.AcceptUnix()
		switch {
		case err == nil:
			return c
		case errors.Is(err, net.ErrClosed):
			return nil
		}
		<-time.NewTimer(acceptPause).C // no loop waits here
	}
}
