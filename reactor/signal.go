package reactor

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// longStop is how long the end may take before it is said how to have it at once.
const longStop = 500 * time.Millisecond

// watchSignals has SIGINT and SIGTERM stop the reactor; the second one ends the
// process as if nobody had caught it, which is logged when the first has not ended it soon.
// What it returns ends that.
func (r *Reactor) watchSignals() (stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		var first os.Signal
		var long <-chan time.Time
		for {
			select {
			case <-done:
				return
			case <-long:
				r.logger().Info("reactor: stopping; a second signal ends it at once", "signal", first.String())
			case s := <-ch:
				if first != nil {
					dieBy(s)
				}
				first, long = s, time.After(longStop)
				r.Stop()
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(done)
	}
}

// dieBy ends the process by the signal's own effect.
func dieBy(s os.Signal) {
	signal.Reset(s)
	if n, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(os.Getpid(), n)
	}
	os.Exit(1)
}
