package cert_test

import (
	"fmt"
	"time"

	"spindle/reactor/cert"
)

// A certificate for this run, for a name, its subdomains and an address.
func ExampleAdhoc() {
	c, err := cert.Adhoc([]string{"dev.example", "*.dev.example", "127.0.0.1"}, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, host := range []string{"dev.example", "a.dev.example", "127.0.0.1", "example.org"} {
		fmt.Println(host, c.Leaf.VerifyHostname(host) == nil)
	}
	// Output:
	// dev.example true
	// a.dev.example true
	// 127.0.0.1 true
	// example.org false
}
