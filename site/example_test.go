package site_test

import (
	"fmt"
	"log"
	"net/netip"

	"spindle/reactor"
	"spindle/reactor/reactortest"
	"spindle/resource"
	"spindle/site"
)

// Hello is the page of the examples.
type Hello struct{ resource.Leaf }

func (Hello) RenderGET(r *resource.Request) ([]byte, error) {
	return []byte("Hello, " + r.ArgOr("name", "world") + "\n"), nil
}

// A whole server.
func Example() {
	reactor.ListenTCP(8080, site.New(Hello{}))
	log.Fatal(reactor.Run())
}

// A Site without a port: bytes in, bytes out, in memory.
func ExampleSite_BuildProtocol() {
	s := site.New(Hello{})
	loop := reactortest.NewLoop()
	defer loop.Close()
	s.StartFactory(loop)

	client := loop.Connect(s.BuildProtocol(reactor.Addr{IP: netip.MustParseAddr("127.0.0.1")}))
	client.DeliverString("GET /?name=Ann HTTP/1.1\r\nHost: example.com\r\n\r\n")
	lines := client.TakeString()
	fmt.Println(lines[:15] + " … " + lines[len(lines)-11:])
	// Output: HTTP/1.1 200 OK … Hello, Ann
}

// printer logs to standard output. A server of the real world has the loop write
// nothing: s.Log = site.NewAccessLog(reactor.Default(), site.NewCombinedFormat(), file).
type printer struct{ format site.LogFormat }

func (p printer) Log(e *site.Entry) { fmt.Printf("%s", p.format(nil, e)) }

// An access log. Aborted and refused requests have lines too.
func ExampleAccessLogger() {
	s := site.New(Hello{})
	s.Log = printer{site.NewCombinedFormat()}
	loop := reactortest.NewLoop()
	defer loop.Close()
	s.StartFactory(loop)

	client := loop.Connect(s.BuildProtocol(reactor.Addr{}))
	client.DeliverString("GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8\r\n\r\n")
	// Output: 192.0.2.7 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 13 "-" "curl/8"
}
