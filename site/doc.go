// Package site joins HTTP and a tree of resources: a Site is the factory that a port
// asks for each connection.
//
//	port ──BuildProtocol──▶ http1.Channel ──NewReceiver──▶ resource.Request
//	                             ▲                               │ path, method
//	                             │ status, fields, content       ▼
//	                             └────────────────────── resource tree (Root)
//	the exchange is over ──▶ counters, AccessLogger
//
// A whole server:
//
//	reactor.ListenTCP(8080, site.New(root))
//	log.Fatal(reactor.Run())
//
// A Site belongs to one loop and may serve several of its ports. With several loops
// (reactor.Group) each has its own Site and its own tree. All of it runs on the loop.
package site
