// Package session keeps what is known of a client from one request to the next: who has
// logged in, what is in the basket.
//
//	Cookie: __Host-session=6f1c…            Sessions (one for a Site)
//	  Request ── Of ──► id ───────────────► Session ─┬─ Get[Cart], Set(Cart{…})
//	     ◄── Set-Cookie, when it is new ──           ├─ idle for Timeout: OnExpire, gone
//	                                                 └─ changed ──► Store (a thread) ──► disk
//
// The client has the id alone, 128 random bits in a cookie that scripts can not read
// (HttpOnly), that other sites' requests do not bear (SameSite=Lax), and that over TLS goes
// over TLS only (Secure, with the prefix __Host- of RFC 6265bis). An id that a client has
// made up is not taken: it gets a new one. At a login Regenerate moves the session to a new
// id, so that who knew the old one has nothing.
//
//	var sessions = session.New(reactor.Default())
//
//	func (c cart) RenderPOST(r *resource.Request) ([]byte, error) {
//		err := session.Update(sessions.Of(r), func(c Cart) Cart { return c.With(r.Arg("item")) })
//		…
//
// Values are known by their type, one of each. Sessions are in memory, and end with the
// process unless there is a Store: Dir keeps them in files.
package session
