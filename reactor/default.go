package reactor

import (
	"crypto/tls"
	"sync"
	"time"
)

// This file is the reactor that most programs have: one for the process.

var theDefault = sync.OnceValue(func() *Reactor {
	r := New()
	r.HandleSignals = true
	return r
})

// Default is the process-wide reactor, made when it is first asked for. The
// library itself never uses it. Any goroutine.
func Default() *Reactor { return theDefault() }

// Run is Reactor.Run of the default reactor.
func Run() error { return Default().Run() }

// Stop is Reactor.Stop of the default reactor. Any goroutine.
func Stop() { Default().Stop() }

// Running is Reactor.Running of the default reactor. Any goroutine.
func Running() bool { return Default().Running() }

// ListenTCP is Reactor.ListenTCP of the default reactor.
func ListenTCP(port int, f Factory) (*Port, error) { return Default().ListenTCP(port, f) }

// ListenTLS is Reactor.ListenTLS of the default reactor.
func ListenTLS(port int, f Factory, config *tls.Config) (*Port, error) {
	return Default().ListenTLS(port, f, config)
}

// ListenUNIX is Reactor.ListenUNIX of the default reactor.
func ListenUNIX(path string, f Factory) (*Port, error) { return Default().ListenUNIX(path, f) }

// Listen is Reactor.Listen of the default reactor.
func Listen(endpoint string, f Factory) (*Port, error) { return Default().Listen(endpoint, f) }

// ConnectTCP is Reactor.ConnectTCP of the default reactor.
func ConnectTCP(host string, port int, f Factory) *Deferred[Protocol] {
	return Default().ConnectTCP(host, port, f)
}

// ConnectTLS is Reactor.ConnectTLS of the default reactor.
func ConnectTLS(host string, port int, f Factory, config *tls.Config) *Deferred[Protocol] {
	return Default().ConnectTLS(host, port, f, config)
}

// ConnectUNIX is Reactor.ConnectUNIX of the default reactor.
func ConnectUNIX(path string, f Factory) *Deferred[Protocol] { return Default().ConnectUNIX(path, f) }

// CallLater is Reactor.CallLater of the default reactor.
func CallLater(d time.Duration, f func()) *DelayedCall { return Default().CallLater(d, f) }

// CallWhenRunning is Reactor.CallWhenRunning of the default reactor.
func CallWhenRunning(f func()) { Default().CallWhenRunning(f) }

// CallFromThread is Reactor.CallFromThread of the default reactor. Any goroutine.
func CallFromThread(f func()) { Default().CallFromThread(f) }

// DeferToThread is DeferToThreadPool with the pool of the default reactor.
func DeferToThread[T any](f func() (T, error)) *Deferred[T] {
	return DeferToThreadPool(Default().ThreadPool(), f)
}

// AddSystemEventTrigger is Reactor.AddSystemEventTrigger of the default reactor.
func AddSystemEventTrigger(phase Phase, event Event, f func() *Deferred[struct{}]) TriggerID {
	return Default().AddSystemEventTrigger(phase, event, f)
}
