package agent_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"spindle/protocol/agent"
	"spindle/reactor"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()

	r := reactor.New()
	r.CallWhenRunning(func() {
		a := agent.New(r)
		fail := func(err error) { fmt.Println(err); r.Stop() }
		a.Get(server.URL).Then(func(answer *agent.Response) {
			answer.ReadBody(1<<20).Then(func(body []byte) {
				fmt.Printf("%d %s\n", answer.Status, body)
				r.Stop()
			}, fail)
		}, fail)
	})
	_ = r.Run()
	// Output: 200 hello
}
