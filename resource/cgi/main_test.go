package cgi_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestMain looks whether the tests have left a script that runs.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := childrenEnd(10 * time.Second); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// childrenEnd waits until this process has no child.
func childrenEnd(patience time.Duration) error {
	ended := make(chan struct{})
	go func() {
		for {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
				close(ended)
				return
			}
		}
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
		return errors.New("a script still runs when all tests have ended")
	}
}
