package reactor_test

import (
	"fmt"
	"time"

	"spindle/reactor"
	"spindle/reactor/reactortest"
)

func ExampleParseEndpoint() {
	e, err := reactor.ParseEndpoint("[::1]:8080:backlog=64")
	fmt.Println(e, err)
	_, err = reactor.ParseEndpoint("tcp:127.0.0.1:8080")
	fmt.Println(err)
	// Output:
	// tcp6:8080:interface=[::1]:backlog=64 <nil>
	// reactor: endpoint "tcp:127.0.0.1:8080": port "127.0.0.1" is an address; write tcp:8080:interface=127.0.0.1
}

func ExampleNewLoopingCall() {
	clock := reactortest.NewClock()
	begin := clock.Now()
	tick := reactor.NewLoopingCall(clock, func() { fmt.Println(clock.Now().Sub(begin)) })
	tick.Start(time.Second, false)
	clock.Advance(2500 * time.Millisecond)
	// Output:
	// 1s
	// 2s
}

// shout is a ProcessProtocol that prints what it is told.
type shout struct{ r *reactor.Reactor }

func (shout) ProcessMade(c *reactor.ChildProcess) {
	c.Write([]byte("hello"))
	c.CloseStdin()
}
func (shout) OutReceived(data []byte) { fmt.Printf("out %s\n", data) }
func (shout) ErrReceived(data []byte) { fmt.Printf("err %s\n", data) }
func (s shout) ProcessEnded(status reactor.ProcessStatus) {
	fmt.Println(status)
	s.r.Stop()
}

func ExampleSpawnProcess() {
	r := reactor.New()
	r.CallWhenRunning(func() {
		tr := reactor.Process{Path: "tr", Args: []string{"a-z", "A-Z"}}
		if _, err := reactor.SpawnProcess(r, shout{r}, tr); err != nil {
			fmt.Println(err)
			r.Stop()
		}
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// out HELLO
	// exit status 0
}
