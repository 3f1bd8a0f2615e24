//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
)

// This file has the ports at which programs listen that can not choose one themselves.

// Of the ports from leastPort on the system gives none away by itself: in the time until a
// program listens nobody else comes by one.
const (
	leastPort = 20_000
	manyPorts = 12_000
)

// portsGiven is where the next one is looked for, which is elsewhere for each run.
var portsGiven atomic.Int64

// freePort is one that nobody has, and that no other test gets.
func freePort(t *testing.T) int {
	t.Helper()
	for range manyPorts {
		port := leastPort + int(portsGiven.Add(1)%manyPorts)
		if l, err := net.Listen("tcp", localAddr(port)); err == nil {
			must(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func localAddr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
