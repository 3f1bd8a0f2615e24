// Package http1 is the server side of HTTP/1.0 and HTTP/1.1 (RFC 9112).
//
//	bytes ─▶ Channel.DataReceived ─▶ tokenizer.scan      the end of the head; every line checked
//	              │                   wildcat             tokens
//	              │                   tokenizer.judge     what they mean: protocol.Head
//	              ├─ content ──────▶ chunked, or a length
//	              ▼
//	         protocol.Server ─▶ Receiver                  whoever answers
//	              ▼
//	         Channel.Respond, WriteHead, Write, Finish ─▶ Transport.Write ─▶ bytes
//
// A Factory makes the Channels of one loop and holds what they share, so that a
// connection on which nothing happens owns little more than the struct itself.
// All that is here runs on that loop.
//
// What can be read in two ways is refused, and the connection ends after an
// answer that the client gets to see: bare CR and LF, folded lines, blanks around
// a name, several lengths, a length with a transfer coding, any coding but
// chunked, a Host that is missing, double or malformed. The whole list is a table
// in strict_test.go.
//
// The files: tokenizer.go, head.go and target.go read heads; chunked.go and
// trailer.go read and write the chunked coding; channel.go is the connection as
// its transport sees it, exchange.go as a Receiver sees it; write.go writes heads;
// timeout.go, linger.go and refusal.go say how long, how, and why it ends;
// settings.go has every limit; factory.go, list.go and buffer.go what is shared.
//
// RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 3986 (authorities).
package http1
