// Package resource is what an application is made of: a tree of resources, and the
// Request that each of them answers.
//
//	path  /blog/2024/07            Site.Root
//	        │                          │
//	        ├─ "blog" ──▶ Tree.PutChild("blog", …)      static children first,
//	        ├─ "2024" ──▶ Child("2024", r)              then the node's own Child
//	        └─ "07"   ──▶ Leaf: takes the rest, r.Postpath()
//	                          │
//	                HeadReceived(r)   before the content comes: refuse, limit, stream
//	                          │
//	         RenderGET(r), RenderPOST(r), … or Render(r)
//	                          │
//	     ┌────────────────────┼──────────────────────────────┐
//	  body, nil        nil, NotDoneYet                    nil, err
//	  the answer       later: r.Write … r.Finish,         an error page,
//	                   or r.Answer(body, err)             404, 500, …
//
// The walk happens when the head has arrived; Render is called when the content is
// there, which may be at once. Everything is called on the loop, one at a time: a
// resource needs no lock, and may not block. What blocks goes to a thread and comes
// back (reactor.DeferToThread, Request.Later); the only thing that a thread may do with
// a Request is to have the loop called (reactor.CallFromThread).
//
// A resource says what it can by optional interfaces: GETRenderer and its like,
// HeadReceiver, Leafer, Passer. Stock resources are in the packages below this one,
// and here: Data, Redirect, ParentRedirect, SecureRedirect, HSTS, HTTP01, Wrap. A Filter
// changes content on its way out. Package resourcetest drives a tree in
// memory.
//
// HTTP: RFC 9110; forms: RFC 7578 and the URL Standard; cookies: RFC 6265bis; clients
// behind proxies: RFC 7239.
package resource
