package reactortest_test

import (
	"bytes"
	"fmt"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// Greeter greets whoever tells a name, and hangs up on who does not in a minute.
type Greeter struct {
	t    reactor.Transport
	name []byte
	late *reactor.DelayedCall
}

func (g *Greeter) ConnectionMade(t reactor.Transport) {
	g.t = t
	g.late = t.Loop().CallLater(time.Minute, t.LoseConnection)
}

func (g *Greeter) DataReceived(data []byte) {
	g.name = append(g.name, data...)
	if name, _, ok := bytes.Cut(g.name, []byte("\n")); ok {
		g.t.Write(append([]byte("Hello, "), name...))
		g.t.LoseConnection()
	}
}

func (g *Greeter) ConnectionLost(reason error) { g.late.Cancel() }

// A protocol is tested without a socket: the test is the peer, and moves the clock.
func Example() {
	loop := reactortest.NewLoop()

	tr := loop.Connect(new(Greeter))
	tr.SetSplit(reactortest.ByteByByte)
	tr.DeliverString("world\n")
	fmt.Println(tr, tr.Closed())

	tr = loop.Connect(new(Greeter))
	loop.Advance(59 * time.Second)
	fmt.Println(tr.Closed())
	loop.Advance(time.Second)
	fmt.Println(tr.Closed(), loop.Pending())
	// Output:
	// Hello, world true
	// false
	// true 0
}
