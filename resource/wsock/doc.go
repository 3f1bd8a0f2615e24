// Package wsock makes WebSocket a leaf of the tree: a resource that agrees to the
// handshake and gives the connection to a handler.
//
//	GET, Upgrade: websocket ─┐                                    ┌─▶ 101, Switch ──▶ websocket.Conn
//	CONNECT, :protocol ──────┴─▶ Socket ──▶ Accept ──▶ Open ──────┤                        │
//	                                          │                   └─▶ an error page        ▼
//	                                          └─▶ 400, 403, 426, 501, 503              Handler
//
// An echo:
//
//	type echo struct{}
//
//	func (echo) Opened(*websocket.Conn) {}
//	func (echo) MessageReceived(c *websocket.Conn, kind websocket.Kind, data []byte) {
//		c.Send(kind, data)
//	}
//	func (echo) Closed(*websocket.Conn, websocket.Code, string) {}
//
//	root.PutChild("echo", wsock.New(func(*resource.Request) (websocket.Handler, error) {
//		return echo{}, nil
//	}))
package wsock
