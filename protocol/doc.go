// Package protocol holds the words of HTTP that have no version: heads and
// fields, errors and status codes, dates, cookies, content negotiation,
// conditions and ranges, targets and authorities; and the two small interfaces
// at which a protocol and what answers it meet. The protocols themselves are below
// it, one package each.
//
//	             bytes                 head, content               head, content
//	reactor ──DataReceived──▶ http1, http2 ──HeadReceived──▶ Receiver (a resource.Request)
//	 Conn                       Channel      BodyReceived        │
//	  ▲                           ▲          BodyFinished        │
//	  └──────────Write────────────┴──── Respond, WriteHead, Write, Finish ◀┘
//
// A Server makes a Receiver for each exchange; the Receiver answers through the
// Channel that it was given. Neither knows the other's type, so what answers
// does not know over which version it does.
//
// Toward servers the same is turned round: a ClientConn (of http1 or http2) takes a
// RequestHead, who asks writes the content to a ClientChannel, and the answer comes to
// a ClientReceiver. Package agent chooses the connection.
//
// All of it runs on the loop of the connection. Beside the interfaces everything
// here is a pure function or a plain value: what reads peers' bytes takes them in
// place, allocates nothing where it is on the way of every request, never
// panics, and does not ask for the time, which is a parameter.
//
//	switch status := protocol.Precondition(head, validators, now); status {
//	case 304, 412:
//		channel.Respond(status, fields, nil)
//	default:
//		ranges, status := protocol.RangesOf(nil, head, validators, size, now)
//		…
//	}
//
// What a field may be is RFC 9110's grammar; what is not is refused or passed over
// as the RFC says, and never repaired. What is to be sent is checked before
// (CheckField, Cookie.Append, Location, IsETag), and an error there is the application's.
//
// RFC 9110 (semantics), RFC 3986 (URIs), RFC 6265bis (cookies), RFC 4647
// (languages).
package protocol
