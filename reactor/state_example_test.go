package reactor_test

import (
	"fmt"

	"spindle/reactor"
)

// A channel of a program's own, and the states of the reactor, which is one of its own.
func ExampleChannel() {
	var orders reactor.Channel[string] // belongs to the loop
	orders.Subscribe(50, func(what string) error { fmt.Println("pack", what); return nil })
	orders.Subscribe(10, func(what string) error { fmt.Println("bill", what); return nil })

	r := reactor.New()
	r.States().Subscribe(0, func(s reactor.State) error {
		fmt.Println(s)
		if s != reactor.StateRunning {
			return nil
		}
		r.Stop()
		return orders.Publish("a spindle")
	})
	if err := r.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// starting
	// running
	// bill a spindle
	// pack a spindle
	// stopping
	// stopped
}
