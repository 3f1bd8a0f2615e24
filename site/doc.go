// Package site joins HTTP and a tree of resources: a Site is the factory that a port
// asks for each connection.
//
//	port ──BuildProtocol──▶ http1.Channel, http2.Stream ──NewReceiver──▶ resource.Request
//	web server ──FastCGI, SCGI, ServeCGI──▶ cgi.Conn ──────┤                   │ path, method
//	net/http ──ServeHTTP──▶ nethttp.Channel ───────────────┘                   ▼
//	    ▲                        │                                   resource tree (Root)
//	    └────────────────────────┴───── status, fields, content ◀──────────────┘
//	the exchange is over ──▶ counters, AccessLogger
//
// A whole server:
//
//	reactor.ListenTCP(8080, site.New(root))
//	if err := reactor.Run(); err != nil {
//		log.Fatal(err)
//	}
//
// A Site belongs to one loop and may serve several of its ports. With several loops
// (reactor.Group) each has its own Site and its own tree. All of it runs on the loop.
package site
