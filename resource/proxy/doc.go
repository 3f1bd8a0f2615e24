// Package proxy passes requests on to other servers.
//
//	client ─▶ Request ─▶ Proxy ─▶ upstream, one of several ─▶ agent.Pool ─▶ server
//	  ▲                    │ fields: hop-by-hop ones out, X-Forwarded ones in
//	  └── head, content ◀──┴── answer as it comes; who takes none has the server wait
//
// A Proxy is a leaf: what is below it in the tree is below the upstream's path there.
//
//	p, err := proxy.New("http://127.0.0.1:3000")
//	root.PutChild("app", p)
//
// Content is streamed both ways and never kept whole; WebSocket and whatever else is asked
// for by Upgrade goes through, as do 1xx answers, trailers and event streams. An answer
// that breaks off is cut for the client too, so that it is not taken for a whole one. A
// server that can not be reached, or that answers what is no HTTP, is a 502; one that takes too
// long, a 504; the reason is in the log.
//
// A Forward is a proxy for clients that know of it: http URLs and CONNECT, to hosts of a
// list.
//
// RFC 9110 §7.6, RFC 7239 (Forwarded), RFC 6455 and RFC 8441 (WebSocket).
package proxy
