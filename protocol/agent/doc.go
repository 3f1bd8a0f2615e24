// Package agent asks other servers: an HTTP client on the loop.
//
//	Agent.Do ─▶ redirects, cookies, decoding ─▶ Pool.Ask ─▶ connection of the origin
//	   ▲                                          │ none free: connects (TCP, TLS, UNIX),
//	   │                                          ▼ or waits for one
//	Response ◀─ Deferred ◀─ head, content ◀─ protocol.ClientConn (http1, http2)
//
// A Pool keeps connections open for the next request, no more than a number for each
// origin, and asks again where a kept connection turned out to be dead. It knows nothing
// of URLs and redirects: what passes requests on, as a reverse proxy does, uses it as
// it is. An Agent is what a program uses:
//
//	a := agent.New(loop)
//	a.Get("https://example.org/").Then(func(r *agent.Response) {
//		r.ReadBody(1 << 20).Then(func(body []byte) { … }, fail)
//	}, fail)
//
// All of it is of one loop and is called there; nothing here blocks it: names are looked
// up, handshakes made and contents decoded elsewhere. Content is streamed both ways, and
// who takes none has the server wait.
//
// RFC 9110, RFC 9112, RFC 9113; RFC 6265 for cookies.
package agent
