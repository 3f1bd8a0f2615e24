package nethttp

import (
	"log/slog"
	"net/http"
	"sync"

	"spindle/protocol"
	"spindle/reactor"
)

// Settings is what the exchanges are bound to. The zero value is fine.
type Settings struct {
	// ServerName is the Server field of every answer; "" is "Spindle", "-" sends none.
	ServerName string
	// Logger takes what a resource does wrong; nil means slog.Default().
	Logger *slog.Logger
}

// Factory is an http.Handler that has a protocol.Server answer, on a loop that turns
// elsewhere.
type Factory struct {
	server protocol.Server
	set    Settings
	loop   reactor.Loop

	mu       sync.Mutex
	open     map[*Channel]struct{}
	draining bool
	drained  func()
}

// NewFactory makes a Factory whose exchanges are on l. s may be nil.
func NewFactory(l reactor.Loop, server protocol.Server, s *Settings) *Factory {
	f := &Factory{server: server, loop: l, open: make(map[*Channel]struct{})}
	if s != nil {
		f.set = *s
	}
	if f.set.ServerName == "" {
		f.set.ServerName = "Spindle"
	}
	if f.set.Logger == nil {
		f.set.Logger = slog.Default()
	}
	return f
}

// ServeHTTP has the request answered. After Drain it is answered 503. Blocks until the
// answer is written: not on the loop. It panics with http.ErrAbortHandler when the
// answer is to be cut.
func (f *Factory) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c := f.newChannel(w, req)
	if !f.add(c) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The server is being stopped.", http.StatusServiceUnavailable)
		return
	}
	defer f.remove(c)
	c.serve()
}

func (f *Factory) add(c *Channel) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining {
		return false
	}
	f.open[c] = struct{}{}
	return true
}

func (f *Factory) remove(c *Channel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, c)
	f.tellDrained()
}

// tellDrained has drained called if it is time. f.mu is held.
func (f *Factory) tellDrained() {
	if len(f.open) == 0 && f.drained != nil {
		f.loop.CallFromThread(f.drained)
		f.drained = nil
	}
}

// Drain takes no further requests. done is called on the loop, in a later turn, when the
// last one under way is answered. Any goroutine.
func (f *Factory) Drain(done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining, f.drained = true, done
	f.tellDrained()
}

// Abort ends all exchanges at once. Loop only.
func (f *Factory) Abort() {
	f.mu.Lock()
	var all []*Channel
	for c := range f.open {
		all = append(all, c)
	}
	f.mu.Unlock()
	for _, c := range all {
		c.lose(reactor.ErrAborted)
	}
}

// Close ends all exchanges after the loop has ended, so that nobody waits for it. Any
// goroutine.
func (f *Factory) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining = true
	for c := range f.open {
		c.out.finish(endAbort)
	}
}

// Len is the number of exchanges under way. Any goroutine.
func (f *Factory) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open)
}

var _ http.Handler = (*Factory)(nil)
