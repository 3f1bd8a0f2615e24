// Package acme obtains certificates from an authority that speaks ACME (RFC 8555), such
// as Let's Encrypt, and renews them. A program imports it for its effect, and names the
// hosts in an endpoint:
//
//	import _ "spindle/reactor/acme"
//
//	reactor.Listen("tls:443:acme=example.org,www.example.org:acmeemail=me@example.org", site)
//
// or in reactor.TLSOptions.ACME. The authority comes to see that the names are ours: by
// TLS (TLS-ALPN-01, RFC 8737), which the port itself answers, or by HTTP (HTTP-01), for
// which a port 80 serves a resource.HTTP01 with Answer.
//
//	manager.go    what is due when, on the loop
//	issue.go      one certificate, from the order to the chain, on a thread
//	account.go    the account with the authority, and how its server is asked
//	proof.go      what authorities come to see
//	store.go      the directory in which all of it is kept
//
// What a client sees: before the first certificate is there a handshake is refused; then
// it gets that certificate; a renewed one takes its place without a word. One attempt
// after the other runs on a thread of the loop's pool, none on the loop.
//
// # Why golang.org/x/crypto/acme
//
// It is the protocol and no more: signatures, nonces, orders. Two others were read that
// stand on top of such a client. golang.org/x/crypto/acme/autocert asks for a
// certificate inside the handshake that first needs it, logs nothing, repeats a refused
// renewal within the hour for ever, and answers HTTP-01 by a http.Handler; it calls
// itself a work in progress. github.com/caddyserver/certmagic does all that is wanted
// here, and for it brings a logger, a DNS library, clients of DNS hosters and a cache of
// its own, listens by itself, and is nine modules. What remains to be done around this
// client is small, and has to fit the loop: when to renew, how long to wait after a
// failure, and where to keep the keys.
//
// What it does not do: wildcards (DNS-01), certificates for addresses, and the server's
// own advice when to renew (ARI, RFC 9773).
package acme
