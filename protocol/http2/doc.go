// Package http2 speaks HTTP/2 (RFC 9113), as a server and as a client.
//
//	transport ──▶ Conn.DataReceived ──▶ frames ──▶ header blocks ──▶ protocol.Head ──▶ Receiver
//	    ▲                │                  └────▶ DATA ──▶ Stream ──▶ BodyReceived       │
//	    │                └─▶ SETTINGS, PING, WINDOW_UPDATE, PRIORITY_UPDATE               │
//	    └── one write per callback ◀── frames ◀── schedule (RFC 9218) ◀── Stream ◀────────┘
//
// Factory makes a Conn for each connection of a loop, by prior knowledge or after
// ALPN has said "h2"; each request is a Stream, which is the protocol.Channel of
// its exchange and, after an extended CONNECT (RFC 8441), a reactor.Transport too.
// All of it runs on the loop.
//
// ClientFactory makes a Client for a connection to a server: a protocol.ClientConn with
// several exchanges at a time, each a ClientStream. It has a Conn of its own, so that
// frames, windows and priorities are the same code on both sides; what differs is who
// opens streams, and what is made of a header block.
//
//	Ask ──▶ ClientStream ──▶ Stream ──▶ schedule ──▶ frames ──▶ transport
//	ClientReceiver ◀── protocol.ResponseHead, DATA ◀── Conn ◀── frames ◀───┘
//
// Bytes are pushed, so frames are taken apart where they lie: a frame that has come
// whole is not copied, and DATA is passed on as it comes. Header blocks are decoded
// by golang.org/x/net/http2/hpack. Its Framer is the other side in the tests only:
// it pulls from an io.Reader, which on a loop would need a goroutine for each
// connection, or every frame copied once more; and its package brings net/http with
// it. Answers are encoded by encoder, whose table holds a few fields and needs no
// map: x/net's keeps two maps for each connection.
//
// A stream error ends one exchange (RST_STREAM), a connection error all of them
// (GOAWAY). What brings no work forward (pings, settings, resets, empty frames) is
// rationed, see Settings.NuisanceBurst.
package http2
