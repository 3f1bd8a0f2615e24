package nethttp_test

import (
	"fmt"
	"net/http/httptest"

	"spindle/protocol/nethttp"
	"spindle/protocol/protocoltest"
	"spindle/reactor"
)

func Example() {
	r := reactor.New()
	hello := &protocoltest.Server{OnDone: func(x *protocoltest.Exchange) { x.Text("hello " + string(x.Head.Path) + "\n") }}
	h := nethttp.NewFactory(r, hello, nil)
	ended := make(chan error)
	go func() { ended <- r.Run() }()

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/world", nil))
	fmt.Print(w.Body)
	r.Stop()
	fmt.Println(<-ended)
	// Output:
	// hello /world
	// <nil>
}
