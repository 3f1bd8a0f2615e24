// Wsgws is a WebSocket echo by lxzan/gws, as its README shows it.
package main

import (
	"net"
	"net/http"

	"github.com/lxzan/gws"

	"spindle-bench-peers/peer"
)

type handler struct{ gws.BuiltinEventHandler }

func (handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

func main() {
	upgrader := gws.NewUpgrader(&handler{}, &gws.ServerOption{})
	listen, _ := peer.Flags()
	peer.Serve(listen, func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := upgrader.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}))
	})
}
