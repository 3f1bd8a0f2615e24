package http1_test

import (
	"fmt"
	"strings"

	"spindle/protocol"
	"spindle/protocol/http1"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// greeter answers every request at once. It is a protocol.Server, and its own
// Receiver: nothing of an exchange has to be kept.
type greeter struct{ c protocol.Channel }

func (g *greeter) NewReceiver(c protocol.Channel) protocol.Receiver  { g.c = c; return g }
func (g *greeter) HeadRefused(reactor.Addr, *protocol.Error, []byte) {}
func (g *greeter) HeadReceived(h *protocol.Head) {
	g.c.Respond(200, nil, []byte("hello "+string(h.Path)+"\n"))
}
func (g *greeter) BodyReceived([]byte)          {}
func (g *greeter) BodyFinished(protocol.Fields) {}
func (g *greeter) ConnectionLost(error)         {}

// A server without a site: reactor.ListenTCP(8080, factory) would serve it.
func Example() {
	factory := http1.NewFactory(&greeter{}, &http1.Settings{ServerName: "-"})
	client := reactortest.Connect(factory.BuildProtocol(reactor.Addr{}))
	client.DeliverString("GET /world HTTP/1.1\r\nHost: example.org\r\n\r\n")
	fmt.Print(strings.ReplaceAll(client.String(), "\r\n", "\n"))
	// Output:
	// HTTP/1.1 200 OK
	// Date: Mon, 01 Jan 2024 00:00:00 GMT
	// Content-Length: 13
	//
	// hello /world
}
