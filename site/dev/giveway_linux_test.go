package dev

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"spindle/reactor"
)

// What a check runs, and what that starts, has less priority than this process.
func TestChecksGiveWay(t *testing.T) {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := 20 - raw
	if own == 19 {
		t.Skip("nothing is less than the priority of this process")
	}
	r := reactor.New()
	out := ""
	// The shell is there before its priority is set.
	const untilLower = `n=0; while [ $(nice) = "$OWN" ] && [ $n -lt 500 ]; do n=$((n+1)); done; nice`
	r.CallWhenRunning(func() {
		c, err := runCommand(r, t.TempDir(), append(os.Environ(), "OWN="+strconv.Itoa(own)), "/bin/sh", "-c", untilLower)
		if err != nil {
			t.Error(err)
			r.Stop()
			return
		}
		c.giveWay()
		c.result.Then(func(c *command) { out = strings.TrimSpace(string(c.out)); r.Stop() }, nil)
	})
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(min(own+waysLower, 19)); out != want {
		t.Errorf("its nice is %s, ours %d, want %s", out, own, want)
	}
}
