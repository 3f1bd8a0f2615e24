// Package handler makes any http.Handler of net/http a leaf of the tree: frameworks and
// programs that were written for net/http's server run unchanged.
//
//	         loop                           │  a goroutine for each request
//	resource.Request ──HeadReceived──▶ exchange ──▶ *http.Request ──▶ http.Handler
//	   content ──received──▶ inlet ─────────┼──────▶ Request.Body        │
//	   ◀─PauseBody, ResumeBody─┘            │                            ▼
//	   ◀──head, Write, SendFile, Finish── outlet ◀──────────── http.ResponseWriter
//	                                        │
//	   after Hijack: reactor.Transport ◀──▶ conn ◀──▶ net.Conn, bufio.ReadWriter
//
//	root.PutChild("app", handler.New(mux))
//
// A handler may block, so each call has a goroutine of its own, of which MaxRunning may be
// under way; MaxWaiting requests wait for one, and who comes then is answered 503. The
// loop waits for none of them. The content of a request is passed on as it comes, at most
// 64 KiB ahead of the handler; what a handler writes is at most 64 KiB ahead of what the
// client takes, then Write blocks, and it fails when the client has gone. A request's
// context is cancelled when the client goes or closes its half of the connection, and
// when the handler returns. When the reactor stops, the site's DrainTimeout holds for
// handlers as for all else: beyond it the context is cancelled and all reading and writing
// fails; a handler that returns all the same only later is not waited for.
//
// A file that is copied to the ResponseWriter (http.ServeContent does) is sent by
// sendfile(2) where the connection allows it. A hijacked connection is a net.Conn whose
// bytes the loop pumps, since it, with its TLS if there is any, goes on living there.
// http.NewResponseController works with all its methods. http.ServerContextKey gives an
// http.Server that serves nothing: programs ask whether it is there.
//
// # Differences from net/http's server
//
// The tests ask both servers the same and compare. These differences are meant:
//
//   - panic before the head: a handler that panics before its answer is on its way is
//     answered with a 500 page, whose id is in the log, as every other resource is.
//     net/http closes the connection. Panics with http.ErrAbortHandler close it here too.
//   - abort: an answer that can not be ended as it was begun (a panic, content shorter
//     than promised) is cut by a reset, not by an orderly end. The client sees a cut
//     answer in both cases, but may see less of it.
//   - more content than promised: what is too much is refused by http.ErrContentLength in
//     both; the connection then goes on here, since its client has got a whole answer.
//   - status above 599: is answered 500, because RFC 9110 §15 knows none.
//   - control bytes in values: a field whose value has one (but for ends of lines, which
//     become blanks) is left out. net/http sends it.
//   - Transfer-Encoding: is the protocol's affair; a value of the handler's only prevents a
//     Content-Length. net/http sends "identity" as no encoding and closes the connection.
//   - version: the status line says HTTP/1.1 also to a client of HTTP/1.0 (RFC 9110 §2.5).
//   - 1xx to HTTP/1.0: is not sent (RFC 9110 §15.2).
//   - 100 that nobody waits for: a client whose content has come with its head is not told
//     to go on (RFC 9110 §10.1.1).
//   - Expect: an expectation other than 100-continue is no reason for 417; the handler
//     sees the field.
//   - TRACE: is refused with 405 before any resource is asked.
//   - CONNECT: comes to a handler at the root only, which must hijack the connection: a 200
//     and content are no answer to it here (RFC 9110 §9.3.6). Over HTTP/2 it is 501.
//   - OPTIONS *: is answered by the site, as to a server as a whole.
//   - MaxBytesReader: its reader works, but it can not tell our ResponseWriter to close the
//     connection, which net/http does by a private method: a short rest of the content is
//     read and dropped, and only a long one ends the connection.
//   - HTTP/2: net/http's two servers differ from each other (buffers of 4 KiB, types of 304,
//     bad field values, http.Pusher, http.NoBody, trailers beside a length); this one does over
//     HTTP/2 what it does over HTTP/1.1. It does not push.
//
// And without a test, because they can not be seen in an answer: the Server field is the
// site's; content of a request can always be read while the answer is written
// (EnableFullDuplex changes nothing); bad heads are refused by the site before there is a
// handler, with its own pages and limits; the time-outs are the site's too.
package handler
