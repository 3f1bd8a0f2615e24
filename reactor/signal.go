package reactor

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSignals has SIGINT and SIGTERM stop the reactor; the second one ends the
// process as if nobody had caught it. What it returns ends that.
func (r *Reactor) watchSignals() (stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case s := <-ch:
				if n > 0 {
					dieBy(s)
				}
				r.logger().Info("reactor: stopping; a second signal ends it at once", "signal", s.String())
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
