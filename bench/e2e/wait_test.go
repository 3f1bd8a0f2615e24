//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// This file waits for what other programs do: it looks often, and not for ever.

// lookAgain is the time between two looks.
const lookAgain = 5 * time.Millisecond

// await looks until there is no error any more. When it lasts too long, the test ends with
// the last one.
func await(t testing.TB, long time.Duration, look func() error) {
	t.Helper()
	for late := time.Now().Add(long); ; time.Sleep(lookAgain) {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("after %v: %v", long, err)
		}
	}
}

// awaitListener waits until somebody listens at an address.
func awaitListener(t testing.TB, network, address string) {
	t.Helper()
	await(t, 20*time.Second, func() error {
		c, err := net.Dial(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// awaitEnd waits until a process is no more.
func awaitEnd(t testing.TB, pid int) {
	t.Helper()
	await(t, 10*time.Second, func() error {
		if runs(pid) {
			return fmt.Errorf("process %d is left", pid)
		}
		return nil
	})
}
