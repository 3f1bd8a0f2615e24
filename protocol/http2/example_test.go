package http2_test

import (
	"fmt"

	"spindle/protocol"
	"spindle/protocol/http2"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
	"spindle/reactor/reactortest"
)

// A server and a client on a connection in memory: three requests at a time.
func Example() {
	greet := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) {
		x.Respond(200, protocol.Fields{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello from "+string(x.Head.Path)))
	}}
	server := http2.NewFactory(greet, nil)
	client := http2.NewClientFactory(nil).NewClient()

	loop := reactortest.NewLoop()
	loop.Pair(client, server.BuildProtocol(reactor.Addr{}), nil)

	answers := make([]protocoltest.Answer, 3)
	for i := range answers {
		head := &protocol.RequestHead{Method: "GET", Scheme: "http", Authority: "example.com", Target: fmt.Sprint("/", i)}
		client.Ask(head, &answers[i])
	}
	fmt.Println(client.Busy(), "under way")
	loop.Run()
	for i := range answers {
		fmt.Println(answers[i].Status, string(answers[i].Body))
	}
	// Output:
	// 3 under way
	// 200 hello from /0
	// 200 hello from /1
	// 200 hello from /2
}
