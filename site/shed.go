package site

import "spindle/reactor"

// This file is what a Site does when the process runs out of connections or of
// descriptors.

// refusal is what a client is sent that finds no place.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 58\r\n\r\n" +
	"Too many connections at the moment. Please try again soon."

// ShedIdle closes a connection that has been idle long: of HTTP/1 first, where one
// costs its client less. See reactor.Shedder.
func (s *Site) ShedIdle() bool {
	if s.http1 == nil {
		return false
	}
	if s.http1.CloseOldestIdle() || s.http2.CloseOldestIdle() {
		return true
	}
	for _, g := range s.gateways {
		if g.CloseOldestIdle() {
			return true
		}
	}
	return false
}

// Refusal is the 503 for a client that finds no place. See reactor.Shedder.
func (s *Site) Refusal() []byte { return []byte(refusal) }

var _ reactor.Shedder = (*Site)(nil)
