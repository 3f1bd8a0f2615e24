package site

import (
	"errors"
	"net/http"
	"sync"

	"spindle/protocol/nethttp"
	"spindle/reactor"
)

// This file makes a Site an http.Handler: its tree answers the requests of net/http's
// server, of a test, or of a part of another program.

// hosted is what a Site needs for it.
type hosted struct {
	mu      sync.Mutex       // guards the start of the Site, which may be on any goroutine then
	factory *nethttp.Factory // nil until the Site has a loop
	own     *reactor.Reactor // made by ServeHTTP; nil when the Site has the loop of its ports
	ended   chan error       // of own
}

// ServeHTTP has the tree answer a request of another server. What the tree does, it does on
// the loop of the Site: that of its ports if it listens too, that which StartFactory was
// called with, else a reactor of its own, which the first call sets turning and Close ends.
// A program whose resources use a reactor starts the Site with it:
//
//	s := site.New(tree)
//	s.StartFactory(r) // before r.Run
//	http.Handle("/app/", http.StripPrefix("/app", s))
//
// Content streams both ways as the other side takes it, answers are flushed when nothing
// more is to be written, and Switch (so WebSocket) works over HTTP/1.1. The limits of the
// content and of forms hold; those of heads and connections, and the time-outs, are the
// other server's. It panics with http.ErrAbortHandler to cut an answer. Blocks until the
// answer is written: not on the loop. Any other goroutine.
func (s *Site) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.host().ServeHTTP(w, req)
}

// host is what takes such requests, on a loop that turns.
func (s *Site) host() *nethttp.Factory {
	h := &s.hosted
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.factory != nil {
		return h.factory
	}
	own := reactor.New()
	own.Logger = s.ErrorLog
	s.start(own)
	h.own, h.ended = own, make(chan error, 1)
	go func() {
		err := own.Run()
		h.factory.Close()
		h.ended <- err
	}()
	return h.factory
}

// errNotOwn is what Close returns for a Site whose reactor somebody else ends.
var errNotOwn = errors.New("site: Close: the reactor of this site is not its own")

// Close ends the reactor that ServeHTTP has made, after the requests under way, which
// DrainTimeout bounds; requests that come later are answered 503. Without one it returns
// nil; for a Site that listens, or was started by StartFactory, an error: stop its reactor.
// Blocks. Any other goroutine.
func (s *Site) Close() error {
	h := &s.hosted
	h.mu.Lock()
	own, started := h.own, h.factory != nil
	h.mu.Unlock()
	switch {
	case own != nil:
		own.Stop()
		err := <-h.ended
		h.ended <- err // for the next call
		return err
	case started:
		return errNotOwn
	}
	return nil
}

var _ http.Handler = (*Site)(nil)
