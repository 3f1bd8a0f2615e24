// Package nethttp lets a protocol.Server answer the requests of another server: that of
// net/http, or whatever calls an http.Handler. Its Channel is one exchange of theirs.
//
//	        a goroutine of theirs           │            the loop
//	http.Request ──fields──▶ protocol.Head ─┼─HeadReceived──▶ Receiver (a resource.Request)
//	Request.Body ──read a piece, wait──▶ ───┼─BodyReceived──▶    │
//	ResponseWriter ◀──write, Flush── queue ◀┼── Channel ◀── Respond, WriteHead, Write, Finish
//	Context().Done() ──▶ ───────────────────┼─ConnectionLost
//	Hijack ──▶ the socket itself ──▶ ───────┼─AdoptConnection──▶ Protocol (after Switch)
//
// The goroutine that calls ServeHTTP does what may block: it reads the content, a piece at a
// time, the next when the loop has taken the one before; and it writes what the loop has
// queued, flushing when the queue is empty. How far it is behind is what producers are
// told.
//
// A client that closes its half of a connection of HTTP/1 can not be told from one that
// has gone: net/http cancels the context of the request for both, and the Receiver is
// told ConnectionLost.
package nethttp
