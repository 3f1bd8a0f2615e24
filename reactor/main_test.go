package reactor_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestMain looks for what the tests have left behind.
func TestMain(m *testing.M) {
	warmUp()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	code := m.Run()
	if code == 0 {
		code = leaks(goroutines, descriptors)
	}
	os.Exit(code)
}

// warmUp has the runtime open and start what it keeps from then on.
func warmUp() {
	if r, w, err := os.Pipe(); err == nil { // its poller
		r.Close()
		w.Close()
	}
	c := make(chan os.Signal, 1) // its goroutine for signals
	signal.Notify(c, syscall.SIGUSR1)
	signal.Stop(c)
}

// leaks waits a while for goroutines and descriptors to be no more than before.
func leaks(goroutines, descriptors int) int {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 300 {
		runtime.GC() // closes files that a test has forgotten
		if runtime.NumGoroutine() <= goroutines && openDescriptors() <= descriptors {
			return 0
		}
		<-tick.C
	}
	buf := make([]byte, 1<<20)
	fmt.Fprintf(os.Stderr, "leak: goroutines %d, were %d; descriptors %d, were %d\n%q\n%s\n",
		runtime.NumGoroutine(), goroutines, openDescriptors(), descriptors, whatIsOpen(), buf[:runtime.Stack(buf, true)])
	return 1
}

// openDescriptors is how many descriptors this process has, as far as the system
// tells; -1 where it does not.
func openDescriptors() int {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		return -1
	}
	return len(list)
}

// whatIsOpen names the descriptors, where the system tells.
func whatIsOpen() (names []string) {
	list, _ := os.ReadDir("/dev/fd")
	for _, e := range list {
		name, _ := os.Readlink("/dev/fd/" + e.Name())
		names = append(names, e.Name()+" "+name)
	}
	return names
}
