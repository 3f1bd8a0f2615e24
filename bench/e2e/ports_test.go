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

// freePort is one that nobody has, and that no other test gets. The next one is nobody's either:
// spindle dev --direct takes it for itself.
func freePort(t *testing.T) int {
	t.Helper()
	for range manyPorts / 2 {
		port := leastPort + int(portsGiven.Add(2)%manyPorts)
		if free(port) && free(port+1) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func free(port int) bool {
	l, err := net.Listen("tcp", localAddr(port))
	return err == nil && l.Close() == nil
}

func localAddr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
