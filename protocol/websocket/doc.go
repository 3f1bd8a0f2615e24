// Package websocket speaks the WebSocket protocol (RFC 6455) on the server's side of a
// connection, with permessage-deflate (RFC 7692).
//
//	head ──▶ Factory.Accept ──▶ Agreement ──▶ Factory.NewConn ──▶ Transport.Switch
//
//	transport ──▶ Conn.DataReceived ──▶ frames ──▶ unmask, inflate, check ──▶ Handler
//	    ▲                                  └─ ping, pong, close               │
//	    └─── one write per callback ◀── frame ◀── Conn.Send, SendPrepared ◀───┘
//
// A Conn is written against reactor.Transport, so it runs on a plain socket, under
// TLS, on one stream of HTTP/2 (RFC 8441) and in memory. Package resource/wsock makes
// a resource of it. All of it runs on the loop; a Handler needs no lock.
//
// Header checks, masking and close codes are those of github.com/gobwas/ws; bytes are
// pushed here, so headers are taken apart where they lie, and its readers, which pull,
// are not used. Of its package wsflate there are the parameters of the extension and
// the Writer, around the coder of github.com/klauspost/compress, which can begin with
// the window of the message before; not its Reader, which puts a zero byte where a
// source that is read byte by byte ends (v1.4.0, suffixedReader.ReadByte). An inflater
// can not be fed piece by piece: it pulls, and an end of data is the end to it. So a
// compressed message is collected before it is inflated, under the same limit as any
// other, and its text is checked then; text that is not compressed is checked as it
// arrives.
//
// What a connection costs: an idle one is a Conn and a timer. Buffers for a message
// that has come in part, the scratch space for unmasking, the coders: all belong to the
// Factory of the loop and are lent. Only with context take-over a connection keeps what
// it must, at most the windows of Deflate.ServerWindowBits and ClientWindowBits.
package websocket
